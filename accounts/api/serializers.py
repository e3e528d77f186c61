"""What do the account endpoints take and give? Types are strict: a number where text belongs is an error."""

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

# For OpenAPI, in the part of regular expressions that Python and ECMA 262 share: any sign but a control character; one
# that is not a blank either. Blanks around a text are cut off.
_SIGN = r"[^\u0000-\u001f\u007f]"
_INK = r"[^\s\u0000-\u001f\u007f\u0085]"


class _Strict:
    """For text fields: a JSON string and nothing else. DRF would turn a number into one."""

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
    """One line of text."""

    accepts: ClassVar[Mapping[str, Any]] = {"pattern": f"^{_SIGN}*{_INK}{_SIGN}*$"}
    """JSON Schema keywords of what the field accepts, for OpenAPI; so in the classes below."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["validators"] = [ONE_LINE, *kwargs.get("validators", [])]
        super().__init__(**kwargs)


class EmailField(_Strict, serializers.EmailField):
    """An e-mail address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=EMAIL_MAX_LENGTH, **kwargs)


class PasswordField(_Strict, serializers.CharField):
    """A password: never trimmed, never in an answer."""

    @property
    def accepts(self) -> Mapping[str, Any]:
        """JSON Schema keywords of what the field accepts beside its own patterns: anything but NUL."""
        has_pattern = any(isinstance(validator, RegexValidator) for validator in self.validators)
        return {} if has_pattern else {"pattern": r"^[^\u0000]*$"}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"input_type": "password"})
        super().__init__(max_length=PASSWORD_MAX_LENGTH, trim_whitespace=False, write_only=True, **kwargs)


class CodeField(TextField):
    """A code that was mailed, or of an authenticator app."""

    accepts: ClassVar[Mapping[str, Any]] = {"pattern": rf"^\s*{_INK}+\s*$"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=CODE_MAX_LENGTH, validators=[NO_BLANKS], **kwargs)


class TokenField(TextField):
    """A refresh token or a handle: opaque, without blanks."""

    accepts: ClassVar[Mapping[str, Any]] = CodeField.accepts

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=TOKEN_MAX_LENGTH, validators=[NO_BLANKS], **kwargs)


class PhoneField(TextField):
    """A telephone number as E.164."""

    accepts: ClassVar[Mapping[str, Any]] = {"pattern": r"^\s*\+[1-9][0-9]{1,14}\s*$"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=16, validators=[E164], **kwargs)


class SignUpRoleField(TextField):
    """The name of a role that strangers may ask for. Any other name is refused by the flow (`role_not_allowed`)."""

    @property
    def accepts(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The roles that are open now."""
        return {"pattern": rf"^\s*({'|'.join(get_config().sign_up_roles)})\s*$"}


class Body(KnownMembers):
    """The body of a request or an answer; nothing here is a row of ours."""


class FlagField(serializers.BooleanField):
    """true or false and nothing else. DRF would take 0, "off" and more for one."""

    def to_internal_value(self, data: Any) -> bool:
        """The value itself. Raises ValidationError (`invalid`) for any other type."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class EmailBody(Body):
    """An address."""

    email = EmailField()


class SignUpBody(EmailBody):
    """A new account. Without a password, one is asked for at confirmation."""

    password = PasswordField(required=False)
    name = TextField(max_length=NAME_MAX_LENGTH, required=False)
    phone_number = PhoneField(required=False)
    role = SignUpRoleField(max_length=64, required=False, help_text="One that `COGNITO_SIGN_UP_ROLES` opens.")


class ConfirmSignUpBody(EmailBody):
    """The code that was mailed, and the password if sign-up had none or was repeated."""

    code = CodeField()
    password = PasswordField(required=False)


class SignInBody(EmailBody):
    """Credentials of a person."""

    password = PasswordField()


class ChallengeBody(Body):
    """The answer to a challenge: exactly what it asks for."""

    handle = TokenField()
    new_password = PasswordField(required=False)
    code = CodeField(required=False)
    mfa = serializers.ChoiceField(["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"], required=False)


class RefreshBody(Body):
    """A refresh token."""

    refresh_token = TokenField()


class SignOutBody(Body):
    """The session to end, or all of them."""

    refresh_token = TokenField(required=False)
    everywhere = FlagField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two. Raises ValidationError (`required`)."""
        if not attrs["everywhere"] and "refresh_token" not in attrs:
            raise serializers.ValidationError({"refresh_token": ["This field is required."]}, code="required")
        return attrs


class ResetPasswordBody(EmailBody):
    """The code that was mailed, and a new password."""

    code = CodeField()
    new_password = PasswordField()


class ChangePasswordBody(Body):
    """The present password and the next."""

    current_password = PasswordField()
    new_password = PasswordField()


class ProfileBody(Body):
    """What a person may change about themselves. A new address counts once it is verified."""

    name = TextField(max_length=NAME_MAX_LENGTH, required=False)
    phone_number = PhoneField(required=False, allow_null=True)
    email = EmailField(required=False)


class PasswordBody(Body):
    """One's own password, as proof."""

    password = PasswordField()


class LeaveBody(Body):
    """One's own password, as proof; left out by whoever signs in through another provider, and has just done so."""

    password = PasswordField(required=False)


class EndMfaBody(PasswordBody):
    """Password and code, as proof."""

    code = CodeField()


class CodeBody(Body):
    """A code."""

    code = CodeField()


class OptionalCodeBody(Body):
    """A code, or nothing to have one sent."""

    code = CodeField(required=False)


class RoleBody(Body):
    """One of the three roles."""

    role = serializers.ChoiceField([role.value for role in Role])


class DeliverySerializer(Body):
    """Where a code was sent, masked."""

    medium = serializers.CharField()
    destination = serializers.CharField()


class SignedUpSerializer(Body):
    """The same for an address that is known and one that is not."""

    delivery = DeliverySerializer()


class StatusSerializer(Body):
    """A word on how it went."""

    status = serializers.CharField()


class TokensSerializer(Body):
    """A completed sign-in. Send `access_token` as `Authorization: Bearer …`; it lives `expires_in` seconds."""

    access_token = serializers.CharField()
    id_token = serializers.CharField()
    refresh_token = serializers.CharField()
    expires_in = serializers.IntegerField()
    token_type = serializers.ChoiceField(["Bearer"])


class ChallengeSerializer(Body):
    """What is asked before tokens are given. `handle` is signed, opaque and short-lived."""

    challenge = serializers.CharField()
    handle = serializers.CharField()
    parameters = serializers.DictField(child=serializers.JSONField())


class ProfileSerializer(Body):
    """One's own account."""

    sub = serializers.CharField()
    email = serializers.CharField()
    email_verified = serializers.BooleanField()
    name = serializers.CharField()
    phone_number = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class MfaStateSerializer(Body):
    """Whether codes of an authenticator app are asked for."""

    enabled = serializers.BooleanField()


class MfaSecretSerializer(Body):
    """A new secret for an authenticator app; `otpauth_url` is what its QR code holds."""

    secret = serializers.CharField()
    otpauth_url = serializers.CharField()


class PersonSerializer(Body):
    """Somebody in the pool, for administrators."""

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
