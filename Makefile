# make demo | bench | test | test-all | lint | docs | timings | clean. Needs Python 3.11 or newer and make.
#
# PYTHON   the interpreter that creates the environment          make test PYTHON=python3.12
# VENV     the environment; made if it is not there               make test VENV=/tmp/augrad
#          an active one is used as it is with                    make test VENV="$$VIRTUAL_ENV"   (or "$$CONDA_PREFIX")
# WORKERS  processes for tests, and for trainings of the demos    make test WORKERS=8
# ARGS     handed on to pytest, `augrad demo`, `augrad bench` ...  make test ARGS="tests/core -x"
#          a long test, by name                                   make test ARGS="tests/integration/test_resume.py -m slow"

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
PYPROJECTS := core/pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS))
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --constraint constraints.txt
# Processes share the cores, and the demo's convolutions are small: more threads would mostly wait for one another.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help demo bench test test-all lint format docs timings clean
.DELETE_ON_ERROR:

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

demo: $(VENV)/.augrad-installed
	$(ONE_THREAD) $(BIN)/augrad demo --jobs $(WORKERS) $(ARGS)

test: $(VENV)/.augrad-dev-installed
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(if $(ARGS),$(ARGS),--cov)

# Everything at full length, each call held to its annotations: half an hour, for a nightly job.
test-all: $(VENV)/.augrad-dev-installed
	AUGRAD_EVERYTHING=1 $(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "slow or not slow" $(if $(ARGS),$(ARGS),--cov)

lint: $(VENV)/.augrad-dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.augrad-dev-installed
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(VENV)/.augrad-dev-installed
	$(ONE_THREAD) $(BIN)/sphinx-build -W --keep-going -b html $(ARGS) docs docs/_build/html

bench: $(VENV)/.augrad-installed
	$(ONE_THREAD) $(BIN)/augrad bench $(ARGS)

timings: $(VENV)/.augrad-dev-installed
	set -e; for script in tests/benchmarks/bench_*.py; do $(BIN)/python "$$script" $(ARGS); done

clean:
	rm -rf docs/_build docs/examples docs/reference/generated build dist runs htmlcov bench-results .coverage .coverage.* \
	  .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f "$(VENV)/.augrad-installed" "$(VENV)/.augrad-dev-installed"
	if [ "$(VENV)" = .venv ]; then rm -rf .venv; fi
	find core plugins tests docs examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Nothing is installed again unless a pyproject.toml or the constraints changed: the stamps below are newer than these.
$(VENV)/.augrad-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "augrad needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0] + ". Say which to use: make PYTHON=python3.11")'
	@test -x "$(BIN)/python" || $(PYTHON) -m venv "$(VENV)"
	@$(BIN)/python -m pip --version >/dev/null
	@touch "$@"

# hatchling (and what it needs for editable installs) first, pinned like the rest, and then no isolated build that would fetch an unpinned one for each distribution.
$(VENV)/.augrad-installed: $(VENV)/.augrad-python $(PYPROJECTS) constraints.txt
	@echo "Installing augrad and its plugins into $(VENV) ..."
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable "./core[bench,pandas,report]" $(foreach plugin,$(PLUGINS),--editable "./$(plugin)[demo]")
	@touch "$@"

$(VENV)/.augrad-dev-installed: $(VENV)/.augrad-installed requirements-dev.txt
	@echo "Installing the development tools into $(VENV) ..."
	@$(INSTALL) --requirement requirements-dev.txt
	@touch "$@"
