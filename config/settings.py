"""Every setting once, typed, with a default that works on a fresh machine (see .env.example)."""

from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _
from whitenoise.compress import Compressor

from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

# --- what this process is -------------------------------------------------------------------------
PROCESS_ROLE = env.str("PROCESS_ROLE", default="web")  # web, worker, beat or command: how patient to be
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)  # shows the "made-up data" strip and the demo logins
DEMO_LAN = env.bool("DEMO_LAN", default=False)  # accept demo logins from other machines too
SECRET_KEY = env.str("SECRET_KEY", default="") or embedded.secret("secret-key")
# Keys of earlier days: sessions signed with them stay good until they end.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Encrypts names and phones at rest; losing it loses them, so it is backed up apart from the database.
FIELD_KEY = env.str("FIELD_KEY", default="") or embedded.secret("field-key")
# Peppers the digests of handheld tokens, so that a stolen database yields no usable token.
TOKEN_PEPPER = env.str("TOKEN_PEPPER", default="") or embedded.secret("token-pepper")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("HTTPS", default=False)  # set behind a TLS proxy: secure cookies, HSTS, X-Forwarded-Proto
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # how many X-Forwarded-For hops are ours

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "common",
    "accounts",
    "stations",
    "orders",
    "tracking",
    "vehicles",
    "settlement",
    "reports",
    "demo",
]

MIDDLEWARE = [
    "common.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "common.middleware.CleanQueryMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SignedInMiddleware",
    "common.middleware.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

# Drop-downs of three hundred stations: Django's own widgets, drawn several times faster.
FORM_RENDERER = "django.forms.renderers.Jinja2"
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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
                "django.template.context_processors.i18n",
                "config.navigation.page",
            ],
            "builtins": ["django.templatetags.i18n", "common.templatetags.ui"],
        },
    }
]

# --- storage --------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded.urls()[0]
REDIS_URL = env.str("REDIS_URL", default="") or embedded.urls()[1]
DB_STATEMENT_TIMEOUT_MS = env.int("DB_STATEMENT_TIMEOUT_MS", default=10_000 if PROCESS_ROLE == "web" else 600_000)
DATABASES = {
    "default": {
        **env.db_url_config(DATABASE_URL),
        "ENGINE": "django.db.backends.postgresql",
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": env.str("TEST_DATABASE_NAME", default="test_rlp")},
    }
}
# Over a network a server that vanished shows after 19 s at rest and after 5 s while we talk; a socket needs none of it.
_NETWORK_PATIENCE = {"keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 5000}
_IDLE_TIMEOUT_MS = 10_000 if PROCESS_ROLE == "web" else 60_000  # in a transaction: it holds back vacuum and settlement
DATABASES["default"]["OPTIONS"] = {
    **({} if str(DATABASES["default"].get("HOST") or "/").startswith("/") else _NETWORK_PATIENCE),
    **DATABASES["default"].get("OPTIONS", {}),
    "connect_timeout": 2,
    "application_name": PROCESS_ROLE,
    "options": f"-c statement_timeout={DB_STATEMENT_TIMEOUT_MS} -c lock_timeout=5000"
    f" -c idle_in_transaction_session_timeout={_IDLE_TIMEOUT_MS}",
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "common.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://"),
        "KEY_PREFIX": "rlp",
        "OPTIONS": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
}
MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(BASE_DIR / ".local" / "media"))()

# --- Celery: a message is a doorbell, rows are the truth -------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # a lost doorbell costs a sweep; a late ack would cost doubles
# Both below the drain's lease of 120 s: an upload is never in two hands. A task that may take longer says so beside its
# name and holds no such lease (jobs renew theirs).
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True  # a message is taken when a process is free for it, not put by behind a long job
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 500_000  # KiB
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "rlp"
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BEAT_CRON_STARTING_DEADLINE = 600
CELERY_BEAT_SCHEDULE_FILENAME = str(BASE_DIR / ".local" / "beat-schedule")
if PROCESS_ROLE in ("web", "command"):  # measured: 0.14 s where the broker refuses, 0.62 s where it hangs
    CELERY_BROKER_CONNECTION_TIMEOUT = 1
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
        "socket_timeout": 0.5,
        "socket_connect_timeout": 0.3,
        "retry_on_timeout": False,
        "global_keyprefix": "rlp:",
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 300,
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": not REDIS_URL.startswith("redis+socket"),
        "health_check_interval": 10,
        "retry_on_timeout": True,
        "global_keyprefix": "rlp:",
    }
# The worker holds beat's table in config/celery.py.

# Months of scans older than this, and settled everywhere, leave the event table; their tables stay (docs/adr/0008).
SCAN_KEEP_YEARS = env.int("SCAN_KEEP_YEARS", default=10)

# For the fault run alone (common/crash.py): the folder whose files say where a process kills itself.
CRASH_DIR = env.str("CRASH_DIR", default="")

# --- language, time ---------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
FORMAT_MODULE_PATH = ["config.formats"]

# --- sign-in ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.DemoAwareBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        # a name written twice, "li.ming-li.ming", is 0.64 alike
        "OPTIONS": {"user_attributes": ("username", "name", "phone"), "max_similarity": 0.63},
    },
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
# By name and address together: a whole village behind one address must not be locked out by one guesser.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "common.net.client_ip"
AXES_USERNAME_CALLABLE = "accounts.backends.lockout_name"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"
AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_VERBOSE = False
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "common.views.csrf_failure"

# --- the browser's fences ---------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False  # the proxy's task; a county box on a LAN has no certificate
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
# A county box without TLS is a supported way to run; everything else of `check --deploy` must be clean.
SILENCED_SYSTEM_CHECKS = [] if HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 600
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=64 * 1_048_576)  # a CSV of about 600,000 rows
PHOTO_MAX_BYTES = env.int("PHOTO_MAX_BYTES", default=5 * 1_048_576)  # a photo or signature of a scan

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / ".local" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "common.static.CompressedHashedStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
# Source maps are many megabytes that only a developer's browser asks for.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

# --- API ----------------------------------------------------------------------------------------------
MIN_APP_VERSION = env.str("MIN_APP_VERSION", default="")  # older handheld apps are told to update, e.g. 2.4.0
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "stations.authentication.DeviceAuthentication",
        "stations.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["stations.permissions.DenyAll"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Rural logistics platform",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {  # of fields that share a name
        "NodeEnum": "tracking.states.Node.values",  # `type` of a scan, `node` of the vocabulary
        "ParcelStateEnum": "orders.states.ParcelState.values",
        "TripStateEnum": "vehicles.states.TripState.values",
        "StopStateEnum": "vehicles.states.StopState.values",
        "LoadStateEnum": "vehicles.states.LoadState.values",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
}

# --- logs -----------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "common.logs.json_formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},  # 4xx have their own request line
        "django.server": {"level": "WARNING"},
        "axes": {"level": "ERROR"},
        "pyBarcode": {"level": "WARNING"},
    },
}
