"""One's own account: GetUser, its attributes and their verification, DeleteUser."""

from typing import Any

from local_cognito import attributes, codes
from local_cognito.cognito import Caller, Cognito
from local_cognito.errors import invalid_parameter
from local_cognito.store import User


def describe(user: User) -> dict[str, Any]:
    """Username, UserAttributes and second factors, as GetUser and AdminGetUser tell them."""
    factors = ["SOFTWARE_TOKEN_MFA"] if user.software_token_mfa_enabled else []
    answer: dict[str, Any] = {
        "Username": user.username,
        "UserAttributes": attributes.listed(user.attribute_lookup),
    }
    if factors:
        answer["UserMFASettingList"] = factors
    if user.preferred_mfa_setting:
        answer["PreferredMfaSetting"] = user.preferred_mfa_setting
    return answer


def get_user(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """GetUser: the attributes this client may read."""
    caller = cognito.caller(request["AccessToken"])
    answer = describe(caller.user)
    readable = [a for a in answer["UserAttributes"] if a["Name"] == "sub" or caller.client.may_read(a["Name"])]
    return {**answer, "UserAttributes": readable}


def update_user_attributes(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """UpdateUserAttributes: a new address waits until its code comes back, where the pool says so."""
    caller = cognito.caller(request["AccessToken"])
    pool, user = caller.pool, caller.user
    given = attributes.flat(request["UserAttributes"])
    attributes.check_writable(caller.client, given)
    attributes.check(pool, given)
    attributes.check_mutable(pool, user, given)
    attributes.check_free(pool, given, by=user)
    settings = pool.config.get("UserAttributeUpdateSettings") or {}
    memory = pool.memory_of(user)
    waiting = {
        name: given.pop(name)
        for name in settings.get("AttributesRequireVerificationBeforeUpdate") or []
        if given.get(name) and given[name] != user.attribute_lookup.get(name)
    }
    # The last word counts: writing the old address again withdraws a change that was waiting.
    for name in given:
        memory.pending.pop(name, None)
    unverified = attributes.unverify_changed(user, given)
    attributes.write(user, unverified)
    sent = []
    for name, value in waiting.items():
        memory.pending[name] = value
        sent.append(codes.send(cognito, pool, user, name, "verify_email", value))
    if unverified.get("email_verified") == "false" and "email" in (pool.config.get("AutoVerifiedAttributes") or []):
        sent.append(codes.send(cognito, pool, user, "email", "verify_email", given["email"]))
    return {"CodeDeliveryDetailsList": sent}


def delete_user_attributes(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """DeleteUserAttributes: not those the pool requires."""
    caller = cognito.caller(request["AccessToken"])
    gone = dict.fromkeys(request["UserAttributeNames"], "")
    attributes.check_writable(caller.client, gone)
    attributes.check(caller.pool, gone)
    attributes.write(caller.user, gone)
    return {}


def get_user_attribute_verification_code(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """GetUserAttributeVerificationCode: to the address that waits, else to the one in use."""
    caller = cognito.caller(request["AccessToken"])
    to = _address(caller, request["AttributeName"])
    return {"CodeDeliveryDetails": codes.send(cognito, caller.pool, caller.user, "email", "verify_email", to)}


def _address(caller: Caller, name: str) -> str:
    if name != "email":
        raise invalid_parameter(f"{name} cannot be verified: the pool sends no messages there")
    address = caller.pool.memory_of(caller.user).pending.get(name) or caller.user.attribute_lookup.get(name)
    if not address:
        raise invalid_parameter("User has no email to verify")
    return address


def verify_user_attribute(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """VerifyUserAttribute: the right code makes the waiting address the person's own."""
    caller = cognito.caller(request["AccessToken"])
    pool, user, name = caller.pool, caller.user, request["AttributeName"]
    address = _address(caller, name)
    codes.check(cognito, pool, user, name, request["Code"])
    # Somebody else may have taken the address meanwhile.
    attributes.check_free(pool, {name: address}, by=user)
    codes.spend(pool, user, name)
    attributes.write(user, {name: address, f"{name}_verified": "true"})
    pool.memory_of(user).pending.pop(name, None)
    return {}


def delete_user(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """DeleteUser: the account and everything that came of it."""
    caller = cognito.caller(request["AccessToken"])
    caller.pool.remove(caller.user)
    return {}


def get_user_auth_factors(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
    """GetUserAuthFactors: a password, and second factors that are on."""
    user = cognito.caller(request["AccessToken"]).user
    described = describe(user)
    del described["UserAttributes"]
    return {**described, "ConfiguredUserAuthFactors": ["PASSWORD"] if user.password else []}
