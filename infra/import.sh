#!/usr/bin/env bash
# Imports a catalogue of any size on AWS: infra/import.sh FILE [options of import_books]
# Uploads the file to the stack's private bucket; a task streams it in parts into `import_books -`, with the database role of the
# service. The import's own data is on the task's disk (20 GiB, for some 90 million rows). The last lines are the report. Run it
# again after a failure: existing rows do not change. Needs s3:PutObject and s3:DeleteObject
# on the bucket, and the rights of infra/manage.sh. STACK names the stack of infra/service.yaml.
set -euo pipefail
file=$1
shift
stack=${STACK:-books-service}
bucket=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='Catalogues'].OutputValue")
key=$(date -u +%Y%m%dT%H%M%SZ).csv

# Runs in the task. A part is asked for again by itself when a connection breaks; IfMatch: all of them are of one file.
fetch='
import os, sys, boto3
s3, (bucket, key) = boto3.client("s3", region_name=os.environ["COGNITO_REGION"]), sys.argv[1:]
about, step = s3.head_object(Bucket=bucket, Key=key), 8 * 1024 * 1024
for start in range(0, about["ContentLength"], step):
    part = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{start + step - 1}", IfMatch=about["ETag"])
    sys.stdout.buffer.write(part["Body"].read())
'
run='
set -o pipefail
export DATABASE_URL=$DATABASE_SERVICE_URL TMPDIR=/scratch
python -c "$1" "$2" "$3" | python manage.py import_books - "${@:4}"
'

aws s3 cp --no-progress "$file" "s3://$bucket/$key"
status=0
WAITS=${WAITS:-144} bash "$(dirname "$0")/manage.sh" -- bash -c "$run" import "$fetch" "$bucket" "$key" "$@" || status=$?
aws s3 rm --quiet "s3://$bucket/$key"
exit "$status"
