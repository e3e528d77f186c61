"""How does a sign-in with a browser become a Django user? By the tokens that Cognito gave, or in an emergency."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.cognito.errors import TokensTooLarge
from accounts.cognito.results import Tokens
from accounts.models import LOCAL_PREFIX, User
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import TokenError, TokenTooLarge, get_verifier
from accounts.user_rows import user_row


class CognitoBackend(ModelBackend):
    """Knows a person by the tokens of a completed sign-in; never by a password, which only Cognito sees.

    Staff rights are those of the token just given: ROLE_ADMIN has them all, nobody else has any.
    """

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, cognito_tokens: Tokens | None = None
    ) -> User | None:
        """The person's row, made or brought up to date; None when the tokens do not verify or are not of one person.

        Raises TokensTooLarge.
        """
        if cognito_tokens is None:
            return None
        try:
            claims = get_verifier().verify(cognito_tokens.access_token, "access")
            identity = get_verifier().verify(cognito_tokens.id_token, "id")
        except TokenTooLarge:
            raise TokensTooLarge from None
        except (TokenError, KeysUnavailable):
            return None
        if claims.sub != identity.sub:
            return None
        user = CognitoUser.from_claims(claims)
        person = user_row(user)
        person.email = identity.email or ""
        person.follow_roles(user.roles)
        person.save()
        return person


class BreakGlassBackend(ModelBackend):
    """Knows the local superusers of `manage.py break_glass`, by name and password. Nobody of the pool is found here."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The superuser, or None; that takes as long for a name that does not exist."""
        if username is None or password is None:
            return None
        person = User.objects.filter(sub__startswith=LOCAL_PREFIX, username=username, is_superuser=True).first()
        if person is None:
            make_password(password)
            return None
        return person if person.check_password(password) and self.user_can_authenticate(person) else None
