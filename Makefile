# make run    set everything up and start the server, with its models and an embedded database, on this machine alone
# make test   set everything up and run all tests
# make check  what a change must pass: ruff, mypy, import-linter, tests, docs
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
CONSOLE = $(shell find src/affekt/console/app -name node_modules -prune -o -type f -print)

.PHONY: run test check clean

run: $(VENV)/.run
	$(BIN)/affekt serve

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest
	$(BIN)/python docs/check.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Affekt runs on Python 3.11 to 3.13; this is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python pyproject.toml hatch_build.py $(CONSOLE)
	$(BIN)/python -m pip install --quiet --editable '.[speech,face]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml hatch_build.py $(CONSOLE)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python hatch_build.py --development
	@touch $@

clean:
	rm -rf $(VENV) src/affekt/console/built src/affekt/console/app/node_modules build dist .mypy_cache .ruff_cache .pytest_cache
