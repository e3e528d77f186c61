"""OpenAPI says of every operation what it does, who may, and how it fails."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jsonschema_rs
import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.api import serializers as bodies
from accounts.flows.inputs import TOKEN_MAX_LENGTH
from books.serializers import BookSerializer
from local_cognito.server import LocalCognito
from tests.conftest import Client

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def schema(visitor: Client) -> dict[str, Any]:
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


def test_it_is_json_when_asked_for_and_yaml_otherwise(visitor: Client) -> None:
    for query, headers in (("?format=json", {}), ("", {"Accept": "application/json"})):
        assert visitor.get(f"/api/schema/{query}", headers=headers).json()["openapi"].startswith("3.")
    assert visitor.get("/api/schema/").content.startswith(b"openapi: 3.")


def test_it_is_built_once_for_each_format(visitor: Client, settings: Settings) -> None:
    settings.COGNITO_DOMAIN = ""  # a change of settings, as no running service sees one
    with patch.object(SchemaGenerator, "get_schema", autospec=True, side_effect=SchemaGenerator.get_schema) as built:
        for query in ("?format=json", "?format=json&version=2", "?format=json&lang=de", "?format=json"):
            assert visitor.get(f"/api/schema/{query}").status_code == 200
        assert built.call_count == 1
        for _ in range(2):
            visitor.get("/api/schema/?format=yaml")
        assert built.call_count == 2


def test_it_is_that_of_the_settings_in_force(visitor: Client, settings: Settings) -> None:
    def schemes() -> set[str]:
        return set(visitor.get("/api/schema/?format=json").json()["components"]["securitySchemes"])

    assert schemes() == {"cognitoAccessToken", "browserSession"}
    settings.COGNITO_DOMAIN = "https://books.auth.eu-west-1.amazoncognito.com"
    assert schemes() == {"cognitoAccessToken", "browserSession", "cognitoSignIn"}


@pytest.mark.parametrize(
    "path, accept, status",
    [
        ("schema/?format=xml", "*/*", 404),
        ("schema/", "text/csv", 406),
        ("docs/", "application/json", 406),
        ("docs/?script=", "text/csv", 406),
        ("redoc/", "application/problem+json", 406),
    ],
)
def test_an_error_of_its_own_paths_is_a_problem_too(visitor: Client, path: str, accept: str, status: int) -> None:
    answer = visitor.get(f"/api/{path}", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


@pytest.mark.parametrize("path", ["schema/", "docs/", "docs/?script=", "redoc/"])
def test_bad_credentials_and_other_methods_are_refused_there_too(visitor: Client, path: str) -> None:
    assert visitor.post(f"/api/{path}").json()["code"] == "method_not_allowed"
    answer = visitor.bearing("no.real.token").get(f"/api/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_every_operation_says_what_it_does_in_words_of_its_own(schema: dict[str, Any]) -> None:
    summaries = {described["operationId"]: described["summary"] for _, described in operations(schema)}
    assert len(set(summaries.values())) == len(summaries) > 30
    for name, summary in summaries.items():
        assert re.fullmatch(r"[A-Z][^.]+", summary), summary
        assert len(summary.split()) >= 3, summary
        assert summary.lower() != name.replace("_", " ")


def test_every_error_answer_is_the_one_problem(schema: dict[str, Any]) -> None:
    for name, described in operations(schema):
        failures = {status: answer for status, answer in described["responses"].items() if status >= "400"}
        assert {"400", "401", "406", "431", "500", "503"} <= set(failures), name
        if "requestBody" in described:
            assert {"408", "411", "413", "415"} <= set(failures), name
        for answer in failures.values():
            content = answer["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_policy_table_is_in_the_descriptions_and_the_security(schema: dict[str, Any]) -> None:
    described = dict(operations(schema))
    adding, listing = described["POST /api/v1/books/"], described["GET /api/v1/books/"]
    assert "**Permitted for:** `ROLE_USER`, `ROLE_ADMIN`." in adding["description"]
    assert "everybody" in listing["description"]
    assert {} in listing["security"]
    assert {} not in adding["security"]
    assert "409" in adding["responses"]
    assert "412" in described["DELETE /api/v1/books/{id}/"]["responses"]


def test_every_operation_says_which_credentials_it_takes(schema: dict[str, Any]) -> None:
    described = dict(operations(schema))
    for name, operation in described.items():
        assert "security" in operation, name
    assert described["POST /api/v1/accounts/sign-in/"]["security"] == []
    assert described["POST /api/v1/accounts/refresh/"]["security"] == []
    assert described["POST /api/v1/accounts/sign-out/"]["security"] == [{"cognitoAccessToken": []}, {}]
    assert {"cognitoAccessToken": []} in described["GET /api/v1/accounts/me/"]["security"]
    strangers = {name for name, operation in described.items() if operation["security"] == []}
    assert len(strangers) == 8


def test_reading_needs_credentials_where_public_read_is_off(visitor: Client, settings: Settings) -> None:
    settings.BOOKS_PUBLIC_READ = False
    for name, operation in operations(visitor.get("/api/schema/?format=json").json()):
        if name.startswith("GET /api/v1/books/"):
            assert operation["security"] == [{"cognitoAccessToken": []}, {"browserSession": []}]


def test_a_server_is_named_and_it_is_the_one_that_was_asked(schema: dict[str, Any]) -> None:
    assert schema["servers"] == [{"url": "/", "description": "This service"}]


def objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas of JSON objects, by name."""
    for name, described in schema["components"]["schemas"].items():
        if described.get("type") == "object":
            yield name, described


