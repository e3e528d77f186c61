#!/usr/bin/env bash
# An authentication extension of drf-spectacular with match_subclasses warns as soon as a class and its subclass are both used.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'django==5.2.19' 'djangorestframework==3.18.3' 'drf-spectacular==0.30.0'
"$folder/venv/bin/python" - 2>"$folder/warnings" <<'PYTHON'
import importlib.metadata
import sys

import django
from django.conf import settings

settings.configure(
    DATABASES={},
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "drf_spectacular"],
    REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"},
)
django.setup()

from django.urls import path
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.views import APIView


class Bearer(BaseAuthentication):
    def authenticate(self, request):
        return None


class StricterBearer(Bearer):
    """The same header, of which it takes less."""


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = Bearer
    match_subclasses = True
    name = "bearer"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer"}


class Books(APIView):
    authentication_classes = [Bearer]

    @extend_schema(responses=None)
    def get(self, request):
        pass


class Account(Books):
    authentication_classes = [StricterBearer]


urlpatterns = [path("books/", Books.as_view()), path("account/", Account.as_view())]
document = SchemaGenerator().get_schema(request=None, public=True)
schemes = document["components"]["securitySchemes"]
print("drf-spectacular", importlib.metadata.version("drf-spectacular"), "schemes in the document:", schemes)
assert schemes == {"bearer": {"type": "http", "scheme": "bearer"}}
PYTHON
grep -o 'Encountered 2 components with identical names.*' "$folder/warnings"
