"""What does a browser's session hold? The access token of its sign-in, on the server only."""

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User

_ACCESS_TOKEN = "cognito_access_token"  # noqa: S105 - the name of a session key


def access_token_of(request: HttpRequest) -> str | None:
    """The access token of the signed-in browser, or None."""
    session = getattr(request, "session", None)
    return session.get(_ACCESS_TOKEN) if session is not None else None


@receiver(user_logged_in)
def _keep_tokens(*, request: HttpRequest, user: User, **_: object) -> None:
    # `login` has just rotated the session. The rights of a session end with the token that gave them.
    tokens = user.cognito_tokens
    if tokens is not None:
        request.session[_ACCESS_TOKEN] = tokens.access_token
        request.session.set_expiry(tokens.expires_in)
