"""ForgotPassword, ConfirmForgotPassword and ChangePassword."""

from typing import Any

from local_cognito import codes, passwords
from local_cognito.client_auth import check_secret_hash
from local_cognito.cognito import Cognito
from local_cognito.errors import (
    CognitoError,
    invalid_parameter,
    not_authorized,
    user_not_found,
    wrong_password,
)
from local_cognito.operations.sign_up import simulated_delivery
from local_cognito.store import Pool, Status, User


def forgot_password(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """ForgotPassword: a code to the verified address; a delivery that only seems to happen for anybody else."""
    client = cognito.store.client(request["ClientId"])
    pool, name = client.pool, request["Username"]
    check_secret_hash(client, name, request.get("SecretHash"))
    if _recovery(pool) == ["admin_only"]:
        raise not_authorized("Contact administrator to reset password.")
    user = pool.find(name)
    if user is None:
        return {"CodeDeliveryDetails": simulated_delivery(client, name)}
    if not user.enabled or user.attribute_lookup.get("email_verified") != "true":
        if client.hides_users:
            return {"CodeDeliveryDetails": codes.delivery(user.attribute_lookup.get("email", name))}
        if not user.enabled:
            raise not_authorized("User is disabled.")
        raise no_verified_address()
    if user.status is Status.FORCE_CHANGE_PASSWORD:
        raise not_authorized("User password cannot be reset in the current state.")
    return {"CodeDeliveryDetails": send_reset_code(cognito, pool, user)}


def send_reset_code(cognito: Cognito, pool: Pool, user: User) -> dict[str, str]:
    """Send a code for a new password; gives CodeDeliveryDetails."""
    to = user.attribute_lookup["email"]
    return codes.send(cognito, pool, user, "forgot_password", "forgot_password", to)


def no_verified_address() -> CognitoError:
    """There is nowhere to send a code."""
    return invalid_parameter(
        "Cannot reset password for the user as there is no registered/verified email or phone_number"
    )


def _recovery(pool: Pool) -> list[str]:
    mechanisms = (pool.config.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or []
    return [mechanism["Name"] for mechanism in mechanisms]


def confirm_forgot_password(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """ConfirmForgotPassword: the code and a new password. A password the policy refuses does not spend the code."""
    client = cognito.store.client(request["ClientId"])
    pool, name = client.pool, request["Username"]
    check_secret_hash(client, name, request.get("SecretHash"))
    password = passwords.check_policy(pool, request["Password"])
    user = pool.find(name)
    if user is None or not user.enabled:
        if client.hides_users:
            raise codes.mismatch()
        raise user_not_found() if user is None else not_authorized("User is disabled.")
    codes.check(cognito, pool, user, "forgot_password", request["ConfirmationCode"])
    # Only somebody with the right code learns that a password was used before.
    passwords.check_history(pool, user, password)
    codes.spend(pool, user, "forgot_password")
    passwords.set_password(pool, user, password)
    user.status = Status.CONFIRMED
    passwords.succeeded(pool, user.username)
    return {}


def change_password(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """ChangePassword: the old one, then the new one. Guessing the old one is limited."""
    caller = cognito.caller(request["AccessToken"])
    pool, user = caller.pool, caller.user
    try:
        passwords.guard(cognito, pool, user.username)
    except CognitoError as error:
        raise CognitoError("LimitExceededException", "Attempt limit exceeded, please try after some time.") from error
    if user.password and user.password != request.get("PreviousPassword"):
        passwords.failed(cognito, pool, user.username)
        raise wrong_password()
    password = passwords.check_policy(pool, request["ProposedPassword"])
    passwords.check_history(pool, user, password)
    passwords.succeeded(pool, user.username)
    passwords.set_password(pool, user, password)
    return {}
