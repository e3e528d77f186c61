"""Tokens live on, are rotated, or end."""

import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, Api, claims_of, refused


def test_a_refresh_keeps_the_sign_in_and_its_time(api: Api, cognito: LocalCognito) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    cognito.clock.advance(100)
    fresh = api.refresh(tokens["RefreshToken"], sub)
    before, after = claims_of(tokens["AccessToken"]), claims_of(fresh["AccessToken"])
    assert after["origin_jti"] == before["origin_jti"]
    assert after["auth_time"] == before["auth_time"]
    assert after["iat"] >= before["iat"] + 100
    assert after["jti"] != before["jti"]
    assert claims_of(fresh["IdToken"])["auth_time"] == before["auth_time"]
    assert "RefreshToken" not in fresh


def test_a_refresh_shows_the_groups_of_today(api: Api) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    api.admin.admin_add_user_to_group(**api.in_pool(ADA), GroupName="ROLE_USER")
    assert claims_of(api.refresh(tokens["RefreshToken"], sub)["AccessToken"])["cognito:groups"] == ["ROLE_USER"]


def test_the_secret_hash_of_a_refresh_is_over_the_real_user_name(api: Api) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    for name in (ADA, GRACE):
        with refused("NotAuthorizedException"):
            api.refresh(tokens["RefreshToken"], name)
    with refused("NotAuthorizedException"):
        api.public.initiate_auth(
            ClientId=api.web,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]},
        )
    assert api.refresh(tokens["RefreshToken"], sub)


@pytest.mark.parametrize("token", ["x", "a.b.c", "access", "id"])
def test_what_is_no_refresh_token_is_refused(api: Api, token: str) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    given = {"access": tokens["AccessToken"], "id": tokens["IdToken"]}.get(token, token)
    with refused("NotAuthorizedException"):
        api.refresh(given, sub)


def test_a_refresh_token_belongs_to_its_client(api: Api) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in_spa(ADA)
    with refused("NotAuthorizedException"):
        api.refresh(tokens["RefreshToken"], sub)
    with refused("NotAuthorizedException"):
        api.public.get_tokens_from_refresh_token(
            RefreshToken=tokens["RefreshToken"], ClientId=api.web, ClientSecret=api.web_secret
        )


def test_a_refresh_token_lasts_seven_days(api: Api, cognito: LocalCognito) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    cognito.clock.advance(7 * 86400 - 60)
    assert api.refresh(tokens["RefreshToken"], sub)
    cognito.clock.advance(60)
    with refused("NotAuthorizedException"):
        api.refresh(tokens["RefreshToken"], sub)


def test_somebody_disabled_or_deleted_is_refused(api: Api) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    api.admin.admin_disable_user(**api.in_pool(ADA))
    with refused("NotAuthorizedException"):
        api.refresh(tokens["RefreshToken"], sub)
    with refused("NotAuthorizedException"):
        api.public.get_user(AccessToken=tokens["AccessToken"])
    api.admin.admin_enable_user(**api.in_pool(ADA))
    tokens = api.sign_in(ADA)
    api.admin.admin_delete_user(**api.in_pool(ADA))
    with refused("NotAuthorizedException"):
        api.refresh(tokens["RefreshToken"], sub)


def test_a_refresh_survives_a_new_address(api: Api) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    api.admin.admin_update_user_attributes(**api.in_pool(ADA), UserAttributes=[{"Name": "email", "Value": GRACE}])
    assert claims_of(api.refresh(tokens["RefreshToken"], sub)["IdToken"])["email"] == GRACE


