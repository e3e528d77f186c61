"""How a version gets into service: migrations first, nothing changed when they fail, and the world asked at the end."""

import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from django.conf import settings
from moto.server import ThreadedMotoServer
from pytest_django.live_server_helper import LiveServer

from books.models import Book
from local_cognito import demo
from local_cognito.server import LocalCognito
from tests.documents import blocks_run_by
from tests.infra.templates import NAMES, ROOT
from tests.local_cognito.people import Api

PAGE = (ROOT / "docs" / "deploy.md").read_text()

pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl")

# AWS as far as infra/*.sh know it: it writes down what it was asked, and answers as told by variables.
AWS = """#!/usr/bin/env python3
import json, os, sys
asked = sys.argv[1:]
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps(asked) + "\\n")
told = {
    ("cloudformation", "describe-stacks"): "of-the-stack",
    ("ecs", "run-task"): os.environ.get("TASK", "arn:aws:ecs:eu-west-1:1:task/cluster/abc"),
    ("logs", "get-log-events"): "Operations to perform: ...",
    ("ecs", "describe-tasks"): os.environ.get("STATUS", "0"),
}
if answer := told.get(tuple(asked[:2])):
    print(answer)
"""


class Release:
    """A run of a script in infra/, with an AWS that answers as told; `asked` is what AWS was asked."""

    def __init__(self, folder: Path, script: str, *arguments: str, **answers: str) -> None:
        aws = folder / "aws"
        aws.write_text(AWS)
        aws.chmod(0o755)
        (folder / "asked").touch()
        variables = {"PATH": f"{folder}:{os.environ['PATH']}", "ASKED": str(folder / "asked"), **answers}
        self.run = subprocess.run(
            ["bash", str(ROOT / "infra" / script), *arguments],
            env=variables,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.asked: list[list[str]] = [json.loads(line) for line in (folder / "asked").read_text().splitlines()]

    def steps(self) -> list[str]:
        """What changed something, in order: parameters of the stack, and commands of tasks."""
        steps = []
        for asked in self.asked:
            if asked[:2] == ["cloudformation", "deploy"]:
                steps.append(" ".join(asked[asked.index("--parameter-overrides") + 1 :]))
            if asked[:2] == ["ecs", "run-task"]:
                overrides = json.loads(asked[asked.index("--overrides") + 1])
                steps.append(" ".join(overrides["containerOverrides"][0]["command"]))
        return steps


def test_migrations_run_in_the_new_image_before_it_serves(tmp_path: Path) -> None:
    release = Release(tmp_path, "release.sh", "books:2", "MaxTasks=10")
    assert release.run.returncode == 0, release.run.stderr
    assert release.steps() == [
        "NextImage=books:2 MaxTasks=10",
        "python manage.py migrate --noinput",
        "python manage.py database_role",
        "Image=books:2 DatabaseLogin=service",
    ]


@pytest.mark.parametrize("answers", [{"STATUS": "1"}, {"STATUS": "None"}, {"TASK": "None"}])
def test_when_migrations_fail_the_former_image_serves_on(tmp_path: Path, answers: dict[str, str]) -> None:
    release = Release(tmp_path, "release.sh", "books:2", **answers)
    assert release.run.returncode == 1
    assert release.steps()[-1] == "python manage.py migrate --noinput"


def test_a_command_tells_what_it_said_and_how_it_ended(tmp_path: Path) -> None:
    doctor = Release(tmp_path, "manage.sh", "cognito_doctor", STATUS="3")
    assert doctor.steps() == ["python manage.py cognito_doctor"]
    assert (doctor.run.returncode, doctor.run.stdout) == (3, "Operations to perform: ...\n")


def test_a_command_of_another_program_is_run_as_it_stands(tmp_path: Path) -> None:
    assert Release(tmp_path, "manage.sh", "--", "python", "--version").steps() == ["python --version"]


def test_cloudformation_takes_on_a_role_where_there_is_one(tmp_path: Path) -> None:
    release = Release(tmp_path, "release.sh", "books:2", STACK_ROLE_ARN="arn:aws:iam::1:role/stack")
    for asked in release.asked:
        if asked[:2] == ["cloudformation", "deploy"]:
            assert asked[asked.index("--role-arn") + 1] == "arn:aws:iam::1:role/stack"


# --- A catalogue ---


def test_a_catalogue_goes_through_the_bucket_and_leaves_it_whatever_becomes_of_the_task(tmp_path: Path) -> None:
    load = Release(tmp_path, "import.sh", "books.csv", "--preset", "goodreads", STATUS="3")
    assert load.run.returncode == 3
    copy, remove = (asked for asked in load.asked if asked[0] == "s3")
    assert copy[:4] == ["s3", "cp", "--no-progress", "books.csv"]
    assert copy[4].startswith("s3://of-the-stack/")
    assert remove == ["s3", "rm", "--quiet", copy[4]]
    (step,) = load.steps()
    assert step.endswith(f"of-the-stack {copy[4].rpartition('/')[2]} --preset goodreads")


def command_of(load: Release) -> list[str]:
    """The command that the task was given."""
    (asked,) = (asked for asked in load.asked if asked[:2] == ["ecs", "run-task"])
    (override,) = json.loads(asked[asked.index("--overrides") + 1])["containerOverrides"]
    command: list[str] = override["command"]
    return command


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """An S3 of our own with the bucket `of-the-stack`, as the variables of whoever uses it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "COGNITO_REGION": "eu-west-1",
    }
    s3 = boto3.client("s3", region_name="eu-west-1", endpoint_url=variables["AWS_ENDPOINT_URL"])
    # moto keeps its buckets for as long as the process lives.
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="of-the-stack", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield variables
    server.stop()


def put(bucket: dict[str, str], key: str, body: bytes) -> None:
    s3 = boto3.client("s3", region_name="eu-west-1", endpoint_url=bucket["AWS_ENDPOINT_URL"])
    s3.put_object(Bucket="of-the-stack", Key=key, Body=body)


def in_the_task(command: list[str], variables: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    """Run a task's command here, with this environment's Python for the image's."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=ROOT, env={"PATH": path, **variables}, capture_output=True, check=False, timeout=120
    )


