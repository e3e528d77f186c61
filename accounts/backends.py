"""How does a browser's sign-in form become a Django user? By asking Cognito."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts import flows
from accounts.cognito import Tokens
from accounts.exceptions import AccountError
from accounts.models import User
from accounts.tokens import TokenError, get_verifier
from accounts.users import CognitoUser, person_for


class CognitoBackend(ModelBackend):
    """Signs a person in with the e-mail address and password of the user pool.

    Staff rights are those of the token just given: ROLE_ADMIN has them all, nobody else has any.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The person's row with the tokens of this sign-in on it, or None when Cognito refuses."""
        if request is None or not username or not password:
            return None
        try:
            outcome = flows.sign_in(request, username, password)
            if not isinstance(outcome, Tokens):
                return None
            claims = get_verifier().verify(outcome.access_token, "access")
            identity = get_verifier().verify(outcome.id_token, "id")
        except (AccountError, TokenError):
            return None
        person = person_for(CognitoUser.from_claims(claims))
        person.email = identity.email or ""
        person.follow_roles(CognitoUser.from_claims(claims).roles)
        person.save()
        person.cognito_tokens = outcome
        return person
