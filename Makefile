# Everything that a checkout needs, from Python 3.11 to 3.13 and make alone. What is done once leaves a stamp.

PY := .venv/bin/python
UV := .venv/bin/uv
DONE := .venv/.done
STEP := @.ci/setup/step
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11
INSTALL_US := $(UV) pip install --quiet --no-deps --no-build-isolation --editable .

WEB_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -type f -print)
CLIENTS := $(patsubst tests/clients/%/requirements.lock,.venvs/%/.done,$(wildcard tests/clients/*/requirements.lock)) \
	$(patsubst %/package-lock.json,%/node_modules/.done,$(wildcard tests/clients/*/package-lock.json))

# Where it is set, each of the hundreds of processes of the tests compiles anew whatever it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test soak check parity dist lock clean

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: $(DONE)/base web/dist/index.html ## Set everything up and start it; Ctrl-C stops it
	@exec .venv/bin/antiphon up

test: $(DONE)/dev $(DONE)/torch $(DONE)/chromium web/dist/index.html $(CLIENTS) ## Set everything up and pass all tests
	$(STEP) "tests of the page" .ci/setup/node web npm test
	@.venv/bin/pytest -n 3

soak: $(DONE)/base $(DONE)/torch ## Ten minutes of calls that come and go, of the gateway and of the duplex model's toy
	@.venv/bin/antiphon bench gateway --soak
	@$(PY) -m services.speech.soak

check: $(DONE)/dev $(DONE)/torch web/dist/index.html ## Format, lint, types, import rules, page
	$(STEP) "format" .venv/bin/ruff format --check .
	$(STEP) "lint" .venv/bin/ruff check .
	$(STEP) "types" .venv/bin/mypy
	$(STEP) "types of the tests" .venv/bin/mypy --explicit-package-bases tests
	$(STEP) "import rules" .venv/bin/lint-imports
	$(STEP) "types and lint of the page" .ci/setup/node web npm run check

parity: .venvs/parity/.done ## Make the duplex model's golden vectors anew with Kyutai's own package, and compare
	@NO_TORCH_COMPILE=1 .venvs/parity/bin/python -m tests.parity.kyutai --check

dist: $(DONE)/base web/dist/index.html ## Make a wheel that carries the page, in dist/
	$(STEP) "the wheel, in dist/" .ci/setup/wheel dist

lock: $(DONE)/venv ## Choose the versions of all dependencies anew
	$(STEP) "requirements.lock" $(COMPILE) --upgrade --group build -o requirements.lock pyproject.toml
	$(STEP) "requirements-dev.lock" $(COMPILE) --upgrade --group dev -c requirements.lock \
		-o requirements-dev.lock pyproject.toml
	$(STEP) "requirements-speech.lock" $(COMPILE) --upgrade --extra speech -c requirements-dev.lock \
		-o requirements-speech.lock pyproject.toml
	$(STEP) ".ci/setup/uv.lock" $(COMPILE) --upgrade -o .ci/setup/uv.lock .ci/setup/uv.in
	$(STEP) ".ci/setup/node.lock" $(COMPILE) --upgrade -o .ci/setup/node.lock .ci/setup/node.in
	$(STEP) ".ci/setup/parity.lock" $(COMPILE) --upgrade --no-deps -o .ci/setup/parity.lock .ci/setup/parity.in

clean: ## Remove what was set up; data in .antiphon stay
	rm -rf .venv .venvs dist web/node_modules web/dist tests/clients/*/node_modules

$(DONE)/venv: .ci/setup/make-venv .ci/setup/uv.lock
	$(STEP) "Python environment" .ci/setup/make-venv
	@mkdir -p $(DONE) && touch $@

# Whichever of the two locks was installed last is what the environment holds; dev holds base. A sync takes away what its
# lock doesn't name: us and torch, which come anew after it. For a setting in pyproject.toml we come anew, and torch stays.
$(DONE)/base-packages: $(DONE)/venv requirements.lock
	$(STEP) "Python packages" $(UV) pip sync --quiet --require-hashes --python $(PY) requirements.lock
	@rm -f $(DONE)/dev-packages && touch $@

$(DONE)/base: $(DONE)/base-packages pyproject.toml
	$(STEP) "antiphon itself" $(INSTALL_US)
	@touch $@

$(DONE)/dev-packages: $(DONE)/venv requirements-dev.lock
	$(STEP) "Python packages, with those for tests" \
		$(UV) pip sync --quiet --require-hashes --python $(PY) requirements-dev.lock
	@touch $(DONE)/base-packages $@

$(DONE)/dev: $(DONE)/dev-packages pyproject.toml
	$(STEP) "antiphon itself" $(INSTALL_US)
	@touch $(DONE)/base $@

$(DONE)/torch: .ci/setup/torch $(DONE)/dev-packages
	$(STEP) "torch" .ci/setup/torch
	@touch $@

$(DONE)/chromium: .ci/setup/chromium $(DONE)/dev-packages
	$(STEP) "Chromium for the tests" .ci/setup/chromium
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json | $(DONE)/venv
	$(STEP) "the page's packages" .ci/setup/node web npm ci
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	$(STEP) "the page" .ci/setup/node web npm run build
	@touch $@

# Stock clients ask for versions of their own (openai: an older websockets), so each has its environment.
.venvs/%/.done: tests/clients/%/requirements.lock .ci/setup/client | $(DONE)/venv
	$(STEP) "the client $*" .ci/setup/client $*

tests/clients/%/node_modules/.done: tests/clients/%/package-lock.json .ci/setup/client | $(DONE)/venv
	$(STEP) "the client $*" .ci/setup/client $*

.venvs/parity/.done: .ci/setup/parity .ci/setup/parity.lock $(DONE)/torch
	$(STEP) "Kyutai's moshi" .ci/setup/parity
