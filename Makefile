# Every target prints one line of help. The work is done in config/ (bootstrap.py, run.py, backup.py).
PYTHON ?= python3
BIN := .venv/bin
# PORT, HOST, DEMO and YES reach the programs as make hands them on: from its command line or the environment.
MODULES := config demo reports settlement vehicles tracking orders stations accounts common

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test lint format types check bench services services-stop backup restore clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Make .venv, install packages, fetch front-end files (skipped where nothing changed)
	@$(PYTHON) -I config/bootstrap.py requirements.txt

setup-dev:  ## The same with developers' tools
	@$(PYTHON) -I config/bootstrap.py requirements.txt requirements-dev.txt

run: setup  ## Start everything with the demo county (PORT=8123, HOST=0.0.0.0, DEMO=0 for an empty one)
	@exec $(BIN)/python -m config.run run

test: setup-dev  ## Run the whole suite on a PostgreSQL and Redis of its own (ARGS="tests/orders -x")
	@$(BIN)/python -m config.prepare --assets
	@DB_STATEMENT_TIMEOUT_MS=60000 exec $(BIN)/python -m config.run test $(BIN)/python -m pytest $(ARGS)

lint: setup-dev  ## Check style, format and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

format: setup-dev  ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup-dev  ## Check types
	@$(BIN)/mypy $(MODULES)

check: lint types  ## Lint, types, deployment settings, missing migrations, translations
	@$(BIN)/python -m config.messages check
	@$(BIN)/python -m config.messages compile
	@$(BIN)/python -m config.run test sh -c "python manage.py check --deploy --fail-level WARNING && \
		python manage.py makemigrations --check --dry-run"

bench: setup-dev  ## Run one benchmark; its last line is JSON (NAME=divisions, NAME=settle-faults …)
	@test -n "$(NAME)" || { echo "Say which: make bench NAME=divisions" >&2; exit 1; }
	@exec $(BIN)/python -m config.run dev $(BIN)/python -m benchmarks.$(subst -,_,$(NAME)) $(ARGS)

services: setup  ## Start PostgreSQL and Redis alone, for development
	@$(BIN)/python -m config.servers start

services-stop:  ## Stop them
	@$(BIN)/python -m config.servers stop

backup: setup  ## Write the database and the uploaded files to backups/
	@exec $(BIN)/python -m config.run dev $(BIN)/python -m config.backup save

restore: setup  ## Bring a backup back (FROM=backups/….dump, YES=1 to replace what is there)
	@exec $(BIN)/python -m config.run dev $(BIN)/python -m config.backup restore "$(FROM)" $(if $(YES),--yes)

clean:  ## Remove what can be made again; data, secrets and backups stay
	@rm -rf .venv node_modules static/vendor .local/static .local/static.collected .mypy_cache .ruff_cache \
		.hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
	@find locale -name '*.mo' -delete
