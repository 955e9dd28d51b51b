# gradlab: two commands matter, `make lab` and `make test`; everything installs itself into .venv, once.

PYTHON    ?= python3
LAB_FLAGS ?=
PYTEST_FLAGS ?=
WORKERS   ?= 2
PEAK      ?= 1300
NOTEBOOK  ?= 00_start_here.ipynb
MINE      ?= my-course

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps

# JupyterLab refuses to run as root unless it is told to.
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

.DEFAULT_GOAL := help
.PHONY: help lab test lint types front unit fuzz notebooks-test bench mutants clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# glibc gives large tensors back one by one and in huge pages, instead of keeping holes of all sizes: an occlusion sweep
# peaks 300 MB lower, at a few per cent more time. oneDNN keeps the code of 1024 shapes, a sweep uses hundreds once.
# binder/start says the same.
lab notebooks-test: export MALLOC_MMAP_THRESHOLD_ ?= 1000000
lab notebooks-test: export MALLOC_TRIM_THRESHOLD_ ?= 16000000
lab notebooks-test: export THP_MEM_ALLOC_ENABLE ?= 1
lab notebooks-test: export ONEDNN_PRIMITIVE_CACHE_CAPACITY ?= 50

# --- the course ------------------------------------------------------------------------------------------------

lab: export OMP_NUM_THREADS ?= 2
lab: export MKL_NUM_THREADS ?= $(OMP_NUM_THREADS)
lab: $(STAMPS)/lab ## open your copy of the course, MINE=my-course, in JupyterLab (LAB_FLAGS="--no-browser" and the like)
	$(BIN)/python -c 'import gradlab; gradlab.course.working_copy("notebooks", "$(MINE)")'
	$(BIN)/jupyter lab $(ROOT_FLAG) --LabApp.default_url=/lab/tree/$(MINE)/$(NOTEBOOK) $(LAB_FLAGS)

# --- the checks ------------------------------------------------------------------------------------------------

test lint types front unit fuzz notebooks-test bench mutants: export OMP_NUM_THREADS ?= 1
test lint types front unit fuzz notebooks-test bench mutants: export MKL_NUM_THREADS ?= $(OMP_NUM_THREADS)

test: lint types unit notebooks-test ## every check: style, types, tests (browser too), notebooks

lint: $(STAMPS)/test ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/test ## mypy, strict, on the package
	$(BIN)/mypy gradlab

front: $(STAMPS)/test ## the widgets' JavaScript alone: node --test, eslint, tsc (skipped where node is not found)
	$(BIN)/python -m pytest tests/front tests/unit/test_front.py $(PYTEST_FLAGS)

unit: $(STAMPS)/test ## unit, reference, parity, contract, browser and front-end tests (PYTEST_FLAGS="-k cam" narrows)
	$(BIN)/python -m pytest tests -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

# Only the cells tagged nbval-check-output are compared; every other cell must still run without an error, and no kernel
# may take more than PEAK MB: the imports with torch's index build take 750, and runs on other machines differ by 100.
notebooks-test: $(STAMPS)/test ## run every notebook, compare the numbers it claims, print its peak memory
ifeq ($(wildcard notebooks/*.ipynb),)
	@echo "no notebooks yet: nothing to run"
else
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=300 \
	    --nbval-kernel-startup-timeout=120 --nbval-sanitize-with=tests/notebooks/sanitize.cfg \
	    -p tests.notebooks.memory --peak-limit=$(PEAK) \
	    $(wildcard notebooks/*.ipynb) docs/lesson_template.ipynb
endif

fuzz: $(STAMPS)/test ## 10,000 bad and odd arguments for every public name (make test tries 1,500)
	$(BIN)/python -m tests.fuzz 10000

bench: $(STAMPS)/test ## time what a learner waits for
	$(BIN)/python -m tests.bench.run

mutants: $(STAMPS)/test ## change the code in single places and see what the tests notice: hours, outside CI
	$(BIN)/python -m pytest -q tests/front/test_tools.py  # installs what reads the JavaScript
	$(BIN)/python -m data_scripts.mutants --workers $(WORKERS)

# --- the environment: installed once, and again only when pyproject.toml changes -----------------------------------

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	    || { echo "gradlab needs Python 3.10 or newer; try: make PYTHON=python3.11 lab" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/lab: pyproject.toml | $(STAMPS)/venv
	@echo "Installing into $(VENV), once: about 6 GB on Linux, most of it PyTorch's CUDA. Without a GPU 0.8 GB will do: stop"
	@echo "here (Ctrl-C), and $(BIN)/pip install -r binder/requirements.txt first."
	$(BIN)/python -m pip install --progress-bar on --editable '.[lab]'
	$(QUIET_LAB)
	@touch $@

# Jupyter's question about its news would lie over the first widget.
QUIET_LAB = $(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements

$(STAMPS)/test: pyproject.toml | $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet --editable '.[lab,test]'
	$(QUIET_LAB)
	@touch $@ $(STAMPS)/lab

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) tests/front/node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find gradlab tests data_scripts -name __pycache__ -type d -prune -exec rm -rf {} +
