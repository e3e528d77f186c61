#!/usr/bin/env bash
# Authlib's requests client drops the argument `timeout`: the token request waits as long as the server takes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'authlib==1.9.8' 'requests==2.34.2'
"$folder/venv/bin/python" - <<'PYTHON'
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import authlib
import requests
from authlib.integrations.requests_client import OAuth2Session

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the token endpoint below is on the loopback interface


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        time.sleep(3)
        body = b'{"access_token": "a-token", "token_type": "Bearer"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
Thread(target=server.serve_forever, daemon=True).start()


def outcome(**options):
    session = OAuth2Session("client", "secret", **options)
    try:
        session.fetch_token(f"http://127.0.0.1:{server.server_port}/token", grant_type="client_credentials")
    except requests.Timeout:
        return "timed out"
    return "waited for the answer"


found = {name: outcome(**{name: 0.5}) for name in ("timeout", "default_timeout")}
print("Authlib", authlib.__version__, "a token endpoint that takes 3 s, limit 0.5 s:", found)
assert found == {"timeout": "waited for the answer", "default_timeout": "timed out"}
PYTHON
