"""The exception of the stand-in: an error code of Cognito's API and a message."""


class CognitoError(Exception):
    """A refusal in Cognito's own words.

    Takes the error code as clients compare it (``NotAuthorizedException``), a sentence that no client should
    depend on, and the HTTP status (the AWS JSON protocol answers 400 to every client error).
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def not_authorized(message: str) -> CognitoError:
    """Credentials, a session or a token that is not accepted."""
    return CognitoError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> CognitoError:
    """A request that can never succeed as it stands."""
    return CognitoError("InvalidParameterException", message)


def wrong_password() -> CognitoError:
    """One answer for an unknown user and a wrong password."""
    return not_authorized("Incorrect username or password.")


def user_not_found() -> CognitoError:
    """Said only where the caller may know who exists."""
    return CognitoError("UserNotFoundException", "User does not exist.")
