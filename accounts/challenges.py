"""What does a client hold between two steps of a sign-in? A signed, expiring handle."""

from collections.abc import Mapping

from django.core import signing

from accounts.cognito import Challenge

LIFETIME_SECONDS = 180  # as long as Cognito keeps its own session by default

_SALT = "accounts.challenge"

# Parameters that help the person answer; the rest of what Cognito sends is for its own libraries.
_SHOWN = (
    "CODE_DELIVERY_DELIVERY_MEDIUM",
    "CODE_DELIVERY_DESTINATION",
    "FRIENDLY_DEVICE_NAME",
    "MFAS_CAN_CHOOSE",
    "MFAS_CAN_SETUP",
    "requiredAttributes",
)


def sealed(challenge: Challenge) -> str:
    """The handle of `challenge`: opaque to the client, worthless once changed or LIFETIME_SECONDS old."""
    return signing.dumps(
        {"name": challenge.name, "session": challenge.session, "username": challenge.username}, salt=_SALT
    )


def shown(challenge: Challenge) -> Mapping[str, str]:
    """The parameters a client is told."""
    return {name: challenge.parameters[name] for name in _SHOWN if name in challenge.parameters}
