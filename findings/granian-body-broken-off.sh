#!/usr/bin/env bash
# granian hands on a body of which the end never came as if it were whole.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.7
cd "$folder"

cat > app.py <<'APP'
def application(environ, start_response):
    try:
        seen = repr(environ["wsgi.input"].read(100))
    except Exception as error:
        seen = type(error).__name__
    print("read:", seen, flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]
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
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.partition(b"\r\n\r\n")[2].decode()


print("granian", importlib.metadata.version("granian"))
ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nname=Ada&role=")
ask(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\ne\r\nname=Ada&role=\r\n")
time.sleep(1)
seen = [line.strip() for line in open("log") if line.startswith("read:")]
print("of a body of 26 bytes, and of one in chunks, of which 14 came before the connection ended:", seen)
sys.exit(seen != ["read: b'name=Ada&role='"] * 2)
ASK
