"""API views of one's own account, which call Cognito with the person's access token."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import (
    ChangePasswordBody,
    CodeBody,
    EndMfaBody,
    LeaveBody,
    MfaSecretSerializer,
    MfaStateSerializer,
    OptionalCodeBody,
    ProfileBody,
    ProfileSerializer,
    StatusSerializer,
)
from accounts.api.views import ACCEPTED, DONE, AccountView, read
from accounts.flows import challenges, own_account, passwords
from accounts.tokens.authentication import claims_of, token_sent, who
from accounts.tokens.exceptions import InsufficientScope

OWN_ACCOUNT_SCOPE = "aws.cognito.signin.user.admin"


class OwnAccount(BasePermission):
    """Permission of people whose token has the scope to manage their own account; never machines."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises NotAuthenticated, or InsufficientScope for a token without OWN_ACCOUNT_SCOPE."""
        user = who(request)
        if user.is_machine or OWN_ACCOUNT_SCOPE not in user.scopes:
            raise InsufficientScope(OWN_ACCOUNT_SCOPE)
        return True


class OwnAccountView(AccountView):
    """Base class of views of one's own account."""

    permission_classes = (OwnAccount,)


class ChangePasswordView(OwnAccountView):
    """Change one's own password."""

    @extend_schema(operation_id="change_password", request=ChangePasswordBody, responses={204: DONE})
    def post(self, request: Request) -> Response:
        """Ends all sessions including this one: sign in with the new password."""
        values = read(ChangePasswordBody, request)
        current, new = values["current_password"], values["new_password"]
        passwords.change_password(request._request, token_sent(request), claims_of(request), current, new)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(OwnAccountView):
    """One's own account."""

    @extend_schema(operation_id="me", summary="Read your own account", responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        """The profile at Cognito, and the roles of the token."""
        return _profile(request)

    @extend_schema(
        operation_id="change_me", summary="Change your own account", request=ProfileBody, responses=ProfileSerializer
    )
    def patch(self, request: Request) -> Response:
        """A new e-mail address is mailed a code, and takes effect once it is verified."""
        own_account.update_profile(request._request, token_sent(request), read(ProfileBody, request))
        return _profile(request)

    @extend_schema(
        operation_id="delete_me", summary="Delete your own account", request=LeaveBody, responses={204: DONE}
    )
    def delete(self, request: Request) -> Response:
        """Deletes the account permanently. Books that the person added stay, without a name."""
        return _delete(request)


class DeleteMeView(OwnAccountView):
    """For clients that cannot send a body with DELETE."""

    @extend_schema(
        operation_id="delete_me_by_post",
        summary="Delete your own account, by POST",
        request=LeaveBody,
        responses={204: DONE},
    )
    def post(self, request: Request) -> Response:
        """The same as DELETE of one's own account."""
        return _delete(request)


class VerifyEmailView(OwnAccountView):
    """Verify a new e-mail address."""

    @extend_schema(
        operation_id="verify_email", request=OptionalCodeBody, responses={200: StatusSerializer, 202: ACCEPTED}
    )
    def post(self, request: Request) -> Response:
        """Verifies with the mailed code; without `code`, another code is mailed."""
        code = read(OptionalCodeBody, request).get("code")
        if code is None:
            own_account.send_email_code(request._request, token_sent(request), claims_of(request))
            return Response(status=status.HTTP_202_ACCEPTED)
        own_account.verify_email(request._request, token_sent(request), claims_of(request), code)
        return Response({"status": "verified"})


class MfaView(OwnAccountView):
    """TOTP codes of an authenticator app."""

    @extend_schema(
        operation_id="mfa", summary="Tell whether an authenticator app is used", responses=MfaStateSerializer
    )
    def get(self, request: Request) -> Response:
        """Whether sign-in requires a code."""
        mfa = own_account.profile(token_sent(request)).mfa
        return Response({"enabled": "SOFTWARE_TOKEN_MFA" in mfa})

    @extend_schema(
        operation_id="begin_mfa",
        summary="Begin to use an authenticator app",
        request=None,
        responses=MfaSecretSerializer,
    )
    def post(self, request: Request) -> Response:
        """Returns a new secret for the app. It takes effect once PUT has verified a code of it."""
        token = token_sent(request)
        secret = own_account.begin_mfa(token)
        email = own_account.profile(token).attributes.get("email", "")
        body = {"secret": secret, "otpauth_url": challenges.otpauth_url(secret, email)}
        return Response(body)

    @extend_schema(
        operation_id="finish_mfa",
        summary="Use the authenticator app from now on",
        request=CodeBody,
        responses=MfaStateSerializer,
    )
    def put(self, request: Request) -> Response:
        """Verifies the code; then every sign-in requires one."""
        own_account.finish_mfa(request._request, token_sent(request), claims_of(request), **read(CodeBody, request))
        return Response({"enabled": True})

    @extend_schema(
        operation_id="end_mfa", summary="Stop using the authenticator app", request=EndMfaBody, responses={204: DONE}
    )
    def delete(self, request: Request) -> Response:
        """Requires password and code."""
        return _end_mfa(request)


class EndMfaView(OwnAccountView):
    """For clients that cannot send a body with DELETE."""

    @extend_schema(
        operation_id="end_mfa_by_post",
        summary="Stop using the authenticator app, by POST",
        request=EndMfaBody,
        responses={204: DONE},
    )
    def post(self, request: Request) -> Response:
        """The same as DELETE."""
        return _end_mfa(request)


def _profile(request: Request) -> Response:
    attributes = own_account.profile(token_sent(request)).attributes
    body: dict[str, Any] = {
        "sub": attributes["sub"],
        "email": attributes.get("email", ""),
        "email_verified": attributes.get("email_verified") == "true",
        "name": attributes.get("name", ""),
        "phone_number": attributes.get("phone_number", ""),
        "roles": sorted(who(request).roles),
    }
    return Response(body)


def _delete(request: Request) -> Response:
    own_account.delete_account(request._request, token_sent(request), claims_of(request), **read(LeaveBody, request))
    return Response(status=status.HTTP_204_NO_CONTENT)


def _end_mfa(request: Request) -> Response:
    own_account.end_mfa(request._request, token_sent(request), claims_of(request), **read(EndMfaBody, request))
    return Response(status=status.HTTP_204_NO_CONTENT)
