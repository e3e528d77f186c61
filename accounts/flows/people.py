"""Administration of other people's accounts, for the API and the admin.

Each function writes an audit record, calls Cognito, and then revokes the tokens issued before (intents.py): a refresh
between the two would otherwise yield tokens from after the cut-off. What Cognito may have done before it failed is
recorded and revoked too.
`actor` is the administrator's subject, `sub` that of the other person. Each raises OwnAccount, PersonNotFound, and
what the gateway raises.
"""

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.gateway import get_gateway
from accounts.cognito.results import CursorInvalid, Page, PeopleCursor, Person
from accounts.flows import intents
from accounts.flows.intents import Act
from accounts.models import AuditRecord
from accounts.tokens import revocation
from accounts.tokens.conf import get_config
from accounts.tokens.exceptions import NothingToResend, OwnAccount, PersonNotFound
from accounts.tokens.roles import Role

INVITED, UNCONFIRMED = "FORCE_CHANGE_PASSWORD", "UNCONFIRMED"  # AWS: UserStatus


def list_people(*, email_prefix: str = "", role: Role | None = None, limit: int, cursor: PeopleCursor) -> Page:
    """A page of people that begins at `cursor`, as `administration.list_people`. Raises CursorInvalid."""
    try:
        return administration.list_people(email_prefix=email_prefix, role=role, limit=limit, token=cursor.token)
    except ExpectedRefusal:
        raise CursorInvalid from None


def person(sub: str) -> Person:
    """The person with exactly this subject: Cognito would take an e-mail address too. Raises PersonNotFound."""
    found = administration.person(sub)
    if found.sub != sub:
        raise PersonNotFound
    return found


def change_role(actor: str, sub: str, role: Role) -> Person:
    """Make `role` their only one among ours. Access tokens of before are refused; refreshing gives the new role."""
    other = _other_person(actor, sub)
    was = " ".join(other.roles) or "none"
    _audit(actor, other, AuditRecord.Action.ROLE, f"{was} to {role}")
    with intents.ending_tokens(Act.ROLE, other.sub, other.username):
        administration.replace_role(other.username, role)
    return person(sub)


def disable(actor: str, sub: str) -> None:
    """Lock somebody out: they can neither sign in nor refresh, and their tokens are refused."""
    other = _other_person(actor, sub)
    _audit(actor, other, AuditRecord.Action.DISABLE)
    with intents.ending_tokens(Act.DISABLE, other.sub, other.username):
        administration.disable(other.username)


def enable(actor: str, sub: str) -> None:
    """Let somebody in again. Returns when a sign-in right after gives tokens that are accepted."""
    other = _other_person(actor, sub)
    _audit(actor, other, AuditRecord.Action.ENABLE)
    administration.enable(other.username)
    revocation.await_cut_off(other.sub)


def sign_out(actor: str, sub: str) -> None:
    """End all of somebody's sessions; they may sign in again.

    Also the tokens of an app client of its own (client credentials), whose subject is its id: as `revoke_machine`.
    """
    if is_machine(sub):
        revoke_machine(actor, sub)
        return
    other = _other_person(actor, sub)
    _audit(actor, other, AuditRecord.Action.SIGN_OUT)
    with intents.ending_tokens(Act.SIGN_OUT, other.sub, other.username):
        pass


def machines() -> list[str]:
    """The ids of the app clients that we accept, any of which may get tokens by itself."""
    return sorted(get_config().client_ids)


def is_machine(sub: str) -> bool:
    """Whether tokens with this subject are of a machine: it is the id of an app client that we accept."""
    return sub in get_config().client_ids


def revoke_machine(actor: str, client_id: str) -> None:
    """Refuse every token that an app client has got by itself (client credentials) so far.

    Cognito gives it another as soon as it asks: change its secret first where that has leaked. Raises PersonNotFound
    for an app client that we do not accept.
    """
    if not is_machine(client_id):
        raise PersonNotFound
    AuditRecord.objects.create(
        actor=actor, subject=client_id, action=AuditRecord.Action.SIGN_OUT, detail="an app client"
    )
    revocation.revoke_person(client_id)


def resend(actor: str, sub: str) -> None:
    """Mail the invitation, with another temporary password, or the code of a sign-up again. Raises NothingToResend."""
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
    """As `person`, but not the administrator's own account."""
    if sub == actor:
        raise OwnAccount
    return person(sub)


def _audit(actor: str, other: Person, action: str, detail: str = "") -> None:
    AuditRecord.objects.create(actor=actor, subject=other.sub, action=action, detail=detail)
