# Two commands: `make repro` rebuilds everything, `make test` tests everything.
# All paths are relative, so that the checkout may stand in a folder with a space in its name.

.PHONY: help repro test check ui metrics wiring bench-data bench-train bench-quality soak \
        constraints setup
.DEFAULT_GOAL := help

PY := .venv/bin/python
STAMP := .venv/.installed

# Every child finds this environment's python first; no tool reports to its maker.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DO_NOT_TRACK := 1
export PYTHONUNBUFFERED := 1

help:
	@echo "make repro        install once, then bring every stage up to date (dvc repro)"
	@echo "make test         install once, then run every test"
	@echo "make check        lint, format, types, import law, fast tests"
	@echo "make ui           open the pages of MLflow and Prefect; Ctrl-C stops both"
	@echo "make metrics      show the numbers of the report"
	@echo "make wiring       write the code dependencies of every stage into dvc.yaml"
	@echo "make bench-data   measure the data side against other projects (BENCH=--list)"
	@echo "make bench-train  measure training and decoding against other projects (BENCH=--list)"
	@echo "make soak         kill trainings at random moments, again and again (SOAK_KILLS=300)"
	@echo "make bench-quality  what is learned at equal tokens and equal time, and by each option"
	@echo "make constraints  resolve every version anew into constraints.txt"

setup: $(STAMP)

repro: $(STAMP)
	@$(PY) -m pipelines.repro

test: $(STAMP)
	@$(PY) -m pytest

check: $(STAMP)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m pytest -m "not slow"

ui: $(STAMP)
	@exec $(PY) -m pipelines.ui

metrics: $(STAMP)
	@$(PY) -m dvc metrics show

wiring: $(STAMP)
	@$(PY) -m pipelines.wiring

# The peers are the extra `bench` of pyproject.toml.
# What to measure: make bench-data BENCH="--only loading --repeats 1"
bench-data: $(STAMP)
	@LLM_EXTRAS=bench sh infra/setup.sh
	@$(PY) -m benchmarks.data $(BENCH)

# The peers are rebuilt in benchmarks/peers, or installed with the extra `dev`.
bench-train: $(STAMP)
	@$(PY) -m benchmarks.train $(BENCH)

# Trainings that were killed must end with the bytes of one that was not.
soak: $(STAMP)
	@$(PY) -m benchmarks.soak

# A part of it: make bench-quality BENCH="--only compared --tokens 1000000"
bench-quality: $(STAMP)
	@$(PY) -m benchmarks.quality $(BENCH)

# Installed once, and again whenever one of these files changes.
$(STAMP): pyproject.toml constraints.txt infra/setup.sh infra/requirements.py
	@sh infra/setup.sh
	@touch $(STAMP)

# Local version labels (+cpu) name one machine's build: they are cut off.
constraints: $(STAMP)
	@$(PY) -m piptools compile --quiet --upgrade --all-extras --allow-unsafe --strip-extras \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	    --no-header --no-annotate --output-file .venv/constraints.txt pyproject.toml
	@{ echo "# Every version, resolved from pyproject.toml by: make constraints"; \
	   sed -e 's/+[a-z0-9.]*$$//' -e '/^#/d' -e '/^$$/d' -e '/^pip==/d' -e '/^wheel==/d' \
	       .venv/constraints.txt; } > constraints.txt
	@echo "constraints.txt holds $$(grep -c == constraints.txt) versions."
