"""The paths for administrators: other people's accounts. Every act is kept in the audit records."""

from typing import Any

from django.core import signing
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import administration, revocation
from accounts.administration import Person
from accounts.api.serializers import PeoplePageSerializer, PersonSerializer, RoleBody
from accounts.api.views import DONE, read
from accounts.authentication import who
from accounts.cognito import Refused
from accounts.exceptions import BadQuery, OwnAccount, PersonNotFound
from accounts.models import AuditRecord
from accounts.roles import Role
from accounts.users import CognitoUser

DEFAULT_PAGE = 20
MAX_PAGE = 100
MAX_SEARCH = 128
_SALT = "accounts.people"


class AdministratorsOnly(BasePermission):
    """People with ROLE_ADMIN; no machine, whatever its scopes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether it is one."""
        user: object = request.user
        return isinstance(user, CognitoUser) and not user.is_machine and Role.ADMIN in user.roles


class AdministratorView(APIView):
    """A path for administrators."""

    permission_classes = (AdministratorsOnly,)


class PeopleView(AdministratorView):
    """The people of the pool."""

    @extend_schema(
        operation_id="list_people",
        parameters=[
            OpenApiParameter("search", description="The beginning of an e-mail address."),
            OpenApiParameter("role", enum=[role.value for role in Role]),
            OpenApiParameter("page_size", int, description=f"1 to {MAX_PAGE}, default {DEFAULT_PAGE}."),
            OpenApiParameter("cursor", description="From `next` or `previous`."),
        ],
        responses=PeoplePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of them, narrowed by e-mail address or role."""
        query = _Query(data=request.query_params)
        _require_known(request)
        if not query.is_valid():
            raise BadQuery(query.errors)
        asked = query.validated_data
        place = asked.get("cursor", _Place())
        role = Role(asked["role"]) if asked.get("role") else None
        try:
            page = administration.people(
                email_prefix=asked.get("search", ""), role=role, limit=asked["page_size"], token=place.token
            )
        except Refused:
            raise BadQuery({"cursor": ["This is no cursor of this list."]}) from None
        following = _Place(page.next_token, place.token, is_first=False) if page.next_token else None
        body = {
            "next": _link(request, following),
            "previous": _link(request, place.before()),
            "results": [PersonSerializer(person).data for person in page.people],
        }
        return Response(body)


class PersonView(AdministratorView):
    """Somebody in the pool."""

    @extend_schema(operation_id="person", responses=PersonSerializer)
    def get(self, request: Request, sub: str) -> Response:
        """One person."""
        return Response(PersonSerializer(_person(sub)).data)


class PersonRoleView(AdministratorView):
    """Somebody's role."""

    @extend_schema(operation_id="change_role", request=RoleBody, responses=PersonSerializer)
    def put(self, request: Request, sub: str) -> Response:
        """Replaces it. Access tokens of before are refused; refreshing gives one with the new role."""
        role = Role(read(RoleBody, request)["role"])
        person = _somebody_else(request, sub)
        administration.replace_role(person.username, role)
        was = " ".join(person.roles) or "none"
        _keep(request, person, AuditRecord.Action.ROLE, f"{was} to {role}")
        revocation.revoke_person(person.sub)
        return Response(PersonSerializer(_person(sub)).data)


class DisablePersonView(AdministratorView):
    """Lock somebody out."""

    @extend_schema(operation_id="disable_person", request=None, responses={204: DONE})
    def post(self, request: Request, sub: str) -> Response:
        """They can neither sign in nor refresh, and their tokens are refused."""
        person = _somebody_else(request, sub)
        administration.disable(person.username)
        _keep(request, person, AuditRecord.Action.DISABLE)
        revocation.revoke_person(person.sub)
        return Response(status=status.HTTP_204_NO_CONTENT)


class EnablePersonView(AdministratorView):
    """Let somebody in again."""

    @extend_schema(operation_id="enable_person", request=None, responses={204: DONE})
    def post(self, request: Request, sub: str) -> Response:
        """They can sign in."""
        person = _somebody_else(request, sub)
        administration.enable(person.username)
        _keep(request, person, AuditRecord.Action.ENABLE)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignOutPersonView(AdministratorView):
    """End somebody's sessions."""

    @extend_schema(operation_id="sign_out_person", request=None, responses={204: DONE})
    def post(self, request: Request, sub: str) -> Response:
        """All of them; they may sign in again."""
        person = _somebody_else(request, sub)
        administration.sign_out_everywhere(person.username)
        _keep(request, person, AuditRecord.Action.SIGN_OUT)
        revocation.revoke_person(person.sub)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _person(sub: str) -> Person:
    """The person with exactly this subject: Cognito would take an e-mail address too. Raises PersonNotFound."""
    person = administration.person(sub)
    if person.sub != sub:
        raise PersonNotFound
    return person


def _somebody_else(request: Request, sub: str) -> Person:
    """As `_person`, but not the administrator's own account. Raises OwnAccount."""
    if sub == who(request).sub:
        raise OwnAccount
    return _person(sub)


def _keep(request: Request, person: Person, action: str, detail: str = "") -> None:
    AuditRecord.objects.create(actor=who(request).sub, subject=person.sub, action=action, detail=detail)


class _Place:
    """Where a page begins: Cognito's token for it, and the one before, for the way back."""

    def __init__(self, token: str | None = None, previous: str | None = None, *, is_first: bool = True) -> None:
        self.token = token
        self._previous = previous
        self._is_first = is_first

    def before(self) -> "_Place | None":
        """The page before, if there is one. From there the way leads forward only, or to the beginning."""
        if self._is_first:
            return None
        return _Place(self._previous, None, is_first=self._previous is None)

    def sealed(self) -> str:
        """As a cursor."""
        return signing.dumps([self.token, self._previous, self._is_first], salt=_SALT, compress=True)

    @classmethod
    def opened(cls, cursor: str) -> "_Place":
        """The place of a cursor. Raises BadSignature."""
        token, previous, is_first = signing.loads(cursor, salt=_SALT)
        return cls(token, previous, is_first=is_first)


class _CursorField(serializers.CharField):
    def to_internal_value(self, data: Any) -> Any:
        try:
            return _Place.opened(super().to_internal_value(data))
        except signing.BadSignature:
            raise serializers.ValidationError("This is no cursor of this list.") from None


class _Query(serializers.Serializer[Any]):
    search = serializers.CharField(max_length=MAX_SEARCH, required=False, allow_blank=True)
    role = serializers.ChoiceField([role.value for role in Role], required=False, allow_blank=True)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=DEFAULT_PAGE)
    cursor = _CursorField(required=False)


def _require_known(request: Request) -> None:
    unknown = {
        name: ["There is no parameter of this name."] for name in request.query_params if name not in _Query().fields
    }
    if unknown:
        raise BadQuery(unknown)


def _link(request: Request, place: _Place | None) -> str | None:
    if place is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = place.sealed()
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
