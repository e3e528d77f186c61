"""Administrators look after people: find, promote, lock out, let in, sign out; every act is recorded."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.cognito import administration
from accounts.cognito.bulkhead import CALLS_AT_ONCE
from accounts.cognito.errors import CognitoUnavailable
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import PeopleCursor
from accounts.models import AuditRecord
from accounts.tokens.roles import Role
from config.serve import BLOCKING_THREADS
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, Person, claims_of, sign_in
from tests.conftest import Client, MakeMachine

USERS = f"{ACCOUNTS}users/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(cognito: LocalCognito) -> Person:
    """Ada, an administrator, signed in."""
    return Person.signed_in("admin@example.com")


@pytest.fixture
def uma(cognito: LocalCognito) -> Person:
    """Uma, a user, signed in."""
    return Person.signed_in("user@example.com")


def test_people_are_listed_in_pages(admin: Person) -> None:
    seen = []
    url: str | None = f"{USERS}?page_size=2"
    pages = 0
    while url:
        page = admin.client.get(url).json()
        seen += [person["email"] for person in page["results"]]
        url, pages = page["next"], pages + 1
    assert sorted(seen) == ["admin@example.com", "guest@example.com", "user@example.com"]
    assert pages == 2
    back = admin.client.get(page["previous"]).json()
    assert [person["email"] for person in back["results"]] == seen[:2]
    assert back["previous"] is None


def test_people_are_found_by_address_and_role(admin: Person) -> None:
    by_address = admin.client.get(USERS, {"search": "gue"}).json()["results"]
    by_role = admin.client.get(USERS, {"role": "ROLE_GUEST"}).json()["results"]
    assert (
        [person["email"] for person in by_address] == [person["email"] for person in by_role] == ["guest@example.com"]
    )
    assert by_role[0]["roles"] == ["ROLE_GUEST"]
    assert (by_role[0]["status"], by_role[0]["enabled"]) == ("CONFIRMED", True)
    both = admin.client.get(USERS, {"search": "admin", "role": "ROLE_GUEST"}).json()["results"]
    assert both == []


@pytest.mark.parametrize(
    "query", [{"role": "ROLE_ROOT"}, {"page_size": "0"}, {"page_size": "x"}, {"cursor": "x"}, {"colour": "red"}]
)
def test_a_wrong_parameter_is_named(query: dict[str, str], admin: Person) -> None:
    refused = admin.client.get(USERS, query)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert [error["parameter"] for error in refused.json()["errors"]] == list(query)


def test_a_cursor_that_cognito_does_not_know_any_more_is_named(admin: Person) -> None:
    refused = admin.client.get(USERS, {"cursor": PeopleCursor("page-of-yesterday").encoded()})
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (400, "cursor")


@pytest.mark.parametrize("search", ['"', "\\", 'x" or email ^= "a', "\u0000"])
def test_an_odd_search_finds_nobody_and_breaks_nothing(search: str, admin: Person) -> None:
    answer = admin.client.get(USERS, {"search": search})
    assert answer.status_code == (400 if "\u0000" in search else 200)
    assert not answer.json().get("results")


def test_nobody_else_sees_people(uma: Person, machine: MakeMachine, visitor: Client) -> None:
    for client, status in ((uma.client, 403), (machine("books/admin"), 403), (visitor, 401)):
        client.defaults.pop("x", None)
        assert client.get(USERS).status_code in (status, 401)
    assert uma.client.get(f"{USERS}{uma.sub}/").status_code == 403
    assert uma.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_ADMIN"}).status_code == 403


def test_one_person_is_shown(admin: Person, uma: Person) -> None:
    person = admin.client.get(f"{USERS}{uma.sub}/").json()
    assert (person["sub"], person["email"], person["name"]) == (uma.sub, uma.email, "Uma User")
    for unknown in ("nobody", uma.email):
        assert admin.client.get(f"{USERS}{unknown}/").json()["code"] == "not_found"


def test_a_new_role_counts_after_the_next_refresh_and_old_tokens_are_refused(admin: Person, uma: Person) -> None:
    changed = admin.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_GUEST"})
    assert (changed.status_code, changed.json()["roles"]) == (200, ["ROLE_GUEST"])
    assert uma.verdict() == "token_revoked"
    fresh = uma.refreshed()
    assert fresh.verdict() == "ok"
    assert claims_of(fresh.tokens["access_token"])["cognito:groups"] == ["ROLE_GUEST"]
    assert fresh.client.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).status_code == 403


@pytest.fixture
def other_groups(cognito: LocalCognito, settings: Settings) -> None:
    """The roles of users and administrators are given by groups of other names; two give the first."""
    settings.COGNITO_GROUP_ROLES = {"editors": Role.USER, "writers": Role.USER, "it-admins": Role.ADMIN}
    for name in settings.COGNITO_GROUP_ROLES:
        get_gateway().administer("create_group", GroupName=name)
    for email, name in (("admin@example.com", "it-admins"), ("user@example.com", "writers")):
        get_gateway().administer("admin_add_user_to_group", Username=email, GroupName=name)


def test_roles_are_given_and_taken_by_the_groups_that_the_settings_name(other_groups: None) -> None:
    admin, uma = Person.signed_in("admin@example.com"), Person.signed_in("user@example.com")
    changed = admin.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_GUEST"})
    assert changed.json()["roles"] == ["ROLE_GUEST"]
    # ROLE_USER is no group of ours any more: it stays as it is, and gives nothing.
    assert set(claims_of(uma.refreshed().tokens["access_token"])["cognito:groups"]) == {"ROLE_GUEST", "ROLE_USER"}
    changed = admin.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_USER"})
    assert changed.json()["roles"] == ["ROLE_USER"]
    assert set(claims_of(uma.refreshed().tokens["access_token"])["cognito:groups"]) == {"ROLE_USER", "editors"}


def test_people_of_a_role_are_listed_by_all_groups_that_give_it(other_groups: None) -> None:
    get_gateway().administer("admin_add_user_to_group", Username="guest@example.com", GroupName="editors")
    admin = Person.signed_in("admin@example.com")
    page = admin.client.get(USERS, {"role": "ROLE_USER", "page_size": "1"}).json()
    assert [person["email"] for person in page["results"]] == ["guest@example.com"]
    page = admin.client.get(page["next"]).json()
    assert [person["email"] for person in page["results"]] == ["user@example.com"]
    assert page["next"] is None
    whole = admin.client.get(USERS, {"role": "ROLE_USER"}).json()
    assert [person["email"] for person in whole["results"]] == ["guest@example.com", "user@example.com"]


def test_who_is_disabled_is_out_and_who_is_enabled_may_sign_in(admin: Person, uma: Person, visitor: Client) -> None:
    assert admin.client.post(f"{USERS}{uma.sub}/disable/").status_code == 204
    assert uma.verdict() == "token_revoked"
    out = sign_in(visitor, uma.email, uma.password)
    assert (out.status_code, out.json()["code"]) == (401, "invalid_credentials")
    refreshed = visitor.post(f"{ACCOUNTS}refresh/", {"refresh_token": uma.tokens["refresh_token"]})
    assert refreshed.json()["code"] == "refresh_token_invalid"
    assert admin.client.post(f"{USERS}{uma.sub}/enable/").status_code == 204
    assert Person.signed_in(uma.email).verdict() == "ok"


def test_somebody_is_signed_out_by_an_administrator(admin: Person, uma: Person) -> None:
    assert admin.client.post(f"{USERS}{uma.sub}/sign-out/").status_code == 204
    assert uma.verdict() == "token_revoked"
    assert Person.signed_in(uma.email).verdict() == "ok"


@pytest.mark.parametrize("act", ["role", "disable", "enable", "sign-out"])
def test_nobody_does_it_to_themselves(act: str, admin: Person) -> None:
    call = admin.client.put if act == "role" else admin.client.post
    refused = call(f"{USERS}{admin.sub}/{act}/", {"role": "ROLE_GUEST"})
    assert (refused.status_code, refused.json()["code"]) == (409, "own_account")
    assert admin.verdict() == "ok"


@pytest.mark.parametrize("role", ["ROLE_ROOT", None, 5, ["ROLE_USER"], ""])
def test_a_role_that_is_none(role: object, admin: Person, uma: Person) -> None:
    refused = admin.client.put(f"{USERS}{uma.sub}/role/", {"role": role})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/role")


def test_every_act_is_recorded(admin: Person, uma: Person) -> None:
    admin.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_GUEST"})
    admin.client.post(f"{USERS}{uma.sub}/disable/")
    admin.client.post(f"{USERS}{uma.sub}/enable/")
    admin.client.post(f"{USERS}{uma.sub}/sign-out/")
    records = list(AuditRecord.objects.order_by("id").values_list("actor", "subject", "action", "detail"))
    assert [record[2] for record in records] == ["role", "disable", "enable", "sign_out"]
    assert {record[:2] for record in records} == {(admin.sub, uma.sub)}
    assert records[0][3] == "ROLE_USER to ROLE_GUEST"


# --- Lists of Cognito that have several pages ---


def put_into_many_groups(person: Person, count: int) -> None:
    """Put somebody into further groups, all of which Cognito lists before those of the roles."""
    administer = get_gateway().administer
    for number in range(count):
        administer("create_group", GroupName=f"Team-{number}", Precedence=0)
        administer("admin_add_user_to_group", Username=person.sub, GroupName=f"Team-{number}")


def test_somebody_in_more_than_sixty_groups_is_demoted(admin: Person, uma: Person) -> None:
    put_into_many_groups(uma, 61)
    shown = admin.client.get(f"{USERS}{uma.sub}/").json()
    assert shown["roles"] == ["ROLE_USER"]
    changed = admin.client.put(f"{USERS}{uma.sub}/role/", {"role": "ROLE_GUEST"})
    assert (changed.status_code, changed.json()["roles"]) == (200, ["ROLE_GUEST"])
    groups = claims_of(uma.refreshed().tokens["access_token"])["cognito:groups"]
    assert len(groups) == 62
    assert [group for group in groups if group.startswith("ROLE_")] == ["ROLE_GUEST"]


def test_a_list_that_never_ends_is_given_up(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: Any, **parameters: Any) -> dict[str, Any]:
        return {"Groups": [{"GroupName": "ROLE_USER"}], "NextToken": parameters.get("NextToken", "more")}

    monkeypatch.setattr(type(get_gateway()), "administer", endless)
    with pytest.raises(CognitoUnavailable):
        administration.roles_of_person("uma")


# --- Load ---


@pytest.fixture
def looking(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many look for somebody's groups at a time, noted at each look."""
    gateway_class = type(get_gateway())
    administer: Callable[..., Any] = gateway_class.administer
    guard, seen, under_way = threading.Lock(), [], [0]

    def counted(self: Any, operation: str, *args: Any, **parameters: Any) -> Any:
        if operation != "admin_list_groups_for_user":
            return administer(self, operation, *args, **parameters)
        with guard:
            under_way[0] += 1
            seen.append(under_way[0])
        try:
            time.sleep(0.02)  # as AWS: so that they meet
            return administer(self, operation, *args, **parameters)
        finally:
            with guard:
                under_way[0] -= 1

    monkeypatch.setattr(gateway_class, "administer", counted)
    return seen


def test_administrators_who_list_people_leave_a_place_for_a_sign_in(cognito: LocalCognito, looking: list[int]) -> None:
    for number in range(9):
        get_gateway().administer("admin_create_user", Username=f"guest{number}@example.com", MessageAction="SUPPRESS")
    with ThreadPoolExecutor(BLOCKING_THREADS) as threads:
        pages = [threads.submit(administration.list_people, limit=20) for _ in range(BLOCKING_THREADS)]
        assert [len(page.result().people) for page in pages] == [12] * BLOCKING_THREADS
    assert max(looking) < CALLS_AT_ONCE
    assert len(looking) == 12 * BLOCKING_THREADS


def test_after_a_failure_nobody_else_is_looked_for(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fails(username: str) -> tuple[Role, ...]:
        asked.append(username)
        time.sleep(0.05)
        raise CognitoUnavailable

    for number in range(20):
        get_gateway().administer("admin_create_user", Username=f"guest{number}@example.com", MessageAction="SUPPRESS")
    monkeypatch.setattr(administration, "roles_of_person", fails)
    with pytest.raises(CognitoUnavailable):
        administration.list_people(limit=20)
    administration._executor.submit(lambda: None).result()  # whoever waited before it has had their turn
    assert len(asked) < 10
