"""The pool is what infra/cognito.yaml says, and that is safe."""

import re
from pathlib import Path
from typing import Any

import pytest

from local_cognito.server import LocalCognito
from local_cognito.template import TEMPLATE, Template, parsed
from tests.local_cognito.people import Api


@pytest.fixture
def described(api: Api) -> dict[str, Any]:
    """The pool as DescribeUserPool tells it."""
    pool: dict[str, Any] = api.admin.describe_user_pool(UserPoolId=api.pool_id)["UserPool"]
    return pool


def client(api: Api, client_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.admin.describe_user_pool_client(UserPoolId=api.pool_id, ClientId=client_id)
    described: dict[str, Any] = found["UserPoolClient"]
    return described


def test_the_pool_is_hardened(described: dict[str, Any]) -> None:
    assert described["UserPoolTier"] == "ESSENTIALS"
    assert described["DeletionProtection"] == "ACTIVE"
    assert described["UsernameAttributes"] == ["email"]
    assert described["UsernameConfiguration"] == {"CaseSensitive": False}
    assert described["AutoVerifiedAttributes"] == ["email"]
    assert described["UserAttributeUpdateSettings"] == {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    assert described["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]
    assert described["MfaConfiguration"] == "OPTIONAL"
    assert described["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False
    assert "{####}" in described["EmailVerificationMessage"]
    policy = described["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] >= 8
    assert policy["TemporaryPasswordValidityDays"] == 7
    assert all(policy[f"Require{kind}"] for kind in ("Uppercase", "Lowercase", "Numbers", "Symbols"))
    schema = {attribute["Name"]: attribute for attribute in described["SchemaAttributes"]}
    assert all(schema[name]["Mutable"] for name in ("email", "name", "phone_number"))


def test_the_second_factor_is_an_app(api: Api) -> None:
    answer = api.admin.get_user_pool_mfa_config(UserPoolId=api.pool_id)
    assert answer["SoftwareTokenMfaConfiguration"] == {"Enabled": True}


def test_the_groups_are_the_roles(api: Api) -> None:
    groups = api.admin.list_groups(UserPoolId=api.pool_id)["Groups"]
    assert {group["GroupName"]: group["Precedence"] for group in groups} == {
        "ROLE_ADMIN": 1,
        "ROLE_USER": 2,
        "ROLE_GUEST": 3,
    }


def test_every_client_is_safe(api: Api, cognito: LocalCognito) -> None:
    machine, _ = cognito.machine_client()
    for client_id in (api.web, api.spa, machine):
        settings = client(api, client_id)
        assert settings["PreventUserExistenceErrors"] == "ENABLED"
        assert settings["EnableTokenRevocation"] is True
        assert "implicit" not in settings["AllowedOAuthFlows"]
        assert not [flow for flow in settings["ExplicitAuthFlows"] if "ADMIN" in flow]
        assert settings["TokenValidityUnits"]["AccessToken"] == "minutes"
        assert settings["AccessTokenValidity"] == settings["IdTokenValidity"] == 15


def test_only_servers_have_secrets(api: Api, cognito: LocalCognito) -> None:
    machine, _ = cognito.machine_client()
    assert "ClientSecret" in client(api, api.web)
    assert "ClientSecret" in client(api, machine)
    assert "ClientSecret" not in client(api, api.spa)


def test_the_public_client_rotates_its_refresh_tokens(api: Api) -> None:
    settings = client(api, api.spa)
    assert settings["RefreshTokenRotation"]["Feature"] == "ENABLED"
    assert "ALLOW_REFRESH_TOKEN_AUTH" not in settings["ExplicitAuthFlows"]
    assert "ALLOW_USER_SRP_AUTH" in settings["ExplicitAuthFlows"]


def test_machines_have_the_scopes_of_the_books(api: Api, cognito: LocalCognito) -> None:
    machine, _ = cognito.machine_client()
    settings = client(api, machine)
    assert settings["AllowedOAuthFlows"] == ["client_credentials"]
    assert settings["AllowedOAuthScopes"] == ["books/read", "books/write", "books/admin"]


def test_the_callbacks_move_to_where_the_service_runs() -> None:
    with LocalCognito(app_urls=["http://127.0.0.1:9999/"]) as cognito:
        settings = client(Api(cognito), cognito.environment()["COGNITO_CLIENT_ID"])
        assert settings["CallbackURLs"] == ["http://127.0.0.1:9999/accounts/hosted/callback/"]
        assert settings["LogoutURLs"] == ["http://127.0.0.1:9999/"]
        cognito.register_app("http://localhost:1234")
        cognito.reset()
        settings = client(Api(cognito), cognito.spa_client())
        assert "http://localhost:1234/api/docs/oauth2-redirect.html" in settings["CallbackURLs"]
        assert "http://localhost:5173/" in settings["CallbackURLs"]


def test_no_output_is_a_secret() -> None:
    outputs = TEMPLATE.read_text().partition("\nOutputs:")[2]
    assert outputs
    assert "Secret" not in outputs


@pytest.mark.parametrize(
    "domain,allowed",
    [
        ("books", True),
        ("my-books-1", True),
        ("ab", False),
        ("x" * 64, False),
        ("-books", False),
        ("books-", False),
        ("Books", False),
        ("my-cognito-books", False),
        ("awsome", False),
    ],
)
def test_the_domain_follows_awss_rules(domain: str, allowed: bool) -> None:
    pattern = parsed(TEMPLATE)["Parameters"]["CognitoDomain"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, domain) and 3 <= len(domain) <= 63) is allowed


def test_conditions_and_parameters_are_followed() -> None:
    for remember, expected in (("true", True), ("false", False)):
        template = Template(
            parameters={"RememberDevices": remember, "SesIdentityArn": "arn:x", "CognitoDomain": "mine"}
        )
        ((_, pool),) = template.of_type("AWS::Cognito::UserPool")
        assert pool["UserPoolName"] == "mine"
        assert pool["EmailConfiguration"]["SourceArn"] == "arn:x"
        assert ("DeviceConfiguration" in pool) is expected
    with pytest.raises(ValueError, match="no parameter Nothing"):
        Template(parameters={"Nothing": "x"})


def test_a_client_that_cognito_would_refuse_is_refused_here(tmp_path: Path, cognito: LocalCognito) -> None:
    spoilt = tmp_path / "cognito.yaml"
    text = TEMPLATE.read_text()
    spoilt.write_text(text.replace("[ALLOW_USER_SRP_AUTH,", "[ALLOW_REFRESH_TOKEN_AUTH,"))
    with pytest.raises(ValueError, match="SpaClient"), LocalCognito(template=spoilt):
        pass
    unknown = tmp_path / "unknown.yaml"
    unknown.write_text(text.replace("UserPoolName: !Ref CognitoDomain", "UserPoolName: !Select [0, [a]]"))
    with pytest.raises(ValueError, match="not understood"):
        Template(unknown).of_type("AWS::Cognito::UserPool")
