"""Tests of the README against the code."""

import re
import shutil
import subprocess

import pytest
from pytest_django.live_server_helper import LiveServer

from accounts.tokens.permissions import Policy, Rule
from accounts.tokens.roles import Role
from books.permissions import BOOK_POLICY
from local_cognito import demo
from local_cognito.run import curl
from local_cognito.server import LocalCognito
from tests.documents import ROOT, blocks_run_by

README = (ROOT / "README.md").read_text()

ACTIONS = {"list": "list", "retrieve": "read one", "create": "add", "update": "change", "destroy": "delete"}


def _cell(rule: Rule, roles: frozenset[Role]) -> str:
    if rule.public or rule.permits(roles, owner=False):
        return "yes"
    return "their own" if rule.permits(roles, owner=True) else "no"


def table(policy: Policy) -> str:
    """The policy as the README shows it."""
    lines = ["| | no credentials | `ROLE_GUEST`, or none | `ROLE_USER` | `ROLE_ADMIN` |", "|---|---|---|---|---|"]
    for action, words in ACTIONS.items():
        held = [frozenset[Role](), frozenset({Role.GUEST}), frozenset({Role.USER}), frozenset({Role.ADMIN})]
        lines.append(f"| {words} | " + " | ".join(_cell(policy[action], roles) for roles in held) + " |")
    return "\n".join(lines)


def test_the_table_of_roles_is_the_one_the_code_obeys() -> None:
    shown = re.search(r"<!-- policy -->\n(.*?)\n?<!-- /policy -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == table(BOOK_POLICY)


def test_the_line_to_paste_is_the_one_that_make_run_prints() -> None:
    assert curl("http://127.0.0.1:8000") in README


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.django_db(transaction=True)
def test_the_line_to_paste_signs_in_and_adds_a_book(live_server: LiveServer, cognito: LocalCognito) -> None:
    (line,) = blocks_run_by("tests/test_readme.py::test_the_line_to_paste_signs_in_and_adds_a_book")
    line = line.replace("http://127.0.0.1:8000", live_server.url)
    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    token, _, book = answer.stdout.partition("\n")
    assert token.count(".") == 2
    assert '"title":"The Left Hand of Darkness"' in book


def test_the_people_are_those_of_the_local_cognito() -> None:
    for person in demo.PEOPLE:
        assert f"| `{person.email}` | `{person.group}` |" in README
    assert f"password `{demo.PASSWORD}`" in README


def test_every_file_it_links_to_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
