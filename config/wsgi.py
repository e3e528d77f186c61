"""WSGI application. Its import fails when a security check (`manage.py check --tag security`) finds an error."""

import os

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_wsgi_application()

from config.bodies import ChunkedBodies, SlowBodies, in_utf8  # noqa: E402 - they need configured settings and loaded apps
from config.request_limits import RequestLimits  # noqa: E402

# Outermost first: SlowBodies discards unread bodies, also those of requests that RequestLimits refuses.
application = SlowBodies(RequestLimits(in_utf8(ChunkedBodies(_django))))

_problems = [message.msg for message in checks.run_checks(tags=[checks.Tags.security]) if message.is_serious()]
if _problems:
    raise ImproperlyConfigured(" ".join(_problems))
