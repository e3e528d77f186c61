"""Admin of the people of the pool, read from Cognito, and of the audit records.

Every action is a POST to one path and calls `accounts.flows.people`, as the API does.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.cognito.errors import AccountError, PersonNotFound
from accounts.cognito.results import CursorInvalid, PeopleCursor, Person
from accounts.flows import people
from accounts.models import AuditRecord, User
from accounts.tokens.roles import Role
from accounts.user_rows import email_of, is_ours

if TYPE_CHECKING:
    UserModelAdmin = admin.ModelAdmin[User]
    AuditModelAdmin = admin.ModelAdmin[AuditRecord]
else:
    UserModelAdmin = AuditModelAdmin = admin.ModelAdmin  # generic for the type checker only

PAGE = 20
RECORDS_SHOWN = 10

_ROLES = [(role.value, role.label) for role in Role]


class FindForm(forms.Form):
    """Form that filters the list of people."""

    q = forms.CharField(
        label="E-mail address begins with",
        max_length=128,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(choices=[("", "any"), *_ROLES], required=False)


class ActForm(forms.Form):
    """Form of an action on an account."""

    act = forms.ChoiceField(choices=[(name, name) for name in ("role", "disable", "enable", "sign-out", "resend")])
    role = forms.ChoiceField(choices=_ROLES, required=False)
    seen = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Require a role for a change of role."""
        values = super().clean() or {}
        if values.get("act") == "role" and not values.get("role"):
            self.add_error("role", "Choose a role.")
        return values


@admin.register(User)
class UserAdmin(UserModelAdmin):
    """Admin of the people of the pool; the rows of the database are only references to them."""

    search_fields = ("email", "username", "sub")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: people sign up, or are invited at Cognito."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: people delete their accounts themselves; others are disabled."""
        return False

    def get_urls(self) -> list[Any]:
        """The path of actions, before the paths of ModelAdmin."""
        act = self.admin_site.admin_view(transaction.non_atomic_requests(require_POST(self.act_view)))
        return [path("<str:sub>/act/", act, name="accounts_user_act"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A page of people, filtered by a prefix of their e-mail address or by role."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        form = FindForm(request.GET)
        context: dict[str, Any] = {"title": "People", "form": form, "machines": people.machines()}
        if not form.is_valid():
            return self._page(request, "people", {**context, "error": "There is nobody such."}, 400)
        email, role = form.cleaned_data["q"], form.cleaned_data["role"]
        try:
            cursor = PeopleCursor.decoded(request.GET["cursor"]) if "cursor" in request.GET else PeopleCursor()
            page = people.list_people(email_prefix=email, role=Role(role) if role else None, limit=PAGE, cursor=cursor)
        except CursorInvalid:
            self.message_user(request, "This page of people is gone: here is the first one.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:accounts_user_changelist"))
        except AccountError as error:
            return self._page(request, "people", {**context, "error": error.detail}, error.status_code)
        links = {"next": _link(request, cursor.after(page)), "previous": _link(request, cursor.before())}
        return self._page(request, "people", {**context, **links, "people": [*map(_shown, page.people)]})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One person, with the possible actions."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        sub = unquote(object_id)
        row = User.objects.filter(sub=sub).first()
        records = _records().filter(subject=sub)[:RECORDS_SHOWN]
        context: dict[str, Any] = {"title": str(row or sub), "sub": sub, "row": row, "records": records}
        if people.is_machine(sub):
            return self._page(
                request, "person", {**context, "is_machine": True, "may_act": self.has_change_permission(request)}
            )
        try:
            person = people.person(sub)
        except PersonNotFound as error:
            if row is None:
                self.message_user(request, str(error.detail), messages.ERROR)
                return HttpResponseRedirect(reverse("admin:accounts_user_changelist"))
            return self._page(request, "person", context)
        except AccountError as error:
            return self._page(request, "person", {**context, "error": error.detail}, error.status_code)
        own = sub == _actor(request)
        context |= {
            "title": person.email or person.username,
            "person": person,
            "roles": _names(person),
            "is_own": own,
            "may_act": self.has_change_permission(request) and not own,
            "form": ActForm(initial={"role": _chosen(request) or (person.roles[0].value if person.roles else "")}),
            "seen": _state(person),
            "may_resend": person.status in (people.INVITED, people.UNCONFIRMED),
        }
        return self._page(request, "person", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the audit records of the person."""
        return HttpResponseRedirect(f"{reverse('admin:accounts_auditrecord_changelist')}?q={unquote(object_id)}")

    def act_view(self, request: HttpRequest, sub: str) -> HttpResponse:
        """Carry out an action; the result is a message on the person's page."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = ActForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "Choose what to do.", messages.ERROR)
        else:
            try:
                if self._is_stale(request, sub, form.cleaned_data):
                    chosen = f"?{urlencode({'role': form.cleaned_data['role']})}"
                    return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[sub]) + chosen)
                said = _ACTS[form.cleaned_data["act"]](_actor(request), sub, form.cleaned_data)
            except AccountError as error:
                self.message_user(request, str(error.detail), messages.ERROR)
            else:
                self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[sub]))

    def _is_stale(self, request: HttpRequest, sub: str, values: Mapping[str, Any]) -> bool:
        """Whether the account was changed after the page was opened. Cognito has no conditional writes."""
        if not values["seen"] or values["act"] not in _DEPEND_ON_STATE:
            return False
        person = people.person(sub)
        if values["seen"] == _state(person):
            return False
        now = f"{_names(person)}, {'enabled' if person.enabled else 'disabled'}"
        said = f"Somebody else changed this account after you opened the page. It is now: {now}. Nothing was done."
        self.message_user(request, said, messages.ERROR)
        return True

    def _page(self, request: HttpRequest, name: str, more: dict[str, Any], status: int = 200) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **more}
        return TemplateResponse(request, f"admin/accounts/user/{name}.html", context, status=status)


