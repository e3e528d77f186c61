#!/usr/bin/env bash
# langcodes keeps an object for every tag that it was ever asked about, valid or not, without a limit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'langcodes==3.5.1'
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import tracemalloc
from importlib.metadata import version

from langcodes import tag_is_valid

COUNT = 2000
tag_is_valid("en")
tracemalloc.start()
for form in ("x-a{}", "en-qqq-q{:06}"):  # private use, which is valid; and well formed, but in no registry
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    found = {tag_is_valid(form.format(number)) for number in range(COUNT)}
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / COUNT
    print(f"langcodes {version('langcodes')}: {form} is valid: {found}; {each:.0f} bytes are kept for each that was asked")
    assert each > 200
PYTHON
