"""The people of the pool in the admin: found, promoted, locked out, let in, signed out, by those who may."""

import html
import re
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.cognito.results import PeopleCursor
from accounts.models import AuditRecord, User
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, NEW_PASSWORD, Person, wait_for_messages
from tests.conftest import Client

PEOPLE, RECORDS = "/admin/accounts/user/", "/admin/accounts/auditrecord/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(settings: Any) -> Browser:
    """A browser in which Bea, the break-glass administrator, is signed in."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    client = Browser()
    client.force_login(User.objects.create_superuser("Bea", email="bea@example.com"))
    return client


@pytest.fixture
def uma(cognito: LocalCognito) -> Person:
    """Uma, a user, signed in."""
    return Person.signed_in("user@example.com")


def act(browser: Browser, sub: str, act: str, **more: str) -> str:
    """What the person's page says after an act."""
    answer = browser.post(f"{PEOPLE}{sub}/act/", {"act": act, **more}, follow=True)
    assert answer.redirect_chain == [(f"{PEOPLE}{sub}/change/", 302)]
    return answer.content.decode()


def listed(answer: Any) -> list[str]:
    """The addresses on a page of people."""
    return sorted(each["person"].email for each in answer.context["people"])


def test_everybody_in_the_pool_is_listed_not_only_who_has_a_row(browser: Browser, cognito: LocalCognito) -> None:
    page = browser.get(PEOPLE)
    assert listed(page) == ["admin@example.com", "guest@example.com", "user@example.com"]
    assert b"Uma User" in page.content


def test_people_are_found_by_address_and_role(browser: Browser, cognito: LocalCognito) -> None:
    assert listed(browser.get(PEOPLE, {"q": "gue"})) == ["guest@example.com"]
    assert listed(browser.get(PEOPLE, {"role": "ROLE_ADMIN"})) == ["admin@example.com"]
    assert listed(browser.get(PEOPLE, {"q": "zoe"})) == []
    assert b"There is nobody such." in browser.get(PEOPLE, {"q": "zoe"}).content
    assert browser.get(PEOPLE, {"role": "ROLE_ROOT"}).status_code == 400


def test_people_come_in_pages(browser: Browser, cognito: LocalCognito, monkeypatch: Any) -> None:
    monkeypatch.setattr("accounts.admin.PAGE", 2)
    first = browser.get(PEOPLE)
    second = browser.get(f"{PEOPLE}{first.context['next']}")
    assert sorted(listed(first) + listed(second)) == ["admin@example.com", "guest@example.com", "user@example.com"]
    assert second.context["next"] == ""
    assert listed(browser.get(f"{PEOPLE}{second.context['previous']}")) == listed(first)
    for cursor in ("made-up", PeopleCursor("page-of-yesterday").encoded()):
        gone = browser.get(PEOPLE, {"cursor": cursor}, follow=True)
        assert b"This page of people is gone" in gone.content


def test_a_new_role_counts_at_once_and_is_recorded(browser: Browser, uma: Person) -> None:
    said = act(browser, uma.sub, "role", role="ROLE_ADMIN")
    assert "The role of user@example.com is now: Administrator." in said
    assert uma.verdict() == "token_revoked"
    assert uma.refreshed().client.get(f"{ACCOUNTS}users/").status_code == 200
    record = AuditRecord.objects.get()
    bea = User.objects.get(username="Bea")
    assert (record.actor, record.subject, record.action) == (bea.sub, uma.sub, "role")
    assert record.detail == "ROLE_USER to ROLE_ADMIN"
    assert "bea@example.com" in said


def test_who_is_disabled_is_out_until_enabled(browser: Browser, uma: Person, visitor: Client) -> None:
    assert "disabled" in act(browser, uma.sub, "disable")
    assert uma.verdict() == "token_revoked"
    assert b"<strong>disabled</strong>" in browser.get(PEOPLE).content
    act(browser, uma.sub, "enable")
    assert Person.signed_in(uma.email).verdict() == "ok"
    assert list(AuditRecord.objects.order_by("id").values_list("action", flat=True)) == ["disable", "enable"]


def test_somebody_is_signed_out_everywhere(browser: Browser, uma: Person) -> None:
    assert "Signed out everywhere" in act(browser, uma.sub, "sign-out")
    assert uma.verdict() == "token_revoked"


