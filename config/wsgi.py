"""The door for a WSGI server. Refuses to open with a dangerous or missing setting."""

import os

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.bodies import SlowBodies, in_utf8

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = in_utf8(SlowBodies(get_wsgi_application()))

_problems = [message.msg for message in checks.run_checks(tags=[checks.Tags.security]) if message.is_serious()]
if _problems:
    raise ImproperlyConfigured(" ".join(_problems))
