"""/login: the sign-in page, one form per step: password, new password, code, set-up of an authenticator app."""

import hmac
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from local_cognito import pages, passwords
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError, invalid_parameter
from local_cognito.hosted import sessions
from local_cognito.hosted.authorize import give_code
from local_cognito.hosted.requests import AuthorizationError, AuthorizationRequest, UntrustedRequest, read
from local_cognito.operations import challenges, mfa
from local_cognito.store import User
from local_cognito.tokens import opaque

CSRF_COOKIE = "local-cognito-csrf"
_SENTENCES = {
    "UserNotConfirmedException": "This account is not confirmed yet: enter the code from your mail first.",
    "PasswordResetRequiredException": "Your password must be reset before you can sign in.",
    "InvalidPasswordException": "That password is too weak.",
    "PasswordHistoryPolicyViolationException": "You have used that password before.",
    "CodeMismatchException": "That code is not right.",
    "EnableSoftwareTokenMFAException": "That code is not right.",
    "ExpiredCodeException": "That code was used already: wait for the next one.",
    "InvalidParameterException": "Please fill in every field.",
}
_STEPS = ("PASSWORD", "NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "MFA_SETUP")


def login(cognito: Cognito, request: Request) -> Response:
    """Show the form, or take its answer one step further."""
    try:
        asked = read(cognito, request.args)
    except (AuthorizationError, UntrustedRequest) as mistake:
        return mistake.response()
    if request.method != "POST":
        return _form(request, asked, {"step": "PASSWORD"})
    if not _is_our_form(request):
        return _form(request, asked, {"step": "PASSWORD"}, "That page had expired. Please try again.", 403)
    try:
        user, following = _take(cognito, asked, request)
    except CognitoError as error:
        return _again(request, asked, error)
    if following is not None:
        return _next_form(cognito, request, asked, following)
    # A new session for every sign-in: one that was planted before is worth nothing.
    session = sessions.begin(cognito, asked.client.pool, user)
    response = give_code(cognito, asked, user, session.auth_time)
    sessions.remember(response, session)
    return response


def _take(cognito: Cognito, asked: AuthorizationRequest, request: Request) -> tuple[User, dict[str, Any] | None]:
    """Who answered this step, and the next challenge or None; raises CognitoError for a wrong answer."""
    form, client = request.form, asked.client
    step = form.get("step", "")
    if step == "PASSWORD":
        name, password = form.get("username", "").strip(), form.get("password", "")
        if not name or not password:
            raise invalid_parameter("username and password are needed")
        user = passwords.check(cognito, client, name, password)
        return user, challenges.after_password(cognito, client, user)
    session, responses = form.get("session", ""), {"USERNAME": form.get("username", "")}
    if step == "NEW_PASSWORD_REQUIRED":
        responses["NEW_PASSWORD"] = form.get("password", "")
    elif step == "SOFTWARE_TOKEN_MFA":
        responses["SOFTWARE_TOKEN_MFA_CODE"] = form.get("code", "").strip()
    elif step == "MFA_SETUP":
        code = form.get("code", "").strip()
        session = mfa.verify_software_token(cognito, {"Session": session, "UserCode": code})["Session"]
    return challenges.respond(cognito, client, step, session, responses)


def _next_form(cognito: Cognito, request: Request, asked: AuthorizationRequest, following: dict[str, Any]) -> Response:
    parameters = following["ChallengeParameters"]
    values = {
        "step": following["ChallengeName"],
        "session": following["Session"],
        "username": parameters["USER_ID_FOR_SRP"],
        "secret": "",
    }
    if values["step"] == "MFA_SETUP":
        values |= _proposal(mfa.associate_software_token(cognito, {"Session": values["session"]}))
    return _form(request, asked, values)


def _proposal(answer: dict[str, Any]) -> dict[str, str]:
    return {"session": answer["Session"], "secret": answer["SecretCode"]}


def _again(request: Request, asked: AuthorizationRequest, error: CognitoError) -> Response:
    """The same step once more with a sentence; back to the beginning when its session is over."""
    form = request.form
    step = form.get("step", "")
    if error.code == "NotAuthorizedException" or step not in _STEPS:
        sentence = "That e-mail and password do not match, or there were too many attempts."
        if step != "PASSWORD":
            sentence = "That took too long, or too many tries. Please sign in again."
        return _form(request, asked, {"step": "PASSWORD", "username": form.get("username", "")}, sentence, 401)
    sentence = _SENTENCES.get(error.code, "That did not work. Please try again.")
    values = {name: form.get(name, "") for name in ("step", "session", "username", "secret")}
    return _form(request, asked, values, sentence, 400)


def _form(
    request: Request,
    asked: AuthorizationRequest,
    values: dict[str, str],
    problem: str = "",
    status: int = 200,
) -> Response:
    token = request.cookies.get(CSRF_COOKIE) or opaque()
    step = values["step"]
    shown = values.get("username", "") if step == "PASSWORD" else ""
    response = pages.render(
        "login.html",
        status,
        form_target=asked.redirect_uri,
        action=f"/login?{request.query_string.decode('ascii', 'replace')}",
        step=step,
        csrf=token,
        session=values.get("session", ""),
        username=values.get("username", ""),
        email=shown if "@" in shown else "",
        secret=values.get("secret", ""),
        otpauth=f"otpauth://totp/{quote('Local Cognito')}?secret={values.get('secret', '')}",
        problem=problem,
        client=asked.client.config.get("ClientName") or asked.client.id,
    )
    response.set_cookie(CSRF_COOKIE, token, httponly=True, samesite="Lax", path="/login")
    return response


def _is_our_form(request: Request) -> bool:
    """The form carries the cookie's value, which no other site can read."""
    cookie, field = request.cookies.get(CSRF_COOKIE, ""), request.form.get("csrf", "")
    return bool(cookie) and hmac.compare_digest(cookie.encode(), field.encode())
