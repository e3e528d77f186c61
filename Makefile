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

run: $(VENV)/.local  ## start the service with a local Cognito and sample books
	@exec $(PY) -m local_cognito.run

test: $(VENV)/.test  ## run the test suite (on PostgreSQL and Redis if DATABASE_URL and REDIS_URL are set)
	@exec $(PY) -m pytest $(ARGS)

serve: $(VENV)/.base  ## start the production server, configured by environment variables; run `make migrate` first
	@$(PY) manage.py collectstatic --noinput --verbosity 0
	@exec $(PY) -m config.serve

migrate: $(VENV)/.base  ## run the database migrations
	@$(PY) manage.py migrate --verbosity 1

benchmark: $(VENV)/.test  ## measure performance on this machine (four minutes); ARGS=--help lists the options
	@exec $(PY) -m benchmarks $(ARGS)

faults: $(VENV)/.test  ## break the dependencies under load and write docs/reliability.md (ten minutes); ARGS="-k redis" runs one row
	@env -u DATABASE_URL -u REDIS_URL $(PY) -m pytest -o python_files='fault_*.py test_*.py' tests/faults $(ARGS)

clients: $(VENV)/.e2e  ## test five generators of API clients with the OpenAPI document (a minute; needs npm)
	@npm ci --prefix tests/clients --silent
	@exec $(PY) -m tests.clients.generated

lint: $(VENV)/.dev  ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

check: lint  ## run all checks of CI except the tests
	@bash .ci/checks $(BIN)

lock:  ## update requirements/*.txt from requirements/*.in (needs uv)
	@cd requirements && previous=; for name in base local test e2e dev; do \
		uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
			--no-emit-find-links --custom-compile-command "make lock" $${previous:+-c $$previous.txt} \
			$$name.in -o $$name.txt || exit 1; previous=$$name; done

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

# The virtual environment has the largest list of requirements used so far; each list contains the one before it.
$(VENV)/.base $(VENV)/.local $(VENV)/.test $(VENV)/.e2e $(VENV)/.dev: $(VENV)/.%: requirements/%.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements/$*.txt into $(VENV) ..."
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(PY) --require-hashes -r $<; \
	else $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<; fi
	@touch $@