def _change_role(actor: str, sub: str, values: dict[str, Any]) -> str:
    person = people.change_role(actor, sub, Role(values["role"]))
    return f"The role of {person.email} is now: {_names(person)}. Access tokens of before are refused."


def _disable(actor: str, sub: str, values: dict[str, Any]) -> str:
    people.disable(actor, sub)
    return "Disabled: neither signing in nor any token works any more."


def _enable(actor: str, sub: str, values: dict[str, Any]) -> str:
    people.enable(actor, sub)
    return "Enabled: signing in works again."


def _sign_out(actor: str, sub: str, values: dict[str, Any]) -> str:
    people.sign_out(actor, sub)
    if people.is_machine(sub):
        return "Tokens that the app client got by itself before are refused. It can get another."
    return "Signed out everywhere. Signing in again is possible."


def _resend(actor: str, sub: str, values: dict[str, Any]) -> str:
    people.resend(actor, sub)
    return "The mail was sent again."


_ACTS: dict[str, Callable[[str, str, dict[str, Any]], str]] = {
    "role": _change_role,
    "disable": _disable,
    "enable": _enable,
    "sign-out": _sign_out,
    "resend": _resend,
}


# Actions that could undo a concurrent change.
_DEPEND_ON_STATE = frozenset({"role", "disable", "enable"})


def _state(person: Person) -> str:
    """The state that these actions change, as stored in the page of the person."""
    return " ".join(["enabled" if person.enabled else "disabled", *sorted(person.roles)])


def _chosen(request: HttpRequest) -> str:
    """The role that was chosen on a stale page."""
    role = request.GET.get("role", "")
    return role if role in dict(_ROLES) else ""


def _actor(request: HttpRequest) -> str:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user.sub


def _names(person: Person) -> str:
    return ", ".join(role.label for role in person.roles) or "no role"


def _shown(person: Person) -> dict[str, Any]:
    return {"person": person, "roles": _names(person)}


def _link(request: HttpRequest, cursor: PeopleCursor | None) -> str:
    if cursor is None:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor.encoded()
    return f"?{query.urlencode()}"


def _records() -> "QuerySet[AuditRecord]":
    return AuditRecord.objects.annotate(actor_email=email_of("actor"), subject_email=email_of("subject"))


@admin.register(AuditRecord)
class AuditRecordAdmin(AuditModelAdmin):
    """Admin of the audit records, read-only."""

    list_display = ("at", "who", "action", "whom", "detail")
    list_display_links = None
    list_filter = ("action",)
    date_hierarchy = "at"
    search_fields = ("actor", "subject", "detail", "actor_email", "subject_email")
    search_help_text = "Parts of a subject, of an e-mail address or of the detail."
    show_full_result_count = False
    list_per_page = 50
    fields = ("at", "actor", "action", "subject", "detail")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> "QuerySet[AuditRecord]":
        """The records, with both e-mail addresses where they are known."""
        return _records().order_by("-at", "-id")

    @admin.display(ordering="actor")
    def who(self, record: Any) -> str:
        """E-mail address of the administrator, or the subject."""
        return str(record.actor_email or record.actor)

    @admin.display(ordering="subject")
    def whom(self, record: Any) -> str:
        """The other person, as a link to their page, which there is for accounts.User only."""
        if not is_ours():
            return str(record.subject_email or record.subject)
        url = reverse("admin:accounts_user_change", args=[record.subject])
        return format_html('<a href="{}">{}</a>', url, record.subject_email or record.subject)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: records are written by the actions."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        """Never."""
        return False
