"""The service's own settings, with its static files in a folder of the tests: `collectstatic` writes there."""

import os
from pathlib import Path

from config.settings import *  # noqa: F403 - settings are what a module holds

STATIC_ROOT = Path(os.environ["TESTS_STATIC_ROOT"])
