"""What operators see: request ids, log lines, health."""

import json
import logging
from typing import Any

import pytest
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from accounts.testing import Pool
from config.logs import JSONFormatter, PeopleFormatter, redacted
from tests.conftest import Client

pytestmark = pytest.mark.django_db


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
    for formatter in (JSONFormatter(), PeopleFormatter()):
        line = formatter.format(record)
        assert "[token]" in line
        assert not any(part in line for part in token.split("."))
    assert redacted("nothing to hide") == "nothing to hide"


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
    assert response.json() == {"status": "ok", "checks": everything}


def test_without_keys_it_is_degraded_but_serves(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_: str) -> bytes:
        raise OSError

    monkeypatch.setattr("accounts.keys.fetch_document", down)
    response = visitor.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["keys"] == "unavailable"


def test_without_a_cache_it_is_degraded_but_serves(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("config.operations.cache.set", down)
    assert (visitor.get("/readyz").status_code, visitor.get("/readyz").json()["status"]) == (200, "degraded")


def test_without_a_database_it_is_not_ready(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> str:
        raise DatabaseError

    monkeypatch.setitem(__import__("config.operations").operations._CHECKS, "database", down)
    response = visitor.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert visitor.get("/healthz").status_code == 200
