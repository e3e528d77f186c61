#!/usr/bin/env bash
# cfn-lint accepts a template that is too long for a request: its limit is 1 MB (a template in S3), while a template body, which is what
# `aws cloudformation deploy` sends without --s3-bucket, may have 51,200 bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cfn-lint==1.58.0
python3 - "$folder/template.yaml" <<'PYTHON'
import sys

topics = "".join(
    f"  Topic{number}:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: {'A topic with a long name ' * 3}{number}\n"
    for number in range(400)
)
with open(sys.argv[1], "w") as file:
    file.write(f'AWSTemplateFormatVersion: "2010-09-09"\nDescription: Four hundred topics\nResources:\n{topics}')
PYTHON
"$folder/venv/bin/cfn-lint" --version
size=$(wc -c <"$folder/template.yaml")
status=0
"$folder/venv/bin/cfn-lint" "$folder/template.yaml" || status=$?
echo "cfn-lint's exit status for a template of $size bytes: $status (CloudFormation takes 51,200 in a request)"
[ "$size" -gt 51200 ] && [ "$status" = 0 ]
