"""Forms of the account pages: labels, autocomplete attributes, and the limits of the API."""

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.flows.inputs import (
    CODE_MAX_LENGTH,
    E164,
    EMAIL_MAX_LENGTH,
    NAME_MAX_LENGTH,
    NO_BLANKS,
    ONE_LINE,
    PASSWORD_MAX_LENGTH,
)
from accounts.tokens.roles import Role

ROLE_NAMES = {Role.GUEST: "Guest: read", Role.USER: "User: add books", Role.ADMIN: "Administrator"}
MFA_NAMES = {
    "SOFTWARE_TOKEN_MFA": "A code of my authenticator app",
    "SMS_MFA": "A code by text message",
    "EMAIL_OTP": "A code by e-mail",
}


def _email(label: str = "E-mail address", autocomplete: str = "email") -> forms.EmailField:
    attributes = {"autocomplete": autocomplete, "autocapitalize": "none", "spellcheck": "false"}
    return forms.EmailField(label=label, max_length=EMAIL_MAX_LENGTH, widget=forms.EmailInput(attributes))


def _password(label: str, autocomplete: str, **options: Any) -> forms.CharField:
    widget = forms.PasswordInput({"autocomplete": autocomplete})
    return forms.CharField(label=label, max_length=PASSWORD_MAX_LENGTH, strip=False, widget=widget, **options)


def _new_password(label: str = "New password") -> forms.CharField:
    return _password(label, "new-password")


def _code(label: str = "Code", help_text: str = "") -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false", "class": "code"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=CODE_MAX_LENGTH,
        validators=[ONE_LINE, NO_BLANKS],
        widget=forms.TextInput(attributes),
    )


class Form(forms.Form):
    """Base class of forms: labels without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class EmailForm(Form):
    """Form for an e-mail address."""

    email = _email()


class SignUpForm(Form):
    """Form for a sign-up; the role is a field only where there is a choice."""

    name = forms.CharField(
        label="Name (may be left out)",
        required=False,
        max_length=NAME_MAX_LENGTH,
        validators=[ONE_LINE],
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    email = _email(autocomplete="username")
    password = _new_password("Password")

    def __init__(self, *args: Any, roles: Iterable[Role] = (), policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = policy
        choices = [(role.value, ROLE_NAMES.get(role, role.label)) for role in roles]
        if len(choices) > 1:
            self.fields["role"] = forms.ChoiceField(label="What you want to do", choices=choices)


class ConfirmForm(EmailForm):
    """Form for a mailed confirmation code."""

    code = _code(help_text="The six digits that were mailed to you.")


class ConfirmWithPasswordForm(ConfirmForm):
    """Confirmation form for a sign-up that still needs a password."""

    password = _new_password("Password")


class SignInForm(Form):
    """Form for e-mail address and password."""

    email = _email(autocomplete="username")
    password = _password("Password", "current-password")


class ResetPasswordForm(EmailForm):
    """Form for the mailed code and a new password."""

    code = _code(help_text="The six digits that were mailed to you.")
    new_password = _new_password()

    def __init__(self, *args: Any, policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = policy


class NewPasswordForm(Form):
    """Form for the challenge NEW_PASSWORD_REQUIRED."""

    new_password = _new_password()

    def __init__(self, *args: Any, policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = policy


class CodeForm(Form):
    """Form for a code, mailed or of an authenticator app."""

    code = _code()


class ChooseForm(Form):
    """Form for the challenge SELECT_MFA_TYPE."""

    def __init__(self, *args: Any, choices: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(name, MFA_NAMES[name]) for name in choices if name in MFA_NAMES]
        self.fields["mfa"] = forms.ChoiceField(
            label="How do you want to get your code?", choices=offered, widget=forms.RadioSelect
        )


class DetailsForm(Form):
    """Form for the attributes of a profile that need no verification."""

    name = forms.CharField(
        required=False,
        max_length=NAME_MAX_LENGTH,
        validators=[ONE_LINE],
        widget=forms.TextInput({"autocomplete": "name"}),
        show_hidden_initial=True,
    )
    phone_number = forms.CharField(
        label="Telephone number",
        help_text="With the country in front, such as +4915112345678.",
        required=False,
        max_length=16,
        validators=[E164],
        widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel"}),
        show_hidden_initial=True,
    )

    def clean(self) -> dict[str, Any]:
        """Only values changed on this page: the others may have been changed in another window meanwhile."""
        values = super().clean() or {}
        shown = {name for name in self.fields if self.add_initial_prefix(name) in self.data}
        return {name: value for name, value in values.items() if name not in shown or name in self.changed_data}


class ChangePasswordForm(Form):
    """Form for the current and the new password."""

    current_password = _password("Current password", "current-password")
    new_password = _new_password()

    def __init__(self, *args: Any, policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = policy


class DeleteForm(Form):
    """Form for one's own password, which people of another identity provider leave empty."""

    password = _password(
        "Password",
        "current-password",
        required=False,
        help_text="Leave it empty if you signed in through another provider, within the last five minutes.",
    )


class EndMfaForm(Form):
    """Form for password and code, as proof of identity."""

    password = _password("Password", "current-password")
    code = _code(help_text="A new one of your authenticator app.")


class BreakGlassForm(Form):
    """Form for name and password of a local superuser."""

    username = forms.CharField(max_length=255, widget=forms.TextInput({"autocomplete": "username"}))
    password = _password("Password", "current-password")
