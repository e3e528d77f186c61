"""What do the account endpoints take and give?"""

from typing import Any

from rest_framework import serializers

PASSWORD_MAX_LENGTH = 256  # AWS: PasswordType of the Cognito API reference
EMAIL_MAX_LENGTH = 128  # AWS: UsernameType of the Cognito API reference


class StrictCharField(serializers.CharField):
    """A JSON string and nothing else: DRF would turn a number into one."""

    def to_internal_value(self, data: Any) -> str:
        """The string itself. Raises ValidationError (`invalid`) for any other type."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(serializers.EmailField):
    """An e-mail address as a JSON string."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=EMAIL_MAX_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """The address. Raises ValidationError (`invalid`) for another type or form."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class PasswordField(StrictCharField):
    """A password: never trimmed, never in an answer."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"input_type": "password"})
        super().__init__(max_length=PASSWORD_MAX_LENGTH, trim_whitespace=False, write_only=True, **kwargs)


class SignInSerializer(serializers.Serializer[Any]):
    """Credentials of a person."""

    email = EmailField()
    password = PasswordField()


class TokensSerializer(serializers.Serializer[Any]):
    """A completed sign-in. Send `access_token` as `Authorization: Bearer …`; it lives `expires_in` seconds."""

    access_token = serializers.CharField()
    id_token = serializers.CharField()
    refresh_token = serializers.CharField()
    expires_in = serializers.IntegerField()
    token_type = serializers.ChoiceField(["Bearer"])


class ChallengeSerializer(serializers.Serializer[Any]):
    """What is asked before tokens are given. `handle` is signed, opaque and short-lived."""

    challenge = serializers.CharField()
    handle = serializers.CharField()
    parameters = serializers.DictField(child=serializers.CharField())
