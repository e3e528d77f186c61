#!/usr/bin/env bash
# granian resets connections at SIGTERM whose requests have arrived but wait for a free place (backpressure).
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.7
cd "$folder"

cat > app.py <<'APP'
import time


def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("started", flush=True)
        time.sleep(3)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    return [b"done"]
APP

port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/granian --interface wsgi --host 127.0.0.1 --port "$port" --workers 1 --backpressure 1 \
    --workers-kill-timeout 30 app:application > log 2>&1 &
server=$!

venv/bin/python - "$port" "$server" <<'ASK'
import importlib.metadata
import os
import signal
import socket
import sys
import time

port, server = int(sys.argv[1]), int(sys.argv[2])


def sent(path: str) -> socket.socket:
    """A connection on which a whole request has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def outcome(connection: socket.socket) -> str:
    try:
        return connection.recv(4096).split(b"\r\n")[0].decode() or "closed without an answer"
    except OSError as error:
        return type(error).__name__


deadline = time.monotonic() + 30
while True:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        break
    except OSError:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.2)
time.sleep(0.5)
slow = sent("/slow")
while "started" not in open("log").read():
    assert time.monotonic() < deadline + 30, "the first request did not start"
    time.sleep(0.1)
waiting = [sent("/") for _ in range(3)]
time.sleep(0.5)
os.kill(server, signal.SIGTERM)
first, others = outcome(slow), [outcome(connection) for connection in waiting]
print(f"granian {importlib.metadata.version('granian')}: in progress: {first}; waiting: {', '.join(others)}")
sys.exit(0 if first.startswith("HTTP/1.1 200") and not any(each.startswith("HTTP") for each in others) else 1)
ASK
