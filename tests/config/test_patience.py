"""PostgreSQL is away: one tries it, the others are told at once. A frozen one is not waited for for ever."""

import os
import socket
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from psycopg import OperationalError

from config.postgresql.patience import PATIENCE_SECONDS, REST_SECONDS, Gate, PatientConnection
from tests.accounts.test_slots import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    """A gate that has just closed."""
    gate = Gate(clock)
    with pytest.raises(OperationalError), gate.passed():
        raise OperationalError
    return gate


def test_an_open_gate_lets_everybody_in() -> None:
    gate = Gate()
    with gate.passed() as first, gate.passed() as second:
        assert (first, second) == (False, False)


def test_a_closed_gate_refuses_at_once(gate: Gate) -> None:
    with pytest.raises(OperationalError), gate.passed():
        pytest.fail("it let somebody in")


def test_after_a_rest_one_at_a_time_tries(gate: Gate, clock: Clock) -> None:
    clock.now += REST_SECONDS
    with gate.passed() as trial:
        assert trial
        with pytest.raises(OperationalError), gate.passed():
            pytest.fail("two tried")


def test_a_trial_that_succeeds_opens_it(gate: Gate, clock: Clock) -> None:
    clock.now += REST_SECONDS
    with gate.passed():
        pass
    with gate.passed() as trial:
        assert not trial


def test_a_trial_that_fails_keeps_it_closed_for_another_rest(gate: Gate, clock: Clock) -> None:
    clock.now += REST_SECONDS
    with pytest.raises(OperationalError), gate.passed():
        raise OperationalError
    with pytest.raises(OperationalError), gate.passed():
        pytest.fail("it let somebody in")
    clock.now += REST_SECONDS
    with gate.passed() as trial:
        assert trial


def test_another_fault_than_the_databases_ends_the_trial_and_no_more(gate: Gate, clock: Clock) -> None:
    clock.now += REST_SECONDS
    with pytest.raises(ValueError, match="ours"), gate.passed():
        raise ValueError("ours")
    with gate.passed() as trial:
        assert trial


def test_whoever_went_in_before_it_closed_does_not_open_it(clock: Clock) -> None:
    gate = Gate(clock)
    with gate.passed():
        gate.close()
    with pytest.raises(OperationalError), gate.passed():
        pytest.fail("it let somebody in")


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[PatientConnection]:
    """A connection to a PostgreSQL whose answers stop coming."""
    if connection.vendor != "postgresql":
        pytest.skip("needs DATABASE_URL to name a PostgreSQL database")
    database = settings.DATABASES["default"]
    target = (database["HOST"] or "127.0.0.1", int(database["PORT"] or 5432))
    hung, done = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(target) as far:

        def pass_on(source: socket.socket, sink: socket.socket) -> None:
            try:
                while (data := source.recv(65536)) and not hung.is_set():
                    sink.sendall(data)
            except OSError:
                pass

        def serve() -> None:
            near, _ = listener.accept()
            with near:
                back = threading.Thread(target=pass_on, args=(far, near), daemon=True)
                back.start()
                pass_on(near, far)
                done.wait(30)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        patient = PatientConnection.connect(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            user=database["USER"] or os.environ.get("USER", ""),
            password=database["PASSWORD"] or None,
            dbname="postgres",
            autocommit=True,
        )
        patient.execute("SELECT 1")
        hung.set()
        yield patient
        patient.close()
        done.set()
    server.join(30)


@pytest.mark.postgresql
def test_an_answer_that_does_not_come_ends_the_connection_and_closes_the_gate(frozen: PatientConnection) -> None:
    frozen.patience, frozen.gate = 0.2, Gate()
    with pytest.raises(OperationalError, match="did not answer"):
        frozen.execute("SELECT 1")
    assert frozen.closed
    with pytest.raises(OperationalError), frozen.gate.passed():
        pytest.fail("it let somebody in")


def test_patience_outlasts_the_time_out_of_a_statement() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs DATABASE_URL to name a PostgreSQL database")
    options = settings.DATABASES["default"]["OPTIONS"]["options"]
    milliseconds = int(options.partition("statement_timeout=")[2].split()[0])
    assert milliseconds / 1000 < PATIENCE_SECONDS
