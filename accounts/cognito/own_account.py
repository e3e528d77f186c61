"""Operations on one's own account, authorised by the person's access token instead of AWS credentials."""

from collections.abc import Mapping
from typing import Any

from accounts.cognito.client import BAD_ADDRESS, NOT_AUTHORIZED, CognitoClient, ErrorsByCode, ExpectedRefusal, pairs
from accounts.cognito.results import Profile
from accounts.tokens.exceptions import CodeMismatch, CurrentPasswordWrong, TokenEnded


class OwnAccountOperations(CognitoClient):
    """Operations on the account of an access token, which needs the scope aws.cognito.signin.user.admin."""

    def sign_out_everywhere(self, access_token: str) -> None:
        """End all sessions of the person whose token it is.

        Raises ExpectedRefusal when Cognito does not take this token: it ended there, is no access token, or has not the
        scope aws.cognito.signin.user.admin.
        """
        errors = dict.fromkeys((*NOT_AUTHORIZED, "InvalidParameterException"), ExpectedRefusal)
        self._call("global_sign_out", errors, AccessToken=access_token)

    def change_password(self, access_token: str, current: str, new: str) -> None:
        """Change one's own password. Raises CurrentPasswordWrong, PasswordTooWeak, PasswordReused."""
        self._call(
            "change_password",
            # The new one met the policy: a password of a form that Cognito never takes is the current one.
            dict.fromkeys((*NOT_AUTHORIZED, "InvalidParameterException"), CurrentPasswordWrong),
            AccessToken=access_token,
            PreviousPassword=current,
            ProposedPassword=new,
        )

    # --- One's own account ---

    def profile(self, access_token: str) -> Profile:
        """What Cognito keeps about whose token it is. Raises TokenEnded."""
        answer = self._own("get_user", access_token)
        return Profile(
            username=answer["Username"],
            attributes={pair["Name"]: pair.get("Value", "") for pair in answer["UserAttributes"]},
            mfa=tuple(answer.get("UserMFASettingList") or ()),
        )

    def update_profile(self, access_token: str, attributes: Mapping[str, str]) -> None:
        """Change attributes. A new e-mail address gets a code, and counts once that was shown.

        An address that somebody else has is no error: it would tell who has an account.
        """
        try:
            self._own(
                "update_user_attributes",
                access_token,
                {"AliasExistsException": ExpectedRefusal, **(BAD_ADDRESS if "email" in attributes else {})},
                UserAttributes=pairs(attributes),
            )
        except ExpectedRefusal:
            return

    def remove_from_profile(self, access_token: str, names: list[str]) -> None:
        """Remove attributes."""
        self._own("delete_user_attributes", access_token, UserAttributeNames=names)

    def send_email_code(self, access_token: str) -> None:
        """Mail a code to the address that waits for it, or to the present one."""
        errors = {"InvalidParameterException": ExpectedRefusal}
        try:
            self._own("get_user_attribute_verification_code", access_token, errors, AttributeName="email")
        except ExpectedRefusal:
            return  # nothing waits to be verified

    def verify_email(self, access_token: str, code: str) -> None:
        """Verify the new address. Raises CodeMismatch, CodeExpired."""
        errors = {"AliasExistsException": CodeMismatch}
        self._own("verify_user_attribute", access_token, errors, AttributeName="email", Code=code)

    def delete_account(self, access_token: str) -> None:
        """Delete the account of whose token it is."""
        self._own("delete_user", access_token)

    # --- MFA with an authenticator app ---

    def begin_mfa(self, access_token: str) -> str:
        """A new TOTP secret (base32) for the person, not yet in use."""
        return str(self._own("associate_software_token", access_token)["SecretCode"])

    def finish_mfa(self, access_token: str, code: str) -> None:
        """Use the secret from now on, proven by a code of it. Raises CodeMismatch."""
        wrong = dict.fromkeys(("InvalidParameterException", "SoftwareTokenMFANotFoundException"), CodeMismatch)
        answer = self._own("verify_software_token", access_token, wrong, UserCode=code)
        if answer.get("Status") != "SUCCESS":
            raise CodeMismatch
        self._prefer_mfa(access_token, on=True)

    def end_mfa(self, access_token: str) -> None:
        """Stop asking for codes."""
        self._prefer_mfa(access_token, on=False)

    def _prefer_mfa(self, access_token: str, *, on: bool) -> None:
        settings = {"Enabled": on, "PreferredMfa": on}
        self._own("set_user_mfa_preference", access_token, SoftwareTokenMfaSettings=settings)

    def _own(
        self, operation: str, access_token: str, errors: ErrorsByCode | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation that a person's own access token allows."""
        ended = dict.fromkeys(("UserNotFoundException", *NOT_AUTHORIZED), TokenEnded)
        return self._call(operation, {**ended, **(errors or {})}, AccessToken=access_token, **parameters)
