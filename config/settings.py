"""Django settings, read from environment variables. `.env.example` documents every variable."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accounts.flows.rates import DEFAULT_RATES
from accounts.tokens.conf import DEFAULT_SCOPE_ROLES
from accounts.tokens.roles import Role
from config import environment
from config.postgresql.timeouts import TimeoutConnection

BASE_DIR = Path(__file__).resolve().parent.parent

_env = environment.Environment()

# --- The server ---

DEBUG = _env.flag("DJANGO_DEBUG", False)
SECRET_KEY_IS_SET = bool(_env.text("DJANGO_SECRET_KEY"))
# Default: a random key per process, so signatures end with the process. A check refuses that when debug is off.
SECRET_KEY = _env.text("DJANGO_SECRET_KEY") or secrets.token_urlsafe(48)
# Former keys: signatures made with them stay valid until the list is emptied.
SECRET_KEY_FALLBACKS = _env.items("DJANGO_SECRET_KEY_FALLBACKS")
HTTPS = _env.flag("DJANGO_HTTPS", not DEBUG)
ALLOWED_HOSTS = _env.items("DJANGO_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = _env.items("DJANGO_CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = _env.items("CORS_ALLOWED_ORIGINS")  # empty: no CORS middleware
NUM_PROXIES = _env.number("NUM_PROXIES", 0)
# Read by `python -m config.serve`.
HOST = _env.text("HOST", "127.0.0.1")
PORT = _env.number("PORT", 8000)
WORKERS = _env.number("WORKERS", 2, minimum=1)
WORKER_MAX_RSS = _env.number("WORKER_MAX_RSS", 512, minimum=128)  # MiB
DRAIN_SECONDS = _env.number("DRAIN_SECONDS", 2)
# Prometheus metrics (config/metrics.py); off while METRICS_TOKEN is empty.
METRICS_TOKEN = _env.text("METRICS_TOKEN")
METRICS_FOLDER = _env.text("PROMETHEUS_MULTIPROC_DIR")

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "accounts",
    "books",
    "config.apps.ProductConfig",
    "config.apps.ProductAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

MIDDLEWARE = [
    "config.operations.RequestMiddleware",
    "config.operations.HealthMiddleware",
    "books.fast.cache.AnswerCacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "accounts.flows.header_refresh.HeaderRefreshMiddleware",
    "config.browsers.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.request_limits.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.browsers.AuthenticationMiddleware",
    "config.browsers.MessageMiddleware",
    "accounts.browser.middleware.BrowserSessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- The database ---

# "transaction": a pooler assigns a server connection per transaction, so no session state may be relied on.
DATABASE_POOLER = _env.read("DATABASE_POOLER", environment.pooler, "none")


def _with_defaults(database: dict[str, Any]) -> dict[str, Any]:
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE: a transaction takes the write lock when it begins, instead of failing at its first write.
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
        # Persistent connection: when the disk is full, the file cannot be opened again, not even for reading.
        database["CONN_MAX_AGE"] = None
    else:
        # As many connections as a worker has threads. `reconnect_timeout` is short: after it, the next request tries
        # to connect at once; the pool's own retries come at growing intervals. All times in seconds.
        options.setdefault("pool", {"min_size": 1, "max_size": 8, "timeout": 2, "reconnect_timeout": 2})
        options.setdefault("connect_timeout", 5)
        if DATABASE_POOLER == "transaction":
            # No server-side cursors, prepared statements or start-up options: poolers refuse or drop them. The role
            # sets the time-outs instead (docs/scale.md).
            database["DISABLE_SERVER_SIDE_CURSORS"] = True
            options["prepare_threshold"] = None
        else:
            # force_generic_plan: a prepared statement is planned once. By default PostgreSQL may plan each execution.
            options.setdefault(
                "options",
                "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000"
                " -c plan_cache_mode=force_generic_plan",
            )
            options.setdefault("prepare_threshold", 0)  # for `prepared_cursor`; other cursors prepare nothing
        options["pool"].setdefault("connection_class", TimeoutConnection)  # client-side statement time-out
        # TCP keepalive: a dead peer is detected within 25 s (libpq; seconds, the last in milliseconds).
        options |= {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15000}
        database["ENGINE"] = "config.postgresql"  # Django's backend with checks of pooled connections
    return database


DATABASES = {"default": _with_defaults(_env.database("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}"))}
DATABASE_IS_SET = bool(_env.text("DATABASE_URL"))
if _replica := _env.postgresql("DATABASE_REPLICA_URL"):
    # For reads without credentials (books/replica.py). In tests it is a mirror of the primary.
    DATABASES["replica"] = _with_defaults(_replica) | {"TEST": {"MIRROR": "default"}}

# For `manage.py database_role` only: the role that the service uses.
DATABASE_SERVICE = _env.postgresql("DATABASE_SERVICE_URL")

# --- The cache ---

REDIS_URL = _env.read("REDIS_URL", environment.redis, "")
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},  # seconds
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# --- Amazon Cognito (documented in accounts/tokens/conf.py) ---

COGNITO_REGION = _env.text("COGNITO_REGION") or _env.text("AWS_REGION") or _env.text("AWS_DEFAULT_REGION")
COGNITO_USER_POOL_ID = _env.text("COGNITO_USER_POOL_ID")
COGNITO_CLIENT_ID = _env.text("COGNITO_CLIENT_ID")
COGNITO_CLIENT_SECRET = _env.text("COGNITO_CLIENT_SECRET")
COGNITO_ALLOWED_CLIENT_IDS = _env.items("COGNITO_ALLOWED_CLIENT_IDS")
COGNITO_ISSUER = _env.items("COGNITO_ISSUER")
COGNITO_JWKS_URL = _env.text("COGNITO_JWKS_URL")
COGNITO_ENDPOINT_URL = _env.text("COGNITO_ENDPOINT_URL")
COGNITO_ALLOW_INSECURE_ENDPOINT = _env.flag("COGNITO_ALLOW_INSECURE_ENDPOINT", False)
COGNITO_DOMAIN = _env.text("COGNITO_DOMAIN")
COGNITO_TOKEN_USE = _env.text("COGNITO_TOKEN_USE", "access")
COGNITO_RESOURCE_IDENTIFIERS = _env.items("COGNITO_RESOURCE_IDENTIFIERS")
COGNITO_REQUIRE_AUDIENCE = _env.flag("COGNITO_REQUIRE_AUDIENCE", False)
COGNITO_DELEGATED_TOKENS = _env.text("COGNITO_DELEGATED_TOKENS", "refuse")
COGNITO_LEEWAY_SECONDS = _env.number("COGNITO_LEEWAY_SECONDS", 10)
COGNITO_MAX_TOKEN_AGE_SECONDS = _env.number("COGNITO_MAX_TOKEN_AGE_SECONDS", None, minimum=1)
COGNITO_SIGN_UP_ROLES = _env.read("COGNITO_SIGN_UP_ROLES", environment.roles, [Role.GUEST])
COGNITO_GROUP_ROLES: Mapping[str, Role] = _env.read("COGNITO_GROUP_ROLES", environment.group_roles, {})
COGNITO_SCOPE_ROLES = _env.read("COGNITO_SCOPE_ROLES", environment.scope_roles, DEFAULT_SCOPE_ROLES)
COGNITO_HEADER_REFRESH = _env.flag("COGNITO_HEADER_REFRESH", False)

# --- Rate limits ---

ACCOUNTS_THROTTLES = _env.read("ACCOUNTS_THROTTLES", environment.rates, DEFAULT_RATES)

ACCOUNTS_NAME = "Cognito Books"  # issuer shown by authenticator apps (`issuer` of the otpauth URL)

# --- The catalogue ---

BOOKS_PUBLIC_READ = _env.flag("BOOKS_PUBLIC_READ", True)
BOOKS_FAST_PATHS = _env.flag("BOOKS_FAST_PATHS", True)  # false: books/fast is not used; the answers are the same

# --- The API ---

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # Bearer authentication is first: its `authenticate_header` makes a failed authentication 401 instead of 403.
        "accounts.flows.header_refresh.HeaderRefreshAuthentication",
        "accounts.browser.authentication.SessionAuthentication",
    ],
    # Deny by default: a view without `permission_classes` serves nobody.
    "DEFAULT_PERMISSION_CLASSES": ["config.api.DenyAll"],
    "DEFAULT_PARSER_CLASSES": ["config.api.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.ProblemAwareJSONRenderer", "config.api.BrowsableAPIRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "config.schema.ProductSchema",
    "EXCEPTION_HANDLER": "config.problems.problem_handler",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a request body; error sentences and OpenAPI read it
FILE_UPLOAD_HANDLERS: list[str] = []  # uploaded files are discarded; a view that expects one sets its own handler

SPECTACULAR_SETTINGS = {
    "TITLE": "Cognito Books",
    "DESCRIPTION": (
        "A catalogue of books behind Amazon Cognito.\n\n"
        "Send the access token of a sign-in as `Authorization: Bearer …`. Every error is an RFC 9457 problem "
        "(`application/problem+json`) whose `code` is stable."
    ),
    "VERSION": "1",
    "LICENSE": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
    # Relative URL: the server that serves the document.
    "SERVERS": [{"url": "/", "description": "This service"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # No deep links: they nest a link in the button of each operation, so the keyboard focus stops twice.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False, "persistAuthorization": False, "displayRequestDuration": True},
    # Authorize uses the first of the further app clients: a public client (without a secret) that has
    # /api/docs/oauth2-redirect.html among its callback URLs. The dialog accepts another client id.
    "SWAGGER_UI_OAUTH2_CONFIG": {
        "clientId": next(iter(COGNITO_ALLOWED_CLIENT_IDS), ""),
        "usePkceWithAuthorizationCodeGrant": True,
        "scopes": ["openid", "email", "profile", "aws.cognito.signin.user.admin"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.declare_problems",
        "config.schema.declare_headers",
        "config.schema.declare_hosted_sign_in",
    ],
    "TAGS": [
        {"name": "books", "description": "The catalogue."},
        {"name": "authors", "description": "The authors of the catalogue."},
        {"name": "accounts", "description": "Sign-up, sign-in, profile and user administration, by Amazon Cognito."},
    ],
}

CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = ["ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"]
if COGNITO_HEADER_REFRESH:
    CORS_ALLOW_HEADERS += ["x-refresh-token"]
    CORS_EXPOSE_HEADERS += ["X-Access-Token", "X-Id-Token", "X-Refresh-Token"]

# --- Browser sign-in ---

AUTHENTICATION_BACKENDS = ["accounts.browser.backends.CognitoBackend", "accounts.browser.backends.BreakGlassBackend"]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"  # its absolute URL is a LogoutURL of the app client

# --- Security ---

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_ENGINE = "accounts.browser.store"
# Seconds from the sign-in. A session is refreshed with its refresh token: at most RefreshTokenValidity of WebClient in
# infra/cognito.yaml.
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Origins that forms may lead to beside our own: sign-in and sign-out redirect to Cognito's hosted pages.
COGNITO_ORIGINS = [found] if (found := environment.origin(COGNITO_DOMAIN)) else []
SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'", *COGNITO_ORIGINS],
}
if NUM_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Language, time, files ---

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    }
}

# --- Logs ---

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request": {"()": "config.logs.RequestFilter"},
        "security": {"()": "config.logs.SecurityFilter"},
    },
    "formatters": {
        "json": {"()": "config.logs.JSONFormatter"},
        "people": {
            "()": "config.logs.TextFormatter",
            "format": "{asctime} {levelname:<7} {message}  [{request_id}]",
            "style": "{",
            "datefmt": "%H:%M:%S",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request", "security"],
            "formatter": "people" if DEBUG else "json",
        },
        "none": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # No handlers of Django's own: they would write every line twice.
        "django": {"handlers": [], "level": "INFO"},
        "django.utils.autoreload": {"level": "WARNING"},
        # config.operations logs each request; these would log it again, with its query string.
        "django.server": {"handlers": ["none"], "propagate": False},
        "django.request": {"level": "ERROR"},
        # The request's own line has the host (`wrong_host`, config.operations).
        "django.security.DisallowedHost": {"handlers": ["none"], "propagate": False},
        "authlib": {"level": "WARNING"},  # at DEBUG it logs the PKCE verifier
        "botocore": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
    },
}

ENVIRONMENT_PROBLEMS = _env.problems
