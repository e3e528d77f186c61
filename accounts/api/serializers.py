"""Serializers of the account endpoints. Types are strict: a number for a string is an error."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.api.members import KnownMembers
from accounts.flows.inputs import (
    CODE_MAX_LENGTH,
    E164,
    EMAIL_MAX_LENGTH,
    NAME_MAX_LENGTH,
    NO_BLANKS,
    ONE_LINE,
    PASSWORD_MAX_LENGTH,
    TOKEN_MAX_LENGTH,
)
from accounts.tokens.conf import get_config
from accounts.tokens.roles import Role

# For OpenAPI, in syntax common to Python and ECMA 262: any character except control characters; the same without
# blanks. Leading and trailing blanks are trimmed.
_SIGN = r"[^\u0000-\u001f\u007f]"
_INK = r"[^\s\u0000-\u001f\u007f\u0085]"


class _Strict:
    """Mixin for text fields that accepts JSON strings only; DRF would convert numbers."""

    def to_internal_value(self, data: Any) -> str:
        """The string itself. Raises ValidationError (`invalid`) for any other type."""
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a string.", code="invalid")
        longest: int | None = self.max_length  # type: ignore[attr-defined]
        if longest is not None and len(data) > longest:
            self.fail("max_length", max_length=longest)  # type: ignore[attr-defined]  # blanks included
        value: str = super().to_internal_value(data)  # type: ignore[misc]
        return value


class TextField(_Strict, serializers.CharField):
    """Text field of one line, without control characters."""

    accepts: ClassVar[Mapping[str, Any]] = {"pattern": f"^{_SIGN}*{_INK}{_SIGN}*$"}
    """JSON Schema keywords of what the field accepts, for OpenAPI; so in the classes below."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["validators"] = [ONE_LINE, *kwargs.get("validators", [])]
        super().__init__(**kwargs)


class EmailField(_Strict, serializers.EmailField):
    """E-mail address, of a JSON string only."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=EMAIL_MAX_LENGTH, **kwargs)


class PasswordField(_Strict, serializers.CharField):
    """Password field: not trimmed, never in a response."""

    @property
    def accepts(self) -> Mapping[str, Any]:
        """JSON Schema keywords of what the field accepts beside its own patterns: anything but NUL."""
        has_pattern = any(isinstance(validator, RegexValidator) for validator in self.validators)
        return {} if has_pattern else {"pattern": r"^[^\u0000]*$"}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"input_type": "password"})
        super().__init__(max_length=PASSWORD_MAX_LENGTH, trim_whitespace=False, write_only=True, **kwargs)


class CodeField(TextField):
    """Code from a mail or an authenticator app."""

    accepts: ClassVar[Mapping[str, Any]] = {"pattern": rf"^\s*{_INK}+\s*$"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=CODE_MAX_LENGTH, validators=[NO_BLANKS], **kwargs)


class TokenField(TextField):
    """Refresh token or challenge handle: opaque, without blanks."""

    accepts: ClassVar[Mapping[str, Any]] = CodeField.accepts

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=TOKEN_MAX_LENGTH, validators=[NO_BLANKS], **kwargs)


class PhoneField(TextField):
    """Telephone number in E.164 format."""

    accepts: ClassVar[Mapping[str, Any]] = {"pattern": r"^\s*\+[1-9][0-9]{1,14}\s*$"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=16, validators=[E164], **kwargs)


class SignUpRoleField(TextField):
    """Name of a role that is open to sign-up. The flow refuses other names (`role_not_allowed`)."""

    @property
    def accepts(self) -> Mapping[str, Any]:  # type: ignore[override]
        """JSON Schema keywords: the roles that are open to sign-up."""
        return {"pattern": rf"^\s*({'|'.join(get_config().sign_up_roles)})\s*$"}


class Body(KnownMembers):
    """Base class of request and response bodies, without a model."""


class FlagField(serializers.BooleanField):
    """JSON true or false only; DRF would also accept 0, "off" and others."""

    def to_internal_value(self, data: Any) -> bool:
        """The value itself. Raises ValidationError (`invalid`) for any other type."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class EmailBody(Body):
    """An e-mail address of an account."""

    email = EmailField()


