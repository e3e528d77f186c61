"""An administrator acts on people, groups and clients, with signed requests."""

from typing import Any

import boto3
import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, PASSWORD, Api, claims_of, refused


class TestInvitations:
    def test_a_temporary_password_is_mailed(self, api: Api, cognito: LocalCognito) -> None:
        temporary = api.invite(ADA)
        assert cognito.messages.all()[-1]["kind"] == "invitation"
        person = api.admin.admin_get_user(**api.in_pool(ADA))
        assert person["UserStatus"] == "FORCE_CHANGE_PASSWORD"
        assert api.start(ADA, temporary)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_another_invitation_keeps_the_person_and_replaces_the_password(self, api: Api) -> None:
        first = api.invite(ADA)
        sub = api.attributes(ADA)["sub"]
        api.admin.admin_create_user(**api.in_pool(ADA), MessageAction="RESEND")
        second = api.last_code(ADA)
        assert api.attributes(ADA)["sub"] == sub
        assert api.attributes(ADA)["email_verified"] == "true"
        with refused("NotAuthorizedException"):
            api.start(ADA, first)
        assert api.start(ADA, second)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_only_somebody_who_never_came_is_invited_again(self, api: Api) -> None:
        with refused("UserNotFoundException"):
            api.admin.admin_create_user(**api.in_pool(ADA), MessageAction="RESEND")
        api.join(ADA)
        with refused("UnsupportedUserStateException"):
            api.admin.admin_create_user(**api.in_pool(ADA), MessageAction="RESEND")
        with refused("UsernameExistsException"):
            api.admin.admin_create_user(**api.in_pool(ADA))

    def test_a_silent_one_mails_nothing(self, api: Api, cognito: LocalCognito) -> None:
        api.admin.admin_create_user(**api.in_pool(ADA), MessageAction="SUPPRESS", TemporaryPassword=PASSWORD)
        assert cognito.messages.all() == []
        assert api.start(ADA, PASSWORD)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


class TestGroups:
    def test_a_role_is_given_and_taken_by_any_name(self, api: Api) -> None:
        sub = api.join(ADA)
        for name in (ADA, ADA.upper(), sub):
            api.admin.admin_add_user_to_group(**api.in_pool(name), GroupName="ROLE_USER")
        groups = api.admin.admin_list_groups_for_user(**api.in_pool(ADA))["Groups"]
        assert [group["GroupName"] for group in groups] == ["ROLE_USER"]
        api.admin.admin_remove_user_from_group(**api.in_pool(ADA.upper()), GroupName="ROLE_USER")
        api.admin.admin_remove_user_from_group(**api.in_pool(ADA), GroupName="ROLE_USER")
        assert "cognito:groups" not in claims_of(api.sign_in(ADA)["AccessToken"])

    def test_groups_come_in_order_and_in_pages(self, api: Api) -> None:
        api.join(ADA)
        for group in ("ROLE_GUEST", "ROLE_USER", "ROLE_ADMIN"):
            api.admin.admin_add_user_to_group(**api.in_pool(ADA), GroupName=group)
        pages = api.admin.get_paginator("admin_list_groups_for_user").paginate(
            **api.in_pool(ADA), PaginationConfig={"PageSize": 2}
        )
        names = [[group["GroupName"] for group in page["Groups"]] for page in pages]
        assert names == [["ROLE_ADMIN", "ROLE_USER"], ["ROLE_GUEST"]]

    def test_unknown_groups_and_people_have_their_codes(self, api: Api) -> None:
        with refused("ResourceNotFoundException"):
            api.admin.admin_add_user_to_group(**api.in_pool("user@example.com"), GroupName="NOBODY")
        with refused("UserNotFoundException"):
            api.admin.admin_add_user_to_group(**api.in_pool(ADA), GroupName="ROLE_USER")
        with refused("GroupExistsException"):
            api.admin.create_group(UserPoolId=api.pool_id, GroupName="ROLE_USER")
        with refused("ResourceNotFoundException"):
            api.admin.list_groups(UserPoolId="eu-west-1_Nobody")

    def test_a_group_comes_and_goes(self, api: Api) -> None:
        api.join(ADA)
        api.admin.create_group(UserPoolId=api.pool_id, GroupName="EDITORS", Precedence=0)
        api.admin.admin_add_user_to_group(**api.in_pool(ADA), GroupName="EDITORS")
        assert claims_of(api.sign_in(ADA)["AccessToken"])["cognito:groups"] == ["EDITORS"]
        api.admin.delete_group(UserPoolId=api.pool_id, GroupName="EDITORS")
        assert "cognito:groups" not in claims_of(api.sign_in(ADA)["AccessToken"])