def members(schema: dict[str, Any], *, of_requests: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The members of requests, or of answers, with the schema of each."""
    for name, described in objects(schema):
        if name.endswith("Request") is of_requests:
            yield from ((f"{name}.{member}", inner) for member, inner in described.get("properties", {}).items())


def test_nothing_that_is_sent_has_a_default(schema: dict[str, Any]) -> None:
    sent = dict(members(schema, of_requests=True))
    assert "PatchedBookRequest.subtitle" in sent
    assert [name for name, member in sent.items() if "default" in member] == []


def test_what_a_patch_leaves_out_may_be_left_out_and_nothing_unknown_may_be_in_it(schema: dict[str, Any]) -> None:
    for name, described in objects(schema):
        if name.endswith("Request"):
            assert described["additionalProperties"] is False, name
        if name.startswith("Patched"):
            assert "required" not in described, name


def test_every_member_of_a_book_and_an_account_is_always_there(schema: dict[str, Any]) -> None:
    for name in ("Book", "Author", "PaginatedBookList", "Tokens", "Challenge", "Profile", "Person", "PeoplePage"):
        described = schema["components"]["schemas"][name]
        assert set(described["required"]) == set(described["properties"]), name


def test_the_id_in_a_path_is_the_integer_of_the_answer(schema: dict[str, Any], visitor: Client) -> None:
    ids = [
        parameter["schema"]
        for _, operation in operations(schema)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path" and parameter["name"] == "id"
    ]
    assert len(ids) == 5
    assert ids == [{"type": "integer", "minimum": 1, "maximum": 10**18 - 1}] * 5
    assert schema["components"]["schemas"]["Book"]["properties"]["id"]["type"] == "integer"
    unknown = visitor.get(f"/api/v1/books/{10**18 - 1}/").json()["detail"]
    assert unknown == visitor.get("/api/v1/books/1/").json()["detail"]
    assert visitor.get("/api/v1/books/0/").json()["detail"] != unknown


# --- What the schema accepts, the API accepts ---

GOOD: dict[str, list[Any]] = {
    "isbn": ["9780141439518", "0-14-143951-3", " 978 0 14 143951 8 ", "080442957x", None],
    "title": ["Emma", " Emma ", "日本", "…"],
    "authors": [["Jane Austen"], ["A", "B"]],
    "language": ["en", "pt-BR", "pt_br", "", " "],
    "rating": [0, 5, 4.35, 0.01, 4, None],
    "subjects": [[], ["Sisters"]],
    "description": ["", "He went.\n\nDeliberately."],
    "published_year": [-5000, 9999, None],
    "page_count": [1, None],
    "publisher": ["", "Penguin"],
}
BAD: dict[str, list[Any]] = {
    "isbn": [
        "",
        "978\t0141439518",
        "97801414395",
        "ISBN 9780141439518",
        "014143951-",
        "x080442957",
        "9770141439518",
        9780141439518,
    ],
    "title": ["", "  ", "\x1d", "\x85", "a\0b", "a" * 501, "a" + " " * 500, 7, None],
    "subtitle": ["a\0b", "a" * 501, None],
    "authors": [[], [""], ["A", "A"], ["a" * 301], ["A"] * 101, ["a\0b"], [7], "A"],
    "language": ["en--GB", "en GB", "-", "deutsch!", "a" * 36, None],
    "rating": [4.355, 5.01, -0.01, 5.5, "4", True],
    "subjects": [["A", "A"], [" "], ["a" * 301], None],
    "description": ["a\0b", "a" * 20001],
    "published_year": [-5001, 10000, 1813.5, "1813"],
    "page_count": [0, 2**31, True],
    "titel": ["Emma"],
}


def fits(schema: dict[str, Any], name: str, value: Any) -> bool:
    """Whether a value fits the schema of a component."""
    plain = _without_nullable(schema)
    validator = jsonschema_rs.Draft4Validator(
        {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "components": plain["components"]}, validate_formats=True
    )
    return validator.is_valid(value)


def _without_nullable(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [_without_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _without_nullable(inner) for name, inner in schema.items()}
    return {"anyOf": [plain, {"type": "null"}]} if plain.pop("nullable", None) is True else plain


@pytest.mark.parametrize("member, value", [(name, value) for name, values in GOOD.items() for value in values])
def test_what_the_api_takes_of_a_book_the_schema_takes(uma: Client, member: str, value: Any) -> None:
    schema = uma.get("/api/schema/?format=json").json()
    book = uma.post("/api/v1/books/", {"title": "Walden", "authors": ["Henry David Thoreau"]}).json()
    assert fits(schema, "Book", book)
    assert fits(schema, "PatchedBookRequest", {member: value})
    changed = uma.patch(book["url"], {member: value})
    assert changed.status_code == 200, changed.content
    assert fits(schema, "Book", changed.json())


@pytest.mark.parametrize("member, value", [(name, value) for name, values in BAD.items() for value in values])
def test_what_the_api_refuses_of_a_book_the_schema_refuses(uma: Client, member: str, value: Any) -> None:
    schema = uma.get("/api/schema/?format=json").json()
    book = uma.post("/api/v1/books/", {"title": "Walden", "authors": ["Henry David Thoreau"]}).json()
    assert uma.patch(book["url"], {member: value}).status_code == 400
    assert not fits(schema, "PatchedBookRequest", {member: value})


@pytest.mark.parametrize(
    "body, member, good, bad",
    [
        ("SignUpBody", "role", ["ROLE_GUEST", " ROLE_GUEST "], ["ROLE_ADMIN", "ROLE_USER", "guest"]),
        ("SignUpBody", "phone_number", ["+4915112345678"], ["015112345678", "+0", "+49 151", "+4915112345678901"]),
        ("SignUpBody", "name", ["Grace", "Grace Brewster Hopper"], ["", " ", "Grace\x07", "a" * 257]),
        (
            "ConfirmSignUpBody",
            "code",
            ["123456", " 123456\n"],
            ["12 34", "12\x8534", "", " ", "1" * 65, "1" + " " * 64],
        ),
        ("RefreshBody", "refresh_token", ["abc.def"], ["abc def", "", "a" * (TOKEN_MAX_LENGTH + 1)]),
    ],
)
def test_the_members_of_accounts_are_described_as_they_are_taken(
    schema: dict[str, Any], body: str, member: str, good: list[str], bad: list[str]
) -> None:
    component = schema["components"]["schemas"][f"{body}Request"]["properties"][member]
    kind = getattr(bodies, body)
    for value in good + bad:
        serializer = kind(data={member: value}, partial=True)
        taken = serializer.is_valid() and value.strip() not in ("ROLE_ADMIN", "ROLE_USER", "guest")
        assert taken is (value in good), value
        assert jsonschema_rs.Draft4Validator(component).is_valid(value) is (value in good), value


@pytest.mark.parametrize(
    "parameter, good, bad",
    [
        (
            "search",
            ["emma", "Толстой", "日本", "  ", "a!", "ª"],
            ["!!!", "—", "« »", "a\0b", "a" * 201, "a" + " " * 200],
        ),
        ("subject", ["Sisters"], ["?", "a" * 301]),
        ("author", ["Jane Austen"], ["...", "a" * 301]),
        ("id", ["1", "1, 2", "007"], ["-1", "1.5", "1;2", "1,,2", ",".join("1" * 101)]),
        ("isbn", ["9780141439518", "0-14-143951-3,978 0140390445"], ["abc", "9780141439518;1", "123"]),
        ("language", ["en", "en, pt-BR"], ["en,", "e n", "!"]),
        ("added_by", ["somebody"], ["a" * 256]),
        ("cursor", [" "], ["a" * 4001]),
    ],
)
def test_the_parameters_are_described_as_they_are_taken(
    visitor: Client, parameter: str, good: list[str], bad: list[str]
) -> None:
    schema = visitor.get("/api/schema/?format=json").json()
    listed = schema["paths"]["/api/v1/books/"]["get"]["parameters"]
    (accepted,) = (each["schema"] for each in listed if each["name"] == parameter)
    validator = jsonschema_rs.Draft4Validator(accepted)
    for value in good + bad:
        answer = visitor.get("/api/v1/books/", {parameter: value})
        assert answer.status_code == (200 if value in good else 400), value
        assert validator.is_valid(value) is (value in good), value


# What no schema says: check digits, which languages there are, which addresses there can be, what is the same, and that
# one of two members is needed (generators of clients do not understand it).
BEYOND_A_SCHEMA = {
    ("isbn", "The check digit of this ISBN is wrong."),
    ("language", "This is not a valid BCP 47 language tag, such as en or pt-BR."),
    ("email", "Enter a valid email address."),
    ("authors", "This is in the list already."),
    ("subjects", "This is in the list already."),
    ("refresh_token", "This field is required."),
}


def refusals(serializer: Any) -> set[tuple[str, str]]:
    """Why a serializer refuses what it was given, as pairs of a member and a sentence."""
    serializer.is_valid()
    told = set()
    for member, reasons in serializer.errors.items():
        inner = reasons.values() if isinstance(reasons, dict) else [reasons]
        told |= {(member, str(reason)) for each in inner for reason in each}
    return told


@examples(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_fits_the_schema_is_taken(data: st.DataObject) -> None:
    name, case = data.draw(bodies_that_fit())
    kind = BookSerializer if name.endswith("BookRequest") else getattr(bodies, re.sub("^Patched|Request$", "", name))
    assert refusals(kind(data=case, partial=name.startswith("Patched"))) <= BEYOND_A_SCHEMA, (name, case)


@cache
def bodies_that_fit() -> st.SearchStrategy[tuple[str, Any]]:
    """Draws the name of a request's schema, and a body that fits it."""
    document = json.loads(APIClient().get("/api/schema/?format=json").content)
    loaded = schemathesis.openapi.from_dict(document)
    fitting = []
    for name, operation in operations(document):
        if "requestBody" in operation:
            method, path = name.split()
            (content,) = operation["requestBody"]["content"].values()
            component = content["schema"]["$ref"].rsplit("/", 1)[-1]
            strategy = loaded[path][method].as_strategy()
            fitting.append(st.tuples(st.just(component), strategy.map(lambda case: case.body).filter(_is_sent)))
    return st.one_of(fitting)


def _is_sent(body: Any) -> bool:
    return isinstance(body, dict)


def test_a_rating_to_search_for_has_two_decimals_at_most(schema: dict[str, Any], visitor: Client) -> None:
    listed = schema["paths"]["/api/v1/books/"]["get"]["parameters"]
    (accepted,) = (each["schema"] for each in listed if each["name"] == "min_rating")
    assert accepted == {"type": "number", "minimum": 0, "maximum": 5, "multipleOf": 0.01}
    assert visitor.get("/api/v1/books/?min_rating=4.355").status_code == 400


# --- Examples ---


def example_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The body that the examples of a request's members make together, as Swagger UI and Redoc show it."""
    described = schema["components"]["schemas"][name]["properties"]
    return {member: inner["example"] for member, inner in described.items() if "example" in inner}


def test_every_member_of_a_request_has_an_example(schema: dict[str, Any]) -> None:
    without = [
        name
        for name, member in members(schema, of_requests=True)
        if "example" not in member and "$ref" not in member and member.get("type") != "object"
    ]
    assert without == []


def test_the_examples_of_books_work_as_they_stand(schema: dict[str, Any], uma: Client) -> None:
    book = uma.post("/api/v1/books/", example_of(schema, "BookRequest"))
    assert book.status_code == 201
    for change, name in ((uma.put, "BookRequest"), (uma.patch, "PatchedBookRequest")):
        changed = change(book.json()["url"], example_of(schema, name))
        assert changed.status_code == 200
        assert {member: changed.json()[member] for member in example_of(schema, name)} == example_of(schema, name)


def test_the_examples_of_accounts_work_as_they_stand(cognito: LocalCognito, visitor: Client) -> None:
    schema = visitor.get("/api/schema/?format=json").json()
    signed_in = visitor.post("/api/v1/accounts/sign-in/", example_of(schema, "SignInBodyRequest"))
    assert signed_in.json()["token_type"] == "Bearer"
    assert visitor.post("/api/v1/accounts/sign-up/", example_of(schema, "SignUpBodyRequest")).status_code == 201
    uma = visitor.bearing(signed_in.json()["access_token"])
    assert uma.patch("/api/v1/accounts/me/", example_of(schema, "PatchedProfileBodyRequest")).status_code == 200
    # No example can hold a code or a token that is good; what is said of these is not that they are malformed.
    for path, name in (
        ("confirm-sign-up/", "ConfirmSignUpBodyRequest"),
        ("sign-in/challenge/", "ChallengeBodyRequest"),
        ("refresh/", "RefreshBodyRequest"),
        ("reset-password/", "ResetPasswordBodyRequest"),
        ("me/mfa/delete/", "EndMfaBodyRequest"),
    ):
        answer = uma.post(f"/api/v1/accounts/{path}", example_of(schema, name))
        assert answer.status_code < 400 or answer.json()["code"] not in ("invalid", "internal_error"), (path, answer)


# --- Codes ---


def enumerated(schema: dict[str, Any], name: str) -> set[str]:
    """The values of one of the enums of codes."""
    return set(schema["components"]["schemas"][name]["enum"])


def test_every_code_is_in_an_enum(schema: dict[str, Any]) -> None:
    problem = schema["components"]["schemas"]["Problem"]["properties"]
    assert problem["code"] == {"$ref": "#/components/schemas/ProblemCode"}
    assert problem["errors"]["items"]["properties"]["code"] == {"$ref": "#/components/schemas/ErrorCode"}
    assert {"token_expired", "isbn_taken", "throttled", "internal_error"} <= enumerated(schema, "ProblemCode")
    assert {"unknown", "required", "duplicate", "parse_error"} <= enumerated(schema, "ErrorCode")


def literal_codes() -> Iterator[tuple[str, str]]:
    """Every code that is written in the source of the API, with its place."""
    for room in ("accounts", "books", "config"):
        for path in (ROOT / room).rglob("*.py"):
            if not {"browser", "admin", "management", "catalogues", "migrations"} & set(path.parts):
                for node in ast.walk(ast.parse(path.read_text())):
                    for code in _codes_in(node):
                        yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", code


def _codes_in(node: ast.AST) -> Iterator[str]:
    found: list[ast.expr] = []
    if isinstance(node, ast.Call):
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called.endswith(("Error", "Detail")) or called in ("fail", "bad_parameter"):
            found += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        place = {"fail": 0, "ErrorDetail": 1, "problem": 1, "Refusal": 1, "bad_parameter": 2}.get(called)
        found += node.args[place : place + 1] if place is not None else []
    if isinstance(node, ast.ClassDef):
        for line in node.body:
            target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
            if isinstance(target, ast.Name) and target.id in ("default_code", "code"):
                found += [line.value] if isinstance(line, ast.Assign | ast.AnnAssign) and line.value else []
    yield from (each.value for each in found if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_every_code_in_the_source_is_in_an_enum(schema: dict[str, Any]) -> None:
    of_metrics = {"metrics_token_wrong"}  # which is no part of the API
    known = enumerated(schema, "ProblemCode") | enumerated(schema, "ErrorCode") | of_metrics
    written = list(literal_codes())
    assert len(written) > 40
    # Give a new one a home in `default_code` of an exception or `default_error_messages` of a field.
    assert [(place, code) for place, code in written if code not in known] == []
