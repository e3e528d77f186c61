"""The read replica goes away, or stops following."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from books.replica import LOOK_SECONDS, MAX_BEHIND_SECONDS
from tests.faults.load import BOOKS, Client, Load
from tests.faults.scene import DATABASE_DOWN, Say, Scene
from tests.faults.services import PostgreSQL, Server, wait_until
from tests.serving.test_replica import Standby

MARGIN_SECONDS = 1.5


@pytest.fixture
def replica(scene: Scene) -> Iterator[PostgreSQL]:
    """A replica of the scene's PostgreSQL, following."""
    folder = Path(tempfile.mkdtemp(prefix="replica-", dir=scene.folder))
    folder.chmod(0o755)  # PostgreSQL's own user passes through
    replica = Standby(folder, scene.postgresql)
    replica.start()
    yield replica
    replica.stop()


@pytest.fixture
def server(scene: Scene, replica: PostgreSQL) -> Iterator[Server]:
    """A server that reads from the replica."""
    url = scene.database()
    name = url.rpartition("/")[2]
    wait_until("The replica has the database", lambda: replica.has(name))
    with scene.server(url, DATABASE_REPLICA_URL=replica.url(name)) as server:
        yield server


def test_replica_stopped(scene: Scene, say: Say, replica: PostgreSQL, server: Server) -> None:
    with Load(scene.cast(server), server.port) as load:
        time.sleep(4)
        say("the replica is stopped")
        load.broken()
        replica.stop()
        time.sleep(8)
        replica.start()
        load.repaired()
        load.until_well()
    # Until it is noticed, some are sent there.
    scene.judge("replica away", load, server, allowed=[DATABASE_DOWN])


def test_replica_behind(scene: Scene, say: Say, replica: PostgreSQL, server: Server) -> None:
    cast = scene.cast(server)
    with Load(cast, server.port) as load:
        time.sleep(4)
        say("the replica stops following")
        load.broken()
        replica.execute("SELECT pg_wal_replay_pause()")
        client = Client(server.port)
        oldest = MAX_BEHIND_SECONDS + LOOK_SECONDS + MARGIN_SECONDS
        added: list[tuple[float, int]] = []
        behind = 0
        until = time.monotonic() + 12
        while time.monotonic() < until:
            book = {"title": f"Seen late {len(added)}", "authors": ["Uma User"]}
            answer = client.ask("POST", BOOKS, book, cast.writers[0])
            assert answer.told == "201", answer
            added.append((time.monotonic(), answer.body["id"]))
            # Who wrote sees it at once; everybody else does before long.
            assert _shown(client, [answer.body["id"]], cast.writers[0])
            asked = time.monotonic()
            hidden = {pk for _, pk in added} - _shown(client, [pk for _, pk in added])
            behind += len(hidden)
            missing = [pk for moment, pk in added if asked - moment > oldest and pk in hidden]
            assert not missing, f"{missing} were hidden for {oldest} s"
            time.sleep(0.5)
        assert behind, "the replica was never asked"
        replica.execute("SELECT pg_wal_replay_resume()")
        load.repaired()
        load.until_well()
    scene.judge("replica behind", load, server, notes=[f"Nothing written was hidden for more than {oldest:.1f} s."])


def _shown(client: Client, pks: list[int], token: str = "") -> set[int]:
    """Which of these books a list shows."""
    answer = client.ask("GET", f"{BOOKS}?page_size=100&id={','.join(map(str, pks))}", token=token)
    assert answer.told == "200", answer
    return {book["id"] for book in answer.body["results"]}
