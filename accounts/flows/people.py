"""Administration of other people's accounts, for the API and the admin.

Each function writes an audit record, calls Cognito, and then revokes the tokens issued before (intents.py). The cut-off
is set after the call, so that a refresh in between is covered. When Cognito fails, the change may have been made: it is
recorded, and tokens are revoked, all the same.
`actor` is the administrator's subject, `sub` that of the other person. Each raises OwnAccount, PersonNotFound, and
what the gateway raises.
"""

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.errors import NothingToResend, OwnAccount, PersonNotFound
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import CursorInvalid, Page, PeopleCursor, Person
from accounts.flows import intents
from accounts.flows.intents import Act
from accounts.models import AuditRecord
from accounts.tokens import revocation
from accounts.tokens.conf import get_config
from accounts.tokens.roles import Role

INVITED, UNCONFIRMED = "FORCE_CHANGE_PASSWORD", "UNCONFIRMED"  # AWS: UserStatus


def list_people(*, email_prefix: str = "", role: Role | None = None, limit: int, cursor: PeopleCursor) -> Page:
    """A page of people that begins at `cursor`, as `administration.list_people`. Raises CursorInvalid."""
    try:
        return administration.list_people(email_prefix=email_prefix, role=role, limit=limit, token=cursor.token)
    except ExpectedRefusal:
        raise CursorInvalid from None


def person(sub: str) -> Person:
    """The person with this subject; not with this e-mail address, which Cognito accepts too. Raises PersonNotFound."""
    found = administration.person(sub)
    if found.sub != sub:
        raise PersonNotFound
    return found


def change_role(actor: str, sub: str, role: Role) -> Person:
    """Replace the person's roles by `role`. Earlier access tokens are refused; a refresh gives the new role."""
    other = _other_person(actor, sub)
    was = " ".join(other.roles) or "none"
    _audit(actor, other, AuditRecord.Action.ROLE, f"{was} to {role}")
    with intents.ending_tokens(Act.ROLE, other.sub, other.username):
        administration.replace_role(other.username, role)
    return person(sub)


def disable(actor: str, sub: str) -> None:
    """Disable the account: no sign-in, no refresh, and its tokens are refused."""
    other = _other_person(actor, sub)
    _audit(actor, other, AuditRecord.Action.DISABLE)
    with intents.ending_tokens(Act.DISABLE, other.sub, other.username):
        administration.disable(other.username)


def enable(actor: str, sub: str) -> None:
    """Enable the account. Returns once the cut-off has passed, so that the tokens of a new sign-in are accepted."""
    other = _other_person(actor, sub)
    _audit(actor, other, AuditRecord.Action.ENABLE)
    administration.enable(other.username)
    revocation.await_cut_off(other.sub)


def sign_out(actor: str, sub: str) -> None:
    """End all sessions of the person, who may sign in again; for an app client, as `revoke_machine`."""
    if is_machine(sub):
        revoke_machine(actor, sub)
        return
    other = _other_person(actor, sub)
    _audit(actor, other, AuditRecord.Action.SIGN_OUT)
    with intents.ending_tokens(Act.SIGN_OUT, other.sub, other.username):
        pass


def machines() -> list[str]:
    """The ids of the accepted app clients, which may use the client credentials grant."""
    return sorted(get_config().client_ids)


def is_machine(sub: str) -> bool:
    """Whether `sub` is the id of an accepted app client, as in tokens of the client credentials grant."""
    return sub in get_config().client_ids


def revoke_machine(actor: str, client_id: str) -> None:
    """Revoke the tokens of the client credentials grant that an app client has been issued so far.

    The app client can request a new one: change its secret first if that has leaked. Raises PersonNotFound for an app
    client that is not accepted.
    """
    if not is_machine(client_id):
        raise PersonNotFound
    AuditRecord.objects.create(
        actor=actor, subject=client_id, action=AuditRecord.Action.SIGN_OUT, detail="an app client"
    )
    revocation.revoke_person(client_id)


def resend(actor: str, sub: str) -> None:
    """Mail the invitation (with a new temporary password) or the confirmation code again. Raises NothingToResend."""
    other = _other_person(actor, sub)
    if other.status == INVITED:
        administration.resend_invitation(other.username)
        _audit(actor, other, AuditRecord.Action.RESEND, "invitation")
    elif other.status == UNCONFIRMED:
        try:
            get_gateway().resend_code(other.email)
        except ExpectedRefusal:
            raise NothingToResend from None
        _audit(actor, other, AuditRecord.Action.RESEND, "confirmation code")
    else:
        raise NothingToResend


def _other_person(actor: str, sub: str) -> Person:
    """As `person`. Raises OwnAccount for the administrator's own account."""
    if sub == actor:
        raise OwnAccount
    return person(sub)


def _audit(actor: str, other: Person, action: str, detail: str = "") -> None:
    AuditRecord.objects.create(actor=actor, subject=other.sub, action=action, detail=detail)
