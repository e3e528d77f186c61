"""A member of a body that the schema does not know is refused, in every operation that takes a body."""

from typing import Any

import pytest
from rest_framework import serializers

from accounts.api.members import MAX_REPORTED, KnownMembers
from accounts.api.serializers import Body
from accounts.tokens.testing import Pool
from tests.config.test_schema import operations
from tests.conftest import Client

BOOKS = "/api/v1/books/"
BOOK = {"title": "Emma", "authors": ["Jane Austen"]}

pytestmark = pytest.mark.django_db


def unknown(answer: Any) -> list[str]:
    """The pointers of the unknown members that an answer tells of."""
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == "invalid"
    return [error["pointer"] for error in answer.json()["errors"] if error["code"] == "unknown"]


def test_every_operation_with_a_body_names_the_member_it_does_not_know(ada: Client, pool: Pool) -> None:
    schema = ada.get("/api/schema/?format=json").json()
    book = ada.post(BOOKS, BOOK).json()
    ada.bearing(pool.access_token("Ada", ["ROLE_ADMIN"], scope="aws.cognito.signin.user.admin"))
    asked = 0
    for name, operation in operations(schema):
        if "requestBody" in operation:
            method, path = name.split()
            path = path.replace("{id}", str(book["id"])).replace("{sub}", "5f3c2a10-0000-4000-8000-000000000001")
            answer = ada.generic(method, path, '{"nickname": 1}', "application/json")
            assert unknown(answer) == ["#/nickname"], name
            asked += 1
    assert asked > 15


def test_a_misspelt_title_changes_nothing_and_is_told_beside_the_other_errors(uma: Client) -> None:
    book = uma.post(BOOKS, BOOK).json()
    for change in (uma.patch, uma.put):
        answer = change(book["url"], BOOK | {"titel": "Persuasion", "page_count": 0})
        assert unknown(answer) == ["#/titel"]
        assert {error["pointer"] for error in answer.json()["errors"]} == {"#/titel", "#/page_count"}
    assert uma.get(book["url"]).json() == book


def test_a_book_can_be_sent_back_as_it_was_read(uma: Client) -> None:
    book = uma.post(BOOKS, BOOK).json()
    assert uma.put(book["url"], book | {"title": "Persuasion", "id": 7}).json()["id"] == book["id"]


def test_a_name_with_signs_of_a_pointer_is_escaped(uma: Client) -> None:
    assert unknown(uma.post(BOOKS, BOOK | {"a/b~c": 1})) == ["#/a~1b~0c"]


def test_not_all_of_very_many_are_listed(uma: Client) -> None:
    many = {f"member_{number}": None for number in range(5000)}
    assert len(unknown(uma.post(BOOKS, BOOK | many))) == MAX_REPORTED


def test_the_members_of_a_member_are_known_too() -> None:
    class Address(Body):
        city = serializers.CharField()

    class Order(Body):
        address = Address()
        others = Address(many=True)

    order = Order(data={"address": {"city": "Bath", "town": "Bath"}, "others": [{"city": "York"}, {"citty": "Bath"}]})
    assert not order.is_valid()
    assert order.errors["address"]["town"][0].code == "unknown"
    assert {name: found[0].code for name, found in order.errors["others"][1].items()} == {
        "city": "required",
        "citty": "unknown",
    }


def kinds(parent: type) -> set[type]:
    """A class and all that inherit from it."""
    children: list[type] = type.__subclasses__(parent)
    return {parent}.union(*map(kinds, children))


def test_every_serializer_of_a_body_refuses_unknown_members() -> None:
    every = kinds(serializers.BaseSerializer)
    ours = {kind for kind in every if kind.__module__.split(".")[0] in ("accounts", "books", "config")}
    answers_only = {"AuthorSerializer", "_Query"}  # `_Query` holds a query string, and has a check of its own
    assert {kind.__name__ for kind in ours if not issubclass(kind, KnownMembers)} == answers_only
