"""What the template of the service promises: who may do what, what is reachable, what survives, what is a secret."""

import ast
import fnmatch
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader

from config import graceful_stop, serve
from tests.infra.templates import NAMES, ROOT, Stack, everything

ALL = {"ReadReplica": "true", "Metrics": "true", "Image": "books:2", "NextImage": "books:2", "HostedZoneId": "Z1"}
GIVEN = {
    "DomainName": "books.example.com",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1",
    "CognitoClientSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:client-AbCdEf",
    "FormerKeySecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:former-AbCdEf",
}
IMPORTED = {
    "books-cognito-UserPoolId": "eu-west-1_AbCdEf123",
    "books-cognito-UserPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbCdEf123",
    "books-cognito-WebClientId": "webclient",
    "books-cognito-SpaClientId": "spaclient",
    "books-cognito-MachineClientId": "machineclient",
    "books-cognito-HostedDomain": "https://books.auth.eu-west-1.amazoncognito.com",
    "books-delivery-ServiceBoundary": "arn:aws:iam::123456789012:policy/boundary",
}


@pytest.fixture
def stack() -> Stack:
    """The service with everything that can be chosen."""
    return Stack("service", {**ALL, **GIVEN}, **IMPORTED)


def container(stack: Stack, task: str) -> dict[str, Any]:
    ((found),) = stack.resource(task)["ContainerDefinitions"]
    definition: dict[str, Any] = found
    return definition


def statements(stack: Stack, role: str) -> list[dict[str, Any]]:
    policies = stack.resource(role).get("Policies", [])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# --- Rights ---


def operations(*files: str) -> set[str]:
    """The operations that these modules of accounts/ ask of Cognito with AWS credentials, named as rights are."""
    # Rights are named as operations are, AdminSetUserMFAPreference among them.
    model = Loader().load_service_model("cognito-idp", "service-2")
    names = {xform_name(name): name for name in model["operations"]}
    found = set()
    for file in files:
        for node in ast.walk(ast.parse((ROOT / "accounts" / file).read_text())):
            called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            if isinstance(node, ast.Call) and called in ("administer", "administer_all"):
                operation = node.args[0]
                if file == "cognito/client.py":  # administer_all passes on what it was given
                    continue
                assert isinstance(operation, ast.Constant), f"{file}: an operation that is not written out"
                found.add(f"cognito-idp:{names[str(operation.value)]}")
    return found


def others() -> list[str]:
    """The modules of accounts/ but the doctor's."""
    files = (path.relative_to(ROOT / "accounts").as_posix() for path in (ROOT / "accounts").rglob("*.py"))
    return [file for file in files if file != "cognito/doctor.py"]


@pytest.mark.parametrize("role, files", [("ServiceRole", others()), ("ManageRole", ["cognito/doctor.py"])])
def test_each_may_do_what_its_code_asks_of_cognito_and_no_more(stack: Stack, role: str, files: list[str]) -> None:
    (statement,) = (s for s in statements(stack, role) if "cognito-idp" in str(s["Action"]))
    assert statement["Effect"] == "Allow"
    assert len(operations(*files)) > 3
    assert set(statement["Action"]) == operations(*files)
    assert statement["Resource"] == IMPORTED["books-cognito-UserPoolArn"]


def test_rights_name_what_they_are_for() -> None:
    for name in NAMES:
        stack = Stack(name, {"GitHubRepository": "owner/name"})
        for role in stack.of_type("AWS::IAM::Role"):
            for statement in statements(stack, role):
                if "*" in listed(statement["Resource"]):
                    assert statement["Action"] == "ecr:GetAuthorizationToken", (name, role)
                for action in listed(statement["Action"]):
                    assert "*" not in action, (name, role)


def test_no_policy_of_amazons_widens_a_task(stack: Stack) -> None:
    for role in stack.of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role


def test_nothing_uses_keys_of_a_user() -> None:
    for name in NAMES:
        kinds = {resource["Type"] for resource in Stack(name).template["Resources"].values()}
        assert not kinds & {"AWS::IAM::User", "AWS::IAM::AccessKey"}


