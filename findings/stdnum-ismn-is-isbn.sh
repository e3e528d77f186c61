#!/usr/bin/env bash
# python-stdnum takes an ISMN (979-0, printed music) for a valid ISBN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-stdnum==2.2'
"$folder/venv/bin/python" - <<'PYTHON'
import stdnum
from stdnum import isbn, ismn

NUMBER = "979-0-2600-0043-8"
found = {"ISMN": ismn.is_valid(NUMBER), "ISBN": isbn.is_valid(NUMBER), "kind": isbn.isbn_type(NUMBER)}
print("python-stdnum", stdnum.__version__, NUMBER, found)
assert found == {"ISMN": True, "ISBN": True, "kind": "ISBN13"}
PYTHON
