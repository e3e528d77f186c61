"""RespondToAuthChallenge, and the responses that each challenge requires.

A session is bound to its user, client and challenge, and works once; a mistyped answer may be corrected.
"""

import base64
import json
import secrets
from typing import Any

from local_cognito import attributes, grants, passwords, srp, totp
from local_cognito.client_auth import check_secret_hash
from local_cognito.cognito import Cognito
from local_cognito.errors import (
    CognitoError,
    invalid_parameter,
    not_authorized,
    user_not_found,
    wrong_password,
)
from local_cognito.memory import Challenge
from local_cognito.shapes import required
from local_cognito.store import Client, Status, User
from local_cognito.tokens import opaque

Answer = dict[str, Any]
_TRIES = 5


def client_of_pool(cognito: Cognito, request: dict[str, Any]) -> Client:
    """The client an Admin operation names; raises ResourceNotFoundException unless it belongs to the pool."""
    pool, client = cognito.store.pool(request["UserPoolId"]), cognito.store.client(request["ClientId"])
    if client.pool is not pool:
        raise CognitoError("ResourceNotFoundException", f"User pool client {client.id} does not exist.")
    return client


def ask(cognito: Cognito, client: Client, user: User, name: str, details: Any = None) -> str:
    """Open a challenge and give its session."""
    session = opaque()
    client.pool.memory.challenges[session] = Challenge(
        name, user.username, client.id, cognito.clock.now() + client.session_seconds, details=details
    )
    return session


def after_password(cognito: Cognito, client: Client, user: User) -> Answer | None:
    """The password was right: asks for a new one or a second factor; None when nothing is left to ask."""
    if user.status is Status.FORCE_CHANGE_PASSWORD:
        known = {name: value for name, value in user.attribute_lookup.items() if name != "sub"}
        missing = [
            f"userAttributes.{name}"
            for name, schema in client.pool.stored.schema_attributes.items()
            if schema.required and name != "sub" and not known.get(name)
        ]
        return {
            "ChallengeName": "NEW_PASSWORD_REQUIRED",
            "Session": ask(cognito, client, user, "NEW_PASSWORD_REQUIRED"),
            "ChallengeParameters": {
                "USER_ID_FOR_SRP": user.username,
                "requiredAttributes": json.dumps(missing),
                "userAttributes": json.dumps(known),
            },
        }
    return second_factor(cognito, client, user)


