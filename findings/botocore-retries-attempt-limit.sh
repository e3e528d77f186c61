#!/usr/bin/env bash
# botocore repeats a Cognito request that was refused with LimitExceededException (a user's attempt limit).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8'
"$folder/venv/bin/python" - <<'PYTHON'
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
import botocore
from botocore import UNSIGNED
from botocore.config import Config

answer = {"code": ""}
requests = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"__type": answer["code"], "message": "Attempt limit exceeded, please try after some time."}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
Thread(target=server.serve_forever, daemon=True).start()


def requests_for(code):
    requests.clear()
    answer["code"] = code
    cognito = boto3.client(
        "cognito-idp",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        config=Config(signature_version=UNSIGNED),
    )
    try:
        cognito.forgot_password(ClientId="client", Username="uma@example.com")
    except cognito.exceptions.ClientError:
        pass
    return len(requests)


found = {code: requests_for(code) for code in ("LimitExceededException", "CodeMismatchException")}
print("botocore", botocore.__version__, "requests sent for one call that is refused with HTTP 400:", found)
assert found == {"LimitExceededException": 3, "CodeMismatchException": 1}
PYTHON
