# `make` alone lists the targets. Everything happens in $(VENV); nothing else on the machine is touched.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
TORCH ?= 2.13.0
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Idle OpenMP threads that spin slow everything down on a machine with few cores.
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check format lint types imports deps coverage docs bench clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready-dev ## Create the environment with all that development needs

demo: $(VENV)/.ready ## Ask about a clip with sound, from nothing: environment, weights, clip, answer
	$(BIN)/videollama pull
	$(BIN)/python examples/make_demo_clip.py demo/clip.mp4
	$(BIN)/videollama probe demo/clip.mp4 --sheet demo/frames.png > demo/probe.txt
	$(BIN)/videollama ask demo/clip.mp4 "Who or what is shown?"
	$(BIN)/videollama ask demo/clip.mp4 "What do you hear?"
	@echo "The frames the model saw and the sound it heard: $(CURDIR)/demo/frames.png"

test: $(VENV)/.ready-dev ## Run the unit tests (no network, no weights)
	$(BIN)/python -m pytest -q -m "not end_to_end"

test-all: $(VENV)/.ready-dev ## Run all tests, the installed command included
	$(BIN)/python -m pytest -q

check: lint types imports deps coverage ## Everything a change must pass

format: $(VENV)/.ready-dev ## Rewrite the sources in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.ready-dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-dev ## mypy --strict
	$(BIN)/mypy

imports: $(VENV)/.ready-dev ## The layers (import-linter)
	$(BIN)/lint-imports

deps: $(VENV)/.ready-dev ## Declared against imported dependencies (deptry)
	$(BIN)/deptry src

coverage: $(VENV)/.ready-dev ## The unit tests with branch coverage
	$(BIN)/python -m pytest -q -m "not end_to_end" --cov --cov-report=term

docs: $(VENV)/.ready-dev ## Write docs/cli from the verbs themselves
	$(BIN)/python scripts/write_cli_pages.py

bench: $(VENV)/.ready ## All benchmarks that need no training data
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.decode
	$(BIN)/python -m benchmarks.answer
	$(BIN)/python -m benchmarks.decoder
	$(BIN)/python -m benchmarks.chats
	$(BIN)/python -m benchmarks.train_step
	$(BIN)/python -m benchmarks.server_load
	$(BIN)/python -m benchmarks.long_video
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.search_speed
	$(BIN)/python -m benchmarks.batch

clean: ## Remove the environment, the caches and the demo's files
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .coverage .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "videollama needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: | $(BIN)/python
	PIP="$(PIP)" sh scripts/install_torch.sh $(TORCH)
	@touch $@

$(VENV)/.ready: pyproject.toml $(VENV)/.torch
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml $(VENV)/.torch
	$(PIP) install --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.ready
