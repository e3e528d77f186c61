#!/usr/bin/env bash
# botocore's model of Cognito says that a password holds no blank, and botocore checks neither that pattern nor the maximum.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8'
"$folder/venv/bin/python" - <<'PYTHON'
import re

import botocore
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

service = ServiceModel(Loader().load_service_model("cognito-idp", "service-2"), "cognito-idp")
shape = service.operation_model("SignUp").input_shape
password = shape.members["Password"].metadata
phrase = "correct Horse 1 battery"


def passes(text):
    errors = ParamValidator().validate({"ClientId": "client", "Username": "ada", "Password": text}, shape)
    return not errors.has_errors()


found = {
    "pattern of the model": password["pattern"],
    "a pass phrase matches it": bool(re.fullmatch(password["pattern"], phrase)),
    "botocore sends the pass phrase": passes(phrase),
    "maximum of the model": password["max"],
    "botocore sends one character more": passes("x" * (password["max"] + 1)),
}
print("botocore", botocore.__version__, found)
assert list(found.values()) == ["[\\S]+", False, True, 256, True]
PYTHON
