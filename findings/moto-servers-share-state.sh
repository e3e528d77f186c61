#!/usr/bin/env bash
# Two ThreadedMotoServers of one process, or one after the other, are one and the same account: what was made through the first is
# still there in the second, also after stop(). A server does not begin empty.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[s3,server]==5.2.5'
cd "$folder"
AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1 venv/bin/python - <<'PYTHON'
import logging
from importlib.metadata import version

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)


def buckets(make: str | None = None) -> list[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    if make:
        s3.create_bucket(Bucket=make)
    found = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    server.stop()
    return found


first, second = buckets(make="books"), buckets()
print(f"moto {version('moto')}: the first server has {first}; a second one, started after the first was stopped, has {second}")
raise SystemExit(second != ["books"])
PYTHON
