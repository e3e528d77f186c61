"""Password policy, password verification and lockout after failed attempts."""

import secrets
import string

from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, invalid_parameter, not_authorized, user_not_found, wrong_password
from local_cognito.memory import FORGIVEN_AFTER, Lockout
from local_cognito.store import Client, Pool, Status, User

# The characters that count as symbols (AWS: "Adding user pool password requirements"), a blank inside among them.
SYMBOLS = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= "
_FREE_FAILURES = 5
_LONGEST_LOCK = 15 * 60


def check_policy(pool: Pool, password: str | None) -> str:
    """The password, if the pool's policy takes it.

    Raises CognitoError: InvalidParameterException without one, InvalidPasswordException for a weak one.
    """
    if password is None:
        raise invalid_parameter("Password is required")
    policy = (pool.config.get("Policies") or {}).get("PasswordPolicy") or {}
    rules = {
        "Password not long enough": len(password) >= policy.get("MinimumLength", 8),
        "Password too long": len(password) <= 256,
        "Password must have uppercase characters": not policy.get("RequireUppercase")
        or any(c in string.ascii_uppercase for c in password),
        "Password must have lowercase characters": not policy.get("RequireLowercase")
        or any(c in string.ascii_lowercase for c in password),
        "Password must have numeric characters": not policy.get("RequireNumbers")
        or any(c in string.digits for c in password),
        "Password must have symbol characters": not policy.get("RequireSymbols") or any(c in SYMBOLS for c in password),
        "Password must not begin or end with a space": password == password.strip(),
    }
    for complaint, satisfied in rules.items():
        if not satisfied:
            raise CognitoError(
                "InvalidPasswordException",
                f"Password did not conform with policy: {complaint.removeprefix('Password ')}",
            )
    return password


def check_history(pool: Pool, user: User, password: str) -> None:
    """Raises CognitoError (PasswordHistoryPolicyViolationException) for one of the last few passwords."""
    size = ((pool.config.get("Policies") or {}).get("PasswordPolicy") or {}).get("PasswordHistorySize") or 0
    recent = [user.password, *reversed(pool.memory_of(user).old_passwords)][:size]
    if password in recent:
        raise CognitoError("PasswordHistoryPolicyViolationException", "Password has previously been used.")


def set_password(pool: Pool, user: User, password: str) -> None:
    """Make this the person's own, lasting password; policy and history are checked before, not here."""
    memory = pool.memory_of(user)
    if user.password and user.status is not Status.FORCE_CHANGE_PASSWORD:
        memory.old_passwords = [*memory.old_passwords, user.password][-24:]
    user.password = password
    memory.temporary_until = None


def set_temporary_password(cognito: Cognito, pool: Pool, user: User, password: str) -> None:
    """A password for one sign-in, which must then be replaced, within the days the policy gives."""
    policy = (pool.config.get("Policies") or {}).get("PasswordPolicy") or {}
    user.password = password
    user.status = Status.FORCE_CHANGE_PASSWORD
    days = policy.get("TemporaryPasswordValidityDays") or 7
    pool.memory_of(user).temporary_until = cognito.clock.now() + days * 86400


def temporary_password() -> str:
    """A fresh one that any policy takes."""
    kinds = [string.ascii_uppercase, string.ascii_lowercase, string.digits, "!#%+-_?"]
    characters = [secrets.choice(kind) for kind in kinds * 4]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def guard(cognito: Cognito, pool: Pool, name: str) -> None:
    """Refuse to look at a password while the name is locked.

    Raises CognitoError (NotAuthorizedException, "Password attempts exceeded"). Names nobody has are locked
    too, or the lock would tell who exists.
    """
    lockout = pool.memory.lockouts.get(pool.fold(name))
    if lockout and cognito.clock.now() < lockout.locked_until:
        raise not_authorized("Password attempts exceeded")


def failed(cognito: Cognito, pool: Pool, name: str) -> None:
    """Count a wrong password: after five in a row one second of lock, then twice as long each.

    The lock grows to 15 minutes at most, and 15 quiet minutes are forgiven (AWS: "Lockout behavior for failed
    sign-in attempts").
    """
    now = cognito.clock.now()
    lockout = pool.memory.lockouts.setdefault(pool.fold(name), Lockout())
    if now - lockout.last_failure > FORGIVEN_AFTER:
        lockout.failures = 0
    lockout.failures += 1
    lockout.last_failure = now
    if lockout.failures >= _FREE_FAILURES:
        lockout.locked_until = now + min(2 ** (lockout.failures - _FREE_FAILURES), _LONGEST_LOCK)


def succeeded(pool: Pool, name: str) -> None:
    """A sign-in that is complete clears the count; the password alone does not, or it would free guessing at codes."""
    pool.memory.lockouts.pop(pool.fold(name), None)


def key_of(user: User | None, typed: str) -> str:
    """What attempts are counted by: the person, whichever of their names was typed."""
    return user.username if user else typed


def check(cognito: Cognito, client: Client, name: str, password: str) -> User:
    """The user with this name and password, who may continue to sign in.

    Raises CognitoError: UserNotConfirmedException and PasswordResetRequiredException whatever the password
    (so does Cognito), NotAuthorizedException for a wrong one, an unknown user (or UserNotFoundException, by
    the client's setting), a disabled user, too many attempts, or a temporary password that is too old.
    """
    pool = client.pool
    user = pool.find(name)
    key = key_of(user, name)
    guard(cognito, pool, key)
    if user is None:
        failed(cognito, pool, key)
        raise wrong_password() if client.hides_users else user_not_found()
    check_status(user)
    if user.password != password:
        failed(cognito, pool, key)
        raise wrong_password()
    check_enabled(cognito, client, user)
    return user


def check_status(user: User) -> None:
    """Raises CognitoError for a user who must first confirm the account or set a new password."""
    if user.status is Status.UNCONFIRMED:
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
    if user.status is Status.RESET_REQUIRED:
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")


def check_enabled(cognito: Cognito, client: Client, user: User) -> None:
    """Raises CognitoError (NotAuthorizedException) once the password was right but may not be used."""
    if not user.enabled:
        raise not_authorized("User is disabled.")
    until = client.pool.memory_of(user).temporary_until
    if until is not None and cognito.clock.now() >= until:
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")
