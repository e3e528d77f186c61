"""The Admin operations, with the same rules as the public ones."""

from typing import Any

from local_cognito import attributes, passwords
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, invalid_parameter, not_authorized, user_not_found
from local_cognito.operations import forgotten, mfa, profile
from local_cognito.operations.sign_up import new_user
from local_cognito.store import Pool, Status, User

Request = dict[str, Any]
Answer = dict[str, Any]


def named(cognito: Cognito, request: Request) -> tuple[Pool, User]:
    """The pool and person a request names, by any name; raises ResourceNotFoundException, UserNotFoundException."""
    pool = cognito.store.pool(request["UserPoolId"])
    user = pool.find(request["Username"])
    if user is None:
        raise user_not_found()
    return pool, user


def admin_get_user(cognito: Cognito, request: Request) -> Answer:
    """AdminGetUser."""
    _, user = named(cognito, request)
    return {**profile.describe(user), **_state(user)}


def _state(user: User) -> Answer:
    return {
        "UserStatus": Status(user.status).value,
        "Enabled": user.enabled,
        "UserCreateDate": user.create_date,
        "UserLastModifiedDate": user.last_modified_date,
    }


def admin_create_user(cognito: Cognito, request: Request) -> Answer:
    """AdminCreateUser: a temporary password by mail. RESEND gives the same user another one."""
    pool, action = cognito.store.pool(request["UserPoolId"]), request.get("MessageAction")
    given = request.get("TemporaryPassword")
    password = passwords.check_policy(pool, given or passwords.temporary_password())
    if action == "RESEND":
        pool, user = named(cognito, request)
        if user.status is not Status.FORCE_CHANGE_PASSWORD:
            raise CognitoError("UnsupportedUserStateException", "Resend not possible in the user's current state")
    else:
        wanted = attributes.flat(request.get("UserAttributes"))
        user = new_user(pool, request["Username"], wanted, password, Status.FORCE_CHANGE_PASSWORD)
        pool.add(user)
    passwords.set_temporary_password(cognito, pool, user, password)
    if action != "SUPPRESS" and "email" in user.attribute_lookup:
        cognito.outbox.send(user.attribute_lookup["email"], "invitation", password)
    described = {"Username": user.username, "Attributes": attributes.listed(user.attribute_lookup), **_state(user)}
    return {"User": described}


def admin_delete_user(cognito: Cognito, request: Request) -> Answer:
    """AdminDeleteUser."""
    pool, user = named(cognito, request)
    pool.remove(user)
    return {}


def admin_confirm_sign_up(cognito: Cognito, request: Request) -> Answer:
    """AdminConfirmSignUp: without a code; the address stays unverified."""
    pool, user = named(cognito, request)
    if user.status is not Status.UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {Status(user.status).value}")
    user.status = Status.CONFIRMED
    pool.memory_of(user).codes.pop("sign_up", None)
    return {}


def admin_set_user_password(cognito: Cognito, request: Request) -> Answer:
    """AdminSetUserPassword: a lasting one, or a temporary one that the next sign-in replaces."""
    pool, user = named(cognito, request)
    password = passwords.check_policy(pool, request["Password"])
    if request.get("Permanent"):
        passwords.check_history(pool, user, password)
        passwords.set_password(pool, user, password)
        user.status = Status.CONFIRMED
    else:
        passwords.set_temporary_password(cognito, pool, user, password)
    passwords.succeeded(pool, user.username)
    return {}


def admin_reset_user_password(cognito: Cognito, request: Request) -> Answer:
    """AdminResetUserPassword: sends a code; until it comes back sign-in says PasswordResetRequiredException."""
    pool, user = named(cognito, request)
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status not in (Status.CONFIRMED, Status.RESET_REQUIRED):
        raise not_authorized("User password cannot be reset in the current state.")
    if user.attribute_lookup.get("email_verified") != "true":
        raise forgotten.no_verified_address()
    user.status = Status.RESET_REQUIRED
    forgotten.send_reset_code(cognito, pool, user)
    return {}


def admin_disable_user(cognito: Cognito, request: Request) -> Answer:
    """AdminDisableUser: no sign-in, no refresh, no call with an access token."""
    pool, user = named(cognito, request)
    user.enabled = False
    pool.memory.end_grants_of(user.username)
    pool.memory.end_browser_sessions_of(user.username)
    return {}


def admin_enable_user(cognito: Cognito, request: Request) -> Answer:
    """AdminEnableUser. Sign-ins from before stay ended."""
    _, user = named(cognito, request)
    user.enabled = True
    return {}


def admin_update_user_attributes(cognito: Cognito, request: Request) -> Answer:
    """AdminUpdateUserAttributes: takes effect at once; an address is unverified unless the request says otherwise."""
    pool, user = named(cognito, request)
    given = attributes.flat(request["UserAttributes"])
    attributes.check(pool, given)
    attributes.check_mutable(pool, user, given)
    attributes.check_free(pool, given, by=user)
    attributes.write(user, attributes.unverify_changed(user, given))
    return {}


def admin_delete_user_attributes(cognito: Cognito, request: Request) -> Answer:
    """AdminDeleteUserAttributes: not those the pool requires."""
    pool, user = named(cognito, request)
    gone = dict.fromkeys(request["UserAttributeNames"], "")
    attributes.check(pool, gone)
    attributes.write(user, gone)
    return {}


def admin_user_global_sign_out(cognito: Cognito, request: Request) -> Answer:
    """AdminUserGlobalSignOut: by user name, address or sub."""
    pool, user = named(cognito, request)
    pool.memory.end_grants_of(user.username)
    return {}


def admin_set_user_mfa_preference(cognito: Cognito, request: Request) -> Answer:
    """AdminSetUserMFAPreference."""
    pool, user = named(cognito, request)
    mfa.set_preference(pool, user, request)
    return {}


def admin_list_groups_for_user(cognito: Cognito, request: Request) -> Answer:
    """AdminListGroupsForUser, the most important first; at most 60 groups on one page."""
    pool, user = named(cognito, request)
    names = pool.groups_of(user)
    start = _offset(request.get("NextToken"))
    end = start + (request.get("Limit") or 60)
    answer: Answer = {"Groups": [pool.stored.groups[name].to_json() for name in names[start:end]]}
    if end < len(names):
        answer["NextToken"] = f"page-{end}"
    return answer


def _offset(token: str | None) -> int:
    number = (token or "page-0").removeprefix("page-")
    if not number.isdecimal():
        raise invalid_parameter("Invalid NextToken")
    return int(number)
