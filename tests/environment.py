"""Environment variables of the tests, set before Django reads them (pytest plugin, see pyproject.toml)."""

import os

# Settings of the shell are removed, except DATABASE_URL and REDIS_URL, which select the services.
_OURS = (
    "ACCOUNTS_",
    "AWS_",
    "BOOKS_",
    "COGNITO_",
    "CORS_",
    "DATABASE_POOLER",
    "DATABASE_REPLICA_",
    "DJANGO_",
    "METRICS_",
    "NUM_PROXIES",
)
# A proxy is asked for 127.0.0.1 as well, and has another one.
_PROXIES = ("all_proxy", "http_proxy", "https_proxy")
for _variable in [name for name in os.environ if name.startswith(_OURS) or name.lower() in _PROXIES]:
    del os.environ[_variable]
os.environ |= {
    "DJANGO_DEBUG": "true",
    "DJANGO_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "CORS_ALLOWED_ORIGINS": "https://app.example",
    "COGNITO_REGION": "eu-west-1",
    "COGNITO_USER_POOL_ID": "eu-west-1_Books0001",
    "COGNITO_CLIENT_ID": "web-client",
    "COGNITO_ALLOWED_CLIENT_IDS": "spa-client",
    # Any will do for the local Cognito; without, botocore would ask the metadata address of AWS.
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}
