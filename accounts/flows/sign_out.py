"""End of one session, or of all sessions of a person: refresh tokens in Cognito, access tokens here."""

from contextlib import suppress

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.gateway import get_gateway
from accounts.flows import intents
from accounts.flows.intents import Act
from accounts.flows.sign_in import claims_of_new
from accounts.tokens import revocation
from accounts.tokens.exceptions import CognitoUnavailable, PersonNotFound, RefreshTokenInvalid
from accounts.tokens.verifier import Claims


def sign_out(refresh_token: str, claims: Claims | None = None) -> None:
    """End one session: its refresh token in Cognito, its access tokens here. An unknown token is no error.

    `claims` are those of the access token that came along. Tokens of an app client that has token revocation off name
    no session (AWS: "Ending user sessions with token revocation"): then all sessions of the person end, as nothing less
    would end this one.
    """
    known = revocation.session_of(refresh_token)
    session = known.origin_jti if known else claims.origin_jti if claims else None
    # A machine's token is none of the session's, whose refresh token came from a person.
    unnamed = claims if claims is not None and claims.origin_jti is None and claims.username is not None else None
    ended = [refresh_token]
    if session is None:
        # Whose access tokens are these? Cognito tells only by giving one more.
        with suppress(RefreshTokenInvalid):
            tokens = get_gateway().refresh_of_any_client(refresh_token)
            fresh = claims_of_new(tokens)
            session = fresh.origin_jti
            unnamed = fresh if session is None else unnamed
            ended.append(tokens.refresh_token)
    # Ours ends first: that is written to the database, or nothing happens. A refresh in between changes nothing, its
    # tokens belong to the same session.
    if session is not None:
        revocation.revoke_session(session)
    if unnamed is not None:
        with intents.ending_tokens(Act.SIGN_OUT, unnamed.sub, unnamed.username or unnamed.sub):
            pass
    if unnamed is None or session is not None:
        for token in dict.fromkeys(ended):
            get_gateway().revoke(token)
    revocation.forget_session(refresh_token)


def sign_out_everywhere(access_token: str, claims: Claims) -> None:
    """End all sessions of the person: in Cognito first, so that nothing is refreshed behind our cut-off."""
    with intents.ending_tokens(
        Act.SIGN_OUT, claims.sub, claims.username or "", end_sessions=lambda: end_sessions(access_token, claims)
    ):
        pass


def end_sessions(access_token: str, claims: Claims) -> None:
    """End the refresh tokens of the person at Cognito.

    Cognito takes an access token for that, but not every one: where it does not, we ask as administrators.
    """
    try:
        get_gateway().sign_out_everywhere(access_token)
    except (ExpectedRefusal, CognitoUnavailable):
        with suppress(PersonNotFound):
            administration.sign_out_everywhere(claims.username or claims.sub)
