# Set-up, checks, tests, demo and benchmarks; every target makes its own .venv from uv.lock.
.PHONY: demo test test-fast check bench clean
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.uv
export UV_PROJECT_ENVIRONMENT := $(VENV)

# uv lives in a corner of the environment it fills; the lock file decides every version.
$(VENV)/.synced: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(TOOLS)/bin/uv || { $(PYTHON) -m venv $(TOOLS) && $(TOOLS)/bin/pip install --quiet "uv==$(UV_VERSION)"; }
	$(TOOLS)/bin/uv sync --locked --quiet --python $(BIN)/python
	touch $@

demo: $(VENV)/.synced
	$(BIN)/tidings demo

test: $(VENV)/.synced
	$(BIN)/python -m pytest

test-fast: $(VENV)/.synced
	$(BIN)/python -m pytest -m "not slow and not kafka and not postgres and not browser and not node" -q

check: $(VENV)/.synced
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.synced
	$(BIN)/tidings bench all --json benchmarks/results/latest.json

clean:
	rm -rf $(VENV) .cache
