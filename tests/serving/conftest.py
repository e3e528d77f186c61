"""The production server with two workers, running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cognito.server import LocalCognito
from tests.service import Service, manage, production


@pytest.fixture
def service(stand_in: LocalCognito, tmp_path: Path) -> Iterator[Service]:
    """The service, running, with a database of its own."""
    stand_in.reset()
    environment = production(stand_in, tmp_path / "books.sqlite3")
    manage(environment, "migrate", "-v", "0")
    running = Service(environment)
    running.start()
    yield running
    running.stop()