def test_a_code_is_sent_again_to_who_waits_for_one(browser: Browser, cognito: LocalCognito, visitor: Client) -> None:
    visitor.post(f"{ACCOUNTS}sign-up/", {"email": "newt@example.com", "password": NEW_PASSWORD})
    newt = browser.get(PEOPLE, {"q": "newt"}).context["people"][0]["person"]
    assert "The mail was sent again." in act(browser, newt.sub, "resend")
    assert [each["kind"] for each in wait_for_messages(cognito, "newt@example.com", 2)] == ["sign_up", "resend"]
    assert AuditRecord.objects.get().detail == "confirmation code"


def test_an_invitation_is_sent_again(browser: Browser, cognito: LocalCognito) -> None:
    from accounts.cognito.gateway import get_gateway

    attributes = [{"Name": "email", "Value": "ivy@example.com"}]
    get_gateway().administer("admin_create_user", Username="ivy@example.com", UserAttributes=attributes)
    ivy = browser.get(PEOPLE, {"q": "ivy"}).context["people"][0]["person"]
    assert b"Send the mail again" in browser.get(f"{PEOPLE}{ivy.sub}/change/").content
    act(browser, ivy.sub, "resend")
    assert [each["kind"] for each in wait_for_messages(cognito, "ivy@example.com", 2)] == ["invitation"] * 2
    assert AuditRecord.objects.get().detail == "invitation"


def test_who_waits_for_nothing_gets_no_mail(browser: Browser, uma: Person) -> None:
    assert b"Send the mail again" not in browser.get(f"{PEOPLE}{uma.sub}/change/").content
    assert "nothing to send again" in act(browser, uma.sub, "resend")
    assert not AuditRecord.objects.exists()


@pytest.mark.parametrize("what", ["role", "disable", "enable", "sign-out", "resend"])
def test_nobody_does_it_to_themselves(what: str, cognito: LocalCognito) -> None:
    ada = Person.signed_in("admin@example.com")
    browser = Browser()
    browser.post("/accounts/sign-in/", {"email": ada.email, "password": ada.password})
    page = browser.get(f"{PEOPLE}{ada.sub}/change/").content.decode()
    assert "This is your own account" in page
    assert "/act/" not in page
    assert "This is your own account. Ask another administrator." in act(browser, ada.sub, what, role="ROLE_GUEST")
    assert ada.verdict() == "ok"
    assert not AuditRecord.objects.exists()


@pytest.mark.parametrize("sent", [{}, {"act": "explode"}, {"act": "role"}, {"act": "role", "role": "ROLE_ROOT"}])
def test_an_act_that_is_none_does_nothing(browser: Browser, uma: Person, sent: dict[str, str]) -> None:
    answer = browser.post(f"{PEOPLE}{uma.sub}/act/", sent, follow=True)
    assert b"Choose what to do." in answer.content
    assert uma.verdict() == "ok"


def test_who_is_not_there_is_a_sentence(browser: Browser, cognito: LocalCognito) -> None:
    for path in ("nobody/change/", "user@example.com/change/"):
        assert b"There is no such person." in browser.get(f"{PEOPLE}{path}", follow=True).content
    answer = browser.post(f"{PEOPLE}user@example.com/act/", {"act": "disable"}, follow=True)
    assert b"There is no such person." in answer.content
    bea = User.objects.get(username="Bea")
    assert b"Not in the user pool" in browser.get(f"{PEOPLE}{bea.sub}/change/").content


def test_when_cognito_is_down_every_page_says_so(browser: Browser, uma: Person, settings: Any) -> None:
    settings.COGNITO_ENDPOINT_URL = "http://127.0.0.1:9"
    User.objects.get_or_create(sub=uma.sub, defaults={"username": "Uma"})
    for path in ("", f"{uma.sub}/change/"):
        page = browser.get(f"{PEOPLE}{path}")
        assert page.status_code == 503
        assert b"The sign-in service does not answer at the moment." in page.content
    after = browser.post(f"{PEOPLE}{uma.sub}/act/", {"act": "disable"}, follow=True)
    assert b"The sign-in service does not answer at the moment." in after.content
    assert not AuditRecord.objects.exists()


