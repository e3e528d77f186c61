"""Clients that other people's generators make from our OpenAPI document do all that a client does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.generated.clients import ACTS, GENERATORS, Generator, table
from tests.clients.generated.service import Target, running


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The production server, and its OpenAPI document."""
    with running(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator.name)
def test_a_generated_client_pages_adds_changes_and_deletes(
    request: pytest.FixtureRequest, generator: Generator, tmp_path: Path
) -> None:
    if missing := generator.missing():
        pytest.skip(missing)
    target: Target = request.getfixturevalue("target")
    told = target.acted(generator, tmp_path)
    print(table({generator.name: told}))
    assert told == dict.fromkeys(ACTS, "yes")
