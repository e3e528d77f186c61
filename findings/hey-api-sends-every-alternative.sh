#!/usr/bin/env bash
# The client of @hey-api/openapi-ts treats alternative security requirements as if all were needed: a bearer token that
# `auth` returns is sent in the cookie of the other scheme too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund '@hey-api/openapi-ts@0.94.5' 'esbuild@0.28.2' 'typescript@5.9.3' >/dev/null
cat >openapi.json <<'JSON'
{
  "openapi": "3.0.3",
  "info": {"title": "Notes", "version": "1"},
  "paths": {"/notes": {"get": {
    "operationId": "list_notes",
    "security": [{"token": []}, {"session": []}],
    "responses": {"204": {"description": "None."}}
  }}},
  "components": {"securitySchemes": {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"}
  }}
}
JSON
node_modules/.bin/openapi-ts --input openapi.json --output client --no-log-file >/dev/null
cat >call.ts <<'TS'
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "./client/client";
import { listNotes } from "./client/sdk.gen";

const server = createServer((request, response) => {
  console.log(JSON.stringify({ authorization: request.headers.authorization, cookie: request.headers.cookie }));
  response.writeHead(204).end();
});
server.listen(0, "127.0.0.1", async () => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await listNotes({ client: createClient({ baseUrl, auth: () => "a-token" }) });
  server.close();
});
TS
node_modules/.bin/esbuild call.ts --bundle --platform=node --format=esm --outfile=call.mjs --log-level=warning
sent=$(node call.mjs)
echo "@hey-api/openapi-ts 0.94.5, security [{token}, {session}], auth: () => 'a-token': $sent"
[ "$sent" = '{"authorization":"Bearer a-token","cookie":"sessionid=a-token"}' ]
