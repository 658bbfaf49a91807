# The commands of the project. Each makes the environment .venv when it is missing or older than pyproject.toml.
#   make demo    a worm to watch in a browser                    make test    all tests
#                (ARGS=--no-view: without, ends by itself with its files)
#   make check   format, lint, types, import rules, tests        make bench   timings against other simulators
#   make mods    compile other people's .mod files               make clean   remove what was generated
#   make bench-peers   the environments of NEST and Brian 2, which make bench needs; without them it leaves them out
#   make cuda-check   compile the mechanisms for GPUs, without one (downloads 0.3 GB, needs 0.7 GB)
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
ARGS ?=
# NEST and Brian 2 want their own NumPy, so they stay out of $(VENV). Brian 2 compiles: it needs a C++ compiler.
export NEST_VENV ?= $(or $(TMPDIR),/tmp)/venv-nest
export BRIAN_VENV ?= $(or $(TMPDIR),/tmp)/venv-brian

bin := $(VENV)/bin
.DELETE_ON_ERROR:
.PHONY: venv demo test lint check bench bench-peers mods cuda-check clean

venv: $(VENV)/.made

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.made: pyproject.toml $(VENV)/.python
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,check]"
	touch $@

$(VENV)/.made-bench: $(VENV)/.made
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable ".[bench]"
	touch $@

# The demo needs less than the tests do.
$(VENV)/.made-demo: pyproject.toml $(VENV)/.python
	test -e $(VENV)/.made || $(bin)/python -m pip install --quiet --disable-pip-version-check --editable ".[viewer,worm]"
	touch $@

demo: $(VENV)/.made-demo
	$(bin)/neurosim demo --output demo $(ARGS)

test: $(VENV)/.made
	$(bin)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.made
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/lint-imports

check: lint test

$(NEST_VENV)/.made:
	$(PYTHON) -m venv $(NEST_VENV)
	$(NEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check "nest-simulator>=3.10"
	touch $@

# Brian 2 2.9, the last for Python 3.11, does not import with NumPy 2.4.
$(BRIAN_VENV)/.made:
	$(PYTHON) -m venv $(BRIAN_VENV)
	$(BRIAN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check "brian2>=2.9" "numpy<2.4" setuptools cython
	touch $@

bench-peers: $(NEST_VENV)/.made $(BRIAN_VENV)/.made

bench: $(VENV)/.made-bench
	-$(MAKE) --keep-going bench-peers
	$(bin)/python benchmarks/run.py $(BENCH_ARGS)

mods: $(VENV)/.made-bench
	$(bin)/python benchmarks/mods.py

$(VENV)/.made-cuda: $(VENV)/.made
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable ".[cuda-check]"
	touch $@

cuda-check: $(VENV)/.made-cuda
	$(bin)/python -m pytest -n $(JOBS) --dist loadfile tests/cuda $(PYTEST_ARGS)

clean:
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find neurosim models hpc viewer tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
