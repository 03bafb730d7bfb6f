# Two commands on a fresh machine: `make demo` and `make test`. Each sets up .venv first.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help setup demo up test long check fix bench browser pictures chaos oracle fuzz clean
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## .venv with the product and its tools

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "mailweir needs Python 3.11 or newer on the PATH (python3 --version); install it and run make again." >&2; exit 2; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version) (once, about two minutes) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "could not make $(VENV): on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m streams.compile # now, not at the first start of a service
	@touch $@

demo: setup ## the whole pipeline on this machine with simulated senders
	@$(BIN)/mailweir demo $(ARGS)

up: setup ## the whole pipeline on this machine, for real webhooks
	@$(BIN)/mailweir up $(ARGS)

test: setup ## every test that can run here, a file at a time on each of three processes: those that wait come first
	@$(BIN)/python -m pytest -m "not slow" --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

long: setup ## the long forms of the tests: whole scenarios on both brokers, a hundred runs instead of six
	@$(BIN)/python -m pytest -m slow $(ARGS)

check: setup ## lint, types, fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/unit tests/contract tests/architecture $(ARGS)

browser: setup ## the console in Chromium: every page, decisions, segments; what each test saw last goes to .cache/browser
	@$(BIN)/python -m pytest tests/browser --screenshots .cache/browser $(ARGS)

pictures: setup ## the pictures of the README and the docs, drawn anew
	@$(BIN)/python -m tests.browser.pictures

chaos: setup ## kills, pauses, rebalances, broker restarts under load: every total exact after each round
	@$(BIN)/python -m tests.chaos $(ARGS)

oracle: setup ## segments by the stream, by brute force and by SQL: random rules and histories (ARGS="--seed N --json FILE --cases N")
	@$(BIN)/python -m tests.oracle $(ARGS)

fuzz: setup ## a million damaged bodies through every parser, more to the gateway (ARGS="--bodies N --seed N")
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: setup ## every stage and the whole path, measured on this machine (ARGS="--quick --json FILE")
	@$(BIN)/python -m benchmarks $(ARGS)

fix: setup ## format and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove what setup and runs have made
	@rm -rf $(VENV) .cache data *.egg-info .pytest_cache .mypy_cache .ruff_cache
