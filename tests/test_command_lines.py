"""Command lines of the documents: run by a test or marked as not run; right for bash, and for the AWS CLI.

Nobody can run `aws …` here. Its commands are generated from the service models that botocore carries, so operations,
options and required members are held against those; so are the scripts of infra/ and the steps of the workflows.
"""

import ast
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import jmespath  # type: ignore[import-untyped]
import pytest
import yaml
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel
from django.conf import settings

from books.models import Book
from config.logs import JSONFormatter
from tests.documents import PAGES, ROOT, Block, blocks_run_by, shell_blocks

BLOCKS = [block for page in PAGES for block in shell_blocks(page)]
every_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)


def unaccounted(blocks: list[Block]) -> list[str]:
    """Places of blocks that are neither run by a test that exists nor marked as not run."""
    return [block.place for block in blocks if not (block.not_run or _is_a_test(block.run_by))]


def _is_a_test(name: str) -> bool:
    file, _, test = name.partition("::")
    path = ROOT / file
    if not (test.startswith("test_") and path.is_file()):
        return False
    return any(
        isinstance(node, ast.FunctionDef) and node.name == test for node in ast.walk(ast.parse(path.read_text()))
    )


def test_every_block_is_run_by_a_test_or_marked_as_not_run() -> None:
    assert len(BLOCKS) > 40
    assert unaccounted(BLOCKS) == []


def test_a_test_that_is_said_to_run_a_block_knows_its_page() -> None:
    for block in BLOCKS:
        if block.run_by:
            text = (ROOT / block.run_by.partition("::")[0]).read_text()
            assert block.page.name in text or "blocks_run_by" in text, block.place


def test_a_block_that_nobody_accounts_for_is_noticed() -> None:
    fence = "```sh\nmake run\n```\n"
    page = ROOT / "README.md"
    for mark, noticed in {
        "": True,
        "<!-- run by: tests/test_docs.py::test_of_nothing -->\n": True,
        "<!-- run by: tests/nowhere.py::test_x -->\n": True,
        "<!-- not run: needs AWS -->\nA sentence in between.\n": True,
        "<!-- not run: needs AWS -->\n": False,
        "<!-- run by: tests/test_docs.py::test_no_link_is_dead -->\n": False,
    }.items():
        assert bool(unaccounted(list(shell_blocks(page, mark + fence)))) is noticed, mark


@every_block
def test_bash_understands_every_block(block: Block) -> None:
    read = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, ""), block.place


def test_no_command_line_hides_in_an_indented_block() -> None:
    for page in PAGES:
        prose = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        hidden = re.findall(
            r"^    (?:[A-Z_]+=\S+ )*(?:make|bash|curl|aws|eb|docker|git|psql|sudo|\.venv/).*$", prose, re.M
        )
        assert hidden == [], page.name


# --- What can be run here ---


def run(script: str, folder: Path, **variables: str) -> str:
    """The output of a script of a page; fails with its errors."""
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "DJANGO_DEBUG": "true", **POOL, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


POOL = {"COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123", "COGNITO_REGION": "eu-west-1", "COGNITO_CLIENT_ID": "web"}


def test_short_lines_of_the_pages_work(tmp_path: Path) -> None:
    scripts = blocks_run_by("tests/test_command_lines.py::test_short_lines_of_the_pages_work")
    assert len(scripts) == 2
    (tmp_path / "books.csv").write_text("Name,Writers\nGood Omens,Terry Pratchett;Neil Gaiman\n")
    script = "\n".join(["python manage.py migrate --verbosity 0", *scripts]).replace(
        "books.csv", f"{tmp_path}/books.csv"
    )
    script = script.replace(".venv/bin/python", "python").replace("python ", f"{sys.executable} ")
    assert "created              1\n" in run(script, ROOT, DATABASE_URL=f"sqlite:///{tmp_path}/books.sqlite3")


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_the_log_answers_the_questions_of_the_page(tmp_path: Path) -> None:
    (script,) = blocks_run_by("tests/test_command_lines.py::test_the_log_answers_the_questions_of_the_page")
    request, person = (re.findall(rf"--arg {name} (\S+)", script)[0] for name in ("id", "sub"))

    def line(**fields: object) -> str:
        record = logging.LogRecord("config.requests", logging.INFO, "", 0, "GET /", (), None)
        record.fields = {"method": "GET", "path": "/", "route": "/", **fields}
        return JSONFormatter().format(record)

    crash = line(status=500, ms=1500.5, code="internal_error", request_id=request, traceback="Traceback: …")
    (tmp_path / "log").write_text("\n".join([crash, line(status=200, ms=2.5, sub=person), ""]))
    answers = [run(question, tmp_path).strip() for question in script.splitlines()]
    failed, one, crashes, slowest, codes, did = answers
    assert json.loads(failed)["code"] == "internal_error"
    assert json.loads(one)["request_id"] == request
    assert "Traceback: …" in crashes
    assert (slowest, codes) == ("1500.5\tGET\t/", "1 internal_error")
    assert json.loads(did)["status"] == 200


