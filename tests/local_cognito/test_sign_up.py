"""A stranger becomes a user."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, KATHERINE, OTHER_PASSWORD, PASSWORD, Api, refused


def test_ada_signs_up_confirms_and_signs_in(api: Api) -> None:
    answer = api.public.sign_up(**api.web_call(ADA), Password=PASSWORD)
    assert answer["UserConfirmed"] is False
    assert answer["CodeDeliveryDetails"] == {
        "Destination": "a***@e***",
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }
    with refused("UserNotConfirmedException"):
        api.sign_in(ADA)
    api.confirm(ADA)
    assert api.sign_in(ADA)["TokenType"] == "Bearer"
    assert api.attributes(ADA)["email_verified"] == "true"


def test_a_message_says_to_whom_what_for_which_code_and_when(api: Api, cognito: LocalCognito) -> None:
    api.sign_up(ADA)
    (message,) = cognito.messages.all()
    assert message["to"] == ADA
    assert message["kind"] == "sign_up"
    assert re.fullmatch(r"\d{6}", message["code"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["at"])


def test_a_wrong_code_confirms_nobody(api: Api) -> None:
    api.sign_up(ADA)
    wrong = f"{(int(api.last_code(ADA)) + 1) % 1_000_000:06d}"
    with refused("CodeMismatchException"):
        api.public.confirm_sign_up(**api.web_call(ADA), ConfirmationCode=wrong)
    with refused("UserNotConfirmedException"):
        api.sign_in(ADA)


def test_a_code_works_once(api: Api) -> None:
    api.join(ADA)
    with refused("NotAuthorizedException"):
        api.confirm(ADA)


def test_a_code_works_for_its_own_user_only(api: Api) -> None:
    api.sign_up(ADA)
    api.sign_up(GRACE)
    with refused("CodeMismatchException"):
        api.public.confirm_sign_up(**api.web_call(GRACE), ConfirmationCode=api.last_code(ADA))


def test_a_code_expires_after_a_day(api: Api, cognito: LocalCognito) -> None:
    api.sign_up(ADA)
    cognito.clock.advance(24 * 3600)
    with refused("ExpiredCodeException"):
        api.confirm(ADA)


def test_five_wrong_codes_make_the_right_one_worthless_until_a_new_one_is_sent(api: Api) -> None:
    api.sign_up(ADA)
    right = api.last_code(ADA)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        with refused("CodeMismatchException"):
            api.public.confirm_sign_up(**api.web_call(ADA), ConfirmationCode=wrong)
    with refused("TooManyFailedAttemptsException"):
        api.public.confirm_sign_up(**api.web_call(ADA), ConfirmationCode=right)
    api.public.resend_confirmation_code(**api.web_call(ADA))
    api.confirm(ADA)


def test_a_new_code_replaces_the_old_one(api: Api, cognito: LocalCognito) -> None:
    api.sign_up(ADA)
    old = api.last_code(ADA)
    for _ in range(3):
        api.public.resend_confirmation_code(**api.web_call(ADA))
    assert [m["kind"] for m in cognito.messages.all()] == ["sign_up", "resend", "resend", "resend"]
    if old != api.last_code(ADA):
        with refused("CodeMismatchException"):
            api.public.confirm_sign_up(**api.web_call(ADA), ConfirmationCode=old)
    api.confirm(ADA)


def test_nobody_confirmed_gets_another_code(api: Api) -> None:
    api.join(ADA)
    with refused("InvalidParameterException"):
        api.public.resend_confirmation_code(**api.web_call(ADA))


def test_a_stranger_learns_nothing_from_asking_for_a_code(api: Api, cognito: LocalCognito) -> None:
    answer = api.public.resend_confirmation_code(**api.web_call(ADA))
    assert answer["CodeDeliveryDetails"]["Destination"] == "a***@e***"
    assert cognito.messages.all() == []


def test_confirming_a_stranger_looks_like_an_expired_code(api: Api) -> None:
    with refused("ExpiredCodeException"):
        api.public.confirm_sign_up(**api.web_call(ADA), ConfirmationCode="123456")


@pytest.mark.parametrize("again", [ADA, ADA.upper(), "Ada@Example.com"])
def test_an_address_is_taken_in_any_case(api: Api, again: str) -> None:
    api.sign_up(ADA)
    with refused("UsernameExistsException"):
        api.sign_up(again)


def test_signing_up_twice_leaves_the_first_password(api: Api) -> None:
    api.sign_up(ADA)
    with refused("UsernameExistsException"):
        api.sign_up(ADA, OTHER_PASSWORD)
    api.confirm(ADA)
    assert api.sign_in(ADA, PASSWORD)
    with refused("NotAuthorizedException"):
        api.sign_in(ADA, OTHER_PASSWORD)


@pytest.mark.parametrize("weak", ["Aa1!", "aaaaaa1!", "AAAAAA1!", "Aaaaaaa!", "Aaaaaaa1", "Passw0rd"])
def test_a_weak_password_is_refused_and_leaves_no_user(api: Api, weak: str) -> None:
    with refused("InvalidPasswordException"):
        api.sign_up(ADA, weak)
    api.sign_up(ADA)


def test_a_password_is_needed(api: Api) -> None:
    with refused("InvalidParameterException"):
        api.public.sign_up(**api.web_call(ADA))


@pytest.mark.parametrize(
    "given,code",
    [
        ({"custom:zzz": "1"}, "InvalidParameterException"),
        ({"no_such": "1"}, "InvalidParameterException"),
        ({"email_verified": "true"}, "NotAuthorizedException"),
        ({"sub": "1"}, "NotAuthorizedException"),
        ({"email": GRACE}, "InvalidParameterException"),
        ({"phone_number": "0123"}, "InvalidParameterException"),
        ({"phone_number": "+12345678901234567"}, "InvalidParameterException"),
    ],
)
def test_attributes_that_do_not_belong_are_refused(api: Api, given: dict[str, str], code: str) -> None:
    # The web client may write name, phone_number and email only: an unknown attribute is refused for that first.
    client = api.admin.create_user_pool_client(UserPoolId=api.pool_id, ClientName="writes-anything")
    attributes = [{"Name": name, "Value": value} for name, value in given.items()]
    with refused(code):
        api.public.sign_up(
            ClientId=client["UserPoolClient"]["ClientId"],
            Username=ADA,
            Password=PASSWORD,
            UserAttributes=attributes,
        )


@pytest.mark.parametrize("name", ["ada", "ada@", "@example.com", "ada@example", "a,b@example.com", "a..b@example.com"])
def test_a_user_name_is_an_address(api: Api, name: str) -> None:
    with refused("InvalidParameterException"):
        api.sign_up(name)


@pytest.mark.parametrize(
    "name", ["a da@example.com", "ada@example.com\n", "a\x00da@example.com", "a" * 117 + "@example.com"]
)
def test_a_user_name_has_the_shape_that_the_service_model_states(api: Api, name: str) -> None:
    with refused("InvalidParameterException"):
        api.sign_up(name)


def test_the_secret_hash_is_needed_right_and_for_this_name(api: Api) -> None:
    for extra in ({}, {"SecretHash": "bm90aGluZw=="}, {"SecretHash": api.hash_for(GRACE)}):
        with refused("NotAuthorizedException"):
            api.public.sign_up(ClientId=api.web, Username=ADA, Password=PASSWORD, **extra)


def test_a_public_client_has_no_secret_hash(api: Api) -> None:
    with refused("NotAuthorizedException"):
        api.public.sign_up(ClientId=api.spa, Username=ADA, Password=PASSWORD, SecretHash=api.hash_for(ADA))
    api.public.sign_up(ClientId=api.spa, Username=ADA, Password=PASSWORD)


def test_an_unknown_client_is_not_found(api: Api) -> None:
    with refused("ResourceNotFoundException"):
        api.public.sign_up(ClientId="nobody", Username=ADA, Password=PASSWORD)


def test_a_pool_may_be_closed_to_strangers(api: Api) -> None:
    api.admin.update_user_pool(UserPoolId=api.pool_id, AdminCreateUserConfig={"AllowAdminCreateUserOnly": True})
    with refused("NotAuthorizedException"):
        api.sign_up(ADA)


def test_many_people_sign_up_at_once(api: Api) -> None:
    def one(number: int) -> Any:
        return api.sign_up(f"reader{number}@example.com")

    with ThreadPoolExecutor(8) as threads:
        subs = list(threads.map(one, range(40)))
    assert len(set(subs)) == 40


def test_of_many_with_one_address_one_is_first(api: Api) -> None:
    def one(_: int) -> bool:
        try:
            return bool(api.sign_up(KATHERINE))
        except api.public.exceptions.UsernameExistsException:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(16))) == 1
