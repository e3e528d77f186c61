"""Cognito's account flows as JSON, over the gateway. Views contain no try blocks: errors know their answers."""

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import challenges
from accounts.api.serializers import ChallengeSerializer, SignInSerializer, TokensSerializer
from accounts.authentication import StrangerAuthentication
from accounts.cognito import Challenge, Tokens, get_gateway

NO_STORE = {"Cache-Control": "no-store"}


class StrangerView(APIView):
    """A path for people who are not signed in. An expired token counts as none: clients attach it to every call."""

    authentication_classes = (StrangerAuthentication,)
    permission_classes = (AllowAny,)


class SignInView(StrangerView):
    """Sign in with e-mail address and password."""

    @extend_schema(
        operation_id="sign_in",
        request=SignInSerializer,
        responses=PolymorphicProxySerializer(
            component_name="SignInOutcome",
            serializers=[TokensSerializer, ChallengeSerializer],
            resource_type_field_name=None,
        ),
    )
    def post(self, request: Request) -> Response:
        """Tokens, or a challenge to answer first."""
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return outcome_response(get_gateway().sign_in(**serializer.validated_data))


def outcome_response(outcome: Tokens | Challenge) -> Response:
    """The answer to a step of a sign-in: never to be kept by a cache (RFC 6749 section 5.1)."""
    if isinstance(outcome, Challenge):
        body: dict[str, object] = {
            "challenge": outcome.name,
            "handle": challenges.sealed(outcome),
            "parameters": challenges.shown(outcome),
        }
    else:
        body = {
            "access_token": outcome.access_token,
            "id_token": outcome.id_token,
            "refresh_token": outcome.refresh_token,
            "expires_in": outcome.expires_in,
            "token_type": "Bearer",
        }
    return Response(body, headers=NO_STORE)
