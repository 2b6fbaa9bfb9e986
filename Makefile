# Two commands do everything on a fresh machine: `make book` and `make test`. Each does nothing that is already done.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENVIRONMENT := $(VENV)/.complete
SCALE ?= quick
# Absolute, so that notebooks in their own folders find it too.
export COMPANION_DATA := $(if $(COMPANION_DATA),$(abspath $(COMPANION_DATA)))
export COMPANION_RECORDS ?= $(abspath _build/records)
# Before torch is imported; tiny networks are ten times slower when threads fight for cores.
export OMP_NUM_THREADS ?= 1
# Without compiled modules every process would compile torch again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help book site test test-all colab lab bench lint clean environment chromium
.DEFAULT_GOAL := help

help:            ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

environment: $(ENVIRONMENT)  ## Make the Python environment in .venv

$(ENVIRONMENT): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[notebooks,book,test,dask]'
	@touch $@

book: $(ENVIRONMENT)  ## Execute every notebook (SCALE=quick) and build the site in _build/html
	$(BIN)/companion build --scale $(SCALE)
	@$(MAKE) --no-print-directory site

site: _build/.site  ## Build the site from the executed notebooks, warnings are errors
	@echo "The book: _build/html/index.html"

PAGES := $(shell find _config.yml _toc.yml book notebooks results src _build/executed _build/records -type f \
  ! -path '*/__pycache__/*' ! -path '*/.ipynb_checkpoints/*' ! -name '*.failed.ipynb' 2>/dev/null)

_build/.site: $(ENVIRONMENT) $(PAGES)
	$(BIN)/jupyter-book build . --path-output . --warningiserror --nitpick --keep-going --quiet
	@touch $@

test: book chromium  ## Run the whole test suite
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n auto --dist loadfile
	# The build has just executed every notebook; once more are those with a cell whose output must stay the same.
	$(BIN)/python -m pytest --nbval-lax --nbval-sanitize-with tests/nbval_sanitise.cfg -p no:cacheprovider \
	  -n auto --dist loadfile --nbval-current-env $$(grep -rl --include='*.ipynb' --exclude='*.failed.ipynb' \
	  NBVAL_CHECK_OUTPUT _build/executed/notebooks)

test-all: test colab  ## Run the test suite, then every notebook with Google Colab's versions (half an hour)

COLAB_PYTHON ?= $(firstword $(shell command -v python3.13) $(shell command -v python3.12) $(BIN)/python)

colab: $(ENVIRONMENT)  ## Execute the notebooks in an environment with Google Colab's versions
	$(BIN)/python tests/colab/check.py _build/colab --python $(COLAB_PYTHON)

chromium:
	@command -v chromium chromium-browser google-chrome > /dev/null || { \
	  echo "Installing Debian's chromium for the browser tests"; \
	  if [ "$$(id -u)" = 0 ]; then S=; else S=sudo; fi; \
	  $$S apt-get update -qq && $$S apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null; } || \
	  { echo "The browser tests need chromium: install it, or set COMPANION_NO_BROWSER=1"; test -n "$$COMPANION_NO_BROWSER"; }

lab: $(ENVIRONMENT)  ## Open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir notebooks

bench: $(ENVIRONMENT)  ## Run the side-by-side measurements
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

lint: $(ENVIRONMENT)  ## Check and format the code
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:           ## Remove everything that was built (the environment too)
	rm -rf _build $(VENV) .pytest_cache .ruff_cache tests/artefacts
