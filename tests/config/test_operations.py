"""What operators see: request ids, log lines, health."""

import http.client
import io
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.tokens.testing import Pool
from config import operations
from config.logs import JSONFormatter, TextFormatter, redacted
from local_cognito.server import LocalCognito
from tests.accounts.browsers import signed_in
from tests.conftest import Client
from tests.faults.services import wait_until
from tests.service import Service, production

pytestmark = pytest.mark.django_db

# Nobody listens there; the address has a password in it.
NO_REDIS = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://:hunter2@127.0.0.1:1/0",
    }
}


# Looked for before PostgreSQL alone (tests/serving/test_pooler.py).
POOLER = {"pooler": "ok"} if connection.vendor == "postgresql" else {}


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/api/v1/nowhere/", "/healthz", "/nowhere"])
def test_every_answer_carries_a_request_id(path: str, visitor: Client) -> None:
    first, second = visitor.get(path), visitor.get(path)
    assert len(first["X-Request-ID"]) == 32
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_a_client_may_name_its_request(visitor: Client) -> None:
    assert visitor.get("/api/v1/", headers={"X-Request-ID": "my-request.1"})["X-Request-ID"] == "my-request.1"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "line\nbreak", "<script>", "ä"])
def test_an_odd_request_id_is_replaced(sent: str, visitor: Client) -> None:
    assert visitor.get("/api/v1/", headers={"X-Request-ID": sent})["X-Request-ID"] not in ("", sent)


def test_a_request_is_logged_with_who_and_how_long_and_never_with_its_query(
    uma: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "config.requests"):
        response = uma.get("/api/v1/books/?search=secret")
    (record,) = [record for record in caplog.records if record.name == "config.requests"]
    fields: dict[str, Any] = record.fields  # type: ignore[attr-defined]
    assert fields["status"] == 200
    assert fields["path"] == "/api/v1/books/"
    assert fields["sub"] == uma.sub
    assert fields["roles"] == ["ROLE_USER"]
    assert fields["ms"] > 0
    assert "secret" not in record.getMessage() + str(fields)
    assert response["X-Request-ID"]


def test_a_json_line_is_one_object_with_the_fields() -> None:
    record = logging.LogRecord("name", logging.INFO, "", 0, "hello %s", ("you",), None)
    record.fields = {"status": 200}
    line = json.loads(JSONFormatter().format(record))
    assert (line["message"], line["status"], line["level"]) == ("hello you", 200, "INFO")


def test_no_log_line_holds_a_token_even_when_somebody_logs_one(pool: Pool) -> None:
    token = pool.access_token()
    try:
        raise ValueError(token)
    except ValueError as error:
        record = logging.LogRecord("name", logging.ERROR, "", 0, "refused %s", (token,), (ValueError, error, None))
    for formatter in (JSONFormatter(), TextFormatter()):
        line = formatter.format(record)
        assert "[token]" in line
        assert not any(part in line for part in token.split("."))
    assert redacted("nothing to hide") == "nothing to hide"


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    """What the service writes to its log, as settings.LOGGING has it."""
    (handler,) = (
        each for each in logging.getLogger().handlers if isinstance(each.formatter, TextFormatter | JSONFormatter)
    )
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def test_a_wrong_host_is_one_line_of_the_log(visitor: Client, console: io.StringIO) -> None:
    assert visitor.get("/", headers={"Host": "evil.example"}).status_code == 400
    (line,) = console.getvalue().splitlines()
    assert "GET / 400" in line


def test_the_line_of_a_wrong_host_names_it_and_not_at_any_length(visitor: Client, caplog: Any) -> None:
    caplog.set_level("INFO", "config.requests")
    visitor.get("/api/v1/books/", headers={"Host": "evil.example" + "a" * 1000})
    assert visitor.get("/api/v1/books/?page_size=0").status_code == 400
    wrong, ours = (record.fields for record in caplog.records if record.name == "config.requests")
    assert wrong["wrong_host"].startswith("evil.example")
    assert len(wrong["wrong_host"]) == 100
    assert "wrong_host" not in ours


def test_what_django_takes_for_an_attack_is_a_short_warning(console: io.StringIO) -> None:
    try:
        raise SuspiciousOperation("a" * 1000)
    except SuspiciousOperation as error:
        logging.getLogger("django.security.SuspiciousOperation").error(str(error), exc_info=error)
    (line,) = console.getvalue().splitlines()
    assert "WARNING" in line
    assert len(line) < 400


