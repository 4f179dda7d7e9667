# Every command of the project; `make help` lists them. Two are enough to start: make up, make test.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHONPATHS := libs services workflows $(wildcard deploy/*/src) tests
STATIC := services/web-gateway/src/web_gateway/static
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -type f -print 2>/dev/null)
PYTEST_ARGS ?=
# A worker for every core, each with engines of its own (PYTEST_ARGS="-n 0" runs everything in one process); who shares a worker says tests/support/parallel.py.
PARALLEL := -n logical --maxprocesses 4
# uv keeps its cache at home; without a usable one it stays in the tree.
ifeq ($(shell test -n "$$HOME" && test -w "$$HOME" && echo yes),)
export UV_CACHE_DIR := $(CURDIR)/.anju/uv-cache
endif
# Commands are started from the environment directly: nothing stands between Ctrl-C and the box.
BIN := .venv/bin

.PHONY: help up demo test lint types imports protos protos-check openapi openapi-check clients docs docs-check profiles-check web pictures web-check pytest bench soak clean sync

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: .venv/.synced $(STATIC)/.built ## Starts everything on this machine: http://127.0.0.1:8080 (ARGS="--ports-offset 2000 --processes")
	@exec $(BIN)/anju up $(ARGS)

demo: .venv/.synced ## One household from application to first rent, on the running box
	@exec $(BIN)/anju demo $(ARGS)

test: lint types imports protos-check openapi-check docs-check terms-check profiles-check web-check pytest ## Everything that gates a change

sync: .venv/.synced ## Installs what uv.lock says
.venv/.synced: uv.lock pyproject.toml
	@uv="$$(sh deploy/onebox/bootstrap.sh)" && "$$uv" sync --locked --quiet
	@touch $@

lint: .venv/.synced ## Style and common mistakes (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.synced ## Types (mypy strict)
	$(BIN)/mypy $(PYTHONPATHS)

imports: .venv/.synced ## Who may import whom (.importlinter)
	$(BIN)/lint-imports

protos: .venv/.synced ## Regenerates the gRPC stubs
	cd protos && PATH="$(CURDIR)/.venv/bin:$$PATH" sh generate.sh

protos-check: .venv/.synced ## Protos: lint, no breaking change, stubs up to date
	@PATH="$(CURDIR)/.venv/bin:$$PATH" sh deploy/onebox/protos-check.sh

openapi: .venv/.synced ## Rewrites openapi.json and the typed client of the web pages
	$(BIN)/python -m web_gateway.openapi
	sh deploy/onebox/npm.sh run api

openapi-check: .venv/.synced
	$(BIN)/python -m web_gateway.openapi --check

clients: .venv/.synced $(STATIC)/.built ## Writes the Python and the TypeScript client of the interface to .anju/clients
	@mkdir -p .anju/clients/python .anju/clients/typescript
	$(BIN)/openapi-python-client generate --path services/web-gateway/openapi.json --config docs/examples/python-client.yaml --meta none --overwrite --output-path .anju/clients/python/anju_client
	sh deploy/onebox/npm.sh exec -- openapi-typescript ../services/web-gateway/openapi.json --output ../.anju/clients/typescript/anju.d.ts

terms: .venv/.synced ## Rewrites the pages' and the deployments' copy of the codes and titles
	$(BIN)/python -m anju_terms

terms-check: .venv/.synced
	$(BIN)/python -m anju_terms --check

profiles-check: .venv/.synced
	$(BIN)/python -m anju_profile check

docs: .venv/.synced ## Rewrites the generated pages: docs/settings.md, docs/state-diagrams.md, docs/who-may-call-what.md
	$(BIN)/python -m anju_onebox.reference

docs-check: .venv/.synced
	$(BIN)/python -m anju_onebox.reference --check

pictures: .venv/.synced $(STATIC)/.built ## Looks at every page in a browser, and rewrites docs/pages.md and the README's pictures of pages
	$(BIN)/pytest -n 0 -q tests/browser/test_every_page.py
	$(BIN)/python -m tests.browser.gallery

web: $(STATIC)/.built ## Builds the web pages
web/node_modules/.package-lock.json: web/package-lock.json | .venv/.synced
	@echo "正在下载网页依赖… Installing the web pages' packages…"
	@sh deploy/onebox/npm.sh ci --no-audit --no-fund --loglevel=error
	@touch $@
$(STATIC)/.built: $(filter-out web/node_modules/%,$(WEB_SOURCES)) web/node_modules/.package-lock.json
	@echo "正在生成网页… Building the web pages…"
	@sh deploy/onebox/npm.sh run --silent assets
	@touch $@

web-check: web/node_modules/.package-lock.json
	sh deploy/onebox/npm.sh run --silent check

pytest: .venv/.synced $(STATIC)/.built ## Tests only (PYTEST_ARGS="tests/unit -k ledger")
	$(BIN)/pytest -m "not soak" $(PARALLEL) $(PYTEST_ARGS)

bench: .venv/.synced $(STATIC)/.built ## Measures throughput and latency on this machine
	$(BIN)/python -m tests.bench $(ARGS)

soak: .venv/.synced ## The long runs with faults
	$(BIN)/pytest -m soak -q -s $(PYTEST_ARGS)

clean: ## Removes what was built; the data in .anju stays
	rm -rf $(STATIC) web/dist web/node_modules .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
