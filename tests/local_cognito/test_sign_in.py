"""A password is shown."""

from typing import Any

import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, OTHER_PASSWORD, PASSWORD, Api, refused


def test_the_demo_users_sign_in_with_the_password_of_the_readme(api: Api) -> None:
    for name in ("admin", "user", "guest"):
        assert api.sign_in(f"{name}@example.com", "Passw0rd!")


def test_an_address_is_typed_in_any_case(api: Api) -> None:
    api.join(ADA)
    assert api.sign_in("ADA@Example.COM")


def test_the_sub_is_a_user_name_too(api: Api) -> None:
    assert api.sign_in(api.join(ADA))


def test_a_wrong_password_and_an_unknown_user_get_one_answer(api: Api) -> None:
    api.join(ADA)
    answers = []
    for name in (ADA, GRACE):
        with pytest.raises(api.public.exceptions.NotAuthorizedException) as caught:
            api.sign_in(name, OTHER_PASSWORD)
        answers.append(caught.value.response["Error"])
    assert answers[0] == answers[1]


def test_a_client_that_hides_nobody_says_who_does_not_exist(api: Api) -> None:
    client = api.admin.create_user_pool_client(
        UserPoolId=api.pool_id,
        ClientName="legacy",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"],
    )["UserPoolClient"]["ClientId"]
    parameters = {"USERNAME": ADA, "PASSWORD": PASSWORD, "SRP_A": "2"}
    for flow in ("USER_PASSWORD_AUTH", "USER_SRP_AUTH"):
        with refused("UserNotFoundException"):
            api.public.initiate_auth(ClientId=client, AuthFlow=flow, AuthParameters=parameters)
    with refused("UserNotFoundException"):
        api.public.forgot_password(ClientId=client, Username=ADA)
    with refused("UserNotFoundException"):
        api.public.resend_confirmation_code(ClientId=client, Username=ADA)
    with refused("UserNotFoundException"):
        api.public.confirm_sign_up(ClientId=client, Username=ADA, ConfirmationCode="123456")


def test_somebody_unconfirmed_hears_so_whatever_the_password(api: Api) -> None:
    api.sign_up(ADA)
    for password in (PASSWORD, OTHER_PASSWORD):
        with refused("UserNotConfirmedException"):
            api.sign_in(ADA, password)


def test_somebody_disabled_is_refused_and_let_in_again_when_enabled(api: Api) -> None:
    api.join(ADA)
    api.admin.admin_disable_user(**api.in_pool(ADA))
    for password in (PASSWORD, OTHER_PASSWORD):
        with refused("NotAuthorizedException"):
            api.sign_in(ADA, password)
    api.admin.admin_enable_user(**api.in_pool(ADA))
    assert api.sign_in(ADA)


@pytest.mark.parametrize("secret_hash", [None, "", "bm90aGluZw==", "of another"])
def test_the_secret_hash_must_be_right(api: Api, secret_hash: str | None) -> None:
    api.join(ADA)
    parameters = {"USERNAME": ADA, "PASSWORD": PASSWORD}
    if secret_hash is not None:
        parameters["SECRET_HASH"] = api.hash_for(GRACE) if secret_hash == "of another" else secret_hash
    with refused("NotAuthorizedException"):
        api.public.initiate_auth(ClientId=api.web, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "CUSTOM_AUTH", "USER_AUTH"])
def test_a_flow_the_client_does_not_name_is_off(api: Api, flow: str) -> None:
    parameters = {"USERNAME": ADA, "PASSWORD": PASSWORD, "SECRET_HASH": api.hash_for(ADA), "SRP_A": "2"}
    with refused("InvalidParameterException"):
        api.public.initiate_auth(ClientId=api.web, AuthFlow=flow, AuthParameters=parameters)


def test_a_flow_nobody_knows_is_refused(api: Api) -> None:
    with refused("InvalidParameterException"):
        api.public.initiate_auth(ClientId=api.web, AuthFlow="NO_SUCH", AuthParameters={})


@pytest.mark.parametrize(
    "parameters", [{}, {"USERNAME": ADA}, {"PASSWORD": PASSWORD}, {"USERNAME": "", "PASSWORD": ""}]
)
def test_name_and_password_are_needed(api: Api, parameters: dict[str, str]) -> None:
    with refused("InvalidParameterException"):
        api.public.initiate_auth(ClientId=api.spa, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)


def wrong_passwords(api: Api, name: str, times: int) -> None:
    for _ in range(times):
        with refused("NotAuthorizedException"):
            api.sign_in(name, OTHER_PASSWORD)


def message_of(api: Api, name: str, password: str) -> Any:
    with pytest.raises(api.public.exceptions.NotAuthorizedException) as caught:
        api.sign_in(name, password)
    return caught.value.response["Error"]["Message"]


def test_after_five_wrong_passwords_the_right_one_waits(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    wrong_passwords(api, ADA, 4)
    assert api.sign_in(ADA)
    wrong_passwords(api, ADA, 5)
    assert message_of(api, ADA, PASSWORD) == "Password attempts exceeded"
    cognito.clock.advance(1.1)
    assert api.sign_in(ADA)


def test_each_further_wrong_password_doubles_the_wait(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    wrong_passwords(api, ADA, 5)
    cognito.clock.advance(1.1)
    wrong_passwords(api, ADA, 1)
    cognito.clock.advance(1.1)
    assert message_of(api, ADA, PASSWORD) == "Password attempts exceeded"
    cognito.clock.advance(1)
    assert api.sign_in(ADA)


def test_another_spelling_of_the_name_is_no_way_around_the_lock(api: Api) -> None:
    sub = api.join(ADA)
    for name in (ADA, ADA.upper(), sub, ADA.title(), ADA):
        wrong_passwords(api, name, 1)
    assert message_of(api, sub, PASSWORD) == "Password attempts exceeded"


def test_a_name_nobody_has_is_locked_like_any_other(api: Api) -> None:
    wrong_passwords(api, GRACE, 5)
    assert message_of(api, GRACE, PASSWORD) == "Password attempts exceeded"


def test_an_administrator_signs_people_in_by_the_same_rules(api: Api) -> None:
    client = api.admin.create_user_pool_client(
        UserPoolId=api.pool_id,
        ClientName="admin",
        ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        PreventUserExistenceErrors="ENABLED",
    )["UserPoolClient"]["ClientId"]

    def start(password: str) -> Any:
        return api.admin.admin_initiate_auth(
            UserPoolId=api.pool_id,
            ClientId=client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": ADA, "PASSWORD": password},
        )

    api.sign_up(ADA)
    with refused("UserNotConfirmedException"):
        start(PASSWORD)
    api.confirm(ADA)
    with refused("NotAuthorizedException"):
        start(OTHER_PASSWORD)
    tokens = start(PASSWORD)["AuthenticationResult"]
    assert api.public.get_user(AccessToken=tokens["AccessToken"])
    with refused("NotAuthorizedException"):
        api.admin.admin_initiate_auth(
            UserPoolId=api.pool_id,
            ClientId=client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": "no such token"},
        )


def test_the_web_client_has_no_administrators_flow(api: Api) -> None:
    with refused("InvalidParameterException"):
        api.admin.admin_initiate_auth(
            UserPoolId=api.pool_id,
            ClientId=api.web,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": ADA, "PASSWORD": PASSWORD, "SECRET_HASH": api.hash_for(ADA)},
        )
