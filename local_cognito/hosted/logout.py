"""/logout: ends the hosted session and goes to a registered address (AWS: "Logout endpoint")."""

from werkzeug.wrappers import Request, Response

from local_cognito import pages
from local_cognito.cognito import Cognito
from local_cognito.errors import CognitoError
from local_cognito.hosted import sessions
from local_cognito.hosted.requests import see


def logout(cognito: Cognito, request: Request) -> Response:
    """Takes ``client_id`` and ``logout_uri``, not OpenID Connect's parameters, which Cognito does not know.

    With ``redirect_uri`` and ``response_type`` instead it signs out and shows the sign-in page again.
    """
    try:
        client = cognito.store.client(request.args.get("client_id", ""))
    except CognitoError:
        return _problem("It names no client of this pool.")
    logout_uri, redirect_uri = request.args.get("logout_uri"), request.args.get("redirect_uri")
    if logout_uri is not None:
        registered, target = client.config.get("LogoutURLs") or [], logout_uri
    else:
        registered, target = client.config.get("CallbackURLs") or [], redirect_uri or ""
    if target not in registered:
        return _problem("Its return address is not registered for this client.")
    query = request.query_string.decode("ascii", "replace")
    response = see(target if logout_uri is not None else f"/login?{query}")
    sessions.end(client.pool, request, response)
    return response


def _problem(sentence: str) -> Response:
    return pages.render("problem.html", 400, title="This sign-out link does not work", problem=sentence)
