"""The wheel of `accounts`, installed in a clean environment; a new project uses it as docs/reuse.md says."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from local_cognito import demo
from local_cognito.server import LocalCognito
from tests.documents import ROOT, blocks_run_by

PAGE = (ROOT / "docs" / "reuse.md").read_text()
MAX_SETTINGS_OF_TOKENS = 6
MAX_SETTINGS = 15
ENDPOINTS = """
from django.urls import include, path
urlpatterns = [path("api/accounts/", include("accounts.api.urls"))]
"""
ORDERS = """
from django.urls import path
from shop.views import OrdersView
urlpatterns = [path("orders/", OrdersView.as_view())]
"""


def block(name: str) -> str:
    """The fenced block of docs/reuse.md after the comment `name`."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n```[a-z]+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What `command` printed. Fails with it when the command does; none of this project's settings are inherited."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTHON", "COGNITO_"))
    }
    done = subprocess.run(command, cwd=cwd, env=inherited | environment, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="module")
def index() -> None:
    """A package index that pip reaches. Without one the tests of this module skip."""
    probe = [sys.executable, "-m", "pip", "index", "versions", "setuptools"]
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("pip reaches no package index: the wheel is neither built nor installed")


@pytest.fixture(scope="module")
def wheel(index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the command of the page from the files that it needs alone."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("accounts", "books", "config", "tests/reuse"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (script,) = blocks_run_by("tests/reuse/test_wheel.py::test_documented_commands_build_a_wheel_of_accounts_alone")
    run("sh", "-euc", script.replace("python ", f"{sys.executable} "), cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


class Project:
    """A project of `django-admin startproject shop` in a virtual environment of its own."""

    def __init__(self, folder: Path, wheel: Path, *packages: str) -> None:
        self.python = folder / "venv" / "bin" / "python"
        venv.create(folder / "venv", with_pip=True)
        self.install(wheel, *packages)
        run(self.python, "-m", "django", "startproject", "shop", folder, cwd=folder)
        self.folder = folder

    def install(self, wheel: Path, *packages: str, extra: str = "") -> None:
        """Install the wheel with an extra, and further packages."""
        pip = (self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, f"{wheel}{extra}", *packages, cwd=wheel.parent)

    def write(self, path: str, text: str) -> None:
        """A file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def add_settings(self, text: str) -> None:
        """Lines at the end of shop/settings.py."""
        with (self.folder / "shop" / "settings.py").open("a") as settings:
            settings.write(f"\n{text}")

    def run(self, *arguments: str, **environment: str) -> str:
        """What Python printed in the project's folder."""
        return run(self.python, *arguments, cwd=self.folder, **environment)


@pytest.fixture(scope="module")
def shop(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A new project with the token part, as the page has it."""
    project = Project(tmp_path_factory.mktemp("shop"), wheel, "pytest-django")
    project.add_settings(block("settings: tokens"))
    project.write("shop/views.py", block("file: shop/views.py"))
    project.write("tests/test_orders.py", block("file: tests/test_orders.py"))
    project.write("shop/urls.py", ORDERS)
    return project


def test_documented_commands_build_a_wheel_of_accounts_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"accounts"}
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "accounts").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("accounts/")} == tracked


def test_the_settings_of_the_page_are_few() -> None:
    parts = [block(f"settings: {part}").split("\n") for part in ("tokens", "endpoints", "pages")]
    parts = [[line for line in lines if line] for lines in parts]
    assert len(parts[0]) <= MAX_SETTINGS_OF_TOKENS
    assert sum(len(lines) for lines in parts) <= MAX_SETTINGS


# What comes with another package, by its extra or since it is the same project; and the plugin's, which pytest loads.
COMES_WITH = {"cryptography": "pyjwt", "botocore": "boto3", "pytest": "django"}


@pytest.mark.parametrize(
    "layers, extras",
    [(["tokens"], []), (["tokens", "cognito", "flows", "api"], ["flows"]), ([""], ["flows", "browser"])],
)
def test_each_extra_names_what_its_layers_import(layers: list[str], extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [
        *project["dependencies"],
        *(name for extra in extras for name in project["optional-dependencies"][extra]),
    ]
    named = {re.split(r"[\[>]", requirement)[0] for requirement in required} - {project["name"]}
    owners = packages_distributions()
    imported = {
        COMES_WITH.get(owner, owner)
        for layer in layers
        for path in (ROOT / "accounts" / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for module in ([node.module] if isinstance(node, ast.ImportFrom) and node.module else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
        for owner in [owner.lower() for owner in owners.get(module.split(".")[0], [])]
    }
    # Authlib's session is one of requests, and says so nowhere.
    assert named - {"requests"} == imported


def test_a_new_project_checks_tokens_with_the_bare_wheel(shop: Project) -> None:
    printed = shop.run("-m", "pytest", "-q", "--ds=shop.settings", "-p", "no:cacheprovider", "tests")
    assert re.search(r"^5 passed", printed, re.MULTILINE), printed
    installed = shop.run("-m", "pip", "list", "--format=freeze").lower()
    assert not re.search(r"^(boto3|botocore|limits|redis|authlib|drf-spectacular|segno)==", installed, re.MULTILINE)


@pytest.fixture(scope="module")
def answers(shop: Project, wheel: Path, stand_in: LocalCognito) -> dict[str, Any]:
    """What the project answers to Ada and Uma, with all of accounts/ and the local Cognito."""
    stand_in.reset()
    shop.install(wheel, extra="[flows]")
    shop.add_settings(block("settings: endpoints"))
    shop.write("shop/urls.py", ENDPOINTS)
    shop.run("manage.py", "check")
    shop.add_settings(block("settings: pages"))
    shop.write("shop/urls.py", block("file: shop/urls.py"))
    shop.install(wheel, extra="[browser]")
    local = {name: value for name, value in stand_in.environment().items() if name.startswith("COGNITO_")}
    local["COGNITO_ALLOWED_CLIENT_IDS"] = ""
    shop.add_settings("\n".join(f"{name} = {value!r}" for name, value in local.items()))
    shop.write("templates/accounts/base.html", block("file: templates/accounts/base.html"))
    shop.write(
        "templates/base.html", "<title>Shop</title>{% block head %}{% endblock %}{% block content %}{% endblock %}"
    )
    themed = 'from shop.settings import *\nTEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]\n'
    shop.write("shop/themed.py", themed)
    shop.write("drive.py", (ROOT / "tests" / "reuse" / "drive.py").read_text())
    shop.run("manage.py", "check")
    shop.run("manage.py", "migrate", "--verbosity=0")
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    found: dict[str, Any] = {
        name: json.loads(shop.run("drive.py", demo.PASSWORD, DJANGO_SETTINGS_MODULE=f"shop.{name}", **keys))
        for name in ("settings", "themed")
    }
    return found


def test_the_endpoints_sign_uma_in_and_out(answers: dict[str, Any]) -> None:
    api = answers["settings"]["api"]
    assert api["sign_in"] == 200
    assert api["wrong"] == [401, "invalid_credentials"]
    assert api["orders"]["roles"] == ["ROLE_USER"]
    assert api["me"]["email"] == "user@example.com"
    assert api["sign_out"] == 204
    assert api["after"] == [401, "token_revoked"]


def test_the_pages_are_complete_without_a_base_of_the_project(answers: dict[str, Any]) -> None:
    pages = answers["settings"]["pages"]
    assert pages["page"].startswith("<!doctype html>")
    assert "accounts/base.css" in pages["page"]
    assert 'name="password"' in pages["page"]
    assert "E-mail address or password is wrong." in pages["wrong"]
    assert pages["sign_in"] == [302, "/accounts/profile/"]
    assert "user@example.com" in pages["profile"]


def test_the_admin_is_for_administrators(answers: dict[str, Any]) -> None:
    pages = answers["settings"]["pages"]
    assert pages["admin_of_uma"] == 403
    assert pages["admin_of_ada"] == 200
    assert "guest@example.com" in pages["people"]


def test_a_project_puts_the_pages_into_its_own_base(answers: dict[str, Any]) -> None:
    page = answers["themed"]["pages"]["page"]
    assert page.startswith("<title>Shop</title>")
    assert 'name="password"' in page
    assert "accounts/base.css" not in page
