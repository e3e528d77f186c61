#!/usr/bin/env bash
# An application that sets the `Date` header of its answer gets two of them from Werkzeug's server, the server's own first: a client
# that reads the first one never sees the application's. The server of Python's standard library (wsgiref) leaves one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'werkzeug==3.1.9'
cd "$folder"
venv/bin/python - <<'PYTHON'
import http.client
import logging
import threading
from importlib.metadata import version
from wsgiref.simple_server import WSGIRequestHandler as PlainHandler
from wsgiref.simple_server import make_server as plain_server

from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
OWN = "Fri, 01 Jan 2027 00:00:00 GMT"


def application(environ, start_response):
    start_response("200 OK", [("Date", OWN), ("Content-Length", "0")])
    return [b""]


class Quiet(PlainHandler):
    def log_message(self, *args):
        pass


def dates(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", "/")
    found = [value for name, value in connection.getresponse().getheaders() if name.lower() == "date"]
    server.shutdown()
    return found


plain = dates(plain_server("127.0.0.1", 0, application, handler_class=Quiet))
seen = dates(make_server("127.0.0.1", 0, application))
print(f"wsgiref: {plain}")
print(f"Werkzeug {version('werkzeug')}: {seen}")
raise SystemExit(not (plain == [OWN] and len(seen) == 2 and seen[1] == OWN))
PYTHON