def second_factor(cognito: Cognito, client: Client, user: User) -> Answer | None:
    """Asks for a code of the authenticator app, or to set one up where the pool insists; None when neither."""
    pool, memory = client.pool, client.pool.memory_of(user)
    if memory.totp_secret and pool.mfa != "OFF" and (user.software_token_mfa_enabled or pool.mfa == "ON"):
        parameters = {"USER_ID_FOR_SRP": user.username}
        if memory.totp_device:
            parameters["FRIENDLY_DEVICE_NAME"] = memory.totp_device
        session = ask(cognito, client, user, "SOFTWARE_TOKEN_MFA")
        return {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": session, "ChallengeParameters": parameters}
    if pool.mfa == "ON":
        return {
            "ChallengeName": "MFA_SETUP",
            "Session": ask(cognito, client, user, "MFA_SETUP"),
            "ChallengeParameters": {
                "USER_ID_FOR_SRP": user.username,
                "MFAS_CAN_SETUP": json.dumps(["SOFTWARE_TOKEN_MFA"]),
            },
        }
    passwords.succeeded(pool, user.username)
    return None


def or_tokens(cognito: Cognito, client: Client, user: User, challenge: Answer | None) -> Answer:
    """The challenge there is, or tokens when there is none."""
    return challenge or {
        "ChallengeParameters": {},
        "AuthenticationResult": grants.sign_in(cognito, client, user),
    }


def respond_to_auth_challenge(cognito: Cognito, request: dict[str, Any]) -> Answer:
    """RespondToAuthChallenge: tokens, or the next challenge."""
    return _respond(cognito, cognito.store.client(request["ClientId"]), request)


def admin_respond_to_auth_challenge(cognito: Cognito, request: dict[str, Any]) -> Answer:
    """AdminRespondToAuthChallenge: the same rules, for a server with AWS keys."""
    return _respond(cognito, client_of_pool(cognito, request), request)


def _respond(cognito: Cognito, client: Client, request: dict[str, Any]) -> Answer:
    name, responses = request["ChallengeName"], request.get("ChallengeResponses") or {}
    check_secret_hash(client, required(responses, "USERNAME"), responses.get("SECRET_HASH"))
    session = responses.get("PASSWORD_CLAIM_SECRET_BLOCK") if name == "PASSWORD_VERIFIER" else request.get("Session")
    user, challenge = respond(cognito, client, name, session or "", responses)
    return or_tokens(cognito, client, user, challenge)


def respond(
    cognito: Cognito, client: Client, name: str, session: str, responses: dict[str, str]
) -> tuple[User, Answer | None]:
    """Answer an open challenge. Gives who answered, and the next challenge, or None when that was all.

    Raises CognitoError: NotAuthorizedException for a session that is unknown, expired, used, another user's,
    client's or challenge's, and what each challenge says about a wrong answer.
    """
    if name not in _ANSWERS:
        raise invalid_parameter(f"{name} is not a challenge of this pool")
    username, pool = required(responses, "USERNAME"), client.pool
    challenge = find(cognito, client, session, name)
    if name == "PASSWORD_VERIFIER" and pool.users.get(challenge.username) is None:
        # The exchange with somebody who does not exist goes on to its end, and fails there.
        del pool.memory.challenges[session]
        passwords.failed(cognito, pool, challenge.username)
        raise wrong_password()
    user = pool.find(username)
    if user is None or user.username != challenge.username:
        raise invalid_session()
    if not user.enabled:
        raise not_authorized("User is disabled.")
    following = _ANSWERS[name](cognito, client, user, challenge, responses)
    # Only a right answer uses the session up.
    pool.memory.challenges.pop(session, None)
    return user, following


def find(cognito: Cognito, client: Client, session: str, *names: str) -> Challenge:
    """An open challenge of this client with one of these names; raises CognitoError (NotAuthorizedException)."""
    challenge = client.pool.memory.challenges.get(session)
    if challenge is None or challenge.client_id != client.id or challenge.name not in names:
        raise invalid_session()
    if cognito.clock.now() >= challenge.expires_at or challenge.wrong_tries >= _TRIES:
        raise not_authorized("Invalid session for the user, session is expired.")
    return challenge


def invalid_session() -> CognitoError:
    """Unknown, used, another's, or for another challenge: one answer."""
    return not_authorized("Invalid session for the user.")


def new_password_required(
    cognito: Cognito, client: Client, user: User, challenge: Challenge, responses: dict[str, str]
) -> Answer | None:
    """A lasting password in place of the temporary one, and attributes the pool requires."""
    pool = client.pool
    password = passwords.check_policy(pool, required(responses, "NEW_PASSWORD"))
    passwords.check_history(pool, user, password)
    prefix = "userAttributes."
    given = {key.removeprefix(prefix): value for key, value in responses.items() if key.startswith(prefix)}
    attributes.check_writable(client, given)
    attributes.check(pool, given)
    attributes.check_mutable(pool, user, given)
    attributes.check_free(pool, given, by=user)
    attributes.check_complete(pool, {**user.attribute_lookup, **given})
    attributes.write(user, attributes.unverify_changed(user, given))
    passwords.set_password(pool, user, password)
    user.status = Status.CONFIRMED
    return second_factor(cognito, client, user)


def software_token_mfa(
    cognito: Cognito, client: Client, user: User, challenge: Challenge, responses: dict[str, str]
) -> Answer | None:
    """A code from the authenticator app."""
    code = required(responses, "SOFTWARE_TOKEN_MFA_CODE")
    memory = client.pool.memory_of(user)
    if memory.totp_secret is None:
        raise CognitoError("SoftwareTokenMFANotFoundException", "Software token MFA is not enabled for this user")
    passwords.guard(cognito, client.pool, user.username)
    try:
        totp.check(memory.totp_secret, code, cognito.clock.now(), memory.totp_steps)
    except CognitoError:
        # Guessing codes is slowed down like guessing passwords: a new session would be no new chance.
        challenge.wrong_tries += 1
        passwords.failed(cognito, client.pool, user.username)
        raise
    passwords.succeeded(client.pool, user.username)
    return None


def mfa_setup(
    cognito: Cognito, client: Client, user: User, challenge: Challenge, responses: dict[str, str]
) -> Answer | None:
    """The session that VerifySoftwareToken gave back."""
    if challenge.details != "verified":
        raise invalid_session()
    passwords.succeeded(client.pool, user.username)
    return None


def begin_srp(cognito: Cognito, client: Client, name: str, parameters: dict[str, str]) -> Answer:
    """USER_SRP_AUTH, first step: salt and B, simulated for somebody who does not exist (RFC 5054 section 2.5.1.3)."""
    public_a = srp.parse(required(parameters, "SRP_A"))
    check_secret_hash(client, name, parameters.get("SECRET_HASH"))
    pool = client.pool
    user = pool.find(name)
    key = passwords.key_of(user, name)
    passwords.guard(cognito, pool, key)
    if user is None:
        if not client.hides_users:
            raise user_not_found()
        folded = pool.fold(name)
        # The same id and salt for the same name, as for somebody real.
        user_id = srp.uuid_from(cognito.simulated("sub", folded))
        salt = cognito.simulated("salt", folded)[:16]
        exchange = srp.Exchange(pool.id, user_id, secrets.token_urlsafe(), salt, public_a)
        username, owner = user_id, name
    else:
        passwords.check_status(user)
        salt = cognito.simulated("salt", user.username)[:16]
        exchange = srp.Exchange(pool.id, user.username, user.password or "", salt, public_a)
        username = owner = user.username
    block = base64.b64encode(secrets.token_bytes(64)).decode()
    pool.memory.challenges[block] = Challenge(
        "PASSWORD_VERIFIER", owner, client.id, cognito.clock.now() + client.session_seconds, details=exchange
    )
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": exchange.salt_hex,
            "SRP_B": exchange.public_b_hex,
            "SECRET_BLOCK": block,
            "USERNAME": username,
            "USER_ID_FOR_SRP": username,
        },
    }


def password_verifier(
    cognito: Cognito, client: Client, user: User, challenge: Challenge, responses: dict[str, str]
) -> Answer | None:
    """USER_SRP_AUTH, second step: proof that the client knows the password. One try per exchange."""
    block = required(responses, "PASSWORD_CLAIM_SECRET_BLOCK")
    signature = required(responses, "PASSWORD_CLAIM_SIGNATURE")
    timestamp = required(responses, "TIMESTAMP")
    del client.pool.memory.challenges[block]
    passwords.guard(cognito, client.pool, user.username)
    exchange: srp.Exchange = challenge.details
    if not exchange.proves(block, timestamp, signature, cognito.clock.today()):
        passwords.failed(cognito, client.pool, user.username)
        raise wrong_password()
    passwords.check_enabled(cognito, client, user)
    return after_password(cognito, client, user)


_ANSWERS = {
    "NEW_PASSWORD_REQUIRED": new_password_required,
    "SOFTWARE_TOKEN_MFA": software_token_mfa,
    "MFA_SETUP": mfa_setup,
    "PASSWORD_VERIFIER": password_verifier,
}
