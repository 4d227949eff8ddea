# Everything runs in .venv, which the targets make; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := README.md LICENSE $(shell find src schema -not -name '*.pyc' -not -name __pycache__)
CHECKED := src tests tools examples

.DEFAULT_GOAL := help
.PHONY: help demo check test lint types fresh quick pytest lowest browser vendor codegen gallery bench soak sdks sample docs constraints clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: .venv/.package  ## Read the sample project, over HTTP, in three formats
	@$(BIN)/python tools/demo.py

check: .venv/.package  ## The quick loop: lint, types, freshness, tests that start no server
	@$(MAKE) --no-print-directory lint fresh
	@$(MAKE) --no-print-directory --jobs=2 --output-sync quick types

test: lint types fresh pytest  ## Lint, both type checkers, the generated code's freshness, all tests

lint: .venv/.tools
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	PYTHONPATH=src $(BIN)/lint-imports --no-logo

types: .venv/.tools
	$(BIN)/mypy $(CHECKED)
	$(BIN)/pyright

fresh: .venv/.package
	$(BIN)/python tools/codegen.py --check
	cd examples/own_queries && ../../$(BIN)/wandb-runs codegen --check
	$(BIN)/python tools/docstrings.py --check

quick: .venv/.package
	$(BIN)/pytest -n 2 --dist worksteal -m "not server" --hypothesis-profile quick

pytest: .venv/.package  ## All tests, against the built wheel
	$(BIN)/pytest -n auto --dist worksteal

# Left out: what needs W&B's SDK, the checkers or the tools, which have versions of their own.
lowest: .venv-lowest/.package  ## Tests with the lowest versions that pyproject.toml states
	.venv-lowest/bin/pytest -n 2 --dist worksteal --ignore tests/tools --ignore tests/test_typing.py \
		--ignore tests/local/test_sdk.py --ignore tests/local/test_sdk_parity.py \
		--ignore tests/cli/codegen/test_checkers.py --ignore tests/cli/codegen/test_sdk_documents.py \
		-k 'not strict_accepts_the_nastiest_module'

# The types of playwright are there only here, so that its files are checked here.
browser: .venv/.package .venv/.browser docs  ## Tests of pages in this machine's Chromium
	$(BIN)/mypy tests/browser/*.py
	$(BIN)/pyright tests/browser/*.py
	$(BIN)/pytest tests/browser

vendor:  ## Fetch the scripts of others that pages of the local server load
	$(PYTHON) tools/vendor.py

codegen: .venv/.package  ## Generate src/wandb_runs/graphql/_generated, an example, and docstrings of aio/
	$(BIN)/python tools/codegen.py
	cd examples/own_queries && ../../$(BIN)/wandb-runs codegen
	$(BIN)/python tools/docstrings.py

gallery: .venv/.package  ## Draw the pictures of docs/gallery.md again
	$(BIN)/python tools/gallery.py

bench: .venv/.package .venv/.core  ## Measure this package beside wandb, and the local server
	$(BIN)/python tools/bench.py
	$(BIN)/python tools/bench.py --only import --without floor --python .venv/core/bin/python
	$(BIN)/python tools/bench_exports.py
	$(BIN)/python tools/bench_server.py

soak: .venv/.package  ## Read for ten minutes from a server that fails, while runs come and go
	$(BIN)/python tools/soak.py

sdks: .venv/.package  ## Log to the local server with versions of wandb, in .venv-sdks
	$(BIN)/python tools/sdks.py

sample: .venv/.package  ## Train the sample project's models again and log them
	$(BIN)/python tools/make_sample.py

docs: .venv/.package .venv/.docs  ## Build the site into site/
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=tools $(BIN)/mkdocs build --strict --quiet

constraints:  ## Resolve the newest versions into constraints.txt
	rm -rf .venv && $(PYTHON) -m venv .venv
	$(PIP) install --upgrade pip
	$(PIP) install --group dev --group browser --group docs '.[all]'
	{ $(BIN)/python -m pip freeze --all --exclude wandb-runs; } | LC_ALL=C sort -f > constraints.txt

clean:  ## Remove what the targets made
	rm -rf .venv .venv-lowest .venv-sdks dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.tools: constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install --constraint constraints.txt --upgrade pip
	$(PIP) install --constraint constraints.txt --group dev '.[all]'
	@touch $@

.venv/.docs: .venv/.tools
	$(PIP) install --constraint constraints.txt --group docs
	@touch $@

.venv/.browser: .venv/.tools
	$(PIP) install --constraint constraints.txt --group browser
	@touch $@

# What a user has who installs the package and nothing else: what an import takes is told there.
.venv/.core: .venv/.package
	$(PYTHON) -m venv --clear .venv/core
	.venv/core/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt dist/*.whl
	@touch $@

# The tests run against the wheel that users would install, never against the source tree.
.venv/.package: .venv/.tools $(SOURCES)
	@rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist . > /dev/null
	$(PIP) install --no-deps --force-reinstall dist/*.whl
	@touch $@

.venv-lowest/.package: .venv/.package tools/lowest.py constraints.txt
	$(PYTHON) -m venv --clear .venv-lowest
	$(BIN)/python tools/lowest.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip --quiet install --constraint constraints.txt --upgrade pip
	.venv-lowest/bin/python -m pip --disable-pip-version-check --quiet install \
		--constraint .venv-lowest/constraints.txt --group tests \
		"$$(echo dist/*.whl)[all]"
	.venv-lowest/bin/python -m pip check
	@touch $@
