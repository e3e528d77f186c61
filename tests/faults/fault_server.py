"""The server's own processes die, or are stopped."""

import time

from tests.faults.load import Load
from tests.faults.scene import Say, Scene
from tests.faults.services import Server, wait_until


def is_whole(server: Server) -> bool:
    """Whether all workers are there."""
    return len(server.worker_processes()) == server.workers


def test_worker_killed(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            for worker in server.worker_processes():
                say("a worker is killed")
                load.broken()
                worker.kill()
                load.repaired()  # nobody has to do anything
                worker.wait(5)
                wait_until("The worker was replaced", lambda: is_whole(server))
                load.until_well()
        # Whoever was with the worker that died is cut off; nobody else.
        scene.judge("worker killed", load, server, allowed=["connection closed"])


def test_server_stopped_and_started(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("the server is told to stop")
            load.broken()
            began = time.monotonic()
            assert server.terminate() == 0
            gone = time.monotonic() - began
            server.start()
            load.repaired()
            load.until_well()
        # Not one request that was taken in was dropped: while nobody listens, clients cannot connect, no more.
        scene.judge("server stopped", load, server, allowed=["connection refused"], notes=[f"Gone in {gone:.1f} s."])


def test_server_rolled(scene: Scene, say: Say) -> None:
    with scene.server() as old, scene.another(old) as new:
        with Load(scene.cast(old), old.port, new.port) as load:
            time.sleep(3)
            for server in (old, new, old):
                say("one of two servers is told to stop, and started again")
                load.broken()
                load.repaired()  # the other serves on
                server.terminate()
                server.start()
                load.until_well()
        scene.judge("server rolled", load, new)
