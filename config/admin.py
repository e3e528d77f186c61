"""The admin site of the product."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render

from accounts.browser.pages import address_of, go_on, next_path
from accounts.browser.sign_in import SignOutView


class ProductAdminSite(AdminSite):
    """Its ways in and out are those of the account pages; ROLE_ADMIN is staff.

    For the day Cognito is out of reach, `manage.py break_glass` makes a local superuser, whose form is at
    /admin/break-glass/ as long as there is one.
    """

    site_header = "Cognito Books"
    site_title = "Cognito Books"
    index_title = "The catalogue and its people"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To the sign-in; a clear no for those who are signed in already and are no administrators."""
        wanted = next_path(request) or "/admin/"
        if self.has_permission(request):
            return go_on(wanted)
        if request.user.is_authenticated:
            return render(request, "accounts/no_administrator.html", status=403)
        return HttpResponseRedirect(address_of("sign-in", wanted))

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Our sign-out, which ends the session at Cognito too."""
        return SignOutView.as_view()(request)
