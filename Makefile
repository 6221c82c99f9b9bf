# PYTHON chooses the interpreter that the virtual environment is made with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What `make wheelhouse` downloads beside the package's own requirements.
EXTRAS ?= cuda13,dev
WHEELS ?=

.PHONY: demo demo-skills test test-slow lint format bench results figures wheelhouse clean

# Made anew when the requirements change. The constraints pin what was tested.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "metaskill needs Python 3.11 or later: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "this Python cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/metaskill train demo --report
	@echo "Look at runs/demo/report.html."

demo-skills: $(VENV)/.installed
	@$(BIN)/metaskill train demo_skills --report
	@$(BIN)/metaskill plan runs/demo_skills
	@echo "Look at runs/demo_skills/report.html, plan.png and plan.mp4."

# Mostly compilation, which takes one core: a process a core, a file at a time because the tests
# of a file share compiled programs.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test: $(VENV)/.installed
	$(PYTEST)

test-slow: $(VENV)/.installed
	$(PYTEST) -m slow

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics
	$(BIN)/python -m benchmarks.set_const
	$(BIN)/python -m benchmarks.randomization
	$(BIN)/python -m benchmarks.metagradients
	$(BIN)/python -m benchmarks.ppo
	$(BIN)/python -m benchmarks.replay
	$(BIN)/python -m benchmarks.demo
	$(BIN)/python -m benchmarks.arm
	$(BIN)/python -m benchmarks.collect
	$(BIN)/python -m benchmarks.maml_rl
	$(BIN)/python -m benchmarks.inner_gradients
	$(BIN)/python -m benchmarks.trainer
	$(BIN)/python -m benchmarks.malformed_inputs
	$(BIN)/python -m benchmarks.bad_data
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.two_processes
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.maml
	$(BIN)/python -m benchmarks.faults

results: $(VENV)/.installed
	$(BIN)/metaskill figures --markdown=experiments/README.md

figures: $(VENV)/.installed
	@$(BIN)/metaskill figures

# For a machine without internet: docs/air-gapped.md says how to install from it.
wheelhouse: $(VENV)/.installed
	$(BIN)/python -m pip wheel --quiet --constraint constraints.txt --wheel-dir wheelhouse \
	  '.[$(EXTRAS)]' $(WHEELS) 'setuptools>=77' pip
	@cp constraints.txt wheelhouse/
	@du -sh wheelhouse

clean:
	rm -rf $(VENV) .pytest_cache build *.egg-info
