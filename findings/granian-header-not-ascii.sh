#!/usr/bin/env bash
# granian empties a header that holds a byte outside of ASCII: one cookie takes all others with it.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.7
cd "$folder"

cat > app.py <<'APP'
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(environ.get("HTTP_COOKIE")).encode()]
APP

port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/granian --interface wsgi --host 127.0.0.1 --port "$port" --workers 1 app:application > log 2>&1 &
server=$!

venv/bin/python - "$port" <<'ASK'
import importlib.metadata
import socket
import sys
import time


def ask(request: bytes) -> str:
    """The body of the answer; the connection ends with the request."""
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "granian did not start"
            time.sleep(0.1)
    with connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.partition(b"\r\n\r\n")[2].decode()


print("granian", importlib.metadata.version("granian"))
head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: {}\r\n\r\n"
ascii, other = (ask(head.format(f"sessionid=abc; city={city}").encode()) for city in ("Koeln", "Köln"))
print("HTTP_COOKIE with city=Koeln:", ascii)
print("HTTP_COOKIE with city=Köln: ", other)
sys.exit((ascii, other) != ("'sessionid=abc; city=Koeln'", "''"))
ASK
