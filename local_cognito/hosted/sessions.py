"""Sessions of the hosted pages, in one cookie that lasts an hour."""

from werkzeug.wrappers import Request, Response

from local_cognito.cognito import Cognito
from local_cognito.memory import BrowserSession
from local_cognito.store import Pool, User
from local_cognito.tokens import opaque

# Cookies do not know ports: the name must not meet one of the service on the same machine.
COOKIE = "local-cognito-session"
_LIFETIME = 3600


def who(cognito: Cognito, pool: Pool, request: Request) -> tuple[User, BrowserSession] | None:
    """Who signed in here before, still may, and when that was."""
    session = pool.memory.browser_sessions.get(request.cookies.get(COOKIE, ""))
    if session is None or cognito.clock.now() >= session.expires_at:
        return None
    user = pool.users.get(session.username)
    return (user, session) if user is not None and user.enabled else None


def begin(cognito: Cognito, pool: Pool, user: User) -> BrowserSession:
    """A session for somebody who has just signed in."""
    now = cognito.clock.now()
    session = BrowserSession(opaque(), user.username, int(now), now + _LIFETIME)
    pool.memory.browser_sessions[session.key] = session
    return session


def remember(response: Response, session: BrowserSession) -> None:
    """Give the browser its session."""
    response.set_cookie(COOKIE, session.key, httponly=True, samesite="Lax", max_age=_LIFETIME)


def end(pool: Pool, request: Request, response: Response) -> None:
    """Forget whoever is signed in in this browser."""
    pool.memory.browser_sessions.pop(request.cookies.get(COOKIE, ""), None)
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
