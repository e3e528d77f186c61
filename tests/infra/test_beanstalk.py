"""Elastic Beanstalk: what the repository gives it, and what runs on an instance before a version serves."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from books.uploads import MAX_BYTES
from tests.infra.templates import ROOT, Stack

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / ".ebextensions" / "books.config").read_text())
PAGE = (ROOT / "docs" / "deploy.md").read_text()

# The commands as far as the script knows them: each writes down its database and its arguments.
SPY = """#!/usr/bin/env bash
echo "$DATABASE_URL ${DATABASE_SERVICE_URL:--} ${*:2}" >>"$ASKED"
[ "$2" != "${FAILS:-}" ]
"""
AWS = """#!/usr/bin/env bash
[ "$1 $2" = "secretsmanager get-secret-value" ] && echo postgresql://owner
"""


def deployed(folder: Path, **variables: str) -> tuple[int, list[str]]:
    """Exit status of infra/beanstalk.sh, and what it ran: the database, the role to make, the command."""
    for name, text in (("python", SPY), ("aws", AWS)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "asked").touch()
    done = subprocess.run(
        ["bash", str(ROOT / "infra" / "beanstalk.sh")],
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "ASKED": str(folder / "asked"),
            "DATABASE_URL": "postgresql://service",
            **variables,
        },
        check=False,
        timeout=60,
    )
    return done.returncode, (folder / "asked").read_text().splitlines()


def test_the_owner_migrates_and_makes_the_role_and_the_service_cleans_up(tmp_path: Path) -> None:
    assert deployed(tmp_path, OWNER_URL_SECRET="arn:x") == (
        0,
        [
            "postgresql://owner - migrate --noinput",
            "postgresql://owner postgresql://service database_role",
            "postgresql://service - clearsessions",
        ],
    )


def test_without_a_secret_of_the_owner_one_role_does_both(tmp_path: Path) -> None:
    assert deployed(tmp_path) == (
        0,
        ["postgresql://service - migrate --noinput", "postgresql://service - clearsessions"],
    )


@pytest.mark.parametrize("fails, ran", [("migrate", 1), ("database_role", 2)])
def test_a_version_whose_migrations_fail_is_not_deployed(tmp_path: Path, fails: str, ran: int) -> None:
    status, asked = deployed(tmp_path, OWNER_URL_SECRET="arn:x", FAILS=fails)
    assert (status, len(asked)) == (1, ran)


def test_one_instance_alone_touches_the_database() -> None:
    commands = CONFIG["container_commands"]
    assert "infra/beanstalk.sh" in commands["02_database"]["command"]
    assert commands["02_database"]["leader_only"] is True
    assert not any("migrate" in command["command"] for command in commands.values())


def test_beanstalks_load_balancer_is_set_as_that_of_the_containers() -> None:
    service = Stack("service").resource("LoadBalancer")["LoadBalancerAttributes"]
    wanted = {pair["Key"]: pair["Value"] for pair in service if pair["Key"].startswith("routing.")}
    found = CONFIG["Resources"]["AWSEBV2LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    assert {pair["Key"]: pair["Value"] for pair in found} == wanted
    options = CONFIG["option_settings"]
    assert options["aws:elasticbeanstalk:environment:process:default"]["HealthCheckPath"] == "/healthz"
    assert options["aws:elasticbeanstalk:application:environment"]["NUM_PROXIES"] == "2"


def test_the_certificates_are_where_the_url_of_the_page_looks_for_them() -> None:
    ((path, file),) = CONFIG["files"].items()
    assert file["source"].startswith("https://truststore.pki.rds.amazonaws.com/")
    assert f"sslrootcert={path}" in PAGE


def test_nginx_lets_an_import_of_the_admin_through() -> None:
    text = (ROOT / ".platform" / "nginx" / "conf.d" / "books.conf").read_text()
    limit = re.search(r"^client_max_body_size (\d+)m;$", text, re.MULTILINE)
    assert limit is not None
    assert MAX_BYTES < int(limit[1]) * 1024 * 1024 < 2 * MAX_BYTES


def test_the_page_gives_an_instance_every_secret_and_right_that_a_task_has() -> None:
    section = PAGE.partition("## Elastic Beanstalk")[2].partition("\n## ")[0]
    for variable in ("DATABASE_URL", "REDIS_URL", "DJANGO_SECRET_KEY", "COGNITO_CLIENT_SECRET"):
        assert f"OptionName={variable}" in section
    (statement,) = Stack("service").resource("ServiceRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert set(re.findall(r"cognito-idp:\w+", section)) == set(statement["Action"])
