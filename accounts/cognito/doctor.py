"""Audit of the live user pool and its app clients: unsafe and incompatible settings, with a fix for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from accounts.cognito.errors import CognitoMisconfigured
from accounts.cognito.gateway import get_gateway
from accounts.tokens.conf import get_config

MIN_PASSWORD_LENGTH = 8
MAX_ACCESS_TOKEN_SECONDS = 3600
# Attributes that sign-up always sends, or that every account has.
_SENT_AT_SIGN_UP = {"sub", "email"}
# Attributes that people may change themselves (accounts/api/serializers.py).
_CHANGED_BY_PEOPLE = {"email", "name", "phone_number"}
_LOOPBACK = ("localhost", "127.0.0.1")
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: where, what is wrong, and the setting that fixes it (by its name in infra/cognito.yaml)."""

    place: str
    problem: str
    fix: str


def examine() -> Iterator[Finding]:
    """Findings about the pool and the app clients that this service accepts.

    Raises CognitoMisconfigured, CognitoUnavailable or TooManyAttempts when the pool cannot be read at all.
    """
    gateway, config = get_gateway(), get_config()
    pool = gateway.administer("describe_user_pool")["UserPool"]
    mfa = gateway.administer("get_user_pool_mfa_config")
    yield from _pool(pool, mfa)
    groups = {group["GroupName"] for group in gateway.administer_all("list_groups", "Groups", Limit=60)}
    for group, role in config.group_roles.items():
        if group not in groups:
            yield Finding("groups", f"There is no group {group}.", f"A UserPoolGroup named {group}, for {role}.")
    for client_id in sorted(config.client_ids):
        try:
            client = gateway.administer("describe_user_pool_client", ClientId=client_id)["UserPoolClient"]
        except CognitoMisconfigured:
            yield Finding(f"client {client_id}", "The pool has no such client.", "Correct COGNITO_CLIENT_ID(s).")
            continue
        yield from examine_client(client, signs_people_in=client_id == config.client_id)


def _pool(pool: Settings, mfa: Settings) -> Iterator[Finding]:
    password = pool.get("Policies", {}).get("PasswordPolicy", {})
    needed = ("RequireLowercase", "RequireUppercase", "RequireNumbers", "RequireSymbols")
    if password.get("MinimumLength", 0) < MIN_PASSWORD_LENGTH or not all(password.get(name) for name in needed):
        yield Finding(
            "pool", "The password policy is weak.", f"MinimumLength {MIN_PASSWORD_LENGTH}, {', '.join(needed)}"
        )
    before_update = pool.get("UserAttributeUpdateSettings", {}).get("AttributesRequireVerificationBeforeUpdate", [])
    if "email" not in before_update:
        problem = "A new e-mail address counts before it is verified: a typing mistake locks the person out."
        yield Finding("pool", problem, "AttributesRequireVerificationBeforeUpdate: [email]")
    if "email" not in pool.get("AutoVerifiedAttributes", []):
        yield Finding("pool", "Sign-up sends no code.", "AutoVerifiedAttributes: [email]")
    if pool.get("UsernameConfiguration", {}).get("CaseSensitive", True):
        problem = "Addresses that differ in case are different people."
        yield Finding("pool", problem, "UsernameConfiguration.CaseSensitive: false (a new pool is needed)")
    recovery = [way["Name"] for way in pool.get("AccountRecoverySetting", {}).get("RecoveryMechanisms", [])]
    if recovery != ["verified_email"]:
        yield Finding(
            "pool", "Passwords are not recovered by verified e-mail alone.", "RecoveryMechanisms: verified_email"
        )
    if pool.get("DeletionProtection") != "ACTIVE":
        yield Finding("pool", "The pool can be deleted by accident.", "DeletionProtection: ACTIVE")
    if mfa.get("MfaConfiguration", "OFF") == "OFF":
        yield Finding("pool", "Nobody can use an authenticator app.", "MfaConfiguration: OPTIONAL, SOFTWARE_TOKEN_MFA")
    yield from _compatibility(pool)
    sender = pool.get("EmailConfiguration", {}).get("EmailSendingAccount", "COGNITO_DEFAULT")
    # The local Cognito sends no mail.
    if sender != "DEVELOPER" and not get_config().endpoint_url:
        problem = "Cognito's own sender stops silently after 50 mails a day."
        yield Finding("pool", problem, "SesIdentityArn and SesFromAddress; leave the SES sandbox")


