"""What do the pages ask? Labels, limits and what a browser may fill in by itself; the rules are those of the API."""

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
    """Labels without a colon after them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class EmailForm(Form):
    """An address."""

    email = _email()


class SignUpForm(Form):
    """A new account; the role is asked for only where there is a choice."""

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
        choices = [(role.value, ROLE_NAMES[role]) for role in roles]
        if len(choices) > 1:
            self.fields["role"] = forms.ChoiceField(label="What you want to do", choices=choices)


class ConfirmForm(EmailForm):
    """The code that was mailed."""

    code = _code(help_text="The six digits that were mailed to you.")


class ConfirmWithPasswordForm(ConfirmForm):
    """The same for an account that was made without a password."""

    password = _new_password("Password")


class SignInForm(Form):
    """Credentials of a person."""

    email = _email(autocomplete="username")
    password = _password("Password", "current-password")


class ResetPasswordForm(EmailForm):
    """The code that was mailed, and a new password."""

    code = _code(help_text="The six digits that were mailed to you.")
    new_password = _new_password()

    def __init__(self, *args: Any, policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = policy


class NewPasswordForm(Form):
    """A password in place of one that somebody else chose."""

    new_password = _new_password()

    def __init__(self, *args: Any, policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = policy


class CodeForm(Form):
    """A code, mailed or of an authenticator app."""

    code = _code()


class ChooseForm(Form):
    """How the code is to arrive."""

    def __init__(self, *args: Any, choices: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(name, MFA_NAMES[name]) for name in choices if name in MFA_NAMES]
        self.fields["mfa"] = forms.ChoiceField(
            label="How do you want to get your code?", choices=offered, widget=forms.RadioSelect
        )


class DetailsForm(Form):
    """What people may change about themselves at once."""

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
        """What was changed on the page alone: what it merely shows may have been changed in another window since."""
        values = super().clean() or {}
        shown = {name for name in self.fields if self.add_initial_prefix(name) in self.data}
        return {name: value for name, value in values.items() if name not in shown or name in self.changed_data}


class ChangePasswordForm(Form):
    """The present password and the next."""

    current_password = _password("Current password", "current-password")
    new_password = _new_password()

    def __init__(self, *args: Any, policy: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = policy


class PasswordForm(Form):
    """One's own password, as proof."""

    password = _password("Password", "current-password")


class EndMfaForm(PasswordForm):
    """Password and code, as proof."""

    code = _code(help_text="A new one of your authenticator app.")


class BreakGlassForm(Form):
    """Name and password of a local superuser."""

    username = forms.CharField(max_length=255, widget=forms.TextInput({"autocomplete": "username"}))
    password = _password("Password", "current-password")
