# Two commands do everything on a fresh clone: `make site` builds the book, `make test` runs all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Tools that look at what is installed, in an environment of their own.
AUDIT := .venv-audit
AUDIT_TOOLS := cyclonedx-bom==7.5.0 pip-audit==2.10.1 uv==0.13.8

.PHONY: site guide test fuzz check lint format messages browser bench bench-scale bench-live clean sbom audit hashes

site: $(STAMP)
	$(BIN)/layerbook build

guide: $(STAMP)
	$(BIN)/layerbook build --book docs/guide

# Three processes for two cores, since tests of pages and commands often wait. Each has one thread of torch.
# Where a test starts more, waiting threads sleep (PASSIVE), because the other processes need the cores.
# The tests of a file share what they build, so they stay together; tests/conftest.py puts long files first.
test: $(STAMP) browser lint
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# About half an hour; `make test` runs a few of these cases.
fuzz: $(STAMP)
	LAYERBOOK_FUZZ=1 RUST_BACKTRACE=0 $(BIN)/python -m pytest -s -q -p no:randomly tests/fuzz tests/runner/test_killed_builds.py

check: $(STAMP)
	$(BIN)/layerbook status --check

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/oxlint templates
	$(BIN)/oxfmt --check templates/assets

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/oxfmt templates/assets

# Brings the catalogues in templates/locale up to date with the words of the program.
messages: $(STAMP)
	$(BIN)/python -m layerbook.site.messages

# With a notebook beside the book: make bench BENCH="--notebook FILE --jupyter PYTHON"
bench: $(STAMP)
	$(BIN)/python -m benchmarks $(BENCH)

bench-scale: $(STAMP)
	$(BIN)/python -m benchmarks.scale

bench-live: $(STAMP) browser
	$(BIN)/python -m benchmarks.live

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Layerbook needs Python 3.11 or newer: name one with \`make PYTHON=python3.12 $(or $(MAKECMDGOALS),site)\`" \
	    "($(PYTHON) is $$($(PYTHON) --version 2>&1))." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "Installing the packages of constraints.txt into $(VENV); torch takes a few minutes" >&2
ifdef HASHES
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes --no-deps -r constraints-hashed.txt
	$(PIP) torch
	$(PIP) --no-deps --no-build-isolation -e .
else
	$(PIP) --no-compile torch
	$(PIP) --no-compile -e '.[model,dev]'
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # pip would compile on one core
endif
	touch $@

# The list of what is installed, in the format of CycloneDX; vendored files are not in it.
sbom: $(STAMP) $(AUDIT)/.installed
	mkdir -p dist
	$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file dist/sbom.json $(BIN)/python

# Known vulnerabilities of the pinned versions; asks a public service, so it needs the network.
audit: $(AUDIT)/.installed
	@$(AUDIT)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off \
	  --requirement constraints.txt 2>$(AUDIT)/errors || { \
	  if missing=$$(sed -n 's/^ERROR:.*could not be audited: //p' $(AUDIT)/errors | head -1); \
	    test -n "$$missing"; then \
	    echo "The index has no answer about $$missing, so nothing was audited." >&2; \
	  else grep -v '^WARNING' $(AUDIT)/errors >&2; fi; exit 1; }

# The digests of the pinned versions, from the index that the user has set up.
hashes: $(AUDIT)/.installed
	grep -v '^torch==' constraints.txt | $(AUDIT)/bin/uv pip compile --quiet --generate-hashes --no-deps \
	  --no-annotate --no-header --output-file $(AUDIT)/hashes.txt -
	{ echo "# constraints.txt without torch, with the digests of every file of each version." \
	  '`make hashes` writes it.'; cat $(AUDIT)/hashes.txt; } > constraints-hashed.txt

$(AUDIT)/.installed: Makefile
	test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check $(AUDIT_TOOLS)
	touch $@

# The browser tests drive Chromium: the program that CHROMIUM names, or else Debian's packages.
# The headless shell has no windows and menus, so the tests take half of the processor time.
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

browser:
	@if [ -n "$$CHROMIUM" ]; then \
	  test -x "$$CHROMIUM" || { echo "CHROMIUM=$$CHROMIUM is not an executable file." >&2; exit 1; }; \
	elif command -v chromium >/dev/null 2>&1; then \
	  :; \
	elif command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing the system packages chromium, chromium-headless-shell and fonts-dejavu-core" \
	    "with apt-get, for the browser tests" >&2; \
	  apt-get update -qq; \
	  $(APT_INSTALL) chromium chromium-headless-shell fonts-dejavu-core || { \
	    echo "Without chromium-headless-shell, the browser tests take twice as long." >&2; \
	    $(APT_INSTALL) chromium fonts-dejavu-core; }; \
	else \
	  echo "The browser tests need Chromium: install it, or set CHROMIUM to its path." >&2; \
	  exit 1; \
	fi

clean:
	rm -rf $(VENV) $(AUDIT) .layerbook
