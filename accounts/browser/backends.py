"""Authentication backends of Django: tokens of a completed sign-in, and local superusers for emergencies."""

import logging
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import user_rows
from accounts.cognito.errors import TokensTooLarge
from accounts.cognito.results import Tokens
from accounts.models import LOCAL_PREFIX, User
from accounts.tokens.keys import KeysUnavailable
from accounts.tokens.users import CognitoUser
from accounts.tokens.verifier import TokenError, TokenTooLarge, get_verifier

logger = logging.getLogger(__name__)


class CognitoBackend(ModelBackend):
    """Authenticates by the tokens of a completed sign-in; passwords are checked by Cognito only.

    Staff rights follow the access token: ROLE_ADMIN has all of them, other roles have none. A project's own user model
    takes part in that by a method `follow_roles` (accounts.user_rows).
    """

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, cognito_tokens: Tokens | None = None
    ) -> Any:
        """The person's row, created or updated; None when the tokens do not verify or are not of the same person.

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
        # An address that nobody verified may be another person's, whom a project may look up by it.
        email = identity.email if identity.email_verified or user_rows.is_ours() else None
        user = replace(CognitoUser.from_claims(claims), email=email or "")
        try:
            with transaction.atomic():
                person = user_rows.user_row(user)
                if not self.user_can_authenticate(person):
                    return None
                if email or user_rows.is_ours():
                    person.email = user.email
                user_rows.follow_roles(person, user.roles)
                person.save()
        except IntegrityError:
            logger.error("A person cannot sign in: their name or address is taken in %s.", settings.AUTH_USER_MODEL)
            return None
        return person


class BreakGlassBackend(ModelBackend):
    """Authenticates the local superusers of `manage.py break_glass` by name and password; no users of the pool."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The superuser, or None, which takes the same time for an unknown name."""
        if username is None or password is None:
            return None
        person = User.objects.filter(sub__startswith=LOCAL_PREFIX, username=username, is_superuser=True).first()
        if person is None:
            make_password(password)
            return None
        return person if person.check_password(password) and self.user_can_authenticate(person) else None
