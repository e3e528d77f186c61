# `make run` and `make test` need Python 3.11 and nothing else; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: run test serve migrate benchmark faults clients lint check lock help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python

export HOST ?= 127.0.0.1
export PORT ?= 8000
export WORKERS ?= 2

run: $(VENV)/.local  ## the whole product on this machine, with a Cognito of its own
	@exec $(PY) -m local_cognito.run

test: $(VENV)/.test  ## the whole test suite (PostgreSQL and Redis where DATABASE_URL and REDIS_URL name them)
	@exec $(PY) -m pytest $(ARGS)

serve: $(VENV)/.base  ## the production server, configured by the environment alone; `make migrate` first
	@$(PY) manage.py collectstatic --noinput --verbosity 0
	@exec $(PY) -m config.serve

migrate: $(VENV)/.base  ## bring the database up to date
	@$(PY) manage.py migrate --verbosity 1

benchmark: $(VENV)/.test  ## how fast it is on this machine: four minutes; ARGS=--help lists what can be chosen
	@exec $(PY) -m benchmarks $(ARGS)

faults: $(VENV)/.test  ## break what it stands on, under load, and write docs/reliability.md: ten minutes; ARGS="-k redis" is one row
	@env -u DATABASE_URL -u REDIS_URL $(PY) -m pytest -o python_files='fault_*.py test_*.py' tests/faults $(ARGS)

clients: $(VENV)/.e2e  ## clients made from our OpenAPI document by five generators, and the table of what they can do: a minute (needs npm)
	@npm ci --prefix tests/clients --silent
	@exec $(PY) -m tests.clients.generated

lint: $(VENV)/.dev  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

check: lint  ## everything CI checks beside the tests
	@bash .ci/checks $(BIN)

lock:  ## write requirements/*.txt anew from requirements/*.in (needs uv)
	@cd requirements && previous=; for name in base local test e2e dev; do \
		uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
			--no-emit-find-links --custom-compile-command "make lock" $${previous:+-c $$previous.txt} \
			$$name.in -o $$name.txt || exit 1; previous=$$name; done

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

# The environment holds what the widest of the targets asked for so far needs; each list contains the one before it.
$(VENV)/.base $(VENV)/.local $(VENV)/.test $(VENV)/.e2e $(VENV)/.dev: $(VENV)/.%: requirements/%.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements/$*.txt into $(VENV) ..."
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(PY) --require-hashes -r $<; \
	else $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<; fi
	@touch $@
