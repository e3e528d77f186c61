#!/usr/bin/env bash
# Runs a management command in the cluster, in a separate task: infra/manage.sh cognito_doctor
# After `--`, the whole command of the container instead: infra/manage.sh -- python --version
# Prints the task's log; the exit status is the command's. STACK names the stack of infra/service.yaml; WAITS is the
# number of waits for the task, of ten minutes each (default 6; the maximum of one wait of the AWS CLI).
set -euo pipefail
stack=${STACK:-books-service}

output() { # output NAME: an output of the stack
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

of_task() { # of_task QUERY: a member of the description of the task
    aws ecs describe-tasks --cluster "$cluster" --tasks "$task" --query "tasks[0].$1" --output text
}

if [ "${1:-}" = -- ]; then shift; else set -- python manage.py "$@"; fi
cluster=$(output Cluster)
network="awsvpcConfiguration={subnets=[$(output Subnets)],securityGroups=[$(output TaskGroup)],assignPublicIp=DISABLED}"
overrides=$(python3 -c 'import json, sys
print(json.dumps({"containerOverrides": [{"name": "manage", "command": sys.argv[1:]}]}))' "$@")
task=$(aws ecs run-task --cluster "$cluster" --task-definition "$(output ManageTask)" --launch-type FARGATE \
    --network-configuration "$network" --overrides "$overrides" --query 'tasks[0].taskArn' --output text)
[[ $task == arn:* ]] || { echo "ECS did not start the task." >&2; exit 1; }

for _ in $(seq "${WAITS:-6}"); do
    aws ecs wait tasks-stopped --cluster "$cluster" --tasks "$task" && break
done
aws logs get-log-events --log-group-name "$(output LogGroup)" --log-stream-name "manage/manage/${task##*/}" \
    --start-from-head --query 'events[].[message]' --output text || true
status=$(of_task 'containers[0].exitCode')
if [[ ! $status =~ ^[0-9]+$ ]]; then
    echo "The task $task has no exit status: $(of_task stoppedReason)" >&2
    exit 1
fi
exit "$status"
