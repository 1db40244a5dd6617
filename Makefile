# Works with GNU make on Linux and macOS; README.md says what to do on Windows.
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
# Whatever the reader's pip is set to: here it installs into .venv.
export PIP_USER := 0
# JupyterLab refuses to start for root unless it is told to.
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help lab run notebooks test test-fast test-imagenet lint format
.DEFAULT_GOAL := help

help:
	@echo "make lab            install the course into .venv and open it in JupyterLab"
	@echo "make run            execute every notebook, a line each with time and memory; changes no file"
	@echo "make notebooks      execute every notebook and save it with its outputs"
	@echo "make test           run all tests"
	@echo "make test-fast      run the tests that need no program, notebook or browser beside them: a minute"
	@echo "make lint           check the style of the code; make format mends it"
	@echo "make test-imagenet  run every notebook with a stand-in of the full network's 553 MB file"

lab: .venv/course-installed
	$(PYTHON) -m jupyterlab $(ALLOW_ROOT) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

# The notebooks as committed, and what the tests compare them with, come from the pocket weights.
# Another choice: make run VGG16_WEIGHTS=imagenet
run notebooks test test-fast: export VGG16_WEIGHTS := pocket

run: .venv/course-installed
	$(PYTHON) tools/notebooks.py run

notebooks: .venv/course-installed
	$(PYTHON) tools/notebooks.py save
	$(PYTHON) tools/readme_picture.py

# The fast tests first, on two cores; then, one after the other, what needs programs of its own, the notebooks,
# and the browser.
SLOW := tests/test_errors.py tests/test_memory.py tests/test_notebooks.py tests/test_browser.py \
	tests/test_live_page.py tests/test_live_teach.py

test: test-fast .venv/site-installed
	$(PYTHON) -m pytest $(SLOW)

test-fast: .venv/tests-installed
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile $(addprefix --ignore=,$(SLOW))

lint: .venv/tests-installed
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

format: .venv/tests-installed
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

test-imagenet: .venv/tests-installed
	$(PYTHON) -m pytest -m stand_in tests/test_stand_in.py

.venv/course-installed: requirements.txt pyproject.toml
	@# Where making it was interrupted, .venv has a Python and no pip: then it is made anew.
	@$(PIP) --version >/dev/null 2>&1 || { python=$$(tools/find_python.sh) && "$$python" -m venv --clear .venv; }
	@echo "Installing the course into .venv; the first time this takes some minutes."
	$(PIP) install --quiet --requirement requirements.txt
	@touch $@

.venv/site-installed: requirements-site.txt .venv/course-installed
	$(PIP) install --quiet --requirement requirements-site.txt
	@touch $@

.venv/tests-installed: requirements-test.txt .venv/course-installed
	$(PIP) install --quiet --requirement requirements-test.txt
	@touch $@
