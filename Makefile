# thecal: every target sets itself up from python3 (3.11 or newer) and plain pip; a second call is quick.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq
CASE   ?= scenarios/first-year.toml
STUDY  ?= studies/label-or-conservative.toml
BY_ALL = -n auto --dist loadfile --no-loadscope-reorder# processors; the tests of a file share what they are tried on
STUDIED = build/$(basename $(notdir $(STUDY)))

.DEFAULT_GOAL := help
.PHONY: help run clinic study trials test test-long check benchmarks evidence mutation golden figures coverage hazards lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: $(VENV)/installed-core  ## run the first year of a real course of therapy (CASE=file for another)
	@$(BIN)/thecal run $(CASE)

clinic: $(VENV)/installed-clinic  ## serve a demonstration clinic of invented people until Ctrl-C
	@$(BIN)/thecal serve --demo

study: $(VENV)/installed-study  ## run a study with virtual patients and say what it came to (STUDY=file for another)
	@if [ -e $(STUDIED)/manifest.json ]; then $(BIN)/thecal study resume $(STUDIED); \
	  else $(BIN)/thecal study run $(STUDY) --out $(STUDIED); fi
	@$(BIN)/thecal study report $(STUDIED) --html $(STUDIED).html

test: $(VENV)/installed-dev  ## the tests (a few minutes)
	@$(BIN)/python -m pytest $(BY_ALL)

test-long: $(VENV)/installed-dev  ## the tests that take longer
	@$(BIN)/python -m pytest $(BY_ALL) -m long
	@$(BIN)/python -m pytest $(BY_ALL) tests/properties tests/programmer tests/twin/test_case.py --hypothesis-profile long

check: $(VENV)/installed-dev  ## formatting, lint, types and the import contract
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

benchmarks: $(VENV)/installed-peers  ## measure, beside peers in the same run; prints JSON
	@$(BIN)/python -m benchmarks

evidence: $(VENV)/installed-evidence  ## write the evidence bundle into build/evidence (some minutes)
	@$(BIN)/python -m evidence $(if $(DATE),--date $(DATE))

mutation: $(VENV)/installed-mutation  ## what the tests would not notice, in four files (some twenty minutes)
	@PYTHONHASHSEED=0 $(BIN)/mutmut run --max-children 1
	@$(BIN)/python -m tests.mutation

golden: $(VENV)/installed-dev  ## write the expected outputs of scenarios/ anew; read the diff before you commit it
	@$(BIN)/python -m tests.golden

figures: $(VENV)/installed-dev  ## draw the figures of docs/ anew
	@$(BIN)/python -m tests.figures

coverage: $(VENV)/installed-dev  ## write anew which tests hold which rule, and docs/coverage.md
	@$(BIN)/python -m tests.coverage

hazards: $(VENV)/installed-dev  ## play every hazard anew, and write docs/hazards.md, docs/requirements/hazards.md and the transcript of docs/drills.md
	@$(BIN)/python -m tests.hazards.page
	@$(BIN)/python -m tests.drill.transcript
	@$(BIN)/python -m tests.hazards.traced

trials: $(VENV)/installed-dev  ## run every published trial of studies/ anew, and write docs/trials.md
	@$(BIN)/python -m tests.study.trials_page

lock: pyproject.toml  ## resolve the dependencies anew (needs uv on the PATH)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o locks/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c locks/dev.txt --extra dev --extra peers pyproject.toml -o locks/peers.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c locks/dev.txt --extra dev --extra evidence pyproject.toml -o locks/evidence.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c locks/dev.txt --extra dev --extra mutation pyproject.toml -o locks/mutation.txt
	printf 'flit_core>=4.2,<5\n' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c locks/dev.txt pyproject.toml - -o locks/core.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c locks/dev.txt --extra study --extra fast pyproject.toml -o locks/study.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c locks/dev.txt --extra clinic pyproject.toml -o locks/clinic.txt

clean:  ## remove the virtual environment and what the tools left
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "thecal needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python3 cannot make a virtual environment here. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/installed-core: locks/core.txt pyproject.toml | $(BIN)/python
	@echo "thecal: installing what the program needs into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/core.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: locks/dev.txt $(VENV)/installed-core
	@echo "thecal: installing the test tools into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/dev.txt
	@touch $@

$(VENV)/installed-study: locks/study.txt $(VENV)/installed-core
	@echo "thecal: installing what studies need into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/study.txt
	@touch $@

$(VENV)/installed-clinic: locks/clinic.txt $(VENV)/installed-core
	@echo "thecal: installing what the clinic needs into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/clinic.txt
	@touch $@

$(VENV)/installed-peers: locks/peers.txt $(VENV)/installed-dev
	@echo "thecal: installing the peers to measure beside into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/peers.txt
	@touch $@

$(VENV)/installed-evidence: locks/evidence.txt $(VENV)/installed-dev
	@echo "thecal: installing what writes the bill of materials into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/evidence.txt
	@touch $@

$(VENV)/installed-mutation: locks/mutation.txt $(VENV)/installed-dev
	@echo "thecal: installing mutmut into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r locks/mutation.txt
	@touch $@
