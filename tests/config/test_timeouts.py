"""Client-side timeouts and the circuit breaker for PostgreSQL: one that is unreachable or frozen holds few threads."""

import os
import socket
import threading
from collections.abc import Iterator

import django.db
import pytest
from django.conf import settings
from django.db import connection
from psycopg import OperationalError

from accounts.tokens.resilience import CircuitBreaker
from config.postgresql.timeouts import ANSWER_TIMEOUT_SECONDS, OPEN_SECONDS, TimeoutConnection, breaker_of


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[TimeoutConnection]:
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
        limited = TimeoutConnection.connect(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            user=database["USER"] or os.environ.get("USER", ""),
            password=database["PASSWORD"] or None,
            dbname="postgres",
            autocommit=True,
        )
        limited.execute("SELECT 1")
        hung.set()
        yield limited
        limited.close()
        done.set()
    server.join(30)


@pytest.mark.postgresql
def test_an_answer_that_does_not_come_closes_the_connection_and_opens_the_circuit(frozen: TimeoutConnection) -> None:
    frozen.answer_timeout, frozen.breaker = 0.2, CircuitBreaker(OPEN_SECONDS)
    with pytest.raises(OperationalError, match="did not answer"):
        frozen.execute("SELECT 1")
    assert frozen.closed
    assert frozen.breaker.is_open


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_while_the_circuit_is_open_requests_are_refused_without_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs DATABASE_URL to name a PostgreSQL database")
    connection.close()
    monkeypatch.setattr("config.postgresql.timeouts.OPEN_SECONDS", 60.0)  # however busy the machine is
    breaker_of.cache_clear()
    breaker_of("default").trip()
    try:
        with pytest.raises(django.db.OperationalError, match="a moment ago"):
            connection.ensure_connection()
    finally:
        breaker_of.cache_clear()
    connection.ensure_connection()


def test_the_timeout_of_an_answer_outlasts_that_of_a_statement() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs DATABASE_URL to name a PostgreSQL database")
    options = settings.DATABASES["default"]["OPTIONS"]["options"]
    milliseconds = int(options.partition("statement_timeout=")[2].split()[0])
    assert milliseconds / 1000 < ANSWER_TIMEOUT_SECONDS
