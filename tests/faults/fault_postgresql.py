"""PostgreSQL goes away, dies, freezes, or has no connection left."""

import contextlib
import time
from contextlib import ExitStack, closing

import psycopg

from tests.faults.load import Load
from tests.faults.scene import DATABASE_DOWN, Say, Scene


def test_postgresql_stopped(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("PostgreSQL stops")
            load.broken()
            scene.postgresql.stop()
            time.sleep(10)
            scene.postgresql.start()
            load.repaired()
            load.until_well()
        scene.judge("postgresql stopped", load, server, allowed=[DATABASE_DOWN])


def test_postgresql_killed(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("PostgreSQL -9")
            load.broken()
            scene.postgresql.kill()
            time.sleep(3)
            scene.postgresql.start()
            load.repaired()
            load.until_well()
        scene.judge("postgresql killed", load, server, allowed=[DATABASE_DOWN])


def test_postgresql_frozen(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("PostgreSQL SIGSTOP")
            load.broken()
            scene.postgresql.freeze()
            time.sleep(20)
            scene.postgresql.thaw()
            load.repaired()
            load.until_well()
        scene.judge("postgresql frozen", load, server, allowed=[DATABASE_DOWN])


def test_postgresql_has_no_connection_left(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("others take every connection, those of the server too")
            load.broken()
            with ExitStack() as others:
                until = time.monotonic() + 10
                taken = 0
                while time.monotonic() < until:
                    scene.postgresql.cut_off("application_name <> 'other'")
                    with contextlib.suppress(psycopg.OperationalError):
                        while True:
                            url = scene.postgresql.url("postgres") + "?application_name=other"
                            others.enter_context(closing(psycopg.connect(url)))
                            taken += 1
                    time.sleep(0.2)
                assert taken > scene.postgresql.max_connections - 10
            load.repaired()
            load.until_well()
        scene.judge("postgresql full", load, server, allowed=[DATABASE_DOWN])
