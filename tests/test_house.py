"""The rules of the house: which room may know which (CONTRIBUTING.md has the map)."""

import ast
import re
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
# One door to each outside service, for the server.
DOORS = {
    "jwt": "accounts/tokens/verifier.py",
    "boto3": "accounts/cognito/gateway.py",
    "botocore": "accounts/cognito/gateway.py",
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


@pytest.mark.parametrize("room", ROOMS)
def test_imports_have_no_cycles(room: str) -> None:
    graph: dict[str, set[str]] = {}
    for file, imported in _imports():
        if file.startswith(f"{room}/"):
            graph.setdefault(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."), set()).add(imported)
    for module, imports in graph.items():
        # A package may import its own modules: `from package import module` in one of them is no cycle.
        graph[module] = {each for each in imports if each in graph and not f"{module}.".startswith(f"{each}.")}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("module, door", DOORS.items())
def test_one_door_leads_to_each_outside_service(module: str, door: str) -> None:
    users = {file for file, imported in _imports() if imported.split(".")[0] == module and "local_cognito" not in file}
    assert users == {door}


def test_views_and_pages_reach_cognito_through_the_flows_alone() -> None:
    """Rate limits, the order of steps and revocation are in the flows: who calls the gateway goes past them."""
    gateway = ("accounts.cognito.gateway", "accounts.cognito.administration", "accounts.flows.throttling")
    through = {
        (file, module)
        for file, module in _imports()
        if file.startswith(("accounts/api/", "accounts/browser/", "accounts/admin.py")) and module.startswith(gateway)
    }
    assert through == set()


def test_the_server_never_imports_what_is_for_tests_and_development() -> None:
    for file, module in _imports():
        if not file.startswith("local_cognito/"):
            assert module.split(".")[0] not in ("moto", "flask", "pytest", "hypothesis", "tests"), (file, module)
            assert module != "accounts.tokens.testing", file


def test_every_room_of_the_house_is_on_the_map() -> None:
    the_map = (ROOT / "CONTRIBUTING.md").read_text()
    for room in ROOMS:
        for path in (ROOT / room).glob("*.py"):
            if path.name != "__init__.py":
                assert f"{path.name}" in the_map, path.relative_to(ROOT)


def test_every_module_says_what_its_room_is_for() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if path.name != "__init__.py" and "migrations" not in path.parts:
                assert ast.get_docstring(ast.parse(path.read_text())), path.relative_to(ROOT)


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
