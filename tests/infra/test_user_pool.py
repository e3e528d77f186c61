"""What the template of the user pool makes of its parameters: mail, other providers, WAF."""

import re

import pytest
from django.conf import settings

from tests.infra.templates import NAMES, Stack

# What must be given for a provider to appear, its name in the pool, and its resource.
PROVIDERS = {
    "Google": ({"GoogleClientId": "id", "GoogleSecretName": "books/google"}, "GoogleProvider"),
    "Facebook": ({"FacebookClientId": "id", "FacebookSecretName": "books/facebook"}, "FacebookProvider"),
    "LoginWithAmazon": ({"AmazonClientId": "id", "AmazonSecretName": "books/amazon"}, "AmazonProvider"),
    "SignInWithApple": (
        {"AppleServicesId": "id", "AppleTeamId": "team", "AppleKeyId": "key", "AppleSecretName": "books/apple"},
        "AppleProvider",
    ),
    "Okta": (
        {"OidcName": "Okta", "OidcIssuer": "https://o.example", "OidcClientId": "id", "OidcSecretName": "books/okta"},
        "OidcProvider",
    ),
    "Entra": ({"SamlName": "Entra", "SamlMetadataUrl": "https://entra.example/metadata"}, "SamlProvider"),
}
KIND = "AWS::Cognito::UserPoolIdentityProvider"


def client(stack: Stack, logical_id: str) -> list[str]:
    providers: list[str] = stack.resource(logical_id)["SupportedIdentityProviders"]
    return providers


