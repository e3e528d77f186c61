#!/usr/bin/env bash
# Rollout of an image, for the first and every later version: infra/release.sh IMAGE [Parameter=Value ...]
# One-off commands run in the new image first: the migrations, then the command that makes the service's database role. Only if both
# succeed does the image serve. Meanwhile the previous version uses the new tables, so a migration must be compatible
# with it (docs/operations.md). STACK names the stack of infra/service.yaml, STACK_ROLE_ARN the role that CloudFormation assumes, if any.
# Parameters that are not given keep their values.
set -euo pipefail
cd "$(dirname "$0")"
image=$1
shift

deploy() { # deploy PARAMETER=VALUE...: update the stack and wait; without a change it is left alone
    aws cloudformation deploy --stack-name "${STACK:-books-service}" --template-file service.yaml \
        --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
        ${STACK_ROLE_ARN:+--role-arn "$STACK_ROLE_ARN"} --parameter-overrides "$@"
}

deploy "NextImage=$image" "$@"
bash manage.sh migrate --noinput
bash manage.sh database_role
# CloudFormation waits until the new tasks are healthy; if they never are, the former ones stay and this fails.
deploy "Image=$image" DatabaseLogin=service
