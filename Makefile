# From another folder: make -C path/to/clone run
# A distribution builds its Python for speed and version managers mostly do not: the system's own, where it will do.
# Only on Linux: elsewhere /usr/bin/python3 may be a stub that asks to install things.
PYTHON ?= $(shell test "$$(uname)" = Linux \
	&& /usr/bin/python3 -c "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
BIN := .venv/bin/python
# more processes than cores: browser and database tests wait more than they compute
WORKERS ?= 4
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup:  ## install everything needed into this folder; quick when nothing changed
	@$(PYTHON) tools/setup.py

run: setup  ## start it all and print the address (PORT=8000)
	@exec $(BIN) app.py

# what pytest has made of the test modules is kept for the next run; what a file's tests share is made once
test: export PYTHONDONTWRITEBYTECODE :=
test: setup  ## run all tests (ARGS="-k name" narrows them)
	@$(BIN) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup  ## format, lint, types, templates, translations, schema drift (ARGS="lint types" chooses)
	@$(BIN) -m tools.check $(ARGS)

bench: setup  ## measure the promised figures (ARGS="availability claim" chooses)
	@$(BIN) -m benchmarks $(ARGS)

clean:  ## remove what setup and the tools made; keeps instance/ with the data
	@rm -rf .venv node_modules static/vendor translations/*/LC_MESSAGES \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
