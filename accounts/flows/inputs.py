"""Length limits, in characters, and validators of what people enter, for JSON bodies and forms."""

from django.core.validators import RegexValidator

from accounts.tokens.verifier import MAX_TOKEN_BYTES

EMAIL_MAX_LENGTH = 128  # AWS: UsernameType of the Cognito API reference
PASSWORD_MAX_LENGTH = 256  # AWS: PasswordType
CODE_MAX_LENGTH = 64
NAME_MAX_LENGTH = 256
TOKEN_MAX_LENGTH = MAX_TOKEN_BYTES

E164 = RegexValidator(r"^\+[1-9][0-9]{1,14}\Z", "Write the number as E.164, such as +4915112345678.")
ONE_LINE = RegexValidator(r"^[^\x00-\x1f\x7f]*\Z", "Control characters are not allowed.")
NO_BLANKS = RegexValidator(r"^\S*\Z", "Blanks are not allowed.")