class TestPeople:
    def test_people_are_found_by_the_beginning_of_an_address(self, api: Api) -> None:
        api.join(ADA)
        api.join(GRACE)
        found = api.admin.list_users(UserPoolId=api.pool_id, Filter='email ^= "gr"')["Users"]
        assert [claims["Value"] for u in found for claims in u["Attributes"] if claims["Name"] == "email"] == [GRACE]

    def test_people_come_in_pages(self, api: Api) -> None:
        pages = list(
            api.admin.get_paginator("list_users").paginate(UserPoolId=api.pool_id, PaginationConfig={"PageSize": 2})
        )
        assert [len(page["Users"]) for page in pages] == [2, 1]

    @pytest.mark.parametrize(
        "bad", [{"Limit": 61}, {"PaginationToken": "nonsense"}, {"Filter": "nonsense"}, {"Filter": 'custom:x = "1"'}]
    )
    def test_a_bad_question_is_an_invalid_parameter(self, api: Api, bad: dict[str, Any]) -> None:
        with refused("InvalidParameterException"):
            api.admin.list_users(UserPoolId=api.pool_id, **bad)

    def test_an_administrator_confirms_without_a_code(self, api: Api) -> None:
        api.sign_up(ADA)
        api.admin.admin_confirm_sign_up(**api.in_pool(ADA))
        assert api.sign_in(ADA)
        with refused("NotAuthorizedException"):
            api.admin.admin_confirm_sign_up(**api.in_pool(ADA))

    def test_an_address_set_by_an_administrator_counts_at_once(self, api: Api) -> None:
        api.join(ADA)
        api.join(GRACE)
        new = [{"Name": "email", "Value": "countess@example.com"}]
        api.admin.admin_update_user_attributes(**api.in_pool(ADA), UserAttributes=new)
        assert api.attributes("countess@example.com")["email_verified"] == "false"
        api.admin.admin_update_user_attributes(
            **api.in_pool("countess@example.com"), UserAttributes=[{"Name": "email_verified", "Value": "true"}]
        )
        assert claims_of(api.sign_in("countess@example.com")["IdToken"])["email_verified"] is True
        with refused("AliasExistsException"):
            api.admin.admin_update_user_attributes(
                **api.in_pool("countess@example.com"), UserAttributes=[{"Name": "email", "Value": GRACE}]
            )

    def test_attributes_are_removed(self, api: Api) -> None:
        api.join(ADA, name="Ada")
        api.admin.admin_delete_user_attributes(**api.in_pool(ADA), UserAttributeNames=["name"])
        assert "name" not in api.attributes(ADA)
        with refused("InvalidParameterException"):
            api.admin.admin_delete_user_attributes(**api.in_pool(ADA), UserAttributeNames=["email"])

    def test_whoever_was_disabled_stays_signed_out(self, api: Api) -> None:
        sub = api.join(ADA)
        tokens = api.sign_in(ADA)
        api.admin.admin_disable_user(**api.in_pool(ADA))
        assert api.admin.admin_get_user(**api.in_pool(ADA))["Enabled"] is False
        api.admin.admin_enable_user(**api.in_pool(ADA))
        with refused("NotAuthorizedException"):
            api.refresh(tokens["RefreshToken"], sub)


