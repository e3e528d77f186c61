#!/usr/bin/env bash
# The exception classes of a boto3 client belong to its Session: an except clause of another session's client does not match.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8' 'moto[cognitoidp]==5.2.5'
"$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto

credentials = {"region_name": "eu-west-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}
with moto.mock_aws():
    session = boto3.Session()
    caller, sibling = session.client("cognito-idp", **credentials), session.client("cognito-idp", **credentials)
    stranger = boto3.Session().client("cognito-idp", **credentials)
    try:
        caller.describe_user_pool(UserPoolId="eu-west-1_Absent001")
    except Exception as error:
        found = {
            "same session": isinstance(error, sibling.exceptions.ResourceNotFoundException),
            "another session": isinstance(error, stranger.exceptions.ResourceNotFoundException),
        }
print("boto3", boto3.__version__, "the error is a ResourceNotFoundException of a client of the", found)
assert found == {"same session": True, "another session": False}
PYTHON