def test_health_answers_any_host_and_ignores_credentials(visitor: Client) -> None:
    visitor.credentials(HTTP_AUTHORIZATION="rubbish")
    response = visitor.get("/healthz", headers={"Host": "10.1.2.3"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"
    assert visitor.get("/", headers={"Host": "10.1.2.3"}).status_code == 400


def test_health_is_not_sent_to_https(visitor: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert visitor.get("/healthz").status_code == 200
    assert visitor.get("/readyz").status_code == 200
    assert visitor.get("/api/v1/").status_code == 301


def test_ready_tells_of_each_thing_it_needs(visitor: Client) -> None:
    response = visitor.get("/readyz")
    assert response.status_code == 200
    everything = {"database": "ok", "migrations": "ok", "cache": "ok", "keys": "ok"}
    assert response.json() == {"status": "ok", "checks": everything | POOLER}


def test_without_keys_it_is_degraded_but_serves(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_: str) -> bytes:
        raise OSError

    monkeypatch.setattr("accounts.tokens.keys.fetch_document", down)
    response = visitor.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["keys"] == "unavailable"


def test_without_a_cache_it_is_degraded_but_serves(visitor: Client, settings: Settings) -> None:
    settings.CACHES = NO_REDIS
    response = visitor.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["cache"] == "unavailable"


def test_without_a_database_it_is_not_ready(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> str:
        raise DatabaseError

    monkeypatch.setitem(operations._CHECKS, "database", down)
    response = visitor.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert visitor.get("/healthz").status_code == 200


def test_a_replica_is_told_of_where_there_is_one(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> str:
        raise DatabaseError

    assert "replica" not in visitor.get("/readyz").json()["checks"]
    monkeypatch.setitem(connections.databases, "replica", connections.databases["default"])
    monkeypatch.setitem(operations._CHECKS, "replica", down)
    response = visitor.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"] == {
        "database": "ok", "migrations": "ok", "replica": "unavailable", "cache": "ok", "keys": "ok", **POOLER,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_migrations_that_have_not_run_are_told_of(visitor: Client) -> None:
    latest = MigrationRecorder.Migration.objects.filter(app="books").latest("id")
    latest.delete()
    try:
        response = visitor.get("/readyz")
    finally:
        MigrationRecorder.Migration.objects.create(app=latest.app, name=latest.name)
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["migrations"] == "pending"


def test_what_hangs_is_not_waited_for_nor_asked_again_until_it_ends(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = [], threading.Event()

    def hangs() -> str:
        asked.append(1)
        answers.wait(60)
        return "ok"

    monkeypatch.setattr(operations, "READY_SECONDS", 0.2)
    monkeypatch.setitem(operations._CHECKS, "database", hangs)
    for _ in range(3):
        response = visitor.get("/readyz")
        assert (response.status_code, response.json()["checks"]["database"]) == (503, "unavailable")
    answers.set()
    for thread in threading.enumerate():
        if thread.name == "readyz-database":
            thread.join(60)
    assert len(asked) == 1
    monkeypatch.setattr(operations, "READY_SECONDS", 60.0)  # what does not hang has time
    assert visitor.get("/readyz").json()["status"] == "ok"


def test_what_is_wrong_is_told_without_addresses_and_passwords(
    visitor: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = NO_REDIS
    told = visitor.get("/readyz").content.decode() + caplog.text
    assert "cache failed: ConnectionError" in told
    assert not any(secret in told for secret in ("hunter2", "127.0.0.1", "redis://"))


def test_a_server_whose_postgresql_and_redis_never_answer_says_so(stand_in: LocalCognito, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        environment = production(
            stand_in,
            tmp_path / "unused",
            DATABASE_URL=f"postgresql://books:hunter2@{address}/books",
            REDIS_URL=f"redis://:hunter2@{address}/0",
        )
        service = Service(environment, workers=1)
        service.start()
        try:
            # The keys are there, but on a busy machine not in time for the first answer.
            wait_until("the keys are held", lambda: service.ask("GET", "/readyz").body["checks"]["keys"] == "ok")
            for _ in range(6):  # more than one worker has threads
                answer = service.ask("GET", "/readyz")
                assert (answer.status, answer.body["status"]) == (503, "unavailable")
                assert answer.body["checks"] == {
                    "database": "unavailable", "migrations": "unavailable", "pooler": "unavailable",
                    "cache": "unavailable", "keys": "ok",
                }  # fmt: skip
                assert service.ask("GET", "/healthz").status == 200
        finally:
            service.stop()


# --- The lines of the log ---


def test_every_line_that_a_server_writes_is_json(stand_in: LocalCognito, tmp_path: Path) -> None:
    log = tmp_path / "log"
    service = Service(production(stand_in, tmp_path / "books.sqlite3", DJANGO_HTTPS="true"), log=log)
    service.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        connection.request("GET", "/", headers={"X-Request-ID": "mine"})
        assert connection.getresponse().status == 301
        connection.close()
        service.kill_a_worker()
        wait_until("the loss of a worker is told of", lambda: "Unexpected exit" in log.read_text())
    finally:
        service.stop()
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["request_id"] for line in written if line["logger"] == "config.requests"] == ["mine"]
    # Which of them that was is not said by the order of their numbers, which begin anew some day.
    told = {line["level"] for line in written if re.fullmatch(r"Unexpected exit from worker-\d", line["message"])}
    assert told == {"ERROR"}


class Log:
    """The lines of the log, written as in production."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(JSONFormatter())

    def lines(self) -> list[dict[str, Any]]:
        """Those since the last time."""
        text = self._stream.getvalue()
        self._stream.seek(0)
        self._stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    def request(self) -> dict[str, Any]:
        """The one line of a request."""
        (line,) = [line for line in self.lines() if line["logger"] == "config.requests"]
        return line


@pytest.fixture
def log() -> Iterator[Log]:
    """The log of this test."""
    made = Log()
    logging.getLogger().addHandler(made.handler)
    yield made
    logging.getLogger().removeHandler(made.handler)


def test_every_kind_of_request_has_its_line(log: Log, uma: Client, visitor: Client) -> None:
    for who, method, path, status, code in (
        (uma, "GET", "/api/v1/books/", 200, None),
        (uma, "GET", "/api/v1/books/999999/", 404, "not_found"),
        (visitor, "POST", "/api/v1/books/", 401, "not_authenticated"),
        (visitor, "GET", "/api/v1/nowhere/", 404, "not_found"),
        (visitor, "GET", "/nowhere", 404, None),
        (visitor, "GET", "/static/none.css", 404, None),
        (visitor, "GET", "/accounts/sign-in/", 200, None),
        (visitor, "GET", "/metrics", 404, None),
    ):
        response = who.generic(method, path)
        line = log.request()
        assert (line["method"], line["path"], line["status"], line.get("code")) == (method, path, status, code)
        assert line["request_id"] == response["X-Request-ID"]
        assert line["ms"] >= 0
        assert (line.get("sub"), line.get("roles")) == ((uma.sub, ["ROLE_USER"]) if who is uma else (None, None))


def test_a_page_of_a_signed_in_browser_says_who_and_in_which_role(log: Log, cognito: LocalCognito) -> None:
    browser = signed_in("admin@example.com")
    log.lines()
    for path in ("/accounts/profile/", "/admin/", "/api/v1/books/"):
        assert browser.get(path).status_code == 200
        line = log.request()
        assert line["sub"] == User.objects.get(email="admin@example.com").sub
        assert line["roles"] == ["ROLE_ADMIN"]


def test_a_line_holds_no_address_of_the_client_and_no_e_mail(log: Log, uma: Client) -> None:
    uma.get("/api/v1/books/?author=uma@example.com", REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="203.0.113.8")
    (line,) = log.lines()
    assert not any(personal in str(line) for personal in ("203.0.113", "@"))


def test_probes_are_logged_when_something_is_wrong(log: Log, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.get("/healthz")
    visitor.get("/readyz")
    assert log.lines() == []

    def down() -> str:
        raise DatabaseError

    monkeypatch.setitem(operations._CHECKS, "database", down)
    visitor.get("/readyz")
    warned, line = log.lines()
    assert (line["path"], line["status"]) == ("/readyz", 503)
    assert warned["message"] == "The readiness check database failed: DatabaseError"
    assert warned["request_id"] == line["request_id"]


@pytest.mark.parametrize(
    "path, view",
    [("/api/v1/books/", "books.views.BookViewSet.list"), ("/", "django.views.generic.TemplateView.get")],
)
def test_a_crash_is_logged_once_with_its_request_and_without_the_token(
    path: str, view: str, log: Log, uma: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = pool.access_token()

    def crashes(*_: object, **__: object) -> None:
        raise ValueError(f"What was this? {token}")

    monkeypatch.setattr(view, crashes)
    uma.raise_request_exception = False
    response = uma.get(path)
    assert response.status_code == 500
    everything = log.lines()
    (crash,) = [line for line in everything if "traceback" in line]
    (line,) = [line for line in everything if line["logger"] == "config.requests"]
    assert crash["level"] == "ERROR"
    assert crash["request_id"] == line["request_id"] == response["X-Request-ID"]
    assert "ValueError: What was this? [token]" in crash["traceback"]
    assert token not in str(everything)
    assert token not in response.content.decode()
