"""Causes of Cognito's errors, for the log: the messages themselves echo what was sent and are never logged.

Each pattern matches a message of the Cognito API, as documented by AWS or quoted in public reports. Patterns capture
names of AWS only: a trigger, a parameter, an attribute.
"""

import re
from typing import NamedTuple

MAX_MESSAGE = 2000  # characters that are read

# AWS: "Customizing user pool workflows with Lambda triggers".
_TRIGGERS = (
    "PreSignUp|PostConfirmation|PreAuthentication|PostAuthentication|DefineAuthChallenge|CreateAuthChallenge"
    "|VerifyAuthChallenge(?:Response)?|PreTokenGeneration|TokenGeneration|UserMigration|CustomMessage|CustomEmailSender"
    "|CustomSMSSender|InboundFederation"
)
# AWS: the members of the requests of this service, and "Working with user attributes".
_NAMES = (
    "username|password|previousPassword|proposedPassword|confirmationCode|session|clientId|secretHash|accessToken"
    "|refreshToken|token|userCode|code|authParameters|challengeResponses|challengeName|userAttributes|groupName|filter"
    "|limit|nextToken|paginationToken|SECRET_HASH|USERNAME|PASSWORD|REFRESH_TOKEN|NEW_PASSWORD|SRP_A"
)
_ATTRIBUTES = (
    "address|birthdate|email|family_name|gender|given_name|locale|middle_name|name|nickname|phone_number|picture"
    "|preferred_username|profile|updated_at|website|zoneinfo|custom:[A-Za-z0-9_]{1,20}"
)


class Cause(NamedTuple):
    """Cause of a refusal. `is_configuration` is true when the pool or the app client is configured wrongly."""

    text: str
    is_configuration: bool = False


_CAUSES: tuple[tuple[re.Pattern[str], Cause], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        # A wrong client secret is reported as NotAuthorizedException, like a wrong password.
        (r"secret[ _]?hash", Cause("the secret of the app client", True)),
        (r"unauthorized attribute", Cause("the app client may not write an attribute: WriteAttributes", True)),
        (
            rf"\b({_ATTRIBUTES})\s?: (?:the )?attribute is required",
            Cause("the pool requires the attribute {}, which was not sent", True),
        ),
        (r"cannot be of email format", Cause("the pool has e-mail addresses as an alias, not as user names", True)),
        (r"sign-?up is not permitted", Cause("only administrators create accounts in this pool", True)),
        (rf"^({_TRIGGERS})\b", Cause("the Lambda trigger {}")),
        (r"lambda output", Cause("a Lambda trigger gave an answer that Cognito cannot read")),
        (rf"at '({_NAMES})\b[\w.]*' failed to satisfy", Cause("the form of the parameter {}")),
        (rf"parameter ({_NAMES})\b", Cause("the parameter {}")),
        (rf"schema: ({_ATTRIBUTES})\b", Cause("the attribute {} does not fit the schema of the pool")),
        (rf"given, ({_ATTRIBUTES})\b", Cause("the attribute {} is missing")),
        (r"invalid email", Cause("the form of the e-mail address")),
        (r"invalid phone", Cause("the form of the phone number")),
        (r"flow not enabled|method not supported", Cause("the app client does not allow the flow: ExplicitAuthFlows")),
        (r"registered/verified", Cause("the account has no verified address")),
        (r"already confirmed", Cause("the account is confirmed already")),
        (r"auto verification", Cause("the pool verifies no address: AutoVerifiedAttributes")),
        (r"revocation is not enabled", Cause("the app client has EnableTokenRevocation off")),
        (r"required scopes", Cause("the token lacks the scope aws.cognito.signin.user.admin")),
        (r"invalid session", Cause("the session of the challenge is over")),
        (r"current status|current state", Cause("the status of the account")),
    )
)
_UNKNOWN = Cause("unknown cause")


def cause_of(message: str) -> Cause:
    """The cause that the message of an error of Cognito states. The result quotes names of AWS only."""
    message = message[:MAX_MESSAGE]
    for pattern, cause in _CAUSES:
        found = pattern.search(message)
        if found:
            return cause._replace(text=cause.text.format(*found.groups()))
    return _UNKNOWN
