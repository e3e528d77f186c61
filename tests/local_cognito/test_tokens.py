"""What a token says, and whether it is ours."""

from typing import Any

import jwt
import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.browser import Browser
from tests.local_cognito.people import ADA, PASSWORD, Api, claims_of, refused


def fetched(url: str) -> Any:
    page = Browser().open(url)
    assert page.status == 200
    return page.json()


def verified(cognito: LocalCognito, token: str, **expected: Any) -> dict[str, Any]:
    """A token's claims, checked with the keys that are published."""
    keys = jwt.PyJWKSet.from_dict(fetched(f"{cognito.url}/{cognito.pool_id}/.well-known/jwks.json"))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], **expected)
    return claims


def test_an_access_token_says_who_by_which_client_and_for_how_long(api: Api, cognito: LocalCognito) -> None:
    sub = api.join(ADA)
    tokens = api.sign_in(ADA)
    claims = verified(cognito, tokens["AccessToken"])
    assert claims["iss"] == f"{cognito.url}/{cognito.pool_id}"
    assert claims["sub"] == claims["username"] == sub
    assert claims["client_id"] == api.web
    assert claims["token_use"] == "access"
    assert claims["scope"] == "aws.cognito.signin.user.admin"
    assert claims["exp"] - claims["iat"] == tokens["ExpiresIn"] == 15 * 60
    assert claims["auth_time"] == claims["iat"]
    assert claims["jti"] != claims["origin_jti"]
    assert not {"aud", "email", "cognito:username", "cognito:groups"} & claims.keys()
    assert all(type(claims[name]) is int for name in ("iat", "exp", "auth_time"))


def test_an_id_token_says_who_that_is(api: Api, cognito: LocalCognito) -> None:
    sub = api.join(ADA, name="Ada Lovelace", phone_number="+441234567890")
    claims = verified(cognito, api.sign_in(ADA)["IdToken"], audience=api.web)
    assert claims["sub"] == claims["cognito:username"] == sub
    assert claims["email"] == ADA
    assert claims["email_verified"] is True
    assert claims["name"] == "Ada Lovelace"
    assert claims["phone_number"] == "+441234567890"
    assert claims["token_use"] == "id"
    assert not {"client_id", "username", "scope"} & claims.keys()


def test_both_tokens_of_a_sign_in_belong_together(api: Api) -> None:
    api.join(ADA)
    first, second = api.sign_in(ADA), api.sign_in(ADA)
    access, identity = claims_of(first["AccessToken"]), claims_of(first["IdToken"])
    assert access["origin_jti"] == identity["origin_jti"] != claims_of(second["AccessToken"])["origin_jti"]
    assert access["jti"] != identity["jti"]


def test_groups_stand_in_both_tokens_the_most_important_first(api: Api) -> None:
    api.join(ADA)
    for group in ("ROLE_GUEST", "ROLE_ADMIN", "ROLE_USER"):
        api.admin.admin_add_user_to_group(**api.in_pool(ADA), GroupName=group)
    tokens = api.sign_in(ADA)
    for token in (tokens["AccessToken"], tokens["IdToken"]):
        assert claims_of(token)["cognito:groups"] == ["ROLE_ADMIN", "ROLE_USER", "ROLE_GUEST"]


def test_two_keys_sign_and_neither_is_motos(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    tokens = api.sign_in(ADA)
    headers = [jwt.get_unverified_header(tokens[name]) for name in ("AccessToken", "IdToken")]
    assert headers[0]["kid"] != headers[1]["kid"]
    keys = fetched(f"{cognito.url}/{cognito.pool_id}/.well-known/jwks.json")["keys"]
    assert {key["kid"] for key in keys} == {header["kid"] for header in headers}
    assert all(header["kid"] != "dummy" and header["alg"] == "RS256" for header in headers)
    assert not any("d" in key for key in keys)


def test_discovery_names_the_endpoints(cognito: LocalCognito) -> None:
    issuer = f"{cognito.url}/{cognito.pool_id}"
    document = fetched(f"{issuer}/.well-known/openid-configuration")
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert document["authorization_endpoint"] == f"{cognito.url}/oauth2/authorize"
    assert document["token_endpoint"] == f"{cognito.url}/oauth2/token"
    assert document["userinfo_endpoint"] == f"{cognito.url}/oauth2/userInfo"
    assert document["end_session_endpoint"] == f"{cognito.url}/logout"
    assert document["response_types_supported"] == ["code"]


def test_another_pool_has_other_keys_and_another_issuer(api: Api, cognito: LocalCognito) -> None:
    other = api.admin.create_user_pool(PoolName="other", UsernameAttributes=["email"])["UserPool"]["Id"]
    keys = [fetched(f"{cognito.url}/{pool}/.well-known/jwks.json")["keys"] for pool in (other, cognito.pool_id)]
    assert not {key["kid"] for key in keys[0]} & {key["kid"] for key in keys[1]}
    client = api.admin.create_user_pool_client(
        UserPoolId=other, ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    api.public.sign_up(ClientId=client, Username=ADA, Password=PASSWORD)
    api.admin.admin_confirm_sign_up(UserPoolId=other, Username=ADA)
    answer = api.public.initiate_auth(
        ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": ADA, "PASSWORD": PASSWORD}
    )
    assert claims_of(answer["AuthenticationResult"]["AccessToken"])["iss"] == f"{cognito.url}/{other}"
    # The default of a client that names no lifetime.
    assert answer["AuthenticationResult"]["ExpiresIn"] == 3600


def test_a_pool_nobody_has_has_no_keys(cognito: LocalCognito) -> None:
    page = Browser().open(f"{cognito.url}/eu-west-1_Nobody/.well-known/jwks.json")
    assert page.status == 404
    assert page.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("spoil", ["x", "a.b.c", "id", "cut", "none"])
def test_a_token_that_is_not_an_access_token_of_ours_is_refused(api: Api, spoil: str) -> None:
    api.join(ADA)
    tokens = api.sign_in(ADA)
    header_and_claims = tokens["AccessToken"].rpartition(".")[0]
    token = {
        "id": tokens["IdToken"],
        "cut": tokens["AccessToken"][:-8],
        "none": f"{header_and_claims}.AAAA",
    }.get(spoil, spoil)
    with refused("NotAuthorizedException"):
        api.public.get_user(AccessToken=token)


def test_an_access_token_expires(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    token = api.sign_in(ADA)["AccessToken"]
    cognito.clock.advance(15 * 60 - 5)
    api.public.get_user(AccessToken=token)
    cognito.clock.advance(10)
    with refused("NotAuthorizedException"):
        api.public.get_user(AccessToken=token)


def test_tokens_of_before_a_reset_are_refused_with_a_code(api: Api, cognito: LocalCognito) -> None:
    tokens = api.sign_in("user@example.com", "Passw0rd!")
    cognito.reset()
    with refused("NotAuthorizedException"):
        api.public.get_user(AccessToken=tokens["AccessToken"])
    with refused("NotAuthorizedException"):
        api.refresh(tokens["RefreshToken"], claims_of(tokens["AccessToken"])["sub"])
