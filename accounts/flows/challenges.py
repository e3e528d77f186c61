"""Sign-in challenges: encrypted, expiring handles, their public parameters and the responses to them."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.cognito.errors import ChallengeExpired, ChallengeUnknown
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import Challenge, Tokens

LIFETIME_SECONDS = 180  # as long as Cognito keeps its own session by default

_SALT = "accounts.challenge"

# Challenge: (field of our API that responds to it, Cognito's name of the response).
_ANSWERS: Mapping[str, tuple[str, str]] = {
    "NEW_PASSWORD_REQUIRED": ("new_password", "NEW_PASSWORD"),
    "SOFTWARE_TOKEN_MFA": ("code", "SOFTWARE_TOKEN_MFA_CODE"),
    "SMS_MFA": ("code", "SMS_MFA_CODE"),
    "EMAIL_OTP": ("code", "EMAIL_OTP_CODE"),
    "MFA_SETUP": ("code", ""),
    "SELECT_MFA_TYPE": ("mfa", "ANSWER"),
}


def encrypted(challenge: Challenge, email: str) -> str:
    """The handle of `challenge`: encrypted (Fernet), since it holds Cognito's session. Valid for LIFETIME_SECONDS."""
    held = {"name": challenge.name, "session": challenge.session, "username": challenge.username, "email": email}
    return _cipher().encrypt(json.dumps(held).encode()).decode()


def decrypted(handle: str) -> tuple[Challenge, str]:
    """The challenge of a handle, and the e-mail address of the sign-in. Raises ChallengeExpired."""
    try:
        held = json.loads(_cipher().decrypt(handle, ttl=LIFETIME_SECONDS))
    except (InvalidToken, ValueError):  # ValueError: not ASCII
        raise ChallengeExpired from None
    email: str = held.pop("email")
    return Challenge(**held, parameters={}), email


def _cipher() -> MultiFernet:
    # The first key encrypts; the fallbacks decrypt handles that were issued before the secret key was changed.
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    keys = (salted_hmac(_SALT, "handle", secret=secret, algorithm="sha256").digest() for secret in secrets)
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])


def expected_answer(challenge: Challenge) -> str:
    """The field that responds to `challenge`: new_password, code or mfa. Raises ChallengeUnknown."""
    try:
        return _ANSWERS[challenge.name][0]
    except KeyError:
        raise ChallengeUnknown from None


def respond(challenge: Challenge, answer: str) -> Tokens | Challenge:
    """Respond to the challenge with `answer`. Returns tokens, or the next challenge."""
    if challenge.name == "MFA_SETUP":
        return get_gateway().verify_new_mfa(challenge, answer)
    return get_gateway().respond(challenge, **{_ANSWERS[challenge.name][1]: answer})


def public_parameters(challenge: Challenge, email: str) -> Mapping[str, Any]:
    """The parameters of the challenge that a client may see: destination of a code, MFA choices, TOTP secret."""
    sent = challenge.parameters
    parameters: dict[str, Any] = {}
    if "CODE_DELIVERY_DESTINATION" in sent:
        parameters["medium"] = sent.get("CODE_DELIVERY_DELIVERY_MEDIUM", "")
        parameters["destination"] = sent["CODE_DELIVERY_DESTINATION"]
    if "MFAS_CAN_CHOOSE" in sent:
        parameters["choices"] = json.loads(sent["MFAS_CAN_CHOOSE"])
    if "secret" in sent:
        parameters |= {"secret": sent["secret"], "otpauth_url": otpauth_url(sent["secret"], email)}
    return parameters


def otpauth_url(secret: str, email: str) -> str:
    """The URL of a TOTP secret that an authenticator app reads from a QR code.

    Source: "Key URI Format" of Google Authenticator, which the other apps follow.
    """
    service = quote(getattr(settings, "ACCOUNTS_NAME", "Cognito"))
    return f"otpauth://totp/{service}:{quote(email)}?secret={secret}&issuer={service}"
