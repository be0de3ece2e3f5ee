# Needs python3 (3.11 to 3.13) and nothing else; everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test test-cluster lint docs reference check clean

# Makes 500 instructions with the embedded demo model: no key, no network but the package registry.
demo: $(VENV)/installed
	$(BIN)/synthkit run pipelines/instructions.py --export train.jsonl:sharegpt

# The whole suite.
test: $(VENV)/dev
	$(BIN)/python -m pytest -n auto --dist worksteal

# Runs on a cluster whose processes are killed at random moments; an hour or so, fewer rounds by SYNTHKIT_CLUSTER_TIMES=1.
test-cluster: $(VENV)/dev
	$(PIP) install --constraint constraints.txt 'ray[default]'  # its server for jobs
	$(BIN)/python -m pytest tests/cluster/long -m long -p no:xdist -rP

# Style, types, import contracts.
lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The pages that are made from the code: gallery, reference, commands. A test says when they are stale.
reference: $(VENV)/dev
	$(BIN)/python docs/generate.py

check: lint docs test

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "synthkit needs Python 3.11 to 3.13; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[dev,docs]'
	$(PIP) install --constraint constraints.txt --no-deps trl  # its checks of data sets need no torch, which is gigabytes
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist site train.jsonl
