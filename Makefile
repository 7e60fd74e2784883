# `make demo` and `make test` do all set-up by themselves; Python 3.11 and make are all they need.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv

.PHONY: setup demo check test test-unit test-crash test-faults bench bench-control bench-job-log openapi format golden clean

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) sync --quiet --frozen --inexact --compile-bytecode
	$(BIN)/python -m compileall -q src
	touch $@

demo: setup
	$(BIN)/headgate demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m headgate.api --check

test: setup
	$(BIN)/pytest -n 2

test-crash: setup
	HEADGATE_TEST_KILLS=200 $(BIN)/pytest tests/e2e/test_crash.py -q

test-faults: setup
	HEADGATE_TEST_FAULTS=all $(BIN)/pytest tests/faults -q

bench: setup
	$(BIN)/python benchmarks/refresh_bench.py
	$(BIN)/python benchmarks/compile_bench.py
	$(BIN)/python benchmarks/startup_bench.py
	$(BIN)/python benchmarks/selector_bench.py
	$(BIN)/python benchmarks/executor_bench.py

bench-control: setup
	$(BIN)/python benchmarks/control_bench.py

bench-job-log: setup
	$(BIN)/python benchmarks/job_log_bench.py

test-unit: setup
	$(BIN)/pytest tests/unit tests/golden -q

openapi: setup
	$(BIN)/python -m headgate.api

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: setup
	$(BIN)/pytest tests/golden --update-golden -q

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
