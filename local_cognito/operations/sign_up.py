"""SignUp, ConfirmSignUp and ResendConfirmationCode."""

from typing import Any

from local_cognito import attributes, codes, passwords
from local_cognito.client_auth import check_secret_hash
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, invalid_parameter, not_authorized, user_not_found
from local_cognito.store import Client, Pool, Status, User, is_email, is_phone


def sign_up(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """SignUp: an unconfirmed user, and a code sent to the address."""
    client = cognito.store.client(request["ClientId"])
    pool, name = client.pool, request["Username"]
    check_secret_hash(client, name, request.get("SecretHash"))
    if (pool.config.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
        raise not_authorized("SignUp is not permitted for this user pool")
    given = attributes.flat(request.get("UserAttributes"))
    attributes.check_writable(client, given)
    password = passwords.check_policy(pool, request.get("Password"))
    user = new_user(pool, name, given, password, Status.UNCONFIRMED)
    pool.add(user)
    answer: dict[str, Any] = {"UserConfirmed": False, "UserSub": user.id}
    if "email" in (pool.config.get("AutoVerifiedAttributes") or []) and "email" in user.attribute_lookup:
        to = user.attribute_lookup["email"]
        answer["CodeDeliveryDetails"] = codes.send(cognito, pool, user, "sign_up", "sign_up", to)
    return answer


def new_user(pool: Pool, name: str, given: dict[str, str], password: str, status: Status) -> User:
    """A user, not yet kept in the pool. Where people go by their address the user name is the ``sub``.

    Raises CognitoError: InvalidParameterException for a name or attribute of the wrong form,
    UsernameExistsException when the name is taken.
    """
    name, given = _name_and_attributes(pool, name, given)
    attributes.check(pool, given)
    attributes.check_complete(pool, given)
    if pool.find(name) is not None:
        raise CognitoError("UsernameExistsException", "User already exists")
    attributes.check_free(pool, given)
    stored = attributes.listed({key: value for key, value in given.items() if value})
    return User(pool.id, None if pool.username_attributes else name, password, status, stored)


def _name_and_attributes(pool: Pool, name: str, given: dict[str, str]) -> tuple[str, dict[str, str]]:
    forms = {"email": is_email, "phone_number": is_phone}
    if not pool.username_attributes:
        if any(forms[alias](name) for alias in pool.config.get("AliasAttributes") or [] if alias in forms):
            raise invalid_parameter("Username cannot be of an alias's format.")
        return name, given
    for attribute in pool.username_attributes:
        if forms[attribute](name):
            if pool.fold(given.get(attribute) or name) != pool.fold(name):
                raise invalid_parameter(f"Username and {attribute} do not match.")
            return name, {**given, attribute: name}
    wanted = " or ".join("an email" if a == "email" else "a phone number" for a in pool.username_attributes)
    raise invalid_parameter(f"Username should be {wanted}.")


def confirm_sign_up(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """ConfirmSignUp: the right code confirms the user and the address it was sent to."""
    client = cognito.store.client(request["ClientId"])
    pool, name = client.pool, request["Username"]
    check_secret_hash(client, name, request.get("SecretHash"))
    user = pool.find(name)
    if user is None:
        # Like a user to whom no code was ever sent.
        raise codes.expired() if client.hides_users else user_not_found()
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status is not Status.UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {Status(user.status).value}")
    codes.check(cognito, pool, user, "sign_up", request["ConfirmationCode"])
    codes.spend(pool, user, "sign_up")
    user.status = Status.CONFIRMED
    attributes.write(user, {"email_verified": "true"})
    return {}


def resend_confirmation_code(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """ResendConfirmationCode: a new code; the one before no longer works."""
    client = cognito.store.client(request["ClientId"])
    name = request["Username"]
    check_secret_hash(client, name, request.get("SecretHash"))
    user = client.pool.find(name)
    if user is None or not user.enabled:
        return {"CodeDeliveryDetails": simulated_delivery(client, name)}
    if user.status is not Status.UNCONFIRMED:
        raise invalid_parameter("User is already confirmed.")
    to = user.attribute_lookup.get("email")
    if to is None:
        raise invalid_parameter("Cannot resend codes. Auto verification not turned on.")
    return {"CodeDeliveryDetails": codes.send(cognito, client.pool, user, "sign_up", "resend", to)}


def simulated_delivery(client: Client, name: str) -> dict[str, str]:
    """CodeDeliveryDetails for somebody who does not exist, or UserNotFoundException where that is no secret."""
    if not client.hides_users:
        raise user_not_found()
    return codes.delivery(name if "@" in name else f"{name}@example.com")
