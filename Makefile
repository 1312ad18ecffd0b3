# What people and CI type. `make test` installs what it needs, and is quick about that the second time.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# What is cheap comes first, and its failure ends it all.
.NOTPARALLEL:

CARGO ?= cargo
# CI says --locked.
CARGO_FLAGS ?=
PYTHON ?= python3
PYTEST_FLAGS ?=

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
VENV := .venv
REQUIREMENTS := tests/conformance/requirements.txt tests/conformance/box/requirements.txt
NODE := tests/conformance/box/node
CLERK := tests/conformance/clerk
CLERK_VENV := .venv-clerk-
SCIM := tests/conformance/scim
SCIM_VENV := .venv-scim
ENHANCE := tests/conformance/enhance
ENHANCE_VENV := .venv-enhance
# Clients that are generated anew where a description changed. Never committed.
ENHANCE_CLIENTS := .venv-enhance/clients
# The suites of the vendors' clients.
CONFORMANCE := test-conformance test-clerk test-enhance test-scim
# What the bench compares with.
PEER := bench/better-auth
SURFACES := $(basename $(notdir $(wildcard docs/openapi/*.json)))

# Tests run in folders of their own.
ifdef VENDOR_SPECS
ifeq ($(wildcard $(VENDOR_SPECS)/*.openapi.*),)
$(error VENDOR_SPECS=$(VENDOR_SPECS) has no vendor's description in it)
endif
override export VENDOR_SPECS := $(abspath $(VENDOR_SPECS))
endif
export PYTHON

# Printed in bold where a person reads it.
heading = @if [ -t 1 ]; then printf '\n\033[1m== %s ==\033[0m\n' '$(1)'; else printf '\n== %s ==\n' '$(1)'; fi

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

.PHONY: run
run: ## the server, as a debug build on ./roster.db
	$(CARGO) run $(CARGO_FLAGS) -p roster-server

.PHONY: test
test: tools fmt clippy deny test-rust $(CONFORMANCE) test-postgres ## everything, the vendors' own clients included
	$(call heading,All well)

.PHONY: check
check: fmt clippy ## formatting and lints

.PHONY: fmt
fmt:
	$(call heading,Formatting)
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy:
	$(call heading,Lints)
	$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings

.PHONY: deny
deny: ## licences, banned crates and sources of the dependencies, if cargo-deny is installed
	$(call heading,Dependencies)
	@if command -v cargo-deny >/dev/null; then \
		$(CARGO) deny --log-level error check bans licenses sources; \
	else \
		echo 'skipped: cargo-deny is not installed (cargo install cargo-deny)'; \
	fi

.PHONY: test-rust
test-rust: ## all Rust tests, on SQLite
	$(call heading,Rust tests)
	$(CARGO) test $(CARGO_FLAGS) --workspace

# The same packages as before, so that nothing is built anew; without the tests of the process, which choose their databases themselves.
.PHONY: test-postgres
test-postgres: tools ## the Rust tests and the vendors' clients once more, on PostgreSQL
	$(call heading,All on PostgreSQL)
	tests/postgres.sh $(CARGO) test $(CARGO_FLAGS) --workspace -- \
		$(addprefix --skip ,backup:: durability:: postgres:: serve:: shell:: shutdown:: sync:: versions::)
	tests/postgres.sh $(MAKE) $(CONFORMANCE)

.PHONY: test-conformance
test-conformance: $(VENV)/ready $(NODE)/node_modules/.package-lock.json ## the vendors' own clients against the real binary
	$(call heading,Conformance by the clients of the vendors)
	$(CARGO) build $(CARGO_FLAGS) --workspace --bins
	cd tests/conformance && ROSTER_BIN=$(TARGET)/debug/roster SPEC_PROXY_BIN=$(TARGET)/debug/spec-proxy \
		$(abspath $(VENV))/bin/python -B -m pytest -q --ignore=clerk --ignore=enhance --ignore=scim $(PYTEST_FLAGS)

# Everything in the list is pinned, so nothing else may come with it.
$(VENV)/ready: $(REQUIREMENTS) | tools
	$(call heading,Python packages)
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(addprefix -r ,$(REQUIREMENTS))
	$(VENV)/bin/python -m pip --disable-pip-version-check check
	@touch $@

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json | tools
	$(call heading,JavaScript packages)
	npm ci --prefix $(NODE) --silent --no-fund --no-audit
	@touch $@

.PHONY: test-box
test-box: $(VENV)/ready $(NODE)/node_modules/.package-lock.json ## Box's clients alone
	$(CARGO) build $(CARGO_FLAGS) --workspace --bins
	cd tests/conformance && ROSTER_BIN=$(TARGET)/debug/roster SPEC_PROXY_BIN=$(TARGET)/debug/spec-proxy \
		$(abspath $(VENV))/bin/python -B -m pytest -q box $(PYTEST_FLAGS)

# Clerk's two Python clients can't live in one environment, with each other or with the rest.
.PHONY: test-clerk
test-clerk: $(CLERK_VENV)sdk/ready $(CLERK_VENV)api/ready $(CLERK)/node_modules/.package-lock.json ## Clerk's clients alone
	$(call heading,Conformance by the clients of Clerk)
	$(CARGO) build $(CARGO_FLAGS) --workspace --bins
	@for suite in sdk/test_sdk.py api/test_api.py api/test_js.py; do \
		(cd tests/conformance && ROSTER_BIN=$(TARGET)/debug/roster SPEC_PROXY_BIN=$(TARGET)/debug/spec-proxy \
			$(abspath $(CLERK_VENV))$${suite%/*}/bin/python -B -m pytest -q $(PYTEST_FLAGS) clerk/$${suite#*/}); \
	done

$(CLERK_VENV)%/ready: $(CLERK)/requirements-%.txt | tools
	$(PYTHON) -m venv --clear $(CLERK_VENV)$*
	$(CLERK_VENV)$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

$(CLERK)/node_modules/.package-lock.json: $(CLERK)/package-lock.json | tools
	npm ci --prefix $(CLERK) --silent --no-fund --no-audit
	@touch $@

# They want newer packages than the other suites.
.PHONY: test-scim
test-scim: $(SCIM_VENV)/ready ## SCIM's clients and compliance tools alone
	$(call heading,Conformance by the tools of SCIM)
	$(CARGO) build $(CARGO_FLAGS) -p roster-server
	cd tests/conformance && ROSTER_BIN=$(TARGET)/debug/roster \
		$(abspath $(SCIM_VENV))/bin/python -B -m pytest -q $(PYTEST_FLAGS) scim

$(SCIM_VENV)/ready: $(SCIM)/requirements.txt | tools
	$(PYTHON) -m venv --clear $(SCIM_VENV)
	$(SCIM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

# The vendor publishes no client: its users generate one from its description.
.PHONY: test-enhance
test-enhance: $(ENHANCE_VENV)/ready ## clients generated from descriptions of Enhance's API alone
	$(call heading,Conformance by generated clients of Enhance)
	$(CARGO) build $(CARGO_FLAGS) --workspace --bins
	$(ENHANCE)/generate.sh $(abspath $(ENHANCE_CLIENTS)) $(abspath $(ENHANCE_VENV))/bin/openapi-generator-cli
	cd tests/conformance && ROSTER_BIN=$(TARGET)/debug/roster SPEC_PROXY_BIN=$(TARGET)/debug/spec-proxy \
		ENHANCE_CLIENTS=$(abspath $(ENHANCE_CLIENTS)) \
		$(abspath $(ENHANCE_VENV))/bin/python -B -m pytest -q $(PYTEST_FLAGS) enhance

$(ENHANCE_VENV)/ready: $(ENHANCE)/requirements.txt | tools
	$(PYTHON) -m venv --clear $(ENHANCE_VENV)
	$(ENHANCE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

.PHONY: tools
tools:
	$(call heading,Tools)
	@tests/tools.sh

# On SQLite, and on a PostgreSQL that syncs. QUICK=1 is short, GOALS=P1,P7 chooses.
.PHONY: bench
bench: tools ## the performance table
	$(CARGO) build $(CARGO_FLAGS) --release -p roster-server -p roster-bench
	@$(MAKE) $(PEER)/node_modules/.package-lock.json || echo 'better-auth could not be installed: its rows will say so'
	$(call heading,Performance)
	ROSTER_TEST_SYNC=on tests/postgres.sh $(TARGET)/release/roster-bench

# Its driver is compiled here, against the headers of the Node that is installed, and not fetched from elsewhere.
$(PEER)/node_modules/.package-lock.json: $(PEER)/package-lock.json
	npm_config_build_from_source=true npm_config_nodedir=$$(node -p "path.resolve(process.execPath, '../..')") \
		npm ci --prefix $(PEER) --silent --no-fund --no-audit
	@touch $@

.PHONY: openapi
openapi: ## writes docs/openapi/*.json anew
	$(CARGO) build $(CARGO_FLAGS) -p roster-server
	@for surface in $(SURFACES); do \
		$(TARGET)/debug/roster openapi $$surface > docs/openapi/$$surface.json.new; \
		mv docs/openapi/$$surface.json.new docs/openapi/$$surface.json; \
		echo docs/openapi/$$surface.json; \
	done

.PHONY: clean
clean: ## removes all that was built
	$(CARGO) clean
	rm -rf $(VENV) $(CLERK_VENV)* $(ENHANCE_VENV) $(SCIM_VENV) $(NODE)/node_modules $(CLERK)/node_modules $(PEER)/node_modules
