"""`cognito_doctor`: nothing to say about our template, and each thing to say about a pool spoilt on purpose."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.cognito import doctor
from accounts.cognito.gateway import get_gateway
from accounts.tokens.roles import Role
from local_cognito.server import LocalCognito

FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


def problems() -> set[str]:
    """What the doctor finds, as `place: problem`."""
    return {f"{finding.place}: {finding.problem}" for finding in doctor.examine()}


def spoil_client(cognito: LocalCognito, **changes: Any) -> None:
    """Change settings of the web client, leaving the others as they are."""
    administer, client_id = get_gateway().administer, cognito.environment()["COGNITO_CLIENT_ID"]
    client = administer("describe_user_pool_client", ClientId=client_id)["UserPoolClient"]
    read_only = ("UserPoolId", "ClientSecret", "LastModifiedDate", "CreationDate")
    kept = {name: value for name, value in client.items() if name not in read_only}
    administer("update_user_pool_client", **{**kept, **changes})


def test_our_template_has_nothing_to_mend(cognito: LocalCognito) -> None:
    assert problems() == set()
    out = StringIO()
    call_command("cognito_doctor", stdout=out)
    assert "nothing to mend" in out.getvalue()


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"AllowedOAuthFlows": ["code", "implicit"]}, "The implicit flow puts tokens into addresses and histories."),
        ({"PreventUserExistenceErrors": "LEGACY"}, "Errors tell who has an account."),
        ({"EnableTokenRevocation": False}, "Sign-out does not end refresh tokens."),
        ({"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]}, "Signing in with a password is not enabled."),
        ({"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]}, "Nothing can be refreshed."),
        (
            {
                "ExplicitAuthFlows": [
                    "ALLOW_USER_PASSWORD_AUTH",
                    "ALLOW_REFRESH_TOKEN_AUTH",
                    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
                ]
            },
            "A flow that needs AWS keys is open for nothing.",
        ),
        ({"WriteAttributes": ["email", "locale"]}, "People cannot set of their own: name, phone_number."),
        ({"AccessTokenValidity": 120}, "Access tokens live longer than an hour."),
        (
            {"CallbackURLs": ["https://evil.example.com/callback"]},
            "A callback that is not ours: https://evil.example.com/callback",
        ),
        ({"CallbackURLs": ["http://books.example.com/x"]}, "A callback over plain http: http://books.example.com/x"),
    ],
)
def test_what_is_spoilt_in_a_client_is_found(changes: dict[str, Any], problem: str, cognito: LocalCognito) -> None:
    spoil_client(cognito, **changes)
    assert f"client web: {problem}" in problems()


def test_rotation_beside_the_flow_that_never_rotates_is_found(cognito: LocalCognito) -> None:
    # The local Cognito refuses the two together, so the description is made here.
    client = {
        "ClientId": "x",
        "RefreshTokenRotation": {"Feature": "ENABLED"},
        "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
    }
    found = {finding.problem for finding in doctor.examine_client(client, signs_people_in=False)}
    assert "Refresh tokens rotate, yet the flow that never rotates them is open." in found


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"Policies": {"PasswordPolicy": {"MinimumLength": 6}}}, "The password policy is weak."),
        (
            {"UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": []}},
            "A new e-mail address counts before it is verified: a typing mistake locks the person out.",
        ),
        ({"MfaConfiguration": "OFF"}, "Nobody can use an authenticator app."),
        ({"DeletionProtection": "INACTIVE"}, "The pool can be deleted by accident."),
        ({"AutoVerifiedAttributes": []}, "Sign-up sends no code."),
        ({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}}, "Nobody can sign up."),
        (
            {"DeviceConfiguration": {"ChallengeRequiredOnNewDevice": False, "DeviceOnlyRememberedOnUserPrompt": True}},
            "Devices are tracked: refreshing then needs a device key, which this service does not keep.",
        ),
    ],
)
def test_what_is_spoilt_in_the_pool_is_found(changes: dict[str, Any], problem: str, cognito: LocalCognito) -> None:
    get_gateway().administer("update_user_pool", **changes)
    assert f"pool: {problem}" in problems()


@pytest.mark.parametrize(
    "made, problem",
    [
        (
            {"AliasAttributes": ["email"]},
            "E-mail addresses are an alias of user names: nobody can sign up with one.",
        ),
        ({}, "E-mail addresses are not the names that people sign in with."),
        ({"UsernameAttributes": ["phone_number"]}, "E-mail addresses are not the names that people sign in with."),
        (
            {
                "UsernameAttributes": ["email"],
                "Schema": [
                    {"Name": name, "AttributeDataType": "String", "Required": True, "Mutable": True}
                    for name in ("email", "family_name", "given_name")
                ],
            },
            "Attributes are required that sign-up does not always send: family_name, given_name.",
        ),
    ],
)
def test_a_pool_that_was_made_otherwise_is_found(
    made: dict[str, Any], problem: str, cognito: LocalCognito, settings: Settings
) -> None:
    other = get_gateway()._administrator.create_user_pool(PoolName="other", **made)["UserPool"]
    settings.COGNITO_USER_POOL_ID = other["Id"]
    assert f"pool: {problem}" in problems()


def test_a_missing_group_is_found(cognito: LocalCognito) -> None:
    get_gateway().administer("delete_group", GroupName="ROLE_GUEST")
    assert "groups: There is no group ROLE_GUEST." in problems()


def test_groups_that_the_settings_name_are_looked_for(cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_GROUP_ROLES = {"editors": Role.USER}
    assert problems() == {"groups: There is no group editors."}


def test_a_client_that_the_pool_does_not_have_is_found(cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_ALLOWED_CLIENT_IDS = ["nobody"]
    assert "client nobody: The pool has no such client." in problems()


def test_a_secret_on_one_side_only_is_found(cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_CLIENT_SECRET = ""
    assert "client web: Either the client has a secret or the service, not both." in problems()


def test_findings_are_a_table_with_a_fix_each_and_exit_status_one(cognito: LocalCognito) -> None:
    spoil_client(cognito, PreventUserExistenceErrors="LEGACY")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("cognito_doctor", stdout=out)
    assert ended.value.code == 1
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["where", "what", "is", "wrong", "what", "mends", "it"]
    assert "client web" in lines[1]
    assert lines[1].endswith("PreventUserExistenceErrors: ENABLED")
    assert "1 to mend" in lines[2]


def test_a_pool_that_cannot_be_read_is_one_clear_line(cognito: LocalCognito, settings: Settings) -> None:
    settings.COGNITO_USER_POOL_ID = "eu-west-1_Nowhere01"
    with pytest.raises(CommandError, match="eu-west-1_Nowhere01 cannot be read"):
        call_command("cognito_doctor")


def test_a_role_among_many_groups_is_found(cognito: LocalCognito) -> None:
    for number in range(61):  # more than one page of them
        get_gateway().administer("create_group", GroupName=f"A-{number}")
    for act in ("delete_group", "create_group"):  # the last of all
        get_gateway().administer(act, GroupName="ROLE_GUEST")
    assert problems() == set()


@pytest.mark.parametrize(
    "urls, ours", [("tests.accounts.moved_urls", "/people/hosted/callback/"), ("books.urls", None)]
)
def test_the_callback_is_where_the_project_has_the_pages(
    urls: str, ours: str | None, cognito: LocalCognito, settings: Settings
) -> None:
    settings.ROOT_URLCONF = urls
    spoil_client(cognito, CallbackURLs=["https://127.0.0.1/people/hosted/callback/"])
    assert problems() == set()
    spoil_client(cognito, CallbackURLs=["https://127.0.0.1/accounts/hosted/callback/"])
    assert {finding.fix for finding in doctor.examine()} == ({f"CallbackURLs: https://<host>{ours}"} if ours else set())
