# Everything starts from a fresh machine with Python 3.11+ and make: no Docker, no root.
# The first interpreter that runs and fits; a name on PATH may be a shim that does not run.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& command -v $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
SEED ?= 1
# Tests of one file share servers, so a file stays on one core.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile

.PHONY: help demo dev test check format bench chaos soak histories openapi examples lock clean

help: ## what there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

# Two sets: what runs the platform, and what checks it too. The stamp is the lock file's own time.
# The locks are complete, so pip resolves nothing: an old pip would look past the lock for `name[extra]`.
$(VENV)/runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed (PYTHON=/path/to/it)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/development: $(VENV)/runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	touch $@

$(VENV)/bench: $(VENV)/development requirements-bench.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-bench.lock
	touch $@

demo: $(VENV)/runtime ## sign and publish a real spell, cast it on a real file, show verdict, result, cost and ledger
	$(BIN)/spell demo

dev: $(VENV)/runtime ## the whole platform on this machine, until Ctrl-C
	$(BIN)/spell dev

test: $(VENV)/development ## every test, on real embedded servers
	$(BIN)/python -m pytest $(PARALLEL)

check: $(VENV)/development ## the quick loop: format, lint, types, import contracts, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest $(PARALLEL) tests/unit tests/architecture tests/hostile

format: $(VENV)/development ## put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/bench ## a cast, a hold, a sandbox and a verification, each against its floor: ratios, each in one run
	$(BIN)/python -m bench.cast
	$(BIN)/python -m bench.runner
	$(BIN)/python -m bench.supply_chain
	$(BIN)/python -m bench.streams
	$(BIN)/python -m bench.ledger

chaos: $(VENV)/development ## kill processes in the middle of casts: make chaos SEED=n
	SPELL_CHAOS_SEED=$(SEED) $(BIN)/python -m pytest tests/chaos

soak: $(VENV)/development ## 10,000 casts in a row on one runner, and what it holds after them
	SPELL_SOAK_CASTS=10000 $(BIN)/python -m pytest tests/integration/test_runner_soak.py

histories: $(VENV)/development ## record the histories that CI replays
	$(BIN)/python -m tests.replay.record

openapi: $(VENV)/development ## write docs/openapi.json, docs/errors.md and docs/reasons.md from the code
	$(BIN)/python -m tests.architecture.write_reference

$(VENV)/examples: pyproject.toml
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet ziglang==0.17.0 componentize-py==0.25.1
	touch $@

examples: $(VENV)/runtime $(VENV)/examples ## rebuild the example spells from source
	$(MAKE) -C examples PYTHON=$(abspath $(VENV)/examples/bin/python)

# Compiled without index addresses: names, versions and hashes only.
lock: ## compile the lock files (needs uv on PATH)
	uv pip compile pyproject.toml --extra embedded --extra build --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra embedded --extra build --extra dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-header --quiet -o requirements-dev.lock
	uv pip compile pyproject.toml --extra bench -c requirements-dev.lock --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-header --quiet -o requirements-bench.lock

clean: ## remove what was built; .spell/ keeps the data of `make dev`
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
