# Everything a newcomer or CI needs. `make demo` is the first thing to try.
PYTHON ?= python3
BIN := .venv/bin
OPENZEPPELIN := reserves/standalone/openzeppelin
.DEFAULT_GOAL := help
BROWSER := agora/tests/browser
.PHONY: $(shell grep -ohE '^[a-z0-9-]+:' Makefile | tr -d :)

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

CATALOGUES := $(patsubst %.po,%.mo,$(wildcard agora/locale/*/LC_MESSAGES/django.po))

setup: .venv/.installed contracts/node_modules/.installed $(OPENZEPPELIN)/node_modules/.installed $(CATALOGUES) ## install what the lock files name, into this folder only

.venv/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Agora needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

agora/locale/%.mo: agora/locale/%.po .venv/.installed
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

# The local chain's binary, the Solidity compiler and OpenZeppelin come from npm (contracts/package-lock.json).
contracts/node_modules/.installed: contracts/package-lock.json
	cd contracts && npm ci --silent --no-audit --no-fund
	@touch $@

# The library that checks our plain trees, from outside.
$(OPENZEPPELIN)/node_modules/.installed: $(OPENZEPPELIN)/package-lock.json
	cd $(OPENZEPPELIN) && npm ci --silent --no-audit --no-fund
	@touch $@

demo: setup ## buy 0.25 AAPL from nothing and watch it mint; checks everything; stops everything
	@$(BIN)/python manage.py demo

up: setup ## the same platform, kept running, on http://localhost:8000
	@$(BIN)/python manage.py up

por: setup ## a reserve package of 100,000 made-up holders, checked by two independent verifiers
	@$(BIN)/python manage.py por_drill

bench: setup ## measure speed, memory and cost against docs/benchmarks.md's targets; BENCH="--quick --only intake" for less
	@$(BIN)/python -m bench $(BENCH)

# A test that fails among the others and passes alone is printed as FLAKY: mend it; the run does not hide it, nor stop for it.
test: setup ## the whole suite, in parallel
	@$(BIN)/python -m agora.tests.suite

corpus: setup ## real answers of nodes, brokers, custodians and proxies through the adapters; none is final without a reason
	@$(BIN)/python -m agora.tests.corpus

chaos: setup ## kill our processes, fault the vendors, drop blocks; then judge by the outside's own books (CHAOS=--help)
	@$(BIN)/python -m agora.tests.chaos $(CHAOS)

sweep: setup ## kill -9 a process at every crash point, hits 1 to 3; prints a table, writes sweep.csv (half an hour)
	@$(BIN)/python -m agora.tests.sweep $(SWEEP)

properties: setup ## the loop played by Hypothesis with a seed of its own, for long; the audit after each step (half an hour)
	@$(BIN)/python -m pytest agora/tests/test_properties.py --hypothesis-profile=long -s -p no:cacheprovider

seeded-bugs: setup ## plant each bug that we know, and see it caught; without it, see nothing found
	@$(BIN)/python -m agora.tests.seeded

fuzz: setup ## ask the whole API for trouble: schemathesis against a platform of its own (minutes)
	@$(BIN)/python -m agora.tests.fuzz

openapi: setup ## write docs/openapi.yaml and the Postman collection anew from the views
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn
	$(BIN)/python manage.py postman --file docs/agora.postman_collection.json

e2e: setup $(BROWSER)/node_modules/.installed ## the pages in a real Chromium: journeys, wallets, accessibility, weight, Lighthouse
	@$(BIN)/python -m agora.tests.browser.chromium
	@$(BIN)/python -m pytest -m browser --ignore=$(BROWSER)
	@$(BIN)/python -m pytest $(BROWSER) -m browser $(E2E)

alerts: setup ## make each alert of deploy/observability fire, at a real Prometheus and Alertmanager (ten minutes)
	@$(BIN)/python -m agora.tests.alerts.programs
	@$(BIN)/python -m pytest agora/tests/alerts -m alerts

# axe-core and Lighthouse come from npm, too.
$(BROWSER)/node_modules/.installed: $(BROWSER)/package-lock.json
	cd $(BROWSER) && npm ci --ignore-scripts --silent --no-audit --no-fund
	@touch $@

lint: setup ## ruff, mypy, import-linter, Django's checks, migrations up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

format: setup ## let ruff put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: setup ## collect what pages say into agora/locale/*/django.po, to be translated there (needs gettext)
	$(BIN)/python manage.py makemessages --locale pt_BR --locale es --no-location --no-wrap --ignore ".venv/*" --ignore "contracts/*" --ignore "*/node_modules/*" --ignore "*/tests/*"

contracts: setup ## rebuild the committed artifacts from the Solidity sources, then contracts-check
	cd contracts && npm run --silent build && npm run --silent verify

contracts-check: setup ## compare the artifacts byte for byte; test, cover, weigh and analyse the contracts
	cd contracts && npm run --silent verify

lock: ## compile requirements*.in into the hashed lock files (needs uv)
	uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-index-url --universal requirements.in -o requirements.txt
	uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-index-url --universal requirements-dev.in -o requirements-dev.txt

drills: setup ## an operator's drills in their long form: 100 queued tasks and a new SECRET_KEY; restore, then carry on (minutes)
	@$(BIN)/python -m pytest -m "drill or not drill" -s agora/tests/test_upgrade.py agora/tests/test_backup.py agora/tests/test_deploy_files.py

hosts: setup ## three hosts as network namespaces on one PostgreSQL, one is cut off (as root, minutes)
	@$(BIN)/python -m pytest -m hosts -s agora/tests/test_hosts.py

roles: setup ## the tests of pages, console and API, every request as the database's role agora_web (minutes)
	@$(BIN)/python -m pytest -p agora.tests.as_web -n 2 agora/tests/test_console_access.py agora/tests/test_desk.py agora/tests/test_switches.py \
		agora/tests/test_every_page.py agora/tests/test_pages.py accounts/tests reserves/tests/test_desk.py orders/tests/test_cancelling.py

sbom: ## write the bill of materials (CycloneDX) from the lock files to sbom.json
	@$(PYTHON) deploy/sbom.py sbom.json

clean: ## stop the databases and delete what running left behind (.agora)
	@for home in .agora .agora/up .agora/demo; do test ! -d $$home || $(BIN)/python -m agora.lib.embedded.server stop $$home; done
	rm -rf .agora
