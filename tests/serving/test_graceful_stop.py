"""A server that is told to stop loses no request: with two workers, under load, whoever tells it."""

import os
import select
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD
from tests.faults.services import wait_until
from tests.service import Service, manage, production

Tell = Callable[[Service], None]
Act = Callable[["Load"], None]


@pytest.fixture
def service(stand_in: LocalCognito, tmp_path: Path) -> Iterator[Service]:
    """The service, running, as in production: it drains before it stops."""
    stand_in.reset()
    environment = production(stand_in, tmp_path / "books.sqlite3", DRAIN_SECONDS="1")
    manage(environment, "migrate", "-v", "0")
    running = Service(environment)
    running.start()
    yield running
    running.stop()


class Load:
    """Clients that ask without pause until `end`: new connections each time, busy ones, and ones that rest between.

    `seen` counts statuses; `lost` says of each request that was sent on a connection and never answered how it ended;
    `asking` are the threads whose request has no answer yet.
    """

    def __init__(self, service: Service) -> None:
        self.seen: Counter[int] = Counter()
        self.lost: list[str] = []
        self.refused = 0
        self.asking: set[int] = set()
        self._port = service.port
        self._over = threading.Event()
        kinds = [(False, 0.0)] * 6 + [(True, 0.0)] * 3 + [(True, 0.02)] * 6
        self._threads: list[threading.Thread] = []
        for kind in kinds:
            self.add(*kind)

    def add(self, keeps: bool, rest: float) -> threading.Thread:
        """One more client: does it keep its connection, and for how many seconds does it rest between two requests?"""
        self._threads.append(threading.Thread(target=self._ask, args=(keeps, rest)))
        self._threads[-1].start()
        return self._threads[-1]

    def end(self) -> None:
        """Stop asking, and wait for the last answers."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, keeps: bool, rest: float) -> None:
        connection: HTTPConnection | None = None
        while not self._over.is_set():
            if connection is None:
                connection = self._connected()
                continue
            self.asking.add(threading.get_ident())
            try:
                connection.request("GET", "/healthz", headers={} if keeps else {"Connection": "close"})
                response = connection.getresponse()
                response.read()
            except (OSError, HTTPException) as error:
                self.lost.append(f"{'kept' if keeps else 'new'} connection: {type(error).__name__}")
                response = None
            self.asking.discard(threading.get_ident())
            if response is not None:
                self.seen[response.status] += 1
            # One that the server has closed while it was idle has no request on it: nothing is lost.
            if response is None or response.will_close or select.select([connection.sock], [], [], rest)[0]:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _connected(self) -> HTTPConnection | None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=40)
        try:
            connection.connect()
        except OSError:
            # Nobody is there any more: a load balancer asks another server. No request was sent.
            self.refused += 1
            self._over.wait(0.05)
            return None
        return connection


def under_load(service: Service, act: Act) -> Load:
    """What clients see of a server to which something is done among their requests, and which ends."""
    load = Load(service)
    try:
        # Some seventy of each client: they are at it.
        wait_until("the clients are being answered", lambda: load.seen[200] > 1000, 60)
        act(load)
        assert service.ended(60), "The server did not stop."
        wait_until("the load has outlived the server", lambda: load.refused > 0)
    finally:
        load.end()
    return load


def the_main_process(service: Service) -> None:
    """As a container's runtime does, or `kill`."""
    os.kill(service.pid, signal.SIGTERM)


def the_whole_group(service: Service) -> None:
    """As a service manager does, or make and its shell."""
    os.killpg(service.pid, signal.SIGTERM)


def control_c(service: Service) -> None:
    """As somebody at the terminal does."""
    os.killpg(service.pid, signal.SIGINT)


@pytest.mark.parametrize("tell", [the_main_process, the_whole_group, control_c])
def test_every_request_is_answered_when_the_server_is_told_to_stop(service: Service, tell: Tell) -> None:
    load = under_load(service, lambda _: tell(service))
    assert load.lost == []
    assert set(load.seen) == {200}


def test_every_request_is_answered_when_one_worker_is_told_to_stop_and_replaced(service: Service) -> None:
    def stop_a_worker(load: Load) -> None:
        worker = psutil.Process(service.pid).children()[0]
        worker.terminate()
        wait_until("the worker has ended", lambda: not worker.is_running(), 60)
        answered = load.seen[200]
        wait_until("its successor answers too", lambda: load.seen[200] > answered + 1000, 60)
        the_main_process(service)

    load = under_load(service, stop_a_worker)
    assert load.lost == []
    assert set(load.seen) == {200}


def test_the_same_clients_notice_a_server_that_is_killed(service: Service) -> None:
    def kill(load: Load) -> None:
        # It is so fast that it might have answered them all just then: somebody asks when it no longer can.
        main = psutil.Process(service.pid)
        os.killpg(service.pid, signal.SIGSTOP)
        processes = [main, *main.children()]
        wait_until("it stands still", lambda: {each.status() for each in processes} == {psutil.STATUS_STOPPED})
        late = load.add(True, 0.0)
        wait_until("somebody waits for an answer", lambda: late.ident in load.asking)
        os.killpg(service.pid, signal.SIGKILL)

    load = under_load(service, kill)
    assert load.lost != []


def test_a_book_that_is_still_being_sent_is_added_before_the_server_stops(service: Service) -> None:
    credentials = {"email": "user@example.com", "password": PASSWORD}
    token = service.ask("POST", f"{ACCOUNTS}sign-in/", credentials).body["access_token"]
    body = b'{"title": "The Tombs of Atuan", "authors": ["Ursula K. Le Guin"]}'
    slow = HTTPConnection("127.0.0.1", service.port, timeout=40)
    slow.putrequest("POST", BOOKS)
    slow.putheader("Authorization", f"Bearer {token}")
    slow.putheader("Content-Type", "application/json")
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders(body[:20])
    the_main_process(service)
    # Long after the last new connection was taken.
    assert not service.ended(4)
    slow.send(body[20:])
    answer = slow.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (201, "close")
    assert service.ended(25)  # and is not killed, which comes later
    slow.close()


def test_idle_connections_hold_no_server_back(service: Service) -> None:
    idle = HTTPConnection("127.0.0.1", service.port, timeout=40)
    idle.request("GET", "/healthz")
    assert idle.getresponse().read()
    the_main_process(service)
    assert service.ended(25)  # and is not killed, which comes later
    idle.close()
