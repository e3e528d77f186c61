"""Second factors: AssociateSoftwareToken, VerifySoftwareToken, SetUserMFAPreference."""

from typing import Any

from local_cognito import totp
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, invalid_parameter, not_authorized
from local_cognito.memory import Challenge
from local_cognito.operations import challenges
from local_cognito.store import Pool, User
from local_cognito.tokens import opaque


def associate_software_token(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """AssociateSoftwareToken: a fresh secret; one that is in use stays so until the new one is verified."""
    pool, user, challenge, session = _who(cognito, request)
    secret = totp.new_secret()
    pool.memory_of(user).totp_proposed = secret
    if challenge is None:
        return {"SecretCode": secret}
    return {"SecretCode": secret, "Session": _next(pool, session, challenge)}


def verify_software_token(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """VerifySoftwareToken: the app shows the right code. In a sign-in this also turns the factor on."""
    pool, user, challenge, session = _who(cognito, request)
    memory = pool.memory_of(user)
    if memory.totp_proposed is None:
        raise CognitoError("SoftwareTokenMFANotFoundException", "No software token has been associated")
    steps: set[int] = set()
    try:
        totp.check(memory.totp_proposed, request["UserCode"], cognito.clock.now(), steps)
    except CognitoError as error:
        if challenge is not None:
            challenge.wrong_tries += 1
        raise CognitoError("EnableSoftwareTokenMFAException", "Code mismatch") from error
    memory.totp_secret, memory.totp_proposed, memory.totp_steps = memory.totp_proposed, None, steps
    memory.totp_device = request.get("FriendlyDeviceName") or None
    user.token_verified = True
    if challenge is None:
        return {"Status": "SUCCESS"}
    user.software_token_mfa_enabled = True
    user.preferred_mfa_setting = "SOFTWARE_TOKEN_MFA"
    challenge.details = "verified"
    return {"Status": "SUCCESS", "Session": _next(pool, session, challenge)}


def _who(cognito: Cognito, request: dict[str, Any]) -> tuple[Pool, User, Challenge | None, str]:
    """Somebody signed in, or somebody whose sign-in waits for MFA_SETUP."""
    session = request.get("Session") or ""
    if request.get("AccessToken"):
        caller = cognito.caller(request["AccessToken"])
        return caller.pool, caller.user, None, session
    for pool in cognito.store.pools():
        if session in pool.memory.challenges:
            client = cognito.store.client(pool.memory.challenges[session].client_id)
            challenge = challenges.find(cognito, client, session, "MFA_SETUP")
            return pool, pool.users[challenge.username], challenge, session
    raise challenges.invalid_session()


def _next(pool: Pool, session: str, challenge: Challenge) -> str:
    """Each step of the set-up has its own session; the one before is used up."""
    del pool.memory.challenges[session]
    renewed = opaque()
    pool.memory.challenges[renewed] = challenge
    return renewed


def set_user_mfa_preference(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """SetUserMFAPreference, by the person."""
    caller = cognito.caller(request["AccessToken"])
    set_preference(caller.pool, caller.user, request)
    return {}


def set_preference(pool: Pool, user: User, request: dict[str, Any]) -> None:
    """Turn the authenticator app on or off.

    Raises CognitoError: InvalidParameterException before a code was verified or for a factor the pool has
    not, NotAuthorizedException for turning off what the pool insists on.
    """
    for factor in ("SMSMfaSettings", "EmailMfaSettings", "WebAuthnMfaSettings"):
        if (request.get(factor) or {}).get("Enabled"):
            raise invalid_parameter(f"{factor}: the pool does not have this factor")
    settings = request.get("SoftwareTokenMfaSettings")
    if settings is None:
        return
    enabled = bool(settings.get("Enabled"))
    if enabled and pool.memory_of(user).totp_secret is None:
        raise invalid_parameter("User has not verified software token mfa")
    if not enabled and pool.mfa == "ON":
        raise not_authorized("MFA is required by the user pool")
    user.software_token_mfa_enabled = enabled
    user.preferred_mfa_setting = "SOFTWARE_TOKEN_MFA" if enabled and settings.get("PreferredMfa") else ""
