"""One's own account with a browser: details, address, password, codes of an app, and the end of it."""

import re

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.browser.forms import SignUpForm
from accounts.cognito import administration
from accounts.flows.rates import Rate
from accounts.models import User
from accounts.tokens.roles import Role
from local_cognito.server import LocalCognito
from tests.accounts.browsers import PAGES, PROFILE, fill_in, is_signed_in, signed_in, text, tokens_of
from tests.accounts.people import ACCOUNTS, BOOKS, NEW_PASSWORD, PASSWORD, Person, app_code, code_for
from tests.conftest import Client

UMA = "user@example.com"
PAGES_OF_ONES_OWN = ("", "email/", "email/verify/", "password/", "mfa/", "sign-out/", "delete/")

pytestmark = pytest.mark.django_db(transaction=True)


def secret_on(page: str) -> str:
    """The key that a page shows to be typed into an app."""
    found = re.search(r'<code class="key">([A-Z2-7]+)</code>', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("page", PAGES_OF_ONES_OWN)
def test_visitors_are_asked_to_sign_in_first(page: str, cognito: LocalCognito) -> None:
    assert Browser().get(f"{PROFILE}{page}").headers["Location"] == f"{PAGES}sign-in/?next={PROFILE}{page}"


@pytest.mark.parametrize("page", PAGES_OF_ONES_OWN)
def test_no_cache_keeps_a_page_of_ones_own(page: str, cognito: LocalCognito) -> None:
    answer = signed_in(UMA).get(f"{PROFILE}{page}")
    assert answer.status_code == 200
    assert {"private", "no-store"} <= set(answer.headers["Cache-Control"].split(", "))


def test_a_name_and_a_number_are_changed_and_removed(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    wrong = fill_in(uma, "profile/", name="Uma", phone_number="0151")
    assert 'id="id_phone_number_error"' in wrong.content.decode()
    assert fill_in(uma, "profile/", name="Uma Thurm", phone_number="+4915112345678").status_code == 302
    page = uma.get(PROFILE).content.decode()
    assert 'value="Uma Thurm"' in page
    assert 'value="+4915112345678"' in page
    fill_in(uma, "profile/", name="Uma Thurm", phone_number="")
    assert "+4915112345678" not in uma.get(PROFILE).content.decode().replace("such as +4915112345678", "")


def test_a_new_address_counts_once_it_is_verified(cognito: LocalCognito) -> None:
    uma, new = signed_in(UMA), "uma@example.org"
    assert fill_in(uma, "profile/email/", email=new).headers["Location"] == f"{PROFILE}email/verify/"
    assert UMA in text(uma.get("/"))
    wrong = fill_in(uma, "profile/email/verify/", code="000000")
    assert 'id="id_code_error"' in wrong.content.decode()
    assert fill_in(uma, "profile/email/verify/", resend="1").status_code == 302
    assert fill_in(uma, "profile/email/verify/", code=code_for(cognito, new)).status_code == 302
    assert new in text(uma.get("/"))
    assert new in text(uma.get(BOOKS, headers={"Accept": "text/html"}))
    assert User.objects.get().email == new
    assert is_signed_in(signed_in(new))


def test_the_page_for_a_new_address_sends_no_more_mail_than_the_api(cognito: LocalCognito) -> None:
    uma, victim = signed_in(UMA), "victim@example.org"
    statuses = [fill_in(uma, "profile/email/", email=victim).status_code for _ in range(4)]
    program = Person.signed_in(UMA).client
    statuses += [program.patch(f"{ACCOUNTS}me/", {"email": victim}).status_code for _ in range(2)]
    answer = fill_in(uma, "profile/email/", email=victim)
    assert (statuses, answer.status_code) == ([302] * 4 + [200, 429], 429)
    assert "Too many attempts" in text(answer)
    assert len([mail for mail in cognito.messages.all() if mail["to"] == victim]) == 5


def test_codes_asked_for_again_count_for_the_address_too(cognito: LocalCognito, settings: Settings) -> None:
    settings.ACCOUNTS_THROTTLES = {**settings.ACCOUNTS_THROTTLES, "mail_address": Rate(1, 3600)}
    uma, ada = signed_in(UMA), signed_in("admin@example.com")
    assert fill_in(uma, "profile/email/verify/", resend="1").status_code == 302
    assert fill_in(ada, "profile/email/verify/", resend="1").status_code == 429


def test_changing_the_password_ends_every_session(cognito: LocalCognito) -> None:
    uma, elsewhere = signed_in(UMA), signed_in(UMA)
    wrong = fill_in(uma, "profile/password/", current_password="Wr0ng-password", new_password=NEW_PASSWORD)
    assert 'id="id_current_password_error"' in wrong.content.decode()
    weak = fill_in(uma, "profile/password/", current_password=PASSWORD, new_password="weak")
    assert 'id="id_new_password_error"' in weak.content.decode()
    assert is_signed_in(uma)
    done = fill_in(uma, "profile/password/", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert done.headers["Location"] == f"{PAGES}sign-in/"
    assert "Sign in with the new one" in text(uma.get(f"{PAGES}sign-in/"))
    assert not is_signed_in(uma)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(signed_in(UMA, NEW_PASSWORD))


def test_codes_of_an_app_are_turned_on_and_off(cognito: LocalCognito) -> None:
    uma, mfa = signed_in(UMA), "profile/mfa/"
    assert "data:image" not in uma.get(f"{PROFILE}mfa/").content.decode()
    fill_in(uma, mfa, begin="1")
    page = uma.get(f"{PROFILE}mfa/").content.decode()
    assert 'src="data:image/svg+xml' in page
    secret = secret_on(page)
    wrong = fill_in(uma, mfa, code="000000")
    assert secret_on(wrong.content.decode()) == secret, "the app has this one already"
    assert fill_in(uma, mfa, code=app_code(cognito, secret)).headers["Location"] == PROFILE
    assert "asked for at each sign-in" in text(uma.get(PROFILE))
    assert secret not in uma.get(f"{PROFILE}mfa/").content.decode()
    asked = fill_in(Browser(), "sign-in/", email=UMA, password=PASSWORD)
    assert asked.headers["Location"] == f"{PAGES}sign-in/challenge/"
    refused = fill_in(uma, mfa, password="Wr0ng-password", code="000000")
    assert 'id="id_password_error"' in refused.content.decode()
    done = fill_in(uma, mfa, password=PASSWORD, code=app_code(cognito, secret, nth=1))
    assert done.headers["Location"] == PROFILE, text(done)
    assert is_signed_in(signed_in(UMA))


def test_signing_out_everywhere_ends_this_session_and_the_others(cognito: LocalCognito, visitor: Client) -> None:
    uma, elsewhere = signed_in(UMA), signed_in(UMA)
    token = tokens_of(elsewhere)["cognito_access_token"]
    assert uma.get(f"{PROFILE}sign-out/").status_code == 200
    assert is_signed_in(elsewhere)
    assert fill_in(uma, "profile/sign-out/").headers["Location"] == f"{PAGES}sign-in/"
    assert visitor.bearing(token).get(BOOKS).json()["code"] == "token_revoked"
    assert not is_signed_in(uma)
    assert not is_signed_in(elsewhere)


def test_an_account_is_deleted_for_good(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    book = uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}, "application/json").json()
    assert 'id="id_password_error"' in fill_in(uma, "profile/delete/", password="Wr0ng-password").content.decode()
    assert fill_in(uma, "profile/delete/", password=PASSWORD).headers["Location"] == "/"
    assert "Your account is deleted." in text(uma.get("/"))
    assert not is_signed_in(uma)
    assert not User.objects.exists()
    assert Browser().get(f"{BOOKS}{book['id']}/").json()["added_by"] is None
    assert fill_in(Browser(), "sign-in/", email=UMA, password=PASSWORD).status_code == 200


def test_a_session_that_cognito_has_ended_elsewhere_leads_to_the_sign_in(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    administration.sign_out_everywhere(UMA)  # as another service of the pool would
    answer = uma.get(PROFILE)
    assert answer.headers["Location"] == f"{PAGES}sign-in/?next={PROFILE}"
    assert "Your sign-in has ended" in text(uma.get(answer.headers["Location"]))


def test_two_windows_with_the_same_profile_do_not_undo_each_other(cognito: LocalCognito) -> None:
    uma = signed_in(UMA)
    page = uma.get(PROFILE).content.decode()
    shown = {
        name: re.findall(rf'name="initial-{name}"(?: value="([^"]*)")?', page)[0] for name in ("name", "phone_number")
    }
    older = {f"initial-{name}": value for name, value in shown.items()}
    fill_in(uma, "profile/", name="Uma Thurm", phone_number="")
    # The other window has the former name; only the number is changed there.
    assert fill_in(uma, "profile/", **older, name=shown["name"], phone_number="+4915112345678").status_code == 302
    page = uma.get(PROFILE).content.decode()
    assert 'value="Uma Thurm"' in page
    assert 'value="+4915112345678"' in page


def test_a_role_without_a_name_of_its_own_on_the_pages_is_shown_by_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.browser.forms.ROLE_NAMES", {})
    field = SignUpForm(roles=[Role.GUEST, Role.USER]).fields["role"]
    assert [label for _, label in field.choices] == [Role.GUEST.label, Role.USER.label]  # type: ignore[attr-defined]
