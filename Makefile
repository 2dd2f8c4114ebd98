PYTHON ?= python3
BIN := .venv/bin
DEMO := eau/lieferung eau/storno eau/fehler-kasse earztbrief/versand

# A test run starts a hundred processes: what was compiled once is compiled for all of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint bench clean

demo: .venv/run.stamp
	@$(BIN)/kimulator run $(DEMO)

test: .venv/test.stamp
	@$(BIN)/python -m pytest -n auto --dist loadfile

lint: .venv/test.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: .venv/test.stamp
	@$(BIN)/python -m tests.bench

clean:
	@rm -rf .venv build *.egg-info

.venv/bin/python:
	@$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python pyproject.toml
	@echo "installing kimulator into .venv …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .
	@touch $@

.venv/test.stamp: .venv/bin/python pyproject.toml
	@echo "installing kimulator and its test tools into .venv …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .[test]
	@touch $@ .venv/run.stamp
