# make demo    hear it: three pieces from the shipped model, in demo/
# make test    what the tests need, and the tests: the same every time
# make quick   the tests without those that take seconds
# make explore the tests in random order on new random examples, ten times as many: looks for faults, and may find one by chance
# make check   the tests, the linter and the types: what .ci/run does
# make matrix  the wheel without torch on each Python that is here, with the lowest and the newest dependencies too
# make hostile broken files, kills, full disks, lying servers, odd calls: a table of what they do, in under 10 minutes
# Only Python 3.11 or newer and make are needed; everything is installed into $(VENV).

PYTHON ?= $(or $(shell command -v python3),$(shell command -v python3.11),python3)
VENV ?= .venv
RUN = $(VENV)/bin
MODEL = $(wildcard checkpoints/base/*)
INSTALL = $(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DELETE_ON_ERROR:
.PHONY: demo test quick explore check matrix hostile clean

demo: demo/generated.mid demo/continued.mid demo/accompanied.mid
	@echo
	@echo "demo/generated.mid     a new piece"
	@echo "demo/continued.mid     examples/tune.mid, and how it might go on"
	@echo "demo/accompanied.mid   examples/tune.mid with an accompaniment"
	@echo
	@echo "Play them with any MIDI player. Then:"
	@echo "  . $(RUN)/activate"
	@echo "  melody inspect demo/accompanied.mid"
	@echo "  melody accompany YOUR-TUNE.mid"
	@echo "  melody --help"

demo/generated.mid: $(MODEL) $(VENV)/.runs
	@mkdir -p demo
	$(RUN)/melody generate --bars 16 --seed 1 -o $@ --force

demo/continued.mid: examples/tune.mid $(MODEL) $(VENV)/.runs
	@mkdir -p demo
	$(RUN)/melody continue examples/tune.mid --bars 8 --seed 1 -o $@ --force

demo/accompanied.mid: examples/tune.mid $(MODEL) $(VENV)/.runs
	@mkdir -p demo
	$(RUN)/melody accompany examples/tune.mid --seed 1 -o $@ --force

test: $(VENV)/.tests
	$(RUN)/python -m pytest

quick: $(VENV)/.tests
	$(RUN)/python -m pytest -m "not slow"

explore: $(VENV)/.tests
	HYPOTHESIS_PROFILE=explore $(RUN)/python -m pytest -p randomly

check: test
	$(RUN)/ruff check
	$(RUN)/mypy --strict melody

matrix:
	$(PYTHON) .ci/matrix.py --bounds

hostile: $(VENV)/.tests
	$(RUN)/python -m tests.robustness

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "melody needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# An editable installation: a change of the source needs no second one.
$(VENV)/.runs: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing what melody needs"
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.tests: $(VENV)/.runs
	@echo "installing what the tests need (torch is large, this takes a while)"
	$(INSTALL) --editable '.[test]'
	@touch $@

clean:
	rm -rf demo