def _compatibility(pool: Settings) -> Iterator[Finding]:
    """Findings about settings that are safe but incompatible with this service."""
    new_pool = "a new pool is needed"
    if "email" not in pool.get("UsernameAttributes", []):
        is_alias = "email" in pool.get("AliasAttributes", [])
        problem = (
            "E-mail addresses are an alias of user names: nobody can sign up with one."
            if is_alias
            else "E-mail addresses are not the names that people sign in with."
        )
        yield Finding("pool", problem, f"UsernameAttributes: [email] ({new_pool})")
    required = {attribute["Name"] for attribute in pool.get("SchemaAttributes", []) if attribute.get("Required")}
    if missing := sorted(required - _SENT_AT_SIGN_UP):
        problem = f"Attributes are required that sign-up does not always send: {', '.join(missing)}."
        yield Finding("pool", problem, f"Required: true for email alone ({new_pool})")
    if pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly"):
        yield Finding("pool", "Nobody can sign up.", "AdminCreateUserConfig.AllowAdminCreateUserOnly: false")
    if pool.get("DeviceConfiguration"):
        problem = "Devices are tracked: refreshing then needs a device key, which this service does not keep."
        yield Finding("pool", problem, "No DeviceConfiguration")


def examine_client(client: Settings, *, signs_people_in: bool) -> Iterator[Finding]:
    """Findings about one app client, from the response of DescribeUserPoolClient."""
    place = f"client {client.get('ClientName', client['ClientId'])}"
    flows = set(client.get("ExplicitAuthFlows", []))
    oauth = set(client.get("AllowedOAuthFlows", []))
    if "implicit" in oauth:
        yield Finding(place, "The implicit flow puts tokens into addresses and histories.", "AllowedOAuthFlows: [code]")
    if client.get("PreventUserExistenceErrors") != "ENABLED":
        yield Finding(place, "Errors tell who has an account.", "PreventUserExistenceErrors: ENABLED")
    if not client.get("EnableTokenRevocation"):
        yield Finding(place, "Sign-out does not end refresh tokens.", "EnableTokenRevocation: true")
    admin_flows = {flow for flow in flows if "ADMIN" in flow}
    if admin_flows:
        yield Finding(
            place, "A flow that needs AWS keys is open for nothing.", f"Remove {', '.join(sorted(admin_flows))}"
        )
    rotates = client.get("RefreshTokenRotation", {}).get("Feature") == "ENABLED"
    if rotates and "ALLOW_REFRESH_TOKEN_AUTH" in flows:
        problem = "Refresh tokens rotate, yet the flow that never rotates them is open."
        yield Finding(place, problem, "Remove ALLOW_REFRESH_TOKEN_AUTH from ExplicitAuthFlows")
    units = client.get("TokenValidityUnits", {}).get("AccessToken", "hours")
    if client.get("AccessTokenValidity", 1) * _SECONDS[units] > MAX_ACCESS_TOKEN_SECONDS:
        yield Finding(place, "Access tokens live longer than an hour.", "AccessTokenValidity: 15 minutes")
    if signs_people_in:
        yield from _own_client(client, place, flows, rotates=rotates)
    for url in client.get("CallbackURLs", []):
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            yield Finding(place, f"A callback over plain http: {url}", "CallbackURLs with https")


def _own_client(client: Settings, place: str, flows: set[str], *, rotates: bool) -> Iterator[Finding]:
    """Findings about settings that only the app client of the sign-in needs."""
    if "ALLOW_USER_PASSWORD_AUTH" not in flows:
        yield Finding(
            place, "Signing in with a password is not enabled.", "ExplicitAuthFlows: ALLOW_USER_PASSWORD_AUTH"
        )
    if not rotates and "ALLOW_REFRESH_TOKEN_AUTH" not in flows:
        yield Finding(place, "Nothing can be refreshed.", "ALLOW_REFRESH_TOKEN_AUTH, or RefreshTokenRotation")
    # A client without WriteAttributes may write every standard attribute.
    if forbidden := sorted(_CHANGED_BY_PEOPLE.difference(client.get("WriteAttributes") or _CHANGED_BY_PEOPLE)):
        problem = f"People cannot set of their own: {', '.join(forbidden)}."
        yield Finding(place, problem, f"WriteAttributes: {', '.join(forbidden)} too")
    if bool(client.get("ClientSecret")) != bool(get_config().client_secret):
        yield Finding(place, "Either the client has a secret or the service, not both.", "COGNITO_CLIENT_SECRET")
    hosts = {host for host in settings.ALLOWED_HOSTS if host != "*"} | set(_LOOPBACK)
    try:
        callback = reverse("accounts:hosted-callback")
    except NoReverseMatch:  # a project without the pages
        return
    for url in client.get("CallbackURLs", []):
        parts = urlsplit(url)
        if parts.path != callback or not any(_serves(host, parts.hostname or "") for host in hosts):
            yield Finding(place, f"A callback that is not ours: {url}", f"CallbackURLs: https://<host>{callback}")


def _serves(allowed: str, host: str) -> bool:
    """Whether an entry of ALLOWED_HOSTS covers `host`; an entry with a leading dot covers its subdomains."""
    return host == allowed or (allowed.startswith(".") and (host.endswith(allowed) or host == allowed[1:]))