def test_tasks_read_the_secrets_they_are_given_and_no_others(stack: Stack) -> None:
    given = {
        secret["ValueFrom"] for task in ("ServiceTask", "ManageTask") for secret in container(stack, task)["Secrets"]
    }
    (reading,) = (s for s in statements(stack, "ExecutionRole") if s["Action"] == "secretsmanager:GetSecretValue")
    assert set(reading["Resource"]) == given


PROVIDER = "token.actions.githubusercontent.com"


def trust(stack: Stack, role: str) -> dict[str, Any]:
    (statement,) = stack.resource(role)["AssumeRolePolicyDocument"]["Statement"]
    found: dict[str, Any] = statement
    return found


def test_github_is_lent_a_role_for_one_environment_of_one_repository_on_main() -> None:
    statement = trust(Stack("delivery", {"GitHubRepository": "owner/name", "GitHubRepositoryId": "4711"}), "DeployRole")
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"}
    assert statement["Condition"] == {
        "StringEquals": {
            f"{PROVIDER}:aud": "sts.amazonaws.com",
            f"{PROVIDER}:sub": "repo:owner/name:environment:production",
            f"{PROVIDER}:ref": "refs/heads/main",
            f"{PROVIDER}:repository_id": "4711",
        }
    }


def test_every_role_trusts_one_principal_on_behalf_of_this_account(stack: Stack) -> None:
    delivery = Stack("delivery", {"GitHubRepository": "owner/name"})
    roles = {(template, name) for template in (stack, delivery) for name in template.of_type("AWS::IAM::Role")}
    assert len(roles) == 6
    for template, name in roles:
        statement = trust(template, name)
        ((_, principal),) = statement["Principal"].items()
        named = [principal, *(keys.get("aws:SourceAccount", "") for keys in statement["Condition"].values())]
        assert any("123456789012" in text for text in named), name


