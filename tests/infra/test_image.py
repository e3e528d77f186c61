"""The image, compose.yaml and every other way to start the server: the same command, no more rights than needed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cognito.server import DEFAULT_PORT, LocalCognito
from tests.infra.templates import ROOT

SERVE = ["python", "-m", "config.serve"]
BIN = Path(sys.executable).parent


def instructions() -> list[tuple[str, str, str]]:
    """The Dockerfile as (stage, instruction, arguments), lines joined."""
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            stage = rest.rpartition(" AS ")[2]
        if name and not name.startswith("#"):
            found.append((stage, name, rest))
    return found


def of(stage: str, instruction: str) -> list[str]:
    return [rest for where, name, rest in instructions() if (where, name) == (stage, instruction)]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """compose.yaml."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document


def test_the_last_stage_is_the_service() -> None:
    assert instructions()[-1][0] == "service"


@pytest.mark.parametrize("stage", ["service", "local"])
def test_nobody_in_the_image_is_root(stage: str) -> None:
    ((user),) = of(stage, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_every_way_to_start_the_server_is_the_same_command(compose: dict[str, Any]) -> None:
    ((command),) = of("service", "CMD")
    assert json.loads(command) == SERVE  # a JSON list: no shell between it and SIGTERM
    assert (ROOT / "Procfile").read_text() == f"web: {' '.join(SERVE)}\n"
    recipe = re.search(r"^serve:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert recipe[1].rstrip().endswith("exec $(PY) -m config.serve")
    web = compose["services"]["web"]
    assert not {"command", "entrypoint", "user"} & set(web)
    assert web["build"]["target"] == "service"


def test_the_image_says_whether_it_is_well() -> None:
    ((check),) = of("service", "HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2])[:2] == ["python", "-c"]
    assert "/healthz" in check


def test_requirements_are_held_against_their_hashes() -> None:
    installs = [rest for _, name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert installs
    assert all("--require-hashes" in install for install in installs)


def let_through(folder: Path) -> None:
    """Fill `folder` with what the Dockerfile's stage `build` copies, as far as .dockerignore lets it through."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for rest in of("build", "COPY"):
        source = rest.split()[0].rstrip("/")
        assert source in allowed, f"{source} is kept from the image"
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / source).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, folder / source)


def test_what_is_copied_is_enough_to_build_and_to_load(tmp_path: Path) -> None:
    let_through(tmp_path)
    ((build),) = [rest for rest in of("build", "RUN") if "collectstatic" in rest]
    bare = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", build], cwd=tmp_path, env=bare, check=True, timeout=120)
    assert (tmp_path / "staticfiles" / "staticfiles.json").exists()
    assert not list(tmp_path.rglob("*.sqlite3"))
    page = subprocess.run(
        [sys.executable, "-c", FRONT_PAGE],
        cwd=tmp_path,
        env={**bare, **VARIABLES},
        capture_output=True,
        text=True,
        check=False,
    )
    assert page.stdout == "200\n", page.stderr


# The front page of the image's own code: it has a template and files with a hash in their names.
FRONT_PAGE = """
from config.wsgi import application
from django.test import Client

print(Client().get("/", headers={"host": "books.example.com"}, secure=True).status_code)
"""

VARIABLES = {
    "DJANGO_SECRET_KEY": "for-the-tests-of-the-image-only-0123456789-abcdefghijklm",
    "DJANGO_ALLOWED_HOSTS": "books.example.com",
    "COGNITO_REGION": "eu-west-1",
    "COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123",
    "COGNITO_CLIENT_ID": "web",
}

# Loads the server where nothing can be imported but what the list has, as if nothing else were installed.
LOAD = """
import importlib.metadata, sys

class OnlyWhatIsListed:
    def __init__(self, listed):
        self.hidden = {
            module
            for module, origins in importlib.metadata.packages_distributions().items()
            if not any(origin.lower().replace("_", "-").replace(".", "-") in listed for origin in origins)
        }

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.hidden:
            raise ModuleNotFoundError(f"No module named {name!r} in the image", name=name)

sys.meta_path.insert(0, OnlyWhatIsListed(sys.argv[1].split()))
import config.serve, config.wsgi
from django.core.management import call_command
call_command("check", deploy=True)
print("loaded")
"""


def test_all_that_the_server_loads_is_in_its_list_of_requirements() -> None:
    """The image has requirements/base.txt and nothing else, unlike the environment of these tests."""
    listed = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE)
    answer = subprocess.run(
        [sys.executable, "-c", LOAD, " ".join(listed)],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **VARIABLES,
            "DATABASE_URL": "postgresql://books@127.0.0.1/books",
            "WORKERS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "loaded" in answer.stdout, answer.stderr


# --- compose.yaml ---


def test_compose_is_reached_from_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize(
    "name, writable",
    [("web", ["/tmp", "/scratch"]), ("migrate", ["/tmp", "/scratch"]), ("cognito", ["/tmp"])],  # noqa: S108
)
def test_composes_containers_can_do_little_more_than_run(
    compose: dict[str, Any], name: str, writable: list[str]
) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == writable


def test_compose_migrates_before_it_serves(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["web"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["command"][:3] == ["python", "manage.py", "migrate"]
    for name in ("cognito", "postgres", "valkey"):
        assert "test" in services[name]["healthcheck"]


def test_compose_names_the_pool_and_the_clients_of_the_local_cognito(
    compose: dict[str, Any], stand_in: LocalCognito
) -> None:
    found = compose["services"]["web"]["environment"]
    real = {
        name: value.replace(stand_in.url, f"http://127.0.0.1:{DEFAULT_PORT}")
        for name, value in stand_in.environment().items()
    }
    for name in ("COGNITO_REGION", "COGNITO_USER_POOL_ID", "COGNITO_ISSUER", "COGNITO_ENDPOINT_URL"):
        assert found[name] == real[name], name
    assert found["COGNITO_CLIENT_ID"] == stand_in.spa_client()
    assert found["COGNITO_ALLOWED_CLIENT_IDS"] == stand_in.machine_client()[0]
    known = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(found) - known == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_composes_environment_is_enough_to_serve(compose: dict[str, Any]) -> None:
    variables = {
        name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        for name, value in compose["services"]["web"]["environment"].items()
    }
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "ERROR"],
        cwd=ROOT,
        # The check looks for a pooler at the database: not beyond this machine, whatever the name of its host.
        env={"PATH": os.environ["PATH"], "PGHOSTADDR": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
