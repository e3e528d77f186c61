"""Admin site whose sign-in and sign-out are the account pages."""

from typing import Any

from django.contrib.admin import AdminSite
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from accounts.browser.pages import next_path, page_url, redirect_to_next
from accounts.browser.sign_in import SignOutView


class CognitoAdminSite(AdminSite):
    """Admin site for ROLE_ADMIN, with the sign-in and sign-out of the account pages.

    While Cognito is unreachable, a local superuser made by `manage.py break_glass` can sign in at /admin/break-glass/.
    That page exists only while there is such a superuser.
    """

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirect to the sign-in page, or to the wanted page for administrators; 403 for other signed-in users."""
        wanted = next_path(request) or reverse("admin:index", current_app=self.name)
        if self.has_permission(request):
            return redirect_to_next(wanted)
        if request.user.is_authenticated:
            return render(request, "accounts/no_administrator.html", status=403)
        return HttpResponseRedirect(page_url("sign-in", wanted))

    @transaction.non_atomic_requests
    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """The sign-out of the account pages, which also ends the session at Cognito."""
        return SignOutView.as_view()(request)
