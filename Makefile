# One target for each everyday thing. `make demo` and `make test` work on a fresh machine with Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
SHARED := ../shared

.PHONY: help install develop programs demo test lint types contracts unit format bench wheels clean

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

$(DEMO)/catalog: $(DEMO)/cards models/embedder.onnx catalog/store.py
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

wheels: install ## whether PyPI has everything for a Raspberry Pi: Bookworm's and Trixie's Python, each with apt's numpy
	@set -e; mkdir -p build; for pair in 311:1.24.2 313:2.2.4; do \
	  deploy/constraints.sh $${pair#*:} >build/constraints-pi.txt; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed --target build/pi \
	    --only-binary :all: --python-version $${pair%:*} --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
	    --platform manylinux_2_26_aarch64 --platform manylinux2014_aarch64 -c build/constraints-pi.txt \
	    $$($(BIN)/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	    print(*(w.replace(' ', '') for w in p['dependencies'] + p['optional-dependencies']['service']))"); \
	  echo "Python $${pair%:*} with numpy $${pair#*:}: all there"; done

clean: ## remove everything that can be made again
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