DATABASE = settings.DATABASES["default"]


@pytest.mark.skipif(DATABASE["ENGINE"] != "config.postgresql", reason="needs PostgreSQL: DATABASE_URL")
@pytest.mark.skipif(not shutil.which("pg_dump"), reason="needs PostgreSQL's programs for clients")
@pytest.mark.django_db(transaction=True)
def test_a_backup_is_restored_by_the_lines_of_the_page(tmp_path: Path) -> None:
    scripts = blocks_run_by("tests/test_command_lines.py::test_a_backup_is_restored_by_the_lines_of_the_page")
    restored = f"restored_{os.getpid()}"
    script = "\n".join(scripts).replace("books_restored", restored)
    script = script.replace("books.dump", f"{tmp_path}/books.dump").replace(".venv/bin/python", sys.executable)
    # Whoever is at the database's own machine has these from its socket.
    there = {"PGHOST": DATABASE["HOST"], "PGPORT": str(DATABASE["PORT"] or 5432), "PGUSER": DATABASE["USER"]}
    there["PGPASSWORD"] = DATABASE["PASSWORD"]
    url = f"postgresql://{there['PGUSER']}@{there['PGHOST']}:{there['PGPORT']}/{DATABASE['NAME']}"
    Book.objects.create(title="Kindred")
    try:
        counted = run(script, ROOT, DATABASE_URL=url, **there)
    finally:
        run(f"dropdb --if-exists {restored}", ROOT, **there)
    assert re.search(r"^\s+1 \|", counted, re.MULTILINE), counted


# --- The AWS CLI ---

# Options of every command (aws help), and commands that are written by hand rather than generated.
GLOBAL = {"--output", "--profile", "--query", "--region", "--no-cli-pager", "--endpoint-url"}
BY_HAND: dict[tuple[str, ...], set[str]] = {
    ("cloudformation", "deploy"): {
        "--stack-name",
        "--template-file",
        "--parameter-overrides",
        "--capabilities",
        "--no-fail-on-empty-changeset",
        "--role-arn",
    },
    ("configure", "set"): set(),
    ("ecr", "get-login-password"): set(),
    ("s3", "cp"): {"--no-progress"},
    ("s3", "rm"): {"--quiet"},
    ("sso", "login"): set(),
}
# Options that the CLI writes differently from the member of the model: --protocol, --port … of a whole structure.
RENAMED = {
    ("ec2", "authorize-security-group-ingress"): {"--protocol", "--port", "--source-group"},
    ("lambda", "create-function"): {"--zip-file"},
}


