#!/usr/bin/env bash
# botocore takes a page of HTML under status 200 for the success of an operation that has no required output.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8'
"$folder/venv/bin/python" - <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import botocore
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

status = 200


class Portal(BaseHTTPRequestHandler):
    """The page that a network shows before somebody has signed in to it."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        page = b"<html><body>Welcome to the guest network</body></html>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Portal)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = boto3.Session().client(
    "cognito-idp",
    region_name="eu-west-1",
    endpoint_url=f"http://127.0.0.1:{server.server_port}",
    config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1, "mode": "standard"}),
)
answer = client.confirm_sign_up(ClientId="client", Username="uma@example.com", ConfirmationCode="123456")
found = {"200": sorted(answer), "type": answer["ResponseMetadata"]["HTTPHeaders"]["content-type"]}
status = 429
try:
    client.confirm_sign_up(ClientId="client", Username="uma@example.com", ConfirmationCode="123456")
except ClientError as error:
    found["429"] = error.response["Error"]["Code"]
print("botocore", botocore.__version__, "ConfirmSignUp answered with a page of HTML:", found)
assert found == {"200": ["ResponseMetadata"], "type": "text/html", "429": "429"}
PYTHON
