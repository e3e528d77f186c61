"""Architecture rules: imports between packages, and the form of docstrings and headings."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("config", "books", "accounts", "local_cognito")

# Who may import whom: config -> books -> accounts. The stand-in is another building.
MAY_IMPORT = {
    "accounts": {"accounts"},
    "books": {"books", "accounts"},
    "config": {"config", "books", "accounts"},
    "local_cognito": {"local_cognito"},
}
# The layers of accounts, and the parts of accounts that each may import. What is in no layer may import all of them.
LAYERS = {
    "tokens": {"tokens"},
    "cognito": {"tokens", "cognito"},
    "flows": {"tokens", "cognito", "flows", "models", "user_rows"},
    "browser": {"tokens", "cognito", "flows", "browser", "models", "user_rows"},
    "api": {"tokens", "cognito", "flows", "browser", "api"},
}
# One door to each outside service, for the server.
DOORS = {
    "jwt": "accounts/tokens/verifier.py",
    "boto3": "accounts/cognito/client.py",
    "botocore": "accounts/cognito/client.py",
}


def _imports() -> Iterator[tuple[str, str]]:
    """Every import of the product, as (file, module)."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            file = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((file, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield file, node.module
                    # `from accounts import cognito` names a module as well.
                    yield from ((file, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    strangers = {
        (file, module)
        for file, module in _imports()
        if file.startswith(f"{room}/")
        and module.split(".")[0] in ROOMS
        and module.split(".")[0] not in MAY_IMPORT[room]
    }
    assert strangers == set()


def test_imports_have_no_cycles() -> None:
    graph: dict[str, set[str]] = {}
    for file, imported in _imports():
        graph.setdefault(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."), set()).add(imported)
    for module, imports in graph.items():
        # A package may import its own modules: `from package import module` in one of them is no cycle.
        graph[module] = {each for each in imports if each in graph and not f"{module}.".startswith(f"{each}.")}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("layer, below", LAYERS.items())
def test_layers_of_accounts_import_downwards_only(layer: str, below: set[str]) -> None:
    parts = {path.stem for path in (ROOT / "accounts").iterdir()} - {"__init__"}
    upwards = {
        (file, module)
        for file, module in _imports()
        if file.startswith(f"accounts/{layer}/") and module.startswith("accounts.")
        if (part := module.split(".")[1]) in parts and part not in below
    }
    assert upwards == set()


# A project with the token layer alone: no `accounts` in INSTALLED_APPS, no database.
_TOKEN_LAYER = """
import sys
import django
from django.conf import settings

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Books0001"
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    COGNITO_REGION="eu-west-1", COGNITO_USER_POOL_ID="eu-west-1_Books0001", COGNITO_CLIENT_ID="web",
)
django.setup()
import accounts.tokens.authentication

ours = sorted(name for name in sys.modules if name.partition(".")[0] == "accounts")
unwanted = {"boto3", "botocore", "limits", "redis", "authlib"} & set(sys.modules)
assert len(ours) <= 12 and not unwanted, (ours, unwanted)

from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from accounts.tokens import keys
from accounts.tokens.testing import Pool

class WhoAmI(APIView):
    authentication_classes = [accounts.tokens.authentication.BearerAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"sub": request.user.sub, "roles": [role.value for role in request.user.roles]})

pool = Pool(ISSUER, "web")
keys.fetch_document = lambda url: pool.key_set()
for token in (pool.access_token("Uma", ["ROLE_USER"]), pool.access_token("Uma", exp=1)):
    response = WhoAmI.as_view()(APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {token}"))
    print(response.status_code, response.data, response.headers.get("WWW-Authenticate", ""))
assert "accounts.models" not in sys.modules
"""


def test_the_token_layer_is_small_and_needs_neither_the_accounts_app_nor_a_database() -> None:
    run = subprocess.run([sys.executable, "-c", _TOKEN_LAYER], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    accepted, refused = run.stdout.splitlines()
    assert re.fullmatch(r"200 \{'sub': '[0-9a-f-]{36}', 'roles': \['ROLE_USER'\]\} ", accepted)
    assert re.fullmatch(r"401 .*code='token_expired'.* Bearer realm=.*error=\"invalid_token\".*", refused)


@pytest.mark.parametrize("module, door", DOORS.items())
def test_one_door_leads_to_each_outside_service(module: str, door: str) -> None:
    users = {file for file, imported in _imports() if imported.split(".")[0] == module and "local_cognito" not in file}
    assert users == {door}


def test_views_and_pages_reach_cognito_through_the_flows_alone() -> None:
    """Rate limits, the order of steps and revocation are in the flows: who calls the gateway goes past them."""
    operations = ("client", "gateway", "public", "own_account", "administration")
    gateway = (*(f"accounts.cognito.{name}" for name in operations), "accounts.flows.throttling")
    through = {
        (file, module)
        for file, module in _imports()
        if file.startswith(("accounts/api/", "accounts/browser/", "accounts/admin.py")) and module.startswith(gateway)
    }
    assert through == set()


def test_the_server_never_imports_what_is_for_tests_and_development() -> None:
    for file, module in _imports():
        if not file.startswith("local_cognito/") and file != "accounts/tokens/pytest_plugin.py":
            assert module.split(".")[0] not in ("moto", "flask", "pytest", "hypothesis", "tests"), (file, module)
            assert module != "accounts.tokens.testing", file


def test_every_room_of_the_house_is_on_the_map() -> None:
    the_map = (ROOT / "CONTRIBUTING.md").read_text()
    for room in ROOMS:
        for path in (ROOT / room).glob("*.py"):
            if path.name != "__init__.py":
                assert f"{path.name}" in the_map, path.relative_to(ROOT)


def _summaries(package: str) -> Iterator[tuple[str, str]]:
    """The path of every module of a package, and the first paragraph of its docstring."""
    for path in (ROOT / package).rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        if "migrations" not in path.parts and (docstring or path.name != "__init__.py"):
            yield path.relative_to(ROOT).as_posix(), docstring.partition("\n\n")[0]


@pytest.mark.parametrize("package", ROOMS)
def test_every_module_states_what_it_is(package: str) -> None:
    assert [path for path, summary in _summaries(package) if not summary] == []
    questions = [path for path, summary in _summaries(package) if "?" in summary]
    assert questions == []


def _strings(module: ast.Module) -> Iterator[str]:
    """Every string that is not a docstring."""
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_sentence_of_the_product_retypes_a_limit_in_bytes() -> None:
    retyped = [
        (path.relative_to(ROOT).as_posix(), text)
        for room in ("accounts", "books", "config")
        for path in (ROOT / room).rglob("*.py")
        for text in _strings(ast.parse(path.read_text()))
        if re.search(r"[0-9] [KM]i?B\b", text)
    ]
    assert retyped == []


def test_no_heading_is_a_question() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "findings").glob("*.md")]
    headings = [(page.name, line) for page in pages for line in page.read_text().splitlines() if line.startswith("#")]
    assert [heading for heading in headings if heading[1].rstrip().endswith("?")] == []


# A call that writes rows, on something that is called like a book.
_WRITES = re.compile(
    r"\b(?:[Bb]ooks?|obj|instance)\b.*\.(?:save|delete|create|update|bulk_create|bulk_update|get_or_create"
    r"|update_or_create)$"
)


def test_only_one_module_writes_books() -> None:
    """What writes a book elsewhere passes by its history, its signals and the names of its authors."""
    writers = {
        (path.relative_to(ROOT).as_posix(), ast.unparse(node.func))
        for path in (ROOT / "books").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _WRITES.search(ast.unparse(node.func)) and "migrations" not in path.parts
    }
    assert {file for file, _ in writers} == {"books/writing.py"}, writers