@cache
def _loader() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def operations(service: str) -> dict[str, OperationModel]:
    """The operations of a service by their names in the CLI. Raises UnknownServiceError."""
    model = _loader().get_service_model(service)
    return {botocore.xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def aws_commands(text: str) -> Iterator[list[str]]:
    """The words of every `aws …` in a script, substitutions and all."""
    joined = re.sub(r"\\\n\s*", " ", text)
    joined = re.sub(r"^\s*#.*$", "", joined, flags=re.MULTILINE)
    for found in re.finditer(r"(?<![\w./-])aws (?=[a-z0-9]+ [a-z])", joined):
        yield _words(joined[found.end() :])


def _words(text: str) -> list[str]:
    """The words up to the end of a command; quotes are removed, a substitution is one word."""
    words: list[str] = []
    word, depth, quote = "", 0, ""
    for position, sign in enumerate(text):
        if quote:
            if sign == quote and not depth:
                quote = ""
            else:
                depth += text[position : position + 2] == "$("
                depth -= sign == ")" and depth > 0
                word += sign
        elif sign in "'\"" and not depth:
            quote = sign
        elif text[position : position + 2] == "$(":
            depth += 1
            word += sign
        elif depth:
            depth -= sign == ")"
            word += sign
        elif sign in "|;&)>\n#" and (sign not in "#" or not word):
            break
        elif sign in " \t":
            words, word = [*words, word] if word else words, ""
        else:
            word += sign
    return [*words, word] if word else words


def wrong(words: list[str]) -> list[str]:
    """What the AWS CLI would refuse of a command: its name, an option, a missing option, a query that is none."""
    service, operation = words[0], words[1]
    options = {re.sub(r"=.*", "", word) for word in words if word.startswith("--")}
    for place, word in enumerate(words[:-1]):
        if word == "--query" and "$" not in (query := words[place + 1]):
            try:
                jmespath.compile(query)
            except jmespath.exceptions.ParseError:
                return [f"{service} {operation}: --query {query}"]
    if (service, operation) in BY_HAND:
        return [f"{service} {operation} {o}" for o in options - BY_HAND[service, operation] - GLOBAL]
    try:
        known = operations(service)
    except UnknownServiceError:
        return [f"{service} is no service"]
    if operation == "wait":
        return _wrong_waiter(service, words[2], options)
    if operation not in known:
        return [f"{service} has no {operation}"]
    return _wrong_options(f"{service} {operation}", known[operation], options, RENAMED.get((service, operation), set()))


def _wrong_waiter(service: str, waiter: str, options: set[str]) -> list[str]:
    model = _loader().get_waiter_model(service)
    for name in model.waiter_names:
        if botocore.xform_name(name, "-") == waiter:
            operation = operations(service)[botocore.xform_name(model.get_waiter(name).operation, "-")]
            return _wrong_options(f"{service} wait {waiter}", operation, options, set())
    return [f"{service} waits for no {waiter}"]


def _wrong_options(name: str, operation: OperationModel, options: set[str], renamed: set[str]) -> list[str]:
    shape = operation.input_shape
    members = (
        {f"--{botocore.xform_name(member, '-')}": shape.members[member] for member in shape.members} if shape else {}
    )
    flags = {f"--no-{option[2:]}" for option, member in members.items() if member.type_name == "boolean"}
    of_paginators = {"--max-items", "--page-size", "--starting-token", "--no-paginate"}
    unknown = options - set(members) - flags - GLOBAL - renamed - of_paginators
    required = {f"--{botocore.xform_name(member, '-')}" for member in (shape.required_members if shape else [])}
    return [f"{name} {o}" for o in unknown] + [f"{name} lacks {o}" for o in required - options]


def _scripts() -> dict[str, str]:
    """Everything that calls the AWS CLI, by where it stands."""
    found = {block.place: block.text for block in BLOCKS}
    found |= {path.name: path.read_text() for path in (ROOT / "infra").glob("*.sh")}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            found[path.name] = found.get(path.name, "") + "\n".join(step.get("run", "") for step in job["steps"])
    return found


def _inline() -> dict[str, str]:
    """Command lines in code spans, as far as they are whole."""
    return {
        f"{page.name}: {span}": span
        for page in PAGES
        for span in re.findall(r"`(aws [^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.M | re.S))
    }


def test_the_aws_cli_would_take_every_command() -> None:
    commands = {(place, *words) for place, text in _scripts().items() for words in aws_commands(text)}
    assert len(commands) > 60
    assert [f"{place}: {found}" for place, *words in sorted(commands) for found in wrong(words)] == []


def test_commands_in_sentences_exist() -> None:
    for place, text in _inline().items():
        for words in aws_commands(text):
            assert [found for found in wrong(words) if "lacks" not in found] == [], place


@pytest.mark.parametrize(
    "line, found",
    [
        ("aws ecs run-tasks --cluster c", ["ecs has no run-tasks"]),
        ("aws ecss run-task", ["ecss is no service"]),
        ("aws ecs run-task --cluster c --tsk d --task-definition t", ["ecs run-task --tsk"]),
        ("aws ecs run-task --cluster c", ["ecs run-task lacks --task-definition"]),
        ("aws ecs wait tasks-gone --cluster c", ["ecs waits for no tasks-gone"]),
        ("aws sts get-caller-identity --query 'Account['", ["sts get-caller-identity: --query Account["]),
        ("aws s3 cp a b --no-progres", ["s3 cp --no-progres"]),
        ('x=$(aws rds modify-db-instance --no-deletion-protection --db-instance-identifier "$(aws a b)" | tr a b)', []),
    ],
)
def test_a_command_that_the_aws_cli_would_refuse_is_noticed(line: str, found: list[str]) -> None:
    assert wrong(next(aws_commands(line))) == found
