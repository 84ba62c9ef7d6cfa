# On Windows, where there is no make, README.md has the plain commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types soak bench fuzz screenshots lock audit clean

demo: $(VENV)/run.stamp
	$(BIN)/meetlog demo

# On all cores; on one, and in order: .venv/bin/python -m pytest
test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --numprocesses logical --dist worksteal

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

# Worlds of new seeds on all cores, for so many minutes; those that fail are kept in failed-seeds.txt.
MINUTES ?= 60
soak: $(VENV)/dev.stamp
	$(BIN)/python -m tests.simulation --minutes $(MINUTES)

# All figures, or those of one bench: make bench ONLY=append
bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

# Every target for so many seconds, on Linux; docs/fuzzing.md has the rest.
SECONDS ?= 60
fuzz: $(VENV)/dev.stamp
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

# The pictures in docs/images, of the demo meet in Debian's Chromium.
screenshots: $(VENV)/dev.stamp
	$(BIN)/python -m tests.console.screenshots

# The newest versions that fit pyproject.toml, for every platform, with their hashes.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-header pyproject.toml
lock: $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/$(LOCK) --group build --output-file requirements.lock
	$(BIN)/$(LOCK) --group dev --output-file requirements-dev.lock

# Known faults of the dependencies; one that nothing is known of counts as one. It asks the network,
# so no test depends on it, and has an environment of its own, so that none of it is ours.
audit:
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes \
	    --requirement requirements.lock --requirement requirements-dev.lock

clean:
	rm -rf $(VENV) $(VENV)-audit .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "meetlog needs Python 3.11 or later; say which with: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PROJECT := --no-deps --no-build-isolation --editable .

# The program alone needs fewer packages than working on it does; with those, it runs too.
$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) $(PROJECT)
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes --requirement requirements-dev.lock
	$(PIP) $(PROJECT)
	touch $@ $(VENV)/run.stamp