def boundary(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Stack("delivery", {"GitHubRepository": "owner/name"}).resource(name)[
        "PolicyDocument"
    ]["Statement"]
    return found


def permits(policy: list[dict[str, Any]], action: str, resource: str = "arn:aws:iam::123456789012:role/other") -> bool:
    """Whether a policy has a statement that allows it and none that denies it; conditions count as fulfilled."""

    def covers(patterns: str | list[str], value: str) -> bool:
        return any(fnmatch.fnmatchcase(value, pattern) for pattern in listed(patterns))

    found = set()
    for statement in policy:
        named = (
            covers(statement["Resource"], resource)
            if "Resource" in statement
            else not covers(statement["NotResource"], resource)
        )
        if named and covers(statement["Action"], action):
            found.add(statement["Effect"])
    return found == {"Allow"}


OWN, BUCKET = "arn:aws:iam::123456789012:role/books-service-X", "arn:aws:s3:::somebody-elses/x"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack"


def test_whoever_deploys_cannot_widen_rights() -> None:
    delivery = Stack("delivery", {"GitHubRepository": "owner/name"})
    for name in ("DeployRole", "StackRole"):
        assert delivery.resource(name)["PermissionsBoundary"] == "<DeliveryBoundary>"
    limit = boundary("DeliveryBoundary")
    assert permits(limit, "iam:PutRolePolicy", OWN)
    assert permits(limit, "rds:CreateDBInstance")
    assert permits(limit, "cloudformation:ExecuteChangeSet", f"{STACK}/books-service/1")
    for action, resource in {
        "iam:CreateUser": "arn:aws:iam::123456789012:user/x",
        "iam:CreateAccessKey": "arn:aws:iam::123456789012:user/x",
        "iam:PutRolePolicy": "arn:aws:iam::123456789012:role/Administrator",
        "iam:UpdateAssumeRolePolicy": "arn:aws:iam::123456789012:role/books-delivery-StackRole-X",
        "iam:CreatePolicyVersion": "arn:aws:iam::123456789012:policy/boundary",
        "iam:DeleteRolePermissionsBoundary": OWN,
        "sts:AssumeRole": OWN,
        "organizations:LeaveOrganization": "*",
        "lambda:CreateFunction": "*",
        "s3:GetObject": BUCKET,
        "cloudformation:UpdateStack": f"{STACK}/books-delivery/1",
    }.items():
        assert not permits(limit, action, resource), action


def test_a_name_that_begins_alike_does_not_open_the_roles_that_deploy() -> None:
    delivery = Stack(
        "delivery", {"GitHubRepository": "o/n", "ServiceStack": "books", "AWS::StackName": "books-delivery"}
    )
    limit = delivery.resource("DeliveryBoundary")["PolicyDocument"]["Statement"]
    own = "arn:aws:iam::123456789012:role/books-delivery-StackRole-X"
    for action in ("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy"):
        assert not permits(limit, action, own), action


def test_a_role_of_the_service_is_made_within_its_boundary_or_not_at_all(stack: Stack) -> None:
    roles = stack.of_type("AWS::IAM::Role")
    assert len(roles) == 4
    for role in roles.values():
        assert role["PermissionsBoundary"] == IMPORTED["books-delivery-ServiceBoundary"]
    delivery = Stack("delivery", {"GitHubRepository": "owner/name"})
    for statement in statements(delivery, "StackRole"):
        if {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"} & set(listed(statement["Action"])):
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": "<ServiceBoundary>"}}
    output = delivery.template["Outputs"]["ServiceBoundary"]["Export"]["Name"]
    assert delivery.resolve(output) == "books-delivery-ServiceBoundary"


def test_the_boundary_holds_what_the_services_roles_may_do_and_little_more(stack: Stack) -> None:
    limit = boundary("ServiceBoundary")
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in statements(stack, role):
            for action in listed(statement["Action"]):
                assert any(
                    fnmatch.fnmatchcase(action, pattern)
                    for allowed in limit
                    if allowed["Effect"] == "Allow"
                    for pattern in listed(allowed["Action"])
                ), action
    for action in ("iam:CreateRole", "sts:AssumeRole", "rds:DeleteDBInstance", "ec2:RunInstances", "s3:PutObject"):
        assert not permits(limit, action), action


@pytest.mark.parametrize("name", ["DeliveryBoundary", "ServiceBoundary"])
def test_a_boundary_fits_into_a_managed_policy(name: str) -> None:
    assert len(json.dumps(boundary(name)).replace(" ", "")) < 6_000  # IAM quotas: 6,144 characters without blanks


def test_without_github_there_is_only_the_repository_of_images() -> None:
    stack = Stack("delivery")
    assert stack.of_type("AWS::IAM::Role") == stack.of_type("AWS::IAM::OIDCProvider") == {}
    assert list(stack.of_type("AWS::IAM::ManagedPolicy")) == ["ServiceBoundary"]
    assert stack.resource("Repository")["ImageTagMutability"] == "IMMUTABLE"


# --- What is reachable ---


def test_the_world_reaches_the_load_balancer_and_nothing_else(stack: Stack) -> None:
    for name, group in stack.of_type("AWS::EC2::SecurityGroup").items():
        open_to_all = [rule for rule in group.get("SecurityGroupIngress", []) if rule.get("CidrIp") == "0.0.0.0/0"]
        assert {rule["FromPort"] for rule in open_to_all} == ({80, 443} if name == "LoadBalancerGroup" else set())
    assert stack.resource("Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


@pytest.mark.parametrize("group, port", [("DatabaseGroup", 5432), ("CacheGroup", 6379)])
def test_only_tasks_reach_the_database_and_the_cache(stack: Stack, group: str, port: int) -> None:
    (rule,) = stack.resource(group)["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"], rule["SourceSecurityGroupId"]) == (port, port, "<TaskGroup>")


def test_http_does_nothing_but_lead_to_https(stack: Stack) -> None:
    listeners = stack.of_type("AWS::ElasticLoadBalancingV2::Listener")
    plain, secure = listeners["Http"], listeners["Https"]
    (redirect,) = plain["DefaultActions"]
    assert (redirect["Type"], redirect["RedirectConfig"]["Protocol"]) == ("redirect", "HTTPS")
    assert secure["Protocol"] == "HTTPS"
    assert secure["Certificates"] == [{"CertificateArn": GIVEN["CertificateArn"]}]
    assert len(listeners) == 2


def attributes(stack: Stack, logical_id: str, name: str) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in stack.resource(logical_id)[name]}


def test_a_client_cannot_name_its_own_address(stack: Stack) -> None:
    """The server takes X_Forwarded_For for X-Forwarded-For; such names must end at the load balancer."""
    found = attributes(stack, "LoadBalancer", "LoadBalancerAttributes")
    assert found["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert found["routing.http.xff_header_processing.mode"] == "append"
    assert environment(stack, "ServiceTask")["NUM_PROXIES"] == "1"


def test_the_load_balancer_asks_for_the_path_that_needs_no_token(stack: Stack) -> None:
    tasks = stack.resource("Tasks")
    assert (tasks["HealthCheckPath"], tasks["Matcher"], tasks["Protocol"]) == ("/healthz", {"HttpCode": "200"}, "HTTP")


def buckets(stack: Stack) -> dict[str, dict[str, Any]]:
    return stack.of_type("AWS::S3::Bucket")


def test_buckets_are_private_encrypted_and_forget(stack: Stack) -> None:
    assert buckets(stack).keys() == {"AccessLog", "Catalogues"}
    policies = {policy["Bucket"]: policy for policy in stack.of_type("AWS::S3::BucketPolicy").values()}
    for name, bucket in buckets(stack).items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert "SSEAlgorithm" in str(bucket["BucketEncryption"])
        (rule,) = bucket["LifecycleConfiguration"]["Rules"]
        assert (rule["Status"], rule["ExpirationInDays"] <= 30) == ("Enabled", True)
        refusals = [s for s in policies[f"<{name}>"]["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert [s["Condition"] for s in refusals] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_the_load_balancer_keeps_a_log_that_only_it_can_write(stack: Stack) -> None:
    found = attributes(stack, "LoadBalancer", "LoadBalancerAttributes")
    assert (found["access_logs.s3.enabled"], found["access_logs.s3.bucket"]) == ("true", "<AccessLog>")
    assert "AccessLogPolicy" in stack.template["Resources"]["LoadBalancer"]["DependsOn"]
    (writing,) = (s for s in stack.resource("AccessLogPolicy")["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    assert writing["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert writing["Action"] == "s3:PutObject"
    assert writing["Resource"] == "<AccessLog.Arn>/AWSLogs/123456789012/*"


def test_the_way_to_s3_leads_to_two_buckets_and_only_out_of_them(stack: Stack) -> None:
    statements = stack.resource("S3Endpoint")["PolicyDocument"]["Statement"]
    assert {statement["Resource"]: statement["Action"] for statement in statements} == {
        "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*": "s3:GetObject",
        "<Catalogues.Arn>/*": "s3:GetObject",
    }


def test_whoever_scrapes_metrics_finds_every_task_by_one_name(stack: Stack) -> None:
    (registry,) = stack.resource("Service")["ServiceRegistries"]
    assert registry == {"RegistryArn": "<TaskNames.Arn>"}
    name = f"{stack.resource('TaskNames')['Name']}.{stack.resource('PrivateZone')['Name']}"
    assert name == stack.outputs()["MetricsName"] == "tasks.books-service.internal"
    assert name in (ROOT / "docs" / "operations.md").read_text()
    rule = stack.resource("ScraperToTasks")
    assert (rule["FromPort"], rule["SourceSecurityGroupId"]) == (8000, "<ScraperGroup>")
    without = Stack("service", {**ALL, **GIVEN, "Metrics": "false"}, **IMPORTED)
    assert "ServiceRegistries" not in without.resource("Service")
    assert without.of_type("AWS::ServiceDiscovery::Service") == {}


# --- What survives ---


def test_the_database_is_private_encrypted_and_there_twice(stack: Stack) -> None:
    database = stack.resource("Database")
    for name, wanted in {
        "PubliclyAccessible": False,
        "StorageEncrypted": True,
        "MultiAZ": True,
        "DeletionProtection": True,
    }.items():
        assert database[name] is wanted, name
    assert database["BackupRetentionPeriod"] >= 7
    assert stack.template["Resources"]["Database"]["DeletionPolicy"] == "Snapshot"
    assert stack.resource("Replica")["PubliclyAccessible"] is False


def test_a_replica_is_a_choice() -> None:
    without = Stack("service", {**ALL, **GIVEN, "ReadReplica": "false"}, **IMPORTED)
    assert "Replica" not in without.of_type("AWS::RDS::DBInstance")
    assert "DATABASE_REPLICA_URL" not in secrets(without, "ServiceTask")


def test_the_cache_is_encrypted_wants_a_password_and_is_there_twice(stack: Stack) -> None:
    cache = stack.resource("Cache")
    wanted = ("TransitEncryptionEnabled", "AtRestEncryptionEnabled", "AutomaticFailoverEnabled", "MultiAZEnabled")
    assert all(cache[name] is True for name in wanted)
    assert cache["AuthToken"] == "{{resolve:secretsmanager:<CachePassword>:SecretString}}"
    assert cache["NumCacheClusters"] == 2


def test_a_version_that_does_not_become_healthy_is_taken_back(stack: Stack) -> None:
    deployment = stack.resource("Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)


def test_autoscaling_decides_how_many_there_are(stack: Stack) -> None:
    assert "DesiredCount" not in stack.resource("Service")
    policy = stack.resource("ServiceGrows")["TargetTrackingScalingPolicyConfiguration"]
    assert policy["PredefinedMetricSpecification"] == {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    assert stack.resource("ServiceSize")["MinCapacity"] >= 2


def test_a_task_has_time_to_answer_what_is_under_way(stack: Stack) -> None:
    from django.conf import settings

    needed = settings.DRAIN_SECONDS + graceful_stop.SETTLE_SECONDS + serve.ANSWER_SECONDS + 2
    assert needed < container(stack, "ServiceTask")["StopTimeout"] <= 120  # AWS: the most that Fargate gives
    assert int(attributes(stack, "Tasks", "TargetGroupAttributes")["deregistration_delay.timeout_seconds"]) >= 30


def test_the_load_balancer_lets_go_of_an_idle_connection_before_the_server_does(stack: Stack) -> None:
    idle = int(attributes(stack, "LoadBalancer", "LoadBalancerAttributes")["idle_timeout.timeout_seconds"])
    assert idle < serve.IDLE_SECONDS


def test_the_workers_fit_into_the_memory_of_a_task(stack: Stack) -> None:
    found = environment(stack, "ServiceTask")
    memory = int(stack.resource("ServiceTask")["Memory"])
    tmpfs = container(stack, "ServiceTask")["LinuxParameters"]["Tmpfs"][0]["Size"]
    assert int(found["WORKERS"]) * int(found["WORKER_MAX_RSS"]) + tmpfs < memory
    assert memory == min(map(int, stack.template["Parameters"]["TaskMemory"]["AllowedValues"]))


def test_nothing_serves_before_there_is_an_image_for_it() -> None:
    stack = Stack("service", {**ALL, **GIVEN, "Image": ""}, **IMPORTED)
    assert stack.of_type("AWS::ECS::Service") == {}
    assert list(stack.of_type("AWS::ECS::TaskDefinition")) == ["ManageTask"]


# --- What a container is given ---


def environment(stack: Stack, task: str) -> dict[str, str]:
    return {variable["Name"]: variable["Value"] for variable in container(stack, task)["Environment"]}


def secrets(stack: Stack, task: str) -> dict[str, str]:
    return {secret["Name"]: secret["ValueFrom"] for secret in container(stack, task)["Secrets"]}


@pytest.mark.parametrize("task", ["ServiceTask", "ManageTask"])
def test_a_container_can_do_little_more_than_run(stack: Stack, task: str) -> None:
    found = container(stack, task)
    assert found["ReadonlyRootFilesystem"] is True
    assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert [mount["ContainerPath"] for mount in found["LinuxParameters"]["Tmpfs"]] == ["/tmp"]  # noqa: S108
    assert not {"User", "Privileged"} & set(found)  # the image's own user: a number


def test_a_command_sees_what_the_service_sees_but_for_the_database_role(stack: Stack) -> None:
    assert environment(stack, "ServiceTask") == environment(stack, "ManageTask")
    served, managed = secrets(stack, "ServiceTask"), secrets(stack, "ManageTask")
    assert {name: value for name, value in served.items() if "DATABASE" not in name} == {
        name: value for name, value in managed.items() if "DATABASE" not in name
    }


def test_the_service_is_not_the_owner_of_the_database(stack: Stack) -> None:
    served, managed = secrets(stack, "ServiceTask"), secrets(stack, "ManageTask")
    assert served["DATABASE_URL"] == managed["DATABASE_SERVICE_URL"] == "<ServiceUrl>"
    assert (served["DATABASE_REPLICA_URL"], managed["DATABASE_URL"]) == ("<ReplicaUrl>", "<OwnerUrl>")
    assert "DATABASE_SERVICE_URL" not in served
    owner = stack.resource("Database")["MasterUsername"]
    assert stack.resource("OwnerUrl")["SecretString"].startswith(f"postgresql://{owner}:")
    for name in ("ServiceUrl", "ReplicaUrl"):
        assert stack.resource(name)["SecretString"].startswith(
            "postgresql://books_service:{{resolve:secretsmanager:<Ser"
        )


def test_a_change_of_the_services_password_is_bridged_by_the_owner() -> None:
    stack = Stack("service", {**ALL, **GIVEN, "DatabaseLogin": "owner"}, **IMPORTED)
    assert secrets(stack, "ServiceTask")["DATABASE_URL"] == "<OwnerUrl>"
    assert "DATABASE_REPLICA_URL" not in secrets(stack, "ServiceTask")
    assert stack.template["Parameters"]["DatabaseLogin"]["Default"] == "service"


def test_every_night_the_service_itself_deletes_expired_sessions(stack: Stack) -> None:
    nightly = stack.resource("Nightly")
    target = nightly["Target"]
    assert re.fullmatch(r"cron\(\d+ \d+ \* \* \? \*\)", nightly["ScheduleExpression"])
    (override,) = json.loads(target["Input"])["containerOverrides"]
    assert override == {
        "name": container(stack, "ServiceTask")["Name"],
        "command": ["python", "manage.py", "clearsessions"],
    }
    assert target["EcsParameters"]["TaskDefinitionArn"] == "<ServiceTask>"
    assert target["EcsParameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    assert (target["Arn"], target["RoleArn"]) == ("<Cluster.Arn>", "<ScheduleRole.Arn>")
    running, passing = statements(stack, "ScheduleRole")
    assert running["Resource"].endswith(f"task-definition/{stack.resource('ServiceTask')['Family']}:*")
    assert passing["Resource"] == [stack.resource("ServiceTask")[f"{kind}RoleArn"] for kind in ("Execution", "Task")]
    assert Stack("service", {**ALL, **GIVEN, "Image": ""}, **IMPORTED).of_type("AWS::Scheduler::Schedule") == {}


def test_a_large_import_has_a_disk_that_the_images_user_may_write_to(stack: Stack) -> None:
    (mount,) = container(stack, "ManageTask")["MountPoints"]
    assert stack.resource("ManageTask")["Volumes"] == [{"Name": mount["SourceVolume"]}]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"VOLUME {mount['ContainerPath']}\n" in dockerfile
    assert f"install --directory --owner=10001 --group=10001 --mode=700 {mount['ContainerPath']}\n" in dockerfile
    assert f"TMPDIR={mount['ContainerPath']}\n" in (ROOT / "infra" / "import.sh").read_text()


def test_every_variable_is_one_that_the_service_reads(stack: Stack) -> None:
    known = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {*environment(stack, "ServiceTask"), *secrets(stack, "ServiceTask")} - known == set()


def plausible(stack: Stack) -> dict[str, str]:
    """The variables of a container, with what Secrets Manager would give it."""
    made = {"SecretKey": "K" * 32 + "abcdefghijklmnopqrstuvwxyz123456", "MetricsToken": "M" * 64}
    for name in ("OwnerUrl", "ServiceUrl", "ReplicaUrl", "CacheUrl"):
        text = stack.resource(name)["SecretString"]
        text = re.sub(r"\{\{resolve:secretsmanager:<\w+>:SecretString\}\}", "A1b2C3d4E5f6", text)
        text = re.sub(r"<\w+\.\w+\.Address>", "host.example", text)
        made[name] = re.sub(r"<\w+\.\w+\.Port>", "6379" if name == "CacheUrl" else "5432", text)
    named = {
        name: made.get(value.strip("<>"), "of-a-secret-in-secrets-manager-0123456789-abcdefghijk")
        for name, value in secrets(stack, "ServiceTask").items()
    }
    return {**environment(stack, "ServiceTask"), **named}


def checked(variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        # The check looks for a pooler at the database: not beyond this machine, whatever the name of its host.
        env={"PATH": os.environ["PATH"], "PGHOSTADDR": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_a_container_is_given_is_enough_to_serve(stack: Stack) -> None:
    answer = checked(plausible(stack))
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("missing", ["DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "COGNITO_USER_POOL_ID"])
def test_and_no_more_than_enough(stack: Stack, missing: str) -> None:
    variables = plausible(stack)
    del variables[missing]
    answer = checked(variables)
    assert answer.returncode == 1
    assert missing in answer.stderr


# --- What is a secret ---


def test_no_output_is_a_secret() -> None:
    for name in NAMES:
        stack = Stack(name)
        hidden = {
            logical_id
            for logical_id, resource in stack.template["Resources"].items()
            if resource["Type"] == "AWS::SecretsManager::Secret"
        }
        for output in stack.template["Outputs"].values():
            for value in everything(output["Value"]):
                text = value if isinstance(value, str) else ""
                assert not (hidden & set(re.findall(r"\w+", text))), (name, text)
                assert "ClientSecret" not in text
                assert "resolve:" not in text


def test_no_parameter_is_a_secret() -> None:
    """What is given on a command line stays in histories, and parameters are shown in the console."""
    for name in NAMES:
        for parameter in Stack(name).template["Parameters"]:
            telling = re.search(r"Secret|Password|Token|PrivateKey", parameter)
            assert not telling or re.search(r"(SecretName|SecretArn|Generation)$", parameter), (name, parameter)


def test_no_secret_is_a_plain_variable(stack: Stack) -> None:
    hidden = {"DJANGO_SECRET_KEY", "DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_URL", "COGNITO_CLIENT_SECRET"}
    assert secrets(stack, "ServiceTask").keys() == hidden | {"DJANGO_SECRET_KEY_FALLBACKS", "METRICS_TOKEN"}
    for value in everything(container(stack, "ServiceTask")):
        assert "resolve:" not in str(value)


def test_passwords_need_no_quoting_in_a_url(stack: Stack) -> None:
    for secret in stack.of_type("AWS::SecretsManager::Secret").values():
        if made := secret.get("GenerateSecretString"):
            assert made["ExcludePunctuation"] is True
            assert made["PasswordLength"] >= 40


@pytest.mark.parametrize(
    "parameter, renewed",
    [
        ("PasswordGeneration", {"DatabasePassword", "OwnerUrl"}),
        ("ServicePasswordGeneration", {"ServicePassword", "ServiceUrl", "ReplicaUrl"}),
    ],
)
def test_a_new_generation_is_a_new_password_everywhere(stack: Stack, parameter: str, renewed: set[str]) -> None:
    second = Stack("service", {**ALL, **GIVEN, parameter: 2}, **IMPORTED)
    named = {name for name, secret in stack.of_type("AWS::SecretsManager::Secret").items() if "Name" in secret}
    assert {name for name in named if stack.resource(name)["Name"] != second.resource(name)["Name"]} == renewed
    for name in named:
        assert second.resource(name)["Name"].endswith("/2" if name in renewed else "/1")


def test_the_connection_is_encrypted_and_knows_whom_it_talks_to(stack: Stack) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for name in ("OwnerUrl", "ServiceUrl", "ReplicaUrl"):
        url = stack.resource(name)["SecretString"]
        certificates = re.search(r"\?sslmode=verify-full&sslrootcert=(\S+)$", url)
        assert certificates is not None
        assert f"global-bundle.pem {certificates[1]}\n" in dockerfile
    assert stack.resource("CacheUrl")["SecretString"].startswith("rediss://")


# --- The stacks together ---


def test_what_the_service_imports_is_what_the_pool_exports(stack: Stack) -> None:
    pool = Stack("cognito", {"AWS::StackName": "books-cognito"})
    exported = {pool.resolve(output["Export"]["Name"]) for output in pool.template["Outputs"].values()}
    wanted = set(re.findall(r"\$\{CognitoStack\}-(\w+)", stack.text))
    assert "UserPoolId" in wanted
    assert {f"books-cognito-{name}" for name in wanted} <= exported
    assert stack.template["Parameters"]["CognitoStack"]["Default"] == "books-cognito"
    assert stack.template["Parameters"]["DeliveryStack"]["Default"] == "books-delivery"


@pytest.mark.parametrize("name", NAMES)
def test_a_template_fits_into_a_request(name: str) -> None:
    assert len(Stack(name).text.encode()) < 51_200  # AWS: CloudFormation quotas, template body