def test_a_file_of_many_parts_arrives_as_it_is(tmp_path: Path, bucket: dict[str, str]) -> None:
    fetch = command_of(Release(tmp_path, "import.sh", "books.csv"))[4]
    body = random.Random(1).randbytes(20 * 1024 * 1024 + 7)
    put(bucket, "a", body)
    arrived = in_the_task(["python", "-c", fetch, "of-the-stack", "a"], bucket)
    assert (arrived.returncode, arrived.stdout == body) == (0, True), arrived.stderr
    assert in_the_task(["python", "-c", fetch, "of-the-stack", "b"], bucket).returncode == 1


@pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "config.postgresql", reason="needs PostgreSQL: DATABASE_URL"
)
@pytest.mark.django_db(transaction=True)
def test_a_catalogue_arrives_in_the_database_of_the_services_role(tmp_path: Path, bucket: dict[str, str]) -> None:
    command = command_of(Release(tmp_path, "import.sh", "books.csv"))
    key = command[6]
    found = settings.DATABASES["default"]
    at = f"{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"
    variables = {
        **bucket,
        "DJANGO_DEBUG": "true",
        "COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123",
        "COGNITO_CLIENT_ID": "web",
        "DATABASE_URL": "postgresql://owner@127.0.0.1:9/nowhere",
        "DATABASE_SERVICE_URL": f"postgresql://{found['USER']}:{found['PASSWORD']}@{at}",
    }
    cut_short = "print('title,authors\\nDawn,Octavia E. Butler'); raise SystemExit(1)"
    assert in_the_task([*command[:4], cut_short, *command[5:]], variables).returncode == 1
    put(bucket, key, (ROOT / "books" / "sample_catalogue.csv").read_bytes())
    loaded = in_the_task(command, variables)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert Book.objects.count() > 10


# --- The probe ---


