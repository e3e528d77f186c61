"""Tests of the documents: links, files, variables, commands and limits; the README's commands suffice to serve."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from config.api import in_units
from config.bodies import BYTES_PER_SECOND
from config.request_limits import MAX_HEAD
from local_cognito.server import LocalCognito
from tests.documents import PAGES, ROOT, blocks_run_by

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

NOT_OURS = {".git", ".venv", "node_modules", "staticfiles", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis"}
KINDS = "css|html|in|js|json|md|mjs|py|sh|toml|txt|yaml|yml"

# Variables that begin like ours and belong to others.
OF_OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ACCOUNT_ID"}
# A setting of projects with a user model of their own.
OF_OTHERS |= {"ACCOUNTS_SUBJECT_FIELD"}


def _code(text: str) -> Iterator[str]:
    """What stands in code spans and code blocks, fenced or indented."""
    prose = []
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        if number % 2:
            yield part
        else:
            prose.append(part)
    for part in prose:
        yield from re.findall(r"^    (.*)$", part, re.MULTILINE)
        yield from re.findall(r"`([^`\n]+)`", part)


def _files() -> set[str]:
    """Every file and folder (with a slash at its end) of the repository, by its path."""

    def within(folder: Path) -> Iterator[str]:
        for path in folder.iterdir():
            if path.name not in NOT_OURS:
                yield path.relative_to(ROOT).as_posix() + "/" * path.is_dir()
                if path.is_dir():
                    yield from within(path)

    return set(within(ROOT))


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> set[str]:
    """Relative links of `text`, were it `page`, that lead nowhere."""
    dead = set()
    for link in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        there = page.parent / target if target else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in _anchors(there)):
            dead.add(link)
    return dead


def unknown_files(text: str) -> set[str]:
    """File names in code spans that no file of the repository has: its path, or the end of it."""
    spans = set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)))
    named = {span for span in spans if re.fullmatch(rf"[\w.*/-]+\.(?:{KINDS})|[\w.-]+(?:/[\w.-]+)*/", span)}
    # A slash at the beginning makes a path of a URL.
    return {name for name in named if not name.startswith("/") and not _is_there(name, _files())}


def _is_there(name: str, files: Iterable[str]) -> bool:
    pattern = re.compile("(?:.*/)?" + re.escape(name).replace(r"\*", "[^/]*"))
    return any(pattern.fullmatch(file) for file in files)


def unknown_variables(text: str) -> set[str]:
    """Environment variables named in `text` of which .env.example knows nothing."""
    named = set(
        re.findall(r"\b(?:DJANGO|COGNITO|ACCOUNTS|BOOKS|CORS|DATABASE|REDIS|AWS|METRICS|NUM)_[A-Z_]*[A-Z]", text)
    )
    for line in re.findall(r"^\s*export (.*)$", text, re.MULTILINE):
        named |= set(re.findall(r"\b([A-Z][A-Z_]+)=", line))
    return named - OF_OTHERS - set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def unknown_targets(text: str) -> set[str]:
    """Targets of `make` in code spans and blocks that the Makefile does not have."""
    named = {
        target
        for code in _code(text)
        for target in re.findall(
            r"(?:^|[;&|{(]\s*|\n\s*)(?:[A-Z_]+=\S+ +)*make +(?:[A-Z_]+=\S+ +)*([a-z.][\w./-]*)", code
        )
    }
    makefile = (ROOT / "Makefile").read_text()
    stamps = {stamp.replace("$(VENV)", ".venv") for stamp in re.findall(r"\$\(VENV\)/\.[a-z0-9]+", makefile)}
    return named - stamps - set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))


def unknown_commands(text: str) -> set[str]:
    """Commands of `manage.py` that neither we nor Django have."""
    return set(re.findall(r"manage\.py +([a-z_]+)", text)) - set(get_commands())


@every_page
def test_no_link_is_dead(page: Path) -> None:
    assert dead_links(page, page.read_text()) == set()


@every_page
def test_every_file_it_names_is_there(page: Path) -> None:
    assert unknown_files(page.read_text()) == set()


@every_page
def test_every_variable_it_names_is_in_the_example(page: Path) -> None:
    assert unknown_variables(page.read_text()) == set()


@every_page
def test_every_make_target_it_names_is_in_the_makefile(page: Path) -> None:
    assert unknown_targets(page.read_text()) == set()


@every_page
def test_every_command_it_names_exists(page: Path) -> None:
    assert unknown_commands(page.read_text()) == set()


def test_what_is_not_there_is_noticed() -> None:
    page = ROOT / "docs" / "from-node.md"
    assert dead_links(
        page, "[a](../nowhere.md) [b](accounts.md#no-such) [c](accounts.md#sign-in) [d](https://a.example)"
    ) == {
        "../nowhere.md",
        "accounts.md#no-such",
    }
    assert unknown_files("`accounts/locks.py`, `tokens.py`, `books/`, `bookz/`, `requirements/*.in`") == {
        "accounts/locks.py",
        "bookz/",
    }
    assert unknown_variables("`COGNITO_REGION`, `COGNITO_REGOIN`\n    export A_NAME=b REDIS_URL=c") == {
        "COGNITO_REGOIN",
        "A_NAME",
    }
    assert unknown_targets(
        "`make serve`, make believe, `make rnu`\n\n```sh\nX=1 make tset && make .venv/.local\n```\n"
    ) == {
        "rnu",
        "tset",
    }
    assert unknown_commands("`manage.py migrate`, `manage.py cognito_nurse`") == {"cognito_nurse"}


# --- Limits ---

LIMITS = {
    r"431 over ([0-9]+ [KM]iB)": MAX_HEAD,
    r"413 over ([0-9]+ [KM]iB)": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    r"limit of ([0-9]+ [KM]iB)": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    r"a body \| ([0-9]+ [KM]iB)": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    r"a second for each ([0-9]+ [KM]iB)": BYTES_PER_SECOND,
}
"""What documents say about a limit, and the constant that they must agree with, in bytes."""


@pytest.mark.parametrize("words", LIMITS)
def test_documents_state_the_limits_that_the_code_has(words: str) -> None:
    stated = {found for page in PAGES for found in re.findall(words, page.read_text())}
    assert stated == {in_units(LIMITS[words])}


# --- The section "Production" of the README ---

(WITH_A_POOL,) = blocks_run_by("tests/test_docs.py::test_the_lines_of_the_readme_are_enough_to_serve")
(WITHOUT,) = blocks_run_by("tests/test_docs.py::test_the_local_cognito_stands_in_by_the_lines_of_the_readme")


def _checked(lines: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """What the check before `make serve` says to an environment that these lines alone have made."""
    script = "\n".join([*lines, f"exec {sys.executable} manage.py check --deploy --fail-level ERROR"])
    return subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _exports(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.startswith(("export ", "eval "))]


def test_the_lines_of_the_readme_are_enough_to_serve() -> None:
    checked = _checked(_exports(WITH_A_POOL))
    assert (checked.returncode, checked.stdout + checked.stderr) == (
        0,
        "System check identified no issues (0 silenced).\n",
    )


@pytest.mark.parametrize("left_out", _exports(WITH_A_POOL))
def test_none_of_them_may_be_left_out(left_out: str) -> None:
    checked = _checked(line for line in _exports(WITH_A_POOL) if line != left_out)
    assert checked.returncode == 1
    assert re.findall(r"\b[A-Z]+(?:_[A-Z]+)+", left_out)[0] in checked.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_local_cognito_stands_in_by_the_lines_of_the_readme(cognito: LocalCognito) -> None:
    lines = [line.replace("http://127.0.0.1:9229", cognito.url) for line in _exports(WITHOUT)]
    lines += [line for line in _exports(WITH_A_POOL) if "COGNITO_" not in line and "ALLOWED_HOSTS" not in line]
    checked = _checked(lines)
    assert checked.returncode == 0, checked.stderr
