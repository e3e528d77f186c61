#!/usr/bin/env bash
# Puts an image into service, at the first time and every time: infra/release.sh IMAGE [Parameter=Value ...]
# One-off commands run in it first, the migrations are one of them, and only if they succeed does it serve. Code that serves
# meanwhile meets the new tables: migrations must be safe under it. STACK names the stack of infra/service.yaml,
# STACK_ROLE_ARN the role that CloudFormation takes on, if any. Parameters that are not given stay as they are.
set -euo pipefail
cd "$(dirname "$0")"
image=$1
shift

deploy() { # deploy PARAMETER=VALUE...: update the stack, and wait; without a change it is left alone
    aws cloudformation deploy --stack-name "${STACK:-books-service}" --template-file service.yaml \
        --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
        ${STACK_ROLE_ARN:+--role-arn "$STACK_ROLE_ARN"} --parameter-overrides "$@"
}

deploy "NextImage=$image" "$@"
bash manage.sh migrate --noinput
# CloudFormation waits until the new tasks are healthy; if they never are, the former ones stay and this fails.
deploy "Image=$image"
