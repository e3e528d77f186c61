"""OpenAPI says of every operation what it does, who may, and how it fails."""

from typing import Any
from unittest.mock import patch

import pytest
from drf_spectacular.generators import SchemaGenerator
from pytest_django.fixtures import Settings

from tests.conftest import Client

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def schema(visitor: Client, db: None) -> dict[str, Any]:
    document: dict[str, Any] = visitor.get("/api/schema/?format=json").json()
    return document


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every operation, with its method and path."""
    return [
        (f"{method.upper()} {path}", described[method])
        for path, described in schema["paths"].items()
        for method in METHODS
        if method in described
    ]


def test_it_is_json_when_asked_for_and_yaml_otherwise(visitor: Client, db: None) -> None:
    for query, headers in (("?format=json", {}), ("", {"Accept": "application/json"})):
        assert visitor.get(f"/api/schema/{query}", headers=headers).json()["openapi"].startswith("3.")
    assert visitor.get("/api/schema/").content.startswith(b"openapi: 3.")


def test_it_is_built_once_for_each_format(visitor: Client, db: None, settings: Settings) -> None:
    settings.COGNITO_DOMAIN = ""  # a change of settings, as no running service sees one
    with patch.object(SchemaGenerator, "get_schema", autospec=True, side_effect=SchemaGenerator.get_schema) as built:
        for query in ("?format=json", "?format=json&version=2", "?format=json&lang=de", "?format=json"):
            assert visitor.get(f"/api/schema/{query}").status_code == 200
        assert built.call_count == 1
        for _ in range(2):
            visitor.get("/api/schema/?format=yaml")
        assert built.call_count == 2


def test_it_is_that_of_the_settings_in_force(visitor: Client, db: None, settings: Settings) -> None:
    def schemes() -> set[str]:
        return set(visitor.get("/api/schema/?format=json").json()["components"]["securitySchemes"])

    assert schemes() == {"cognitoAccessToken", "browserSession"}
    settings.COGNITO_DOMAIN = "https://books.auth.eu-west-1.amazoncognito.com"
    assert schemes() == {"cognitoAccessToken", "browserSession", "cognitoSignIn"}


@pytest.mark.parametrize("query, accept, status", [("?format=xml", "*/*", 404), ("", "text/csv", 406)])
def test_an_error_of_its_own_is_a_problem_too(visitor: Client, db: None, query: str, accept: str, status: int) -> None:
    answer = visitor.get(f"/api/schema/{query}", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_bad_credentials_are_refused_there_too(visitor: Client, db: None) -> None:
    answer = visitor.bearing("no.real.token").get("/api/schema/")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_every_operation_says_what_it_does_in_words_of_its_own(schema: dict[str, Any]) -> None:
    summaries = [described["summary"] for _, described in operations(schema)]
    assert all(summaries)
    assert len(set(summaries)) == len(summaries)
    assert len(summaries) > 30


def test_every_error_answer_is_the_one_problem(schema: dict[str, Any]) -> None:
    for name, described in operations(schema):
        failures = {status: answer for status, answer in described["responses"].items() if status >= "400"}
        assert {"400", "401", "406", "500", "503"} <= set(failures), name
        for answer in failures.values():
            content = answer["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_policy_table_is_in_the_descriptions_and_the_security(schema: dict[str, Any]) -> None:
    described = dict(operations(schema))
    adding, listing = described["POST /api/v1/books/"], described["GET /api/v1/books/"]
    assert "**Who may:** `ROLE_USER`, `ROLE_ADMIN`." in adding["description"]
    assert "everybody" in listing["description"]
    assert {} in listing["security"]
    assert {} not in adding["security"]
    assert "409" in adding["responses"]
    assert "412" in described["DELETE /api/v1/books/{id}/"]["responses"]


def test_strangers_need_no_credentials_at_the_paths_for_them(schema: dict[str, Any]) -> None:
    described = dict(operations(schema))
    assert not described["POST /api/v1/accounts/sign-in/"].get("security")
    assert described["GET /api/v1/accounts/me/"]["security"]
