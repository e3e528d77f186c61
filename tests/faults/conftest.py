"""`make faults`: what the rows share, their progress, and the table at the end."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cognito.server import LocalCognito
from tests.faults import table
from tests.faults.load import Row
from tests.faults.scene import Say, Scene

ROWS = pytest.StashKey[list[Row]]()


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Progress, for people who wait."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    began = time.monotonic()

    def tell(sentence: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"{time.monotonic() - began:6.1f} s  {sentence}", flush=True)

    return tell


@pytest.fixture(scope="session")
def scene(request: pytest.FixtureRequest, say: Say) -> Iterator[Scene]:
    """PostgreSQL, Redis and a local Cognito of our own."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, LocalCognito() as cognito:
        Path(folder).chmod(0o755)  # PostgreSQL's own user passes through
        say("PostgreSQL, Redis and a local Cognito are started ...")
        scene = Scene(Path(folder), cognito, say)
        request.config.stash[ROWS] = scene.rows
        yield scene
        scene.close()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, on the terminal and in the document."""
    rows = terminalreporter.config.stash.get(ROWS, [])
    if rows:
        terminalreporter.write_line("")
        for row in rows:
            terminalreporter.write_line(table.line(row).rstrip())
        table.write(rows)
        terminalreporter.write_line(f"Written to {table.DOCUMENT}")
