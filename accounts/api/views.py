"""API views for anonymous callers: HTTP only; the use cases are in `accounts/flows/`."""

from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from accounts.api.serializers import (
    ChallengeBody,
    ChallengeSerializer,
    ConfirmSignUpBody,
    EmailBody,
    RefreshBody,
    ResetPasswordBody,
    SignedUpSerializer,
    SignInBody,
    SignOutBody,
    SignUpBody,
    StatusSerializer,
    TokensSerializer,
)
from accounts.browser.authentication import SessionAuthentication
from accounts.cognito.results import Challenge, Tokens
from accounts.flows import challenges, header_refresh, passwords, sign_in, sign_out, sign_up
from accounts.tokens.authentication import (
    AnonymousAuthentication,
    BearerAuthentication,
    claims_of,
    claims_sent,
    token_sent,
)
from accounts.tokens.conf import get_config

OUTCOME = PolymorphicProxySerializer(
    component_name="SignInOutcome", serializers=[TokensSerializer, ChallengeSerializer], resource_type_field_name=None
)
ACCEPTED = OpenApiResponse(description="The same response for every address.")
DONE = OpenApiResponse(description="Done.")

S = TypeVar("S", bound=serializers.BaseSerializer[Any])


def read(kind: type[S], request: Request) -> dict[str, Any]:
    """The validated body of `request`, by the serializer class `kind`. Raises ValidationError."""
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


class AccountView(APIView):
    """A path about accounts: what it answers is one person's, or a secret (RFC 6749 section 5.1).

    Independent of three defaults of a project: its authentication classes, ATOMIC_REQUESTS (a revocation is committed
    before the answer is sent, and must not be rolled back with it), and API versioning.
    """

    authentication_classes: tuple[type[BaseAuthentication], ...] = (
        header_refresh.HeaderRefreshAuthentication,
        SessionAuthentication,
    )
    versioning_class = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view function, without a transaction around it."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The response; a version in the path, as URLPathVersioning has it, is ignored."""
        kwargs.pop(api_settings.VERSION_PARAM, None)
        return super().dispatch(request, *args, **kwargs)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Those of the API, which take no delegated tokens here: nobody changes an account in another's name."""
        authenticators = super().get_authenticators()
        for each in authenticators:
            if isinstance(each, BearerAuthentication):
                each.takes_delegated = False
        return authenticators

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Forbid caching of the response (no-store)."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        return final


class AnonymousView(AccountView):
    """Base class of views for anonymous callers. An expired token is ignored: clients attach it to every call."""

    authentication_classes = (AnonymousAuthentication,)
    permission_classes = (AllowAny,)


class SignUpView(AnonymousView):
    """Create an unconfirmed account."""

    @extend_schema(operation_id="sign_up", request=SignUpBody, responses={201: SignedUpSerializer})
    def post(self, request: Request) -> Response:
        """A code is mailed. The response is the same for an address that has an account."""
        delivery = sign_up.sign_up(request._request, **read(SignUpBody, request))
        sent = {"medium": delivery.medium, "destination": delivery.destination}
        return Response({"delivery": sent}, status=status.HTTP_201_CREATED)


class ConfirmSignUpView(AnonymousView):
    """Confirm an account with the mailed code."""

    @extend_schema(operation_id="confirm_sign_up", request=ConfirmSignUpBody, responses=StatusSerializer)
    def post(self, request: Request) -> Response:
        """Confirms the account and grants its role."""
        sign_up.confirm_sign_up(request._request, **read(ConfirmSignUpBody, request))
        return Response({"status": "confirmed"})


class ResendCodeView(AnonymousView):
    """Request another confirmation code."""

    @extend_schema(operation_id="resend_code", request=EmailBody, responses={202: ACCEPTED})
    def post(self, request: Request) -> Response:
        """The code is mailed if the account is unconfirmed."""
        sign_up.resend_code(request._request, **read(EmailBody, request))
        return Response(status=status.HTTP_202_ACCEPTED)


class SignInView(AnonymousView):
    """Sign in with e-mail address and password."""

    @extend_schema(operation_id="sign_in", request=SignInBody, responses=OUTCOME)
    def post(self, request: Request) -> Response:
        """Returns tokens, or a challenge to respond to first."""
        values = read(SignInBody, request)
        return outcome_response(request, sign_in.sign_in(request._request, **values), values["email"])


class ChallengeView(AnonymousView):
    """Respond to a challenge of a sign-in."""

    @extend_schema(operation_id="answer_challenge", request=ChallengeBody, responses=OUTCOME)
    def post(self, request: Request) -> Response:
        """Returns tokens, or the next challenge. After a wrong code the same handle can be used again."""
        values = read(ChallengeBody, request)
        challenge, email = challenges.decrypted(values["handle"])
        needed = challenges.expected_answer(challenge)
        if needed not in values:
            raise serializers.ValidationError({needed: ["This field is required."]}, code="required")
        outcome = sign_in.answer_challenge(request._request, challenge, values[needed])
        return outcome_response(request, outcome, email)


class RefreshView(AnonymousView):
    """Refresh the tokens of a session."""

    @extend_schema(operation_id="refresh", request=RefreshBody, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Store the `refresh_token` of the response: it is a new one when the pool rotates them."""
        tokens = sign_in.refresh(read(RefreshBody, request)["refresh_token"], claims_sent(request))
        return outcome_response(request, tokens)


class SignOutView(AnonymousView):
    """End one session, or all sessions."""

    @extend_schema(
        operation_id="sign_out",
        auth=[{"cognitoAccessToken": []}, {}],  # type: ignore[list-item]  # optional: `everywhere` needs it
        request=SignOutBody,
        responses={204: DONE},
    )
    def post(self, request: Request) -> Response:
        """Its access tokens are refused within a second on every worker."""
        values = read(SignOutBody, request)
        if values["everywhere"]:
            sign_out.sign_out_everywhere(token_sent(request), claims_of(request))
        if "refresh_token" in values:
            sign_out.sign_out(values["refresh_token"], claims_sent(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ForgotPasswordView(AnonymousView):
    """Request a code for a password reset."""

    @extend_schema(operation_id="forgot_password", request=EmailBody, responses={202: ACCEPTED})
    def post(self, request: Request) -> Response:
        """The code is mailed if the account exists."""
        passwords.forgot_password(request._request, **read(EmailBody, request))
        return Response(status=status.HTTP_202_ACCEPTED)


class ResetPasswordView(AnonymousView):
    """Set a new password with the mailed code."""

    @extend_schema(operation_id="reset_password", request=ResetPasswordBody, responses=StatusSerializer)
    def post(self, request: Request) -> Response:
        """Sets the password and ends all sessions."""
        passwords.reset_password(request._request, **read(ResetPasswordBody, request))
        return Response({"status": "reset"})


def outcome_response(request: Request, outcome: Tokens | Challenge, email: str = "") -> Response:
    """The response to a step of a sign-in: tokens or a challenge."""
    if isinstance(outcome, Challenge):
        challenges.expected_answer(outcome)
        body: dict[str, object] = {
            "challenge": outcome.name,
            "handle": challenges.encrypted(outcome, email),
            "parameters": challenges.public_parameters(outcome, email),
        }
    else:
        if get_config().header_refresh:
            header_refresh.give(request._request, outcome)
        body = {
            "access_token": outcome.access_token,
            "id_token": outcome.id_token,
            "refresh_token": outcome.refresh_token,
            "expires_in": outcome.expires_in,
            "token_type": "Bearer",
        }
    return Response(body)
