#!/usr/bin/env bash
# moto's CloudFormation reports CREATE_COMPLETE for a stack with a Cognito user pool, and creates no pool.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[cloudformation,cognitoidp]==5.2.5' 'boto3==1.44.8'
"$folder/venv/bin/python" - <<'PYTHON'
import json
import warnings

import boto3
import moto

warnings.simplefilter("ignore")
TEMPLATE = {"Resources": {"Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "books"}}}}
credentials = {"region_name": "eu-west-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}
with moto.mock_aws():
    cloudformation = boto3.client("cloudformation", **credentials)
    cloudformation.create_stack(StackName="pool", TemplateBody=json.dumps(TEMPLATE))
    status = cloudformation.describe_stacks(StackName="pool")["Stacks"][0]["StackStatus"]
    pools = boto3.client("cognito-idp", **credentials).list_user_pools(MaxResults=10)["UserPools"]
print("moto", moto.__version__, "stack status:", status, "pools:", pools)
assert (status, pools) == ("CREATE_COMPLETE", [])
PYTHON
