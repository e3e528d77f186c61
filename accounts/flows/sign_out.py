"""Sign-out from one session or from all: refresh tokens are revoked in Cognito, access tokens here."""

from contextlib import suppress

from accounts.cognito import administration
from accounts.cognito.client import ExpectedRefusal
from accounts.cognito.errors import CognitoUnavailable, PersonNotFound, RefreshTokenInvalid
from accounts.cognito.gateway import get_gateway
from accounts.flows import intents
from accounts.flows.intents import Act
from accounts.flows.sign_in import claims_of_new
from accounts.tokens import revocation
from accounts.tokens.verifier import Claims


def sign_out(refresh_token: str, claims: Claims | None = None) -> None:
    """End one session: its refresh token in Cognito, its access tokens here. An unknown token is no error.

    `claims` are those of the access token, if it was sent. Tokens of an app client with token revocation off have no
    session id (AWS: "Ending user sessions with token revocation"): then all sessions of the person end.
    """
    known = revocation.session_of(refresh_token)
    session = known.origin_jti if known else claims.origin_jti if claims else None
    # A machine's token cannot belong to the session: refresh tokens are issued to people only.
    unnamed = claims if claims is not None and claims.origin_jti is None and claims.username is not None else None
    ended = [refresh_token]
    if session is None:
        # The session of an unknown refresh token can only be read from an access token that it yields.
        with suppress(RefreshTokenInvalid):
            tokens = get_gateway().refresh_of_any_client(refresh_token)
            fresh = claims_of_new(tokens)
            session = fresh.origin_jti
            unnamed = fresh if session is None else unnamed
            ended.append(tokens.refresh_token)
    # Revoked here first: if the database fails, nothing is done. A refresh in between gives tokens of the same session.
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
    """End all sessions of the person: in Cognito first, so that no token is refreshed after the cut-off."""
    with intents.ending_tokens(
        Act.SIGN_OUT, claims.sub, claims.username or "", end_sessions=lambda: end_sessions(access_token, claims)
    ):
        pass


def end_sessions(access_token: str, claims: Claims) -> None:
    """Revoke the refresh tokens of the person at Cognito.

    Cognito does not accept every access token for that; administrative rights are used where it refuses.
    """
    try:
        get_gateway().sign_out_everywhere(access_token)
    except (ExpectedRefusal, CognitoUnavailable):
        with suppress(PersonNotFound):
            administration.sign_out_everywhere(claims.username or claims.sub)
