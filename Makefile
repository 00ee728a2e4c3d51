# Everything runs in a virtual environment in this checkout; nothing but Python 3.11+, make and git is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cksum pyproject.toml | cut -d' ' -f1)
BENCH_STAMP := $(VENV)/.bench-installed-$(shell cksum pyproject.toml | cut -d' ' -f1)
DOCS_STAMP := $(VENV)/.docs-installed-$(shell cksum pyproject.toml | cut -d' ' -f1)

.PHONY: demo test unit lint types docs deep storm bench bench-small interop browser clean

demo: $(STAMP)  ## a folder goes up to a B2 server on this machine and comes back; SOURCE= names another folder
	$(BIN)/python scripts/demo.py $(if $(SOURCE),"$(SOURCE)")

test: lint types  ## lint, types, import contracts, unit tests and laws
	$(BIN)/pytest -n auto

unit: $(STAMP)  ## the tests alone, without the laws
	$(BIN)/pytest -n auto tests/unit

lint: $(STAMP)  ## style, formatting and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

docs: $(DOCS_STAMP)  ## the documentation, into docs/_build/html; a broken link is an error (its code runs in the tests)
	$(BIN)/sphinx-build -b html -d docs/_build/doctrees -E -q -W -n --keep-going docs docs/_build/html
	@echo "open docs/_build/html/index.html"

deep: $(STAMP)  ## the laws, with many more examples
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest tests/property

storm: $(STAMP)  ## whole jobs in bad weather: faults, crashes, restarts, clock jumps; RUNS= says how many, SEED= repeats one
	$(BIN)/python -m tests.storm --runs $(or $(RUNS),100000) $(if $(SEED),--seed $(SEED))

bench: $(BENCH_STAMP)  ## speed and memory beside b2sdk, b2 and rclone, written into docs/performance.md
	$(BIN)/python -m benchmarks $(if $(INTEROP),--interop "$(INTEROP)")

bench-small: $(BENCH_STAMP)  ## the same with less of everything, in less than five minutes; written into .bench
	$(BIN)/python -m benchmarks --small $(if $(INTEROP),--interop "$(INTEROP)")

interop: $(STAMP)  ## rclone, the b2 command line and two b2sdks against `b2pure serve`; the sample application on b2sdk and on b2pure
	$(BIN)/python -m interop

interop-faulty: $(STAMP)  ## the same while calls go wrong: it must end with the same files
	$(BIN)/python -m interop --faulty

browser: $(STAMP)  ## the status page in a real browser; installs Chromium where that is possible
	scripts/browser.sh

$(STAMP):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "b2pure needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	rm -f $(VENV)/.installed-*
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[docs]'
	rm -f $(VENV)/.docs-installed-*
	touch $@

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[bench]'
	rm -f $(VENV)/.bench-installed-*
	touch $@

clean:
	rm -rf $(VENV) docs/_build .bench .interop .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
