"""Six-digit verification codes: delivery, attempt limit, expiry and single use."""

import hmac
import secrets

from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError
from local_cognito.memory import Code
from local_cognito.messages import Kind
from local_cognito.store import Pool, User

# How long a code works, in seconds (AWS: "Quotas in Amazon Cognito", validity of codes).
_LIFETIMES = {"sign_up": 24 * 3600, "forgot_password": 3600}
_ATTRIBUTE_LIFETIME = 24 * 3600
_TRIES = 5


def mask(value: str) -> str:
    """An address as CodeDeliveryDetails shows it: ``a***@e***``; a number keeps its last four digits."""
    if "@" in value:
        local, _, domain = value.partition("@")
        return f"{local[:1]}***@{domain[:1]}***"
    return f"+*******{value[-4:]}" if value.startswith("+") else f"{value[:1]}***"


def delivery(to: str, attribute: str = "email") -> dict[str, str]:
    """CodeDeliveryDetails for a code that was sent there, or seems to have been."""
    return {"Destination": mask(to), "DeliveryMedium": "EMAIL", "AttributeName": attribute}


def send(cognito: Cognito, pool: Pool, user: User, purpose: str, kind: Kind, to: str) -> dict[str, str]:
    """Send a new code, which makes any earlier one for the same purpose worthless. Gives CodeDeliveryDetails."""
    digits = f"{secrets.randbelow(1_000_000):06d}"
    lifetime = _LIFETIMES.get(purpose, _ATTRIBUTE_LIFETIME)
    pool.memory_of(user).codes[purpose] = Code(digits, cognito.clock.now() + lifetime)
    cognito.outbox.send(to, kind, digits)
    return delivery(to)


def check(cognito: Cognito, pool: Pool, user: User, purpose: str, digits: str) -> None:
    """Check the code that was sent last. It stays valid until ``spend``.

    Raises CognitoError: ExpiredCodeException when none was sent or its time is over, CodeMismatchException
    for a wrong one, TooManyFailedAttemptsException after five wrong ones, when only a new code helps.
    """
    code = pool.memory_of(user).codes.get(purpose)
    if code is None or cognito.clock.now() >= code.expires_at:
        raise expired()
    if code.wrong_tries >= _TRIES:
        raise CognitoError("TooManyFailedAttemptsException", "Too many failed attempts; please request a code again.")
    if not hmac.compare_digest(code.digits.encode(), digits.encode()):
        code.wrong_tries += 1
        raise mismatch()


def spend(pool: Pool, user: User, purpose: str) -> None:
    """A code works once."""
    pool.memory_of(user).codes.pop(purpose, None)


def expired() -> CognitoError:
    """No code of that kind works at the moment."""
    return CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")


def mismatch() -> CognitoError:
    """Not the code that was sent."""
    return CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")
