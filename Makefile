# One target for each everyday thing. `make demo` and `make test` work on a fresh machine with Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
SHARED := ../shared

.PHONY: help install develop programs demo test lint types contracts unit format bench clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

install: $(VENV)/installed ## the environment that runs it

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

develop: $(VENV)/developing ## the environment for development, with PyTorch for training

$(VENV)/developing: $(VENV)/installed
	$(PIP) -e '.[dev,train]'
	$(PIP) --no-deps picamera2 videodev2 libarchive-c  # the tests bring what else it needs of a Pi
	touch $@

programs: ## Debian's Mosquitto and Chromium for the tests that talk to them (only as root; without them those skip)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! which mosquitto chromium chromedriver >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq mosquitto mosquitto-clients chromium chromium-driver >/dev/null; fi

demo: install $(DEMO)/catalog ## a rendered table through all processes
	$(BIN)/sleevesight replay scene:demo --catalog $(DEMO)/catalog

$(DEMO)/cards: $(wildcard synth/*.py) | install
	rm -rf $@
	$(BIN)/python -m synth --count 200 --out $@

$(DEMO)/catalog: $(DEMO)/cards models/embedder.onnx
	$(BIN)/sleevesight catalog build --images $(DEMO)/cards --metadata $(DEMO)/cards/cards.csv --out $@
	touch $@

test: lint types contracts unit ## every check and every test

lint: develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: develop
	$(BIN)/mypy

contracts: develop
	$(BIN)/lint-imports --no-logo

unit: develop programs
	$(BIN)/pytest -n 2 --dist loadgroup

format: develop ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: develop $(DEMO)/catalog ## print the numbers of docs/performance.md again
	$(PIP) -e '.[bench]'
	$(BIN)/sleevesight bench micro
	$(BIN)/python -m bench.memory
	$(BIN)/python -m bench.memory --supervised
	$(BIN)/python -m bench.service
	$(BIN)/sleevesight replay scene:still --catalog $(DEMO)/catalog
	$(BIN)/sleevesight replay scene:demo --catalog $(DEMO)/catalog
	$(BIN)/python -m bench.collection
	$(BIN)/python -m bench.watching
	$(BIN)/python -m bench.detection
	$(BIN)/python -m bench.dashboard
	test ! -d $(SHARED)/real || $(BIN)/python -m bench.real --shared $(SHARED)

clean: ## remove everything that can be made again
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
