# Closeloop. `make` lists the targets. Written for GNU make 3.81 (macOS) and newer.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check test-real record lock format clean

# The first Python on PATH that is new enough; `make PYTHON=/path/to/python demo` decides otherwise.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; exit; }; \
	done; echo python3)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Processes of pytest-xdist; the servers that tests start need the rest of the machine.
JOBS ?= 2
UV_VERSION := 0.13.9

# The models are small: one numeric thread each is faster than many that get in each other's way.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

help: ## list the targets
	@echo 'make TARGET, where TARGET is one of:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup: .venv/.dev ## .venv with everything: run-time and development dependencies

demo: .venv/.runtime ## resolve the sample tickets on a Temporal dev server; KEEP=1 leaves it running
	@$(BIN)/python -m closeloop.demo

test: .venv/.dev ## every test that needs no service beyond what pip installs
	$(BIN)/python -m pytest -q -m 'not real' -n $(JOBS) --dist worksteal

check: .venv/.dev ## format, lint, types, import rules, dependency rules
	@failed=; \
	run() { echo "== $$*"; $(BIN)/"$$@" || failed="$$failed $$1;"; }; \
	run ruff format --check .; \
	run ruff check .; \
	run basedpyright --pythonpath $(BIN)/python; \
	run lint-imports --no-cache --no-logo; \
	run deptry .; \
	test -z "$$failed" || { echo "make check: not kept:$$failed see above" >&2; exit 1; }

test-real: .venv/.dev ## the tests that need real servers, or a fresh clone
	@echo 'Building weaviate-server, once: this can take a quarter of an hour ...'
	$(BIN)/python -m tests.support.weaviate_server
	$(BIN)/python -m pytest -q -m real

record: .venv/.dev ## record the replay corpus anew (read CONTRIBUTING.md first)
	$(BIN)/python -m tests.replay.record

format: .venv/.dev ## format the code and apply the safe fixes of the linter
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

UPGRADE ?=
LOCK = .venv/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.11 --custom-compile-command 'make lock' $(UPGRADE)

lock: .venv/.python ## pin what pyproject.toml asks for; UPGRADE=--upgrade takes newer releases
	@test -x .venv/lock/bin/uv || { $(BIN)/python -m venv .venv/lock && \
		.venv/lock/bin/python -m pip --disable-pip-version-check install --quiet uv==$(UV_VERSION); }
	$(LOCK) pyproject.toml --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --extra dev --constraint requirements/runtime.txt \
		--output-file requirements/dev.txt

clean: ## remove .venv and caches; the state folder .closeloop/ stays
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------- .venv
# A stamp is written last, so that a set-up that was interrupted is simply done again.

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Closeloop needs Python 3.11 or newer, and '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>&1 || true). Install one, or name it: make PYTHON=python3.12 ..." >&2; \
		exit 1; }
	@$(PYTHON) -m venv --clear .venv || { \
		echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu:" \
			"apt-get install python3-venv" >&2; \
		rm -rf .venv; exit 1; }
	@touch $@

.venv/.runtime: .venv/.python requirements/runtime.txt
	@echo 'Installing the dependencies into .venv (a minute or two, once) ...'
	@$(PIP) install --quiet --require-hashes -r requirements/runtime.txt
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@echo 'Installing the development dependencies into .venv ...'
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
