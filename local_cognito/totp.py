"""Codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds)."""

import base64
import hashlib
import hmac
import secrets
import struct

from local_cognito.errors import CognitoError

STEP_SECONDS = 30
# One step to either side, for clocks that differ a little (RFC 6238 section 5.2).
_WINDOW = (0, -1, 1)


def new_secret() -> str:
    """A fresh secret of 160 bits, base32 without padding, as AssociateSoftwareToken gives it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(secret: str, at: float) -> str:
    """The six digits an app shows at a time (seconds since 1970). Takes the secret in base32."""
    return _digits(secret, int(at) // STEP_SECONDS)


def _digits(secret: str, step: int) -> str:
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int(struct.unpack(">I", digest[offset : offset + 4])[0]) & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def check(secret: str, given: str, at: float, used: set[int]) -> None:
    """Accept a code once; ``used`` collects the steps whose code was accepted (RFC 6238 section 5.2).

    Raises CognitoError: CodeMismatchException for a wrong code, ExpiredCodeException for one used before.
    """
    now = int(at) // STEP_SECONDS
    for step in (now + drift for drift in _WINDOW):
        if hmac.compare_digest(_digits(secret, step).encode(), given.encode()):
            if step in used:
                raise CognitoError("ExpiredCodeException", "Your software token has already been used once.")
            used.difference_update({old for old in used if old < now - 1})
            used.add(step)
            return
    raise CognitoError("CodeMismatchException", "Invalid code received for user")