class SignUpBody(EmailBody):
    """A new account. Without a password, confirmation requires one."""

    password = PasswordField(required=False)
    name = TextField(max_length=NAME_MAX_LENGTH, required=False)
    phone_number = PhoneField(required=False)
    role = SignUpRoleField(max_length=64, required=False, help_text="One of `COGNITO_SIGN_UP_ROLES`.")


class ConfirmSignUpBody(EmailBody):
    """The mailed code, and a password if sign-up had none or was repeated."""

    code = CodeField()
    password = PasswordField(required=False)


class SignInBody(EmailBody):
    """E-mail address and password of a person."""

    password = PasswordField()


class ChallengeBody(Body):
    """The response to a challenge: the one field that it expects."""

    handle = TokenField()
    new_password = PasswordField(required=False)
    code = CodeField(required=False)
    mfa = serializers.ChoiceField(["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"], required=False)


class RefreshBody(Body):
    """A refresh token of the session."""

    refresh_token = TokenField()


class SignOutBody(Body):
    """The session to end, or all sessions."""

    refresh_token = TokenField(required=False)
    everywhere = FlagField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require one of the two. Raises ValidationError (`required`)."""
        if not attrs["everywhere"] and "refresh_token" not in attrs:
            raise serializers.ValidationError({"refresh_token": ["This field is required."]}, code="required")
        return attrs


class ResetPasswordBody(EmailBody):
    """The mailed code, and a new password."""

    code = CodeField()
    new_password = PasswordField()


class ChangePasswordBody(Body):
    """The current and the new password."""

    current_password = PasswordField()
    new_password = PasswordField()


class ProfileBody(Body):
    """Attributes that people may change themselves. A new e-mail address takes effect once it is verified."""

    name = TextField(max_length=NAME_MAX_LENGTH, required=False)
    phone_number = PhoneField(required=False, allow_null=True)
    email = EmailField(required=False)


class PasswordBody(Body):
    """The own password, as proof of identity."""

    password = PasswordField()


class LeaveBody(Body):
    """The own password, as proof of identity. Omitted after a recent sign-in through another identity provider."""

    password = PasswordField(required=False)


class EndMfaBody(PasswordBody):
    """Password and code, as proof of identity."""

    code = CodeField()


class CodeBody(Body):
    """A code of the authenticator app."""

    code = CodeField()


class OptionalCodeBody(Body):
    """A mailed code; without it, one is mailed."""

    code = CodeField(required=False)


class RoleBody(Body):
    """The role to grant."""

    role = serializers.ChoiceField([role.value for role in Role])


class DeliverySerializer(Body):
    """Medium and masked destination of a code."""

    medium = serializers.CharField()
    destination = serializers.CharField()


class SignedUpSerializer(Body):
    """The result of a sign-up, the same for known and unknown addresses."""

    delivery = DeliverySerializer()


class StatusSerializer(Body):
    """The result of an operation, as one word."""

    status = serializers.CharField()


class TokensSerializer(Body):
    """A completed sign-in. Send `access_token` as `Authorization: Bearer …`; it expires after `expires_in` seconds."""

    access_token = serializers.CharField()
    id_token = serializers.CharField()
    refresh_token = serializers.CharField()
    expires_in = serializers.IntegerField()
    token_type = serializers.ChoiceField(["Bearer"])


class ChallengeSerializer(Body):
    """A challenge of a sign-in. `handle` is encrypted, opaque and short-lived."""

    challenge = serializers.CharField()
    handle = serializers.CharField()
    parameters = serializers.DictField(child=serializers.JSONField())


class ProfileSerializer(Body):
    """Profile of one's own account."""

    sub = serializers.CharField()
    email = serializers.CharField()
    email_verified = serializers.BooleanField()
    name = serializers.CharField()
    phone_number = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class MfaStateSerializer(Body):
    """Whether sign-in requires codes of an authenticator app."""

    enabled = serializers.BooleanField()


class MfaSecretSerializer(Body):
    """A new TOTP secret; `otpauth_url` is the content of its QR code."""

    secret = serializers.CharField()
    otpauth_url = serializers.CharField()


class PersonSerializer(Body):
    """An account of the pool, for administrators."""

    sub = serializers.CharField()
    email = serializers.CharField()
    name = serializers.CharField()
    phone_number = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField()
    enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PeoplePageSerializer(Body):
    """A page of people."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PersonSerializer(many=True)
