"""One's own account."""

from typing import Any

from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, KATHERINE, PASSWORD, Api, claims_of, refused


def token_of(api: Api, email: str) -> str:
    token: str = api.sign_in(email)["AccessToken"]
    return token


def update(api: Api, token: str, **attributes: str) -> Any:
    given = [{"Name": name, "Value": value} for name, value in attributes.items()]
    return api.public.update_user_attributes(AccessToken=token, UserAttributes=given)["CodeDeliveryDetailsList"]


def test_ada_sees_herself(api: Api) -> None:
    sub = api.join(ADA, name="Ada Lovelace")
    answer = api.public.get_user(AccessToken=token_of(api, ADA))
    assert answer["Username"] == sub
    assert {a["Name"]: a["Value"] for a in answer["UserAttributes"]} == {
        "sub": sub,
        "email": ADA,
        "email_verified": "true",
        "name": "Ada Lovelace",
    }


def test_a_name_changes_at_once(api: Api) -> None:
    api.join(ADA)
    assert update(api, token_of(api, ADA), name="Countess of Lovelace") == []
    assert claims_of(api.sign_in(ADA)["IdToken"])["name"] == "Countess of Lovelace"


def test_an_empty_value_removes_an_attribute(api: Api) -> None:
    api.join(ADA, name="Ada")
    update(api, token_of(api, ADA), name="")
    assert "name" not in api.attributes(ADA)


def test_a_new_address_waits_for_its_code(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    token = token_of(api, ADA)
    (sent,) = update(api, token, email=GRACE)
    assert sent == {"Destination": "g***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    assert cognito.messages.all()[-1]["kind"] == "verify_email"
    assert api.attributes(ADA)["email"] == ADA
    assert api.sign_in(ADA)
    with refused("CodeMismatchException"):
        api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code="000000x")
    api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=api.last_code(GRACE))
    assert api.attributes(GRACE)["email_verified"] == "true"
    assert api.sign_in(GRACE)
    with refused("NotAuthorizedException"):
        api.sign_in(ADA)


def test_its_code_works_once_and_expires(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    token = token_of(api, ADA)
    update(api, token, email=GRACE)
    code = api.last_code(GRACE)
    cognito.clock.advance(24 * 3600)
    token = token_of(api, ADA)
    with refused("ExpiredCodeException"):
        api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=code)
    api.public.get_user_attribute_verification_code(AccessToken=token, AttributeName="email")
    api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=api.last_code(GRACE))
    with refused("ExpiredCodeException"):
        api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=api.last_code(GRACE))


def test_another_persons_address_is_refused(api: Api) -> None:
    api.join(ADA)
    api.join(GRACE)
    with refused("AliasExistsException"):
        update(api, token_of(api, ADA), email=GRACE.upper())


def test_an_address_taken_while_it_waited_is_refused(api: Api) -> None:
    api.join(ADA)
    token = token_of(api, ADA)
    update(api, token, email=GRACE)
    code = api.last_code(GRACE)
    api.sign_up(GRACE)
    with refused("AliasExistsException"):
        api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=code)


def test_ones_own_address_in_other_letters_is_no_conflict(api: Api) -> None:
    api.join(ADA)
    update(api, token_of(api, ADA), email=ADA.title())
    assert api.sign_in(ADA)


def test_the_address_of_the_last_change_counts(api: Api) -> None:
    api.join(ADA)
    token = token_of(api, ADA)
    update(api, token, email=GRACE)
    old = api.last_code(GRACE)
    update(api, token, email=KATHERINE)
    if old != api.last_code(KATHERINE):
        with refused("CodeMismatchException"):
            api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=old)
    api.public.verify_user_attribute(AccessToken=token, AttributeName="email", Code=api.last_code(KATHERINE))
    assert api.attributes(KATHERINE)["email"] == KATHERINE


def test_what_the_client_may_not_write_is_refused(api: Api) -> None:
    api.join(ADA)
    token = token_of(api, ADA)
    for name in ("email_verified", "sub", "custom:role", "nickname"):
        with refused("NotAuthorizedException"):
            update(api, token, **{name: "true"})


def test_a_required_attribute_cannot_be_removed(api: Api) -> None:
    api.join(ADA)
    token = token_of(api, ADA)
    with refused("InvalidParameterException"):
        api.public.delete_user_attributes(AccessToken=token, UserAttributeNames=["email"])
    with refused("InvalidParameterException"):
        update(api, token, email="")


def test_an_attribute_can_be_removed(api: Api) -> None:
    api.join(ADA, name="Ada")
    api.public.delete_user_attributes(AccessToken=token_of(api, ADA), UserAttributeNames=["name"])
    assert "name" not in api.attributes(ADA)


def test_a_number_cannot_be_verified_where_nothing_is_sent_to_it(api: Api) -> None:
    api.join(ADA, phone_number="+441234567890")
    token = token_of(api, ADA)
    with refused("InvalidParameterException"):
        api.public.get_user_attribute_verification_code(AccessToken=token, AttributeName="phone_number")
    with refused("InvalidParameterException"):
        api.public.verify_user_attribute(AccessToken=token, AttributeName="phone_number", Code="123456")


def test_ada_deletes_her_account(api: Api) -> None:
    first = api.join(ADA)
    tokens = api.sign_in(ADA)
    api.public.delete_user(AccessToken=tokens["AccessToken"])
    with refused("NotAuthorizedException"):
        api.public.get_user(AccessToken=tokens["AccessToken"])
    with refused("NotAuthorizedException"):
        api.sign_in(ADA)
    with refused("UserNotFoundException"):
        api.admin.admin_get_user(**api.in_pool(ADA))
    assert api.join(ADA, PASSWORD) != first


def test_a_deleted_member_leaves_the_group(api: Api) -> None:
    api.join(ADA)
    api.admin.admin_add_user_to_group(**api.in_pool(ADA), GroupName="ROLE_USER")
    api.public.delete_user(AccessToken=token_of(api, ADA))
    members = api.admin.list_users_in_group(UserPoolId=api.pool_id, GroupName="ROLE_USER")["Users"]
    assert len(members) == 1
