#!/usr/bin/env bash
# `multipleOf: 0.01` and the number 4.35: Ajv and python-jsonschema refuse it, other validators accept it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'jsonschema==4.26.0' 'jsonschema-rs==0.60.3' 'pydantic==2.14.4'
(cd "$folder" && npm install --silent --no-audit --no-fund 'ajv@8.17.1' 'zod@4.1.12' >/dev/null)
cd "$folder"
cat >check.mjs <<'JS'
import Ajv from "ajv";
import { z } from "zod";
const ajv = new Ajv().compile({ type: "number", multipleOf: 0.01 });
const zod = z.number().multipleOf(0.01);
console.log(JSON.stringify({ "Ajv 8.17.1": ajv(4.35), "zod 4.1.12": zod.safeParse(4.35).success }));
JS
node check.mjs >node.json
"$folder/venv/bin/python" - <<'PYTHON'
import json
from typing import Annotated

import jsonschema
import jsonschema_rs
from pydantic import Field, TypeAdapter, ValidationError

schema = {"type": "number", "multipleOf": 0.01}


def pydantic_accepts(value):
    try:
        TypeAdapter(Annotated[float, Field(multiple_of=0.01)]).validate_python(value)
    except ValidationError:
        return False
    return True


found = {
    "python-jsonschema 4.26.0": jsonschema.Draft202012Validator(schema).is_valid(4.35),
    "jsonschema-rs 0.60.3": jsonschema_rs.validator_for(schema).is_valid(4.35),
    "pydantic 2.14.4": pydantic_accepts(4.35),
    **json.load(open("node.json")),
}
for name, accepts in found.items():
    print(f"{name}: 4.35 is {'valid' if accepts else 'invalid'} for {schema}")
assert found == {
    "python-jsonschema 4.26.0": False,
    "jsonschema-rs 0.60.3": True,
    "pydantic 2.14.4": True,
    "Ajv 8.17.1": False,
    "zod 4.1.12": True,
}
PYTHON