class TestClients:
    def test_a_secret_is_as_cognito_gives_it(self, api: Api) -> None:
        client = api.admin.describe_user_pool_client(UserPoolId=api.pool_id, ClientId=api.web)["UserPoolClient"]
        assert client["ClientSecret"] == api.web_secret
        made = api.admin.create_user_pool_client(UserPoolId=api.pool_id, ClientName="x", GenerateSecret=True)
        assert made["UserPoolClient"]["ClientSecret"].isalnum()

    def test_rotation_excludes_the_older_flow(self, api: Api) -> None:
        settings = {
            "UserPoolId": api.pool_id,
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
            "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
        }
        with refused("InvalidParameterException"):
            api.admin.create_user_pool_client(ClientName="x", **settings)
        with refused("InvalidParameterException"):
            api.admin.update_user_pool_client(ClientId=api.spa, **settings)

    def test_what_an_update_does_not_name_goes_back_to_its_default(self, api: Api) -> None:
        api.admin.update_user_pool_client(
            UserPoolId=api.pool_id, ClientId=api.spa, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )
        client = api.admin.describe_user_pool_client(UserPoolId=api.pool_id, ClientId=api.spa)["UserPoolClient"]
        assert client["ClientName"] == "spa"
        assert "PreventUserExistenceErrors" not in client

    def test_a_scope_nobody_defined_cannot_be_allowed(self, api: Api) -> None:
        with refused("ScopeDoesNotExistException"):
            api.admin.create_user_pool_client(UserPoolId=api.pool_id, ClientName="x", AllowedOAuthScopes=["books/burn"])

    def test_the_pool_keeps_what_was_chosen_for_ever(self, api: Api) -> None:
        api.admin.update_user_pool(UserPoolId=api.pool_id, AutoVerifiedAttributes=["email"])
        described = api.admin.describe_user_pool(UserPoolId=api.pool_id)["UserPool"]
        assert described["UsernameAttributes"] == ["email"]
        assert described["UsernameConfiguration"] == {"CaseSensitive": False}


def test_administration_must_be_signed_for_this_region(api: Api, cognito: LocalCognito) -> None:
    with refused("MissingAuthenticationTokenException"):
        api.public.admin_get_user(**api.in_pool("user@example.com"))
    elsewhere = boto3.client(
        "cognito-idp",
        region_name="us-east-1",
        endpoint_url=cognito.url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    with refused("InvalidSignatureException"):
        elsewhere.admin_get_user(**api.in_pool("user@example.com"))


def test_what_is_not_known_here_says_so(api: Api) -> None:
    with refused("UnsupportedOperationException"):
        api.admin.admin_list_user_auth_events(**api.in_pool("user@example.com"))


def test_a_pool_whose_names_are_not_addresses_works_too(api: Api) -> None:
    pool = api.admin.create_user_pool(PoolName="names", AliasAttributes=["email"], AutoVerifiedAttributes=["email"])
    pool_id = pool["UserPool"]["Id"]
    client = api.admin.create_user_pool_client(
        UserPoolId=pool_id, ClientName="x", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    api.public.sign_up(
        ClientId=client, Username="ada", Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": ADA}]
    )
    api.public.confirm_sign_up(ClientId=client, Username="ada", ConfirmationCode=api.last_code(ADA))
    for name in ("ada", ADA):
        answer = api.public.initiate_auth(
            ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD}
        )
        assert claims_of(answer["AuthenticationResult"]["AccessToken"])["username"] == "ada"
    with refused("InvalidParameterException"):
        api.public.sign_up(ClientId=client, Username=GRACE, Password=PASSWORD)
    # Nobody said that case does not matter.
    with refused("UserNotFoundException"):
        api.public.initiate_auth(
            ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "ADA", "PASSWORD": PASSWORD}
        )
