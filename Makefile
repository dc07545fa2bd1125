# Everything runs in .venv, made here from the hashed locks. A second run finds it ready; a changed lock makes it anew.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
export PIP_DISABLE_PIP_VERSION_CHECK := 1

DIR ?= demo
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --no-input
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(if $(UPGRADE),--upgrade)

# The first Python that runs, is 3.11 or newer, and can make an environment (a pyenv shim may be there and fail).
find_python = for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then break; fi; \
	  python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'lifecycle needs Python 3.11 or newer with venv (on Debian: python3-venv). Name one: make PYTHON=/path/to/python' >&2; \
	  exit 1; \
	fi

.PHONY: help demo test everything torture lint bench travel lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/.project ## Live through a year in ./demo (DIR=... for another folder)
	@$(BIN)/lifecycle demo "$(DIR)"

test: lint ## Lint, then run every test, on SQLite and PostgreSQL (ARGS=... for pytest)
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

everything: lint ## As test, with the variants that it leaves out (ARGS=... for pytest)
	LIFECYCLE_TEST_SAMPLES=all $(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

torture: .venv/.tools ## Kill the daemon hundreds of times, crash its database, catch up with 100,000 (ARGS=... for pytest)
	LIFECYCLE_TEST_TORTURE=long $(BIN)/python -m pytest --capture=no tests/torture tests/money/test_kills.py $(ARGS)

lint: .venv/.tools ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.tools ## Measure on this machine (ARGS=... for the benchmark)
	$(BIN)/python -m bench $(ARGS)

travel: .venv/.tools ## Live 10,000 subscriptions through a year, and print the rate (ARGS="--subscriptions 1000")
	$(BIN)/python -m bench.travel $(ARGS)

lock: .venv/.tools ## Resolve pyproject.toml into requirements/ (UPGRADE=1 for the newest that fit)
	$(COMPILE) --group dev --extra postgres --extra async --extra metrics --extra stripe --extra pdf --extra testing --output-file requirements/lock.txt
	$(COMPILE) --group build --constraint requirements/lock.txt --output-file requirements/runtime.txt

clean: ## Remove the environment, builds and caches; what `make demo` made stays
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src machines jobs tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Three steps, each with a stamp: what the program needs, the program itself, what its tests need.

.venv/.runtime: requirements/runtime.txt requirements/lock.txt
	@$(find_python); \
	echo "Making .venv with $$("$$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')"; \
	"$$python" -m venv --clear .venv
	@$(PIP) --require-hashes --requirement requirements/runtime.txt
	@touch $@

.venv/.project: .venv/.runtime pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tools: .venv/.project requirements/lock.txt
	@echo 'Installing what the tests need'
	@$(PIP) --require-hashes --requirement requirements/lock.txt
	@touch $@