class TestGetTokensFromRefreshToken:
    def test_it_takes_the_secret_itself(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["RefreshToken"]
        for extra in ({}, {"ClientSecret": "w" * 51}):
            with refused("NotAuthorizedException"):
                api.public.get_tokens_from_refresh_token(RefreshToken=token, ClientId=api.web, **extra)
        answer = api.public.get_tokens_from_refresh_token(
            RefreshToken=token, ClientId=api.web, ClientSecret=api.web_secret
        )
        assert claims_of(answer["AuthenticationResult"]["AccessToken"])["client_id"] == api.web
        assert "RefreshToken" not in answer["AuthenticationResult"]

    def test_the_public_client_gets_a_new_refresh_token_each_time(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        token = api.sign_in_spa(ADA)["RefreshToken"]
        seen = {token}
        for _ in range(3):
            cognito.clock.advance(60)
            answer = api.public.get_tokens_from_refresh_token(RefreshToken=token, ClientId=api.spa)
            token = answer["AuthenticationResult"]["RefreshToken"]
            seen.add(token)
        assert len(seen) == 4

    def test_rotation_shuts_the_older_flow(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in_spa(ADA)["RefreshToken"]
        with refused("InvalidParameterException"):
            api.public.initiate_auth(
                ClientId=api.spa, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": token}
            )

    def test_a_lost_answer_may_be_asked_for_again_within_the_grace_period(
        self, api: Api, cognito: LocalCognito
    ) -> None:
        api.join(ADA)
        token = api.sign_in_spa(ADA)["RefreshToken"]
        api.public.get_tokens_from_refresh_token(RefreshToken=token, ClientId=api.spa)
        cognito.clock.advance(9)
        assert api.public.get_tokens_from_refresh_token(RefreshToken=token, ClientId=api.spa)

    def test_a_token_used_again_later_ends_the_sign_in(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        first = api.sign_in_spa(ADA)
        answer = api.public.get_tokens_from_refresh_token(RefreshToken=first["RefreshToken"], ClientId=api.spa)
        second = answer["AuthenticationResult"]
        cognito.clock.advance(11)
        with refused("RefreshTokenReuseException"):
            api.public.get_tokens_from_refresh_token(RefreshToken=first["RefreshToken"], ClientId=api.spa)
        with refused("NotAuthorizedException"):
            api.public.get_tokens_from_refresh_token(RefreshToken=second["RefreshToken"], ClientId=api.spa)
        with refused("NotAuthorizedException"):
            api.public.get_user(AccessToken=second["AccessToken"])

    def test_rotation_does_not_lengthen_the_sign_in(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        token = api.sign_in_spa(ADA)["RefreshToken"]
        cognito.clock.advance(6 * 86400)
        answer = api.public.get_tokens_from_refresh_token(RefreshToken=token, ClientId=api.spa)
        cognito.clock.advance(86400)
        with refused("NotAuthorizedException"):
            api.public.get_tokens_from_refresh_token(
                RefreshToken=answer["AuthenticationResult"]["RefreshToken"], ClientId=api.spa
            )


class TestRevokeToken:
    def test_it_ends_one_sign_in_and_leaves_the_others(self, api: Api) -> None:
        sub = api.join(ADA)
        one, other = api.sign_in(ADA), api.sign_in(ADA)
        api.public.revoke_token(Token=one["RefreshToken"], ClientId=api.web, ClientSecret=api.web_secret)
        with refused("NotAuthorizedException"):
            api.refresh(one["RefreshToken"], sub)
        with refused("NotAuthorizedException"):
            api.public.get_user(AccessToken=one["AccessToken"])
        assert api.refresh(other["RefreshToken"], sub)
        assert api.public.get_user(AccessToken=other["AccessToken"])

    def test_twice_or_unknown_is_no_error(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["RefreshToken"]
        for given in (token, token, "unknown"):
            api.public.revoke_token(Token=given, ClientId=api.web, ClientSecret=api.web_secret)

    def test_only_a_refresh_token_can_be_revoked(self, api: Api) -> None:
        api.join(ADA)
        with refused("UnsupportedTokenTypeException"):
            api.public.revoke_token(
                Token=api.sign_in(ADA)["AccessToken"], ClientId=api.web, ClientSecret=api.web_secret
            )

    def test_only_its_own_client_revokes_it(self, api: Api) -> None:
        sub = api.join(ADA)
        token = api.sign_in(ADA)["RefreshToken"]
        for arguments in ({"ClientId": api.spa}, {"ClientId": api.web}, {"ClientId": "nobody"}):
            with refused("UnauthorizedException"):
                api.public.revoke_token(Token=token, **arguments)
        assert api.refresh(token, sub)

    def test_a_client_may_have_it_off(self, api: Api) -> None:
        client = api.admin.create_user_pool_client(
            UserPoolId=api.pool_id, ClientName="no-revocation", EnableTokenRevocation=False
        )["UserPoolClient"]["ClientId"]
        with refused("UnsupportedOperationException"):
            api.public.revoke_token(Token="x", ClientId=client)


class TestGlobalSignOut:
    def test_ada_signs_out_everywhere(self, api: Api) -> None:
        sub = api.join(ADA)
        tokens = [api.sign_in(ADA), api.sign_in(ADA)]
        spa = api.sign_in_spa(ADA)
        api.public.global_sign_out(AccessToken=tokens[0]["AccessToken"])
        for one in tokens:
            with refused("NotAuthorizedException"):
                api.refresh(one["RefreshToken"], sub)
            with refused("NotAuthorizedException"):
                api.public.get_user(AccessToken=one["AccessToken"])
        with refused("NotAuthorizedException"):
            api.public.get_tokens_from_refresh_token(RefreshToken=spa["RefreshToken"], ClientId=api.spa)
        assert api.sign_in(ADA)

    @pytest.mark.parametrize("by", ["email", "sub", "shouted"])
    def test_an_administrator_signs_ada_out_by_any_name(self, api: Api, by: str) -> None:
        sub = api.join(ADA)
        tokens = api.sign_in(ADA)
        api.admin.admin_user_global_sign_out(**api.in_pool({"email": ADA, "sub": sub, "shouted": ADA.upper()}[by]))
        with refused("NotAuthorizedException"):
            api.refresh(tokens["RefreshToken"], sub)

    def test_grace_stays_signed_in(self, api: Api) -> None:
        api.join(ADA)
        sub = api.join(GRACE)
        graces = api.sign_in(GRACE)
        api.public.global_sign_out(AccessToken=api.sign_in(ADA)["AccessToken"])
        assert api.refresh(graces["RefreshToken"], sub)
