"""API views for administration of other people's accounts. Every change is recorded in the audit records."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import PeoplePageSerializer, PersonSerializer, RoleBody
from accounts.api.views import DONE, AccountView, read
from accounts.cognito.results import CursorInvalid, PeopleCursor
from accounts.flows import people
from accounts.tokens.authentication import who
from accounts.tokens.roles import Role
from accounts.tokens.users import CognitoUser

DEFAULT_PAGE = 20
MAX_PAGE = 100
MAX_SEARCH = 128


class AdministratorsOnly(BasePermission):
    """Permission of people with ROLE_ADMIN; never machines, whatever their scopes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller is an administrator."""
        user: object = request.user
        return isinstance(user, CognitoUser) and not user.is_machine and Role.ADMIN in user.roles


class AdministratorView(AccountView):
    """Base class of views for administrators."""

    permission_classes = (AdministratorsOnly,)


class PeopleView(AdministratorView):
    """List of the people of the pool."""

    @extend_schema(
        operation_id="list_people",
        summary="List people, or find them by e-mail address",
        parameters=[
            OpenApiParameter(
                "search", {"type": "string", "maxLength": MAX_SEARCH}, description="Prefix of an e-mail address."
            ),
            OpenApiParameter("role", enum=[role.value for role in Role]),
            OpenApiParameter(
                "page_size",
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
                description="Maximum number of people on a page.",
            ),
            OpenApiParameter("cursor", description="Cursor from `next` or `previous`."),
        ],
        responses=PeoplePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of people, filtered by a prefix of their e-mail address or by role."""
        query = _Query(data=request.query_params)
        _require_known(request)
        if not query.is_valid():
            raise BadQuery(query.errors)
        asked = query.validated_data
        cursor = asked.get("cursor", PeopleCursor())
        role = Role(asked["role"]) if asked.get("role") else None
        try:
            page = people.list_people(
                email_prefix=asked.get("search", ""), role=role, limit=asked["page_size"], cursor=cursor
            )
        except CursorInvalid:
            raise BadQuery({"cursor": ["This is no cursor of this list."]}) from None
        body = {
            "next": _link(request, cursor.after(page)),
            "previous": _link(request, cursor.before()),
            "results": [PersonSerializer(person).data for person in page.people],
        }
        return Response(body)


class PersonView(AdministratorView):
    """One account of the pool."""

    @extend_schema(operation_id="person", summary="Read the account of a person", responses=PersonSerializer)
    def get(self, request: Request, sub: str) -> Response:
        """The account with this subject."""
        return Response(PersonSerializer(people.person(sub)).data)


class PersonRoleView(AdministratorView):
    """The role of a person."""

    @extend_schema(
        operation_id="change_role", summary="Change the role of a person", request=RoleBody, responses=PersonSerializer
    )
    def put(self, request: Request, sub: str) -> Response:
        """Replaces the role. Earlier access tokens are refused; a refresh gives one with the new role."""
        role = Role(read(RoleBody, request)["role"])
        return Response(PersonSerializer(people.change_role(who(request).sub, sub, role)).data)


class DisablePersonView(AdministratorView):
    """Disable an account."""

    @extend_schema(operation_id="disable_person", request=None, responses={204: DONE})
    def post(self, request: Request, sub: str) -> Response:
        """The person can neither sign in nor refresh, and their tokens are refused."""
        people.disable(who(request).sub, sub)
        return Response(status=status.HTTP_204_NO_CONTENT)


class EnablePersonView(AdministratorView):
    """Enable a disabled account."""

    @extend_schema(operation_id="enable_person", request=None, responses={204: DONE})
    def post(self, request: Request, sub: str) -> Response:
        """The person can sign in again."""
        people.enable(who(request).sub, sub)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignOutPersonView(AdministratorView):
    """Sign out a person."""

    @extend_schema(operation_id="sign_out_person", request=None, responses={204: DONE})
    def post(self, request: Request, sub: str) -> Response:
        """Ends all sessions; the person may sign in again."""
        people.sign_out(who(request).sub, sub)
        return Response(status=status.HTTP_204_NO_CONTENT)


class BadQuery(ValidationError):
    """400 `invalid` about query parameters; the details are by parameter."""

    in_query = True


class _CursorField(serializers.CharField):
    def to_internal_value(self, data: Any) -> Any:
        try:
            return PeopleCursor.decoded(super().to_internal_value(data))
        except CursorInvalid:
            raise serializers.ValidationError("This is no cursor of this list.") from None


class _Query(serializers.Serializer[Any]):
    search = serializers.CharField(max_length=MAX_SEARCH, required=False, allow_blank=True)
    role = serializers.ChoiceField([role.value for role in Role], required=False, allow_blank=True)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=DEFAULT_PAGE)
    cursor = _CursorField(required=False)


def _require_known(request: Request) -> None:
    """Raise BadQuery for unknown parameters and for repeated ones."""
    wrong = {}
    for name, values in request.query_params.lists():
        if name not in _Query().fields:
            wrong[name] = ["There is no parameter of this name."]
        elif len(values) > 1:
            wrong[name] = ["This may be given once only."]
    if wrong:
        raise BadQuery(wrong)


def _link(request: Request, cursor: PeopleCursor | None) -> str | None:
    if cursor is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = cursor.encoded()
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
