"""Operations on one's own account, authorised by the person's access token instead of AWS credentials."""

from collections.abc import Mapping
from typing import Any

from accounts.cognito.client import BAD_ADDRESS, NOT_AUTHORIZED, CognitoClient, ErrorsByCode, ExpectedRefusal, pairs
from accounts.cognito.errors import CodeMismatch, CurrentPasswordWrong, TokenEnded
from accounts.cognito.results import Profile


class OwnAccountOperations(CognitoClient):
    """Operations on the account of an access token, which needs the scope aws.cognito.signin.user.admin."""

    def sign_out_everywhere(self, access_token: str) -> None:
        """End all sessions of the person whose token it is.

        Raises ExpectedRefusal for a token that is revoked, expired, no access token, or without the scope
        aws.cognito.signin.user.admin.
        """
        errors = dict.fromkeys((*NOT_AUTHORIZED, "InvalidParameterException"), ExpectedRefusal)
        self._call("global_sign_out", errors, AccessToken=access_token)

    def change_password(self, access_token: str, current: str, new: str) -> None:
        """Change one's own password. Raises CurrentPasswordWrong, PasswordTooWeak, PasswordReused."""
        self._call(
            "change_password",
            # The new password was checked before, so an invalid format is that of the current one.
            dict.fromkeys((*NOT_AUTHORIZED, "InvalidParameterException"), CurrentPasswordWrong),
            AccessToken=access_token,
            PreviousPassword=current,
            ProposedPassword=new,
        )

    def profile(self, access_token: str) -> Profile:
        """Attributes and MFA methods of the account. Raises TokenEnded."""
        answer = self._own("get_user", access_token)
        return Profile(
            username=answer["Username"],
            attributes={pair["Name"]: pair.get("Value", "") for pair in answer["UserAttributes"]},
            mfa=tuple(answer.get("UserMFASettingList") or ()),
        )

    def update_profile(self, access_token: str, attributes: Mapping[str, str]) -> None:
        """Change attributes. A new e-mail address is mailed a code, and takes effect once verified.

        No error is raised for an address of another account: it would reveal who has one.
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
        """Remove the attributes of these names."""
        self._own("delete_user_attributes", access_token, UserAttributeNames=names)

    def send_email_code(self, access_token: str) -> None:
        """Mail a code to the e-mail address that is not verified yet, or else to the current one."""
        errors = {"InvalidParameterException": ExpectedRefusal}
        try:
            self._own("get_user_attribute_verification_code", access_token, errors, AttributeName="email")
        except ExpectedRefusal:
            return  # no address to verify

    def verify_email(self, access_token: str, code: str) -> None:
        """Verify the new e-mail address by its code. Raises CodeMismatch, CodeExpired."""
        errors = {"AliasExistsException": CodeMismatch}
        self._own("verify_user_attribute", access_token, errors, AttributeName="email", Code=code)

    def delete_account(self, access_token: str) -> None:
        """Delete the account of the access token."""
        self._own("delete_user", access_token)

    # --- MFA with an authenticator app ---

    def begin_mfa(self, access_token: str) -> str:
        """A new TOTP secret (base32), not in use before `finish_mfa`."""
        return str(self._own("associate_software_token", access_token)["SecretCode"])

    def finish_mfa(self, access_token: str, code: str) -> None:
        """Turn on TOTP with the new secret, proven by a code. Raises CodeMismatch."""
        wrong = dict.fromkeys(("InvalidParameterException", "SoftwareTokenMFANotFoundException"), CodeMismatch)
        answer = self._own("verify_software_token", access_token, wrong, UserCode=code)
        if answer.get("Status") != "SUCCESS":
            raise CodeMismatch
        self._prefer_mfa(access_token, on=True)

    def end_mfa(self, access_token: str) -> None:
        """Turn off TOTP for the account."""
        self._prefer_mfa(access_token, on=False)

    def _prefer_mfa(self, access_token: str, *, on: bool) -> None:
        settings = {"Enabled": on, "PreferredMfa": on}
        self._own("set_user_mfa_preference", access_token, SoftwareTokenMfaSettings=settings)

    def _own(
        self, operation: str, access_token: str, errors: ErrorsByCode | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation with the access token. Raises TokenEnded when Cognito refuses it."""
        ended = dict.fromkeys(("UserNotFoundException", *NOT_AUTHORIZED), TokenEnded)
        return self._call(operation, {**ended, **(errors or {})}, AccessToken=access_token, **parameters)