def test_an_act_takes_the_token_of_the_form(browser: Browser, uma: Person) -> None:
    browser.handler.enforce_csrf_checks = True
    assert browser.post(f"{PEOPLE}{uma.sub}/act/", {"act": "disable"}).status_code == 403
    assert browser.get(f"{PEOPLE}{uma.sub}/act/").status_code == 405
    assert uma.verdict() == "ok"


def test_only_staff_with_the_right_get_there(uma: Person, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    nobody, guest, clerk = Browser(), Browser(), Browser()
    guest.force_login(User.objects.create(sub="local:guest", username="Gwen"))
    clerk.force_login(User.objects.create(sub="local:clerk", username="Carl", is_staff=True))
    for browser in (nobody, guest):
        for path in ("", f"{uma.sub}/change/"):
            assert browser.get(f"{PEOPLE}{path}")["Location"].startswith("/admin/login/")
        assert browser.post(f"{PEOPLE}{uma.sub}/act/", {"act": "disable"})["Location"].startswith("/admin/login/")
    assert clerk.get(PEOPLE).status_code == 403
    assert clerk.get(f"{PEOPLE}{uma.sub}/change/").status_code == 403
    assert clerk.post(f"{PEOPLE}{uma.sub}/act/", {"act": "disable"}).status_code == 403
    assert uma.verdict() == "ok"


def test_records_are_read_searched_and_never_changed(browser: Browser, uma: Person) -> None:
    User.objects.get_or_create(sub=uma.sub, defaults={"username": "Uma", "email": uma.email})
    act(browser, uma.sub, "sign-out")
    for wanted in ("bea@example", "user@example", uma.sub):
        assert "1 audit record" in browser.get(RECORDS, {"q": wanted}).content.decode()
    assert "0 audit records" in browser.get(RECORDS, {"q": "zoe"}).content.decode()
    assert browser.get(RECORDS, {"at__year": "2020"}).status_code == 200
    record = AuditRecord.objects.get()
    assert browser.get(f"{PEOPLE}{uma.sub}/history/")["Location"] == f"{RECORDS}?q={uma.sub}"
    assert browser.get(f"{RECORDS}{record.pk}/change/").status_code == 200
    for path in ("add/", f"{record.pk}/delete/", f"{record.pk}/change/"):
        assert browser.post(f"{RECORDS}{path}", {"post": "yes"}).status_code == 403


def test_nobody_is_added_or_deleted_here(browser: Browser, uma: Person) -> None:
    assert browser.post(f"{PEOPLE}add/").status_code == 403
    User.objects.get_or_create(sub=uma.sub, defaults={"username": "Uma"})
    assert browser.post(f"{PEOPLE}{uma.sub}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"{PEOPLE}{uma.sub}/change/", {"is_superuser": "on"}).status_code == 405
    assert not User.objects.get(sub=uma.sub).is_superuser


def test_an_act_on_a_page_that_is_out_of_date_is_shown_what_somebody_else_did(browser: Browser, uma: Person) -> None:
    page = browser.get(f"{PEOPLE}{uma.sub}/change/").content.decode()
    seen = html.unescape(re.findall(r'name="seen" value="([^"]+)"', page)[0])
    assert page.count(f'name="seen" value="{seen}"') == 2, "the form of the role, and that of the access"
    assert "is now: Guest" in act(browser, uma.sub, "role", role="ROLE_GUEST", seen=seen)
    stale = browser.post(f"{PEOPLE}{uma.sub}/act/", {"act": "role", "role": "ROLE_ADMIN", "seen": seen}, follow=True)
    said = stale.content.decode()
    assert "Somebody else changed this account after you opened the page. It is now: Guest, enabled." in said
    assert '<option value="ROLE_ADMIN" selected>' in said, "what was chosen is kept"
    assert "ROLE_ADMIN" not in str(AuditRecord.objects.values_list("detail", flat=True))
    assert (
        "Nothing was done"
        in browser.post(f"{PEOPLE}{uma.sub}/act/", {"act": "disable", "seen": seen}, follow=True).content.decode()
    )
    again = html.unescape(re.findall(r'name="seen" value="([^"]+)"', said)[0])
    assert "is now: Administrator" in act(browser, uma.sub, "role", role="ROLE_ADMIN", seen=again)
