# Every task is one short target; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The first of these that runs and is a Python that the course supports.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3 python; do \
	$$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
# What CI uses is pinned; CONSTRAINTS=/dev/null takes the newest releases instead.
CONSTRAINTS ?= constraints.txt
PORT ?= 8000
BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest
# Coverage is that of the library by its own tests.
LIBRARY := README.md infolib tests/infolib
HTML := _build/html
SITE := _build/site
PDF := _build/course.pdf

.PHONY: help book serve pdf test bench audit live lint run numbers coursework clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(READY)  ## build the website, warnings are errors, and say where it is
	@mkdir -p _build  # what it says of its own folder would mislead; warnings still show
	@$(BIN)/jupyter-book build . --builder html -W -n --keep-going -q > _build/book.log
	@$(BIN)/python -m booktools.publish
	@echo "The course is built: open $(CURDIR)/$(SITE)/index.html, or run 'make serve'."

serve: book  ## build, serve on this machine and print the address
	@$(BIN)/python -m booktools.serve $(PORT)

pdf: book  ## write the course as one PDF, with all solutions at the end
	@$(BIN)/python -m booktools.pdf $(HTML) $(PDF)

# Two workers share the processor: more threads would spend their time waiting for each other.
test: export OMP_NUM_THREADS := 1
test: lint book  ## run everything: library, notebooks, quoted numbers, pages
	@$(PYTEST) $(LIBRARY) --cov -n logical --dist loadfile
	@$(PYTEST) $(LIBRARY:%=--ignore=%) -n 2 --dist loadscope

# On the processor's own kernels, whatever is set for other programs.
bench: $(READY)  ## measure exactness and speed beside peers, and write the appendix about it
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks

audit: book  ## measure every page: speed, accessibility, weight (two minutes a page)
	@$(BIN)/python -m booktools.node lighthouse
	@$(BIN)/python -m booktools.audit

live: book  ## measure how soon code runs in the page, beside JupyterLite (two minutes)
	@$(BIN)/python -m booktools.live_times

lint: $(READY)  ## check the style of code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --exclude '*.ipynb' .

run: $(READY)  ## execute the notebooks, write back what changed, show stale numbers
	@$(BIN)/python -m booktools.run

numbers: $(READY)  ## the same, and write the stale numbers' new values into the prose
	@$(BIN)/python -m booktools.run --write-numbers

coursework: $(READY)  ## write the students' assignments, and prove that grading them works
	@$(BIN)/python -m coursework.prove

clean:  ## remove what was built, and the environment
	rm -rf _build .venv .pytest_cache .hypothesis .ruff_cache .coverage *.egg-info

$(READY): requirements.txt constraints.txt pyproject.toml site/package-lock.json
	@test -n "$(PYTHON)" || { \
	  echo "No Python 3.11, 3.12 or 3.13 was found: install one, or run make PYTHON=/path/to/it"; exit 1; }
	@$(PYTHON) -c '$(FITS)' 2>/dev/null || { \
	  echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13, which the course needs: run make PYTHON=/path/to/one"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt-get install python3-venv), then run make again."; exit 1; }
	@echo "Setting up .venv (once; about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c $(CONSTRAINTS)
	@$(BIN)/python -m booktools.node
	@touch $@
