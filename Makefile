# Everything a person types. `make run` and `make test` each work on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help run test check format setup clean

help:  ## show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

setup: $(READY)  ## install into .venv and prepare the bundled models
	$(BIN)/sluice models prepare

run: setup  ## ingest the handbook, answer one question, serve the page on 127.0.0.1:8501
	$(BIN)/sluice demo

test: setup  ## run the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile  # tests wait for processes, so three keep two cores busy

check: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## reformat and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the environment and everything Sluice has stored here
	rm -rf $(VENV) .sluice
