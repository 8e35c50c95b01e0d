# `make demo` and `make test` do all their own set-up on a machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs viewer benchmarks clean

demo: $(VENV)/.core
	$(BIN)/quietmr demo demo

test: $(VENV)/.test
	PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/checks

docs: $(VENV)/.test
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# NiiVue from npm, for quietmr view; demo and test try it too, and go on without it
viewer: $(VENV)/.core
	$(BIN)/python -m quietmr.report.viewer.fetch

# Every number of README and docs, measured anew: many hours; it goes on where it was stopped.
benchmarks: $(VENV)/.test
	mkdir -p runs/bench
	$(BIN)/python benchmarks/everything.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "quietmr needs Python 3.11 or newer: run make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e .
	@$(BIN)/python -m quietmr.report.viewer.fetch --optional
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	@$(BIN)/python -m quietmr.report.viewer.fetch --optional
	@touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) demo docs/_build .mypy_cache .ruff_cache .pytest_cache