def test_people_sign_in_with_a_password_of_the_pool_and_nothing_else() -> None:
    stack = Stack("cognito")
    assert stack.of_type(KIND) == {}
    for logical_id in ("WebClient", "SpaClient", "MachineClient"):
        assert client(stack, logical_id) == ["COGNITO"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_another_provider_appears_with_its_parameters(name: str) -> None:
    parameters, logical_id = PROVIDERS[name]
    stack = Stack("cognito", parameters)
    ((found, properties),) = stack.of_type(KIND).items()
    assert (found, properties["ProviderName"]) == (logical_id, name)
    for people in ("WebClient", "SpaClient"):
        # By reference: CloudFormation then makes the provider before the client that names it.
        assert client(stack, people) == ["COGNITO", f"<{logical_id}>"]
    assert client(stack, "MachineClient") == ["COGNITO"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_secret_is_read_from_secrets_manager(name: str) -> None:
    parameters, logical_id = PROVIDERS[name]
    details = Stack("cognito", parameters).resource(logical_id)["ProviderDetails"]
    secrets = {key: value for key, value in details.items() if key in ("client_secret", "private_key")}
    expected = [value for key, value in parameters.items() if key.endswith("SecretName")]
    assert list(secrets.values()) == [f"{{{{resolve:secretsmanager:{secret}:SecretString}}}}" for secret in expected]


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_a_provider_tells_may_be_written_by_the_clients(name: str) -> None:
    """Cognito refuses a sign-in that would write an attribute that the app client must not write."""
    parameters, logical_id = PROVIDERS[name]
    stack = Stack("cognito", parameters)
    told = set(stack.resource(logical_id)["AttributeMapping"]) - {"username"}
    assert "email" in told
    for people in ("WebClient", "SpaClient"):
        assert told <= set(stack.resource(people)["WriteAttributes"])


def test_an_address_that_a_provider_vouches_for_is_not_taken_as_verified() -> None:
    stack = Stack("cognito", {key: value for parameters, _ in PROVIDERS.values() for key, value in parameters.items()})
    assert len(stack.of_type(KIND)) == len(PROVIDERS)
    for properties in stack.of_type(KIND).values():
        assert "email_verified" not in properties["AttributeMapping"]


def test_mail_goes_through_ses_once_an_identity_is_given() -> None:
    assert Stack("cognito").resource("UserPool")["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
    given = {"SesIdentityArn": "arn:aws:ses:eu-west-1:1:identity/a.example", "SesFromAddress": "Books <no@a.example>"}
    sender = {"SourceArn": given["SesIdentityArn"], "From": given["SesFromAddress"]}
    found = Stack("cognito", given).resource("UserPool")["EmailConfiguration"]
    assert found == {"EmailSendingAccount": "DEVELOPER", **sender}
    watched = Stack("cognito", {**given, "SesConfigurationSet": "books"}).resource("UserPool")["EmailConfiguration"]
    assert watched["ConfigurationSet"] == "books"


def test_an_identity_without_a_from_address_is_refused_before_anything_is_made() -> None:
    rule = Stack("cognito").template["Rules"]["MailHasASender"]
    for address, fits in (("", False), ("Books <no@a.example>", True)):
        stack = Stack("cognito", {"SesIdentityArn": "arn:x", "SesFromAddress": address})
        assert stack.resolve(rule["RuleCondition"]) is True
        assert stack.resolve(rule["Assertions"][0]["Assert"]) is fits
    assert Stack("cognito").resolve(rule["RuleCondition"]) is False


def test_waf_is_a_choice() -> None:
    kinds = ("IPSet", "WebACL", "WebACLAssociation")
    for choice, there in (("false", 0), ("true", 1)):
        stack = Stack("cognito", {"Waf": choice})
        assert [len(stack.of_type(f"AWS::WAFv2::{kind}")) for kind in kinds] == [there] * 3


def test_waf_stands_before_the_pool_and_knows_common_attacks() -> None:
    stack = Stack("cognito", {"Waf": "true"})
    association = stack.resource("WafBeforeThePool")
    assert association == {"ResourceArn": "<UserPool.Arn>", "WebACLArn": "<WafRules.Arn>"}
    managed = stack.resource("WafRules")["Rules"][1]["Statement"]["ManagedRuleGroupStatement"]
    assert managed == {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}


def test_waf_does_not_count_the_service_which_signs_everybody_in_from_one_address() -> None:
    stack = Stack("cognito", {"Waf": "true", "WafServerAddresses": "192.0.2.1/32,192.0.2.2/32"})
    counted = stack.resource("WafRules")["Rules"][0]["Statement"]["RateBasedStatement"]
    assert (counted["AggregateKeyType"], counted["Limit"]) == ("IP", 300)
    exempt = counted["ScopeDownStatement"]["NotStatement"]["Statement"]["IPSetReferenceStatement"]
    assert exempt == {"Arn": "<WafServers.Arn>"}
    assert stack.resource("WafServers")["Addresses"] == ["192.0.2.1/32", "192.0.2.2/32"]
    assert Stack("cognito", {"Waf": "true"}).resource("WafServers")["Addresses"] == []


# --- Redirect URIs ---

REDIRECTS = {
    "WebCallbackUrls": "https://books.example.com/accounts/hosted/callback/",
    "WebLogoutUrls": "https://books.example.com/",
    "SpaCallbackUrls": "https://app.example.com/callback",
    "SpaLogoutUrls": "https://app.example.com/",
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_no_redirect_uri_is_a_default_and_none_is_plain_http(name: str) -> None:
    parameter = Stack("cognito").template["Parameters"][name]
    assert "Default" not in parameter
    assert re.search(parameter["AllowedPattern"], REDIRECTS[name])
    for refused in ("http://localhost:8000/", "http://127.0.0.1:8000/", "http://books.example.com/", ""):
        assert not re.search(parameter["AllowedPattern"], refused), refused


def test_an_app_may_have_a_scheme_of_its_own_and_the_site_may_not() -> None:
    parameters = Stack("cognito").template["Parameters"]
    assert re.search(parameters["SpaCallbackUrls"]["AllowedPattern"], "com.example.books://callback")
    assert not re.search(parameters["WebCallbackUrls"]["AllowedPattern"], "com.example.books://callback")


def test_templates_for_production_name_no_loopback_address() -> None:
    for name in NAMES:
        assert not re.search(r"localhost|127\.0\.0\.1", Stack(name).text), name


def test_a_developers_machine_is_added_by_a_parameter_of_its_own() -> None:
    lists = {name: uri.split(",") for name, uri in REDIRECTS.items()}
    stack = Stack("cognito", lists)
    assert stack.resource("WebClient")["CallbackURLs"] == [REDIRECTS["WebCallbackUrls"]]
    assert stack.resource("SpaClient")["LogoutURLs"] == [REDIRECTS["SpaLogoutUrls"]]
    stack = Stack("cognito", {**lists, "DevelopmentOrigin": "http://dev:8000"})
    assert stack.resource("WebClient")["CallbackURLs"] == [
        REDIRECTS["WebCallbackUrls"],
        "http://dev:8000/accounts/hosted/callback/",
    ]
    assert stack.resource("SpaClient")["LogoutURLs"] == [REDIRECTS["SpaLogoutUrls"], "http://dev:8000/"]


def test_a_browsers_session_lasts_no_longer_than_the_refresh_token_that_renews_it() -> None:
    web = Stack("cognito").resource("WebClient")
    assert web["TokenValidityUnits"]["RefreshToken"] == "days"
    assert web["RefreshTokenValidity"] * 24 * 3600 >= settings.SESSION_COOKIE_AGE