def probe(url: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """What infra/probe.sh says of a service."""
    return subprocess.run(
        ["bash", str(ROOT / "infra" / "probe.sh"), url],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def signed_in(url: str) -> str:
    """Uma's access token."""
    credentials = json.dumps({"email": "user@example.com", "password": demo.PASSWORD})
    command = [
        "curl",
        "-s",
        f"{url}/api/v1/accounts/sign-in/",
        "-H",
        "Content-Type: application/json",
        "-d",
        credentials,
    ]
    return str(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["access_token"])


@pytest.mark.django_db(transaction=True)
def test_the_probe_finds_nothing_wrong_with_a_service_that_is_well(
    live_server: LiveServer, cognito: LocalCognito
) -> None:
    answer = probe(live_server.url, TOKEN=signed_in(live_server.url))
    assert answer.returncode == 0, answer.stderr
    assert "a good token, on a path that is nowhere: 404" in answer.stdout


@pytest.mark.django_db(transaction=True)
def test_the_probe_tells_when_reading_is_open_and_should_not_be(live_server: LiveServer, cognito: LocalCognito) -> None:
    answer = probe(live_server.url, PUBLIC_READ="false")
    assert (answer.returncode, answer.stderr) == (1, "no token, on a path that is nowhere: expected 401, got 404\n")


@pytest.mark.django_db(transaction=True)
def test_the_probe_is_content_with_closed_reading(
    live_server: LiveServer, cognito: LocalCognito, settings: Any
) -> None:
    settings.BOOKS_PUBLIC_READ = False
    assert probe(live_server.url, PUBLIC_READ="false").returncode == 0
    assert probe(live_server.url, PUBLIC_READ="true").returncode == 1


@pytest.mark.django_db(transaction=True)
def test_the_probe_does_not_take_a_bad_token_for_a_good_one(live_server: LiveServer, cognito: LocalCognito) -> None:
    answer = probe(live_server.url, TOKEN=signed_in(live_server.url)[:-8])
    assert (answer.returncode, answer.stderr) == (1, "a good token, on a path that is nowhere: expected 404, got 401\n")


def test_the_probe_notices_that_nobody_is_there() -> None:
    answer = probe("http://127.0.0.1:9")
    assert (answer.returncode, answer.stderr) == (1, "the load balancer's question: expected 200, got 000\n")


# --- docs/deploy.md ---


@pytest.mark.django_db(transaction=True)
def test_the_lines_of_the_page_sign_a_new_person_in_and_a_machine(
    live_server: LiveServer, cognito: LocalCognito
) -> None:
    test = "tests/infra/test_releasing.py::test_the_lines_of_the_page_sign_a_new_person_in_and_a_machine"
    script = "\n".join(blocks_run_by(test))
    api = Api(cognito)
    person = api.in_pool("you@example.com")
    mail = {"Name": "email", "Value": "you@example.com"}
    api.admin.admin_create_user(**person, TemporaryPassword="Temporary-1", UserAttributes=[mail])
    api.admin.admin_add_user_to_group(**person, GroupName="ROLE_ADMIN")
    machine, secret = cognito.machine_client()
    variables = {
        "URL": live_server.url,
        "EMAIL": "you@example.com",
        "TEMPORARY": "Temporary-1",
        "PASSWORD": "One-of-my-own-2",
        "HOSTED": cognito.url,
        "MACHINE": machine,
        "MACHINE_SECRET": secret,
    }
    answer = subprocess.run(
        ["bash", "-euc", script],
        env={"PATH": os.environ["PATH"], **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    assert '"title":"The Dispossessed"' in answer.stdout
    assert '"title":"The Word for World Is Forest"' in answer.stdout
    assert "a good token, on a path that is nowhere: 404" in answer.stdout


def test_every_parameter_that_the_page_gives_is_one_of_the_templates() -> None:
    known = {
        parameter
        for name in NAMES
        for parameter in re.findall(r"^  (\w+):", (ROOT / "infra" / f"{name}.yaml").read_text(), re.MULTILINE)
    }
    given = set(re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]*)+)=", PAGE))
    assert {"CognitoDomain", "DomainName", "PasswordGeneration"} <= given
    assert given - known - {"Name", "OptionName", "OutputKey", "Value"} == set()


def test_every_output_that_the_page_reads_is_one_of_the_stacks() -> None:
    for stack, output in re.findall(r"output books-(\w+) (\w+)", PAGE):
        outputs = (ROOT / "infra" / f"{stack}.yaml").read_text().partition("\nOutputs:\n")[2]
        assert f"\n  {output}:\n" in f"\n{outputs}", f"{stack} has no output {output}"


# --- The workflows ---

WORKFLOW = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
JOBS = yaml.safe_load(WORKFLOW)["jobs"]


def test_the_workflow_has_no_keys_and_signs_in_by_oidc() -> None:
    job = JOBS["deploy"]
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert job["environment"] == "production"
    assert "secrets." not in WORKFLOW
    assert "ACCESS_KEY" not in WORKFLOW


def test_the_workflow_migrates_serves_and_probes_in_that_order() -> None:
    steps = [step.get("run", "") for step in JOBS["deploy"]["steps"]]
    order = [
        next(number for number, run in enumerate(steps) if script in run)
        for script in ("docker push", "release.sh", "probe.sh")
    ]
    assert order == sorted(order)


def test_both_triggers_pass_through_the_gate() -> None:
    gate, deploy = JOBS["passed"], JOBS["deploy"]
    assert "github.event.workflow_run.conclusion == 'success'" in gate["if"]
    assert "github.event.workflow_run.event == 'push'" in gate["if"]
    assert "github.ref == 'refs/heads/main'" in gate["if"]
    assert (deploy["needs"], "if" in deploy) == ("passed", False)
    assert deploy["env"]["COMMIT"] == "${{ needs.passed.outputs.commit }}"
    assert gate["permissions"] == {"checks": "read", "contents": "read"}
    assert yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"].keys() == {"ci"}


# GitHub's REST API as `gh api` shows it: the answers of two paths, read by jq as gh reads them.
GH = """#!/usr/bin/env bash
case $2 in
    */compare/*) answer=$COMPARED ;;
    */check-runs*) answer=$CHECKED ;;
esac
printf '%s' "$answer" | jq -r "${@: -1}"
"""
COMMIT = "0f" * 20


def gate(folder: Path, compared: str, *checks: tuple[str, str | None], commit: str = COMMIT) -> tuple[int, str]:
    """Exit status and output of the gate for a commit; `checks` are (app, conclusion) of its runs named `ci`."""
    gh, output = folder / "gh", folder / "output"
    gh.write_text(GH)
    gh.chmod(0o755)
    output.touch()
    runs = [{"app": {"slug": app}, "conclusion": conclusion} for app, conclusion in checks]
    (step,) = JOBS["passed"]["steps"]
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],  # as GitHub runs it
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "REPOSITORY": "owner/name",
            "COMMIT": commit,
            "GITHUB_OUTPUT": str(output),
            "COMPARED": json.dumps({"status": compared}),
            "CHECKED": json.dumps({"check_runs": runs}),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, output.read_text()


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize("compared", ["identical", "behind"])
def test_a_commit_of_main_that_ci_has_passed_may_be_deployed(tmp_path: Path, compared: str) -> None:
    assert gate(tmp_path, compared, ("github-actions", "success")) == (0, f"commit={COMMIT}\n")


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize(
    "compared, checks",
    [
        ("identical", []),
        ("identical", [("github-actions", "failure")]),
        ("identical", [("github-actions", None)]),  # it still runs
        ("identical", [("github-actions", "success"), ("github-actions", "cancelled")]),
        ("identical", [("somebody-elses-app", "success")]),
        ("ahead", [("github-actions", "success")]),
        ("diverged", [("github-actions", "success")]),
    ],
)
def test_no_other_commit_may(tmp_path: Path, compared: str, checks: list[tuple[str, str | None]]) -> None:
    assert gate(tmp_path, compared, *checks) == (1, "")


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_a_name_that_is_no_commit_may_not(tmp_path: Path) -> None:
    assert gate(tmp_path, "identical", ("github-actions", "success"), commit="main") == (1, "")
