# Works with GNU make on Linux and macOS; README.md says what to do on Windows.
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
# Whatever the reader's pip is set to: here it installs into .venv.
export PIP_USER := 0
# Photos of a phone are often larger than the 10 MB that Jupyter lets through; what is larger it loses in silence.
LARGE_UPLOADS := --ServerApp.tornado_settings="{'websocket_max_message_size': 200000000}"
# JupyterLab refuses to start for root unless it is told to.
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help lab run notebooks site serve badges test test-fast test-site test-imagenet test-platforms bench fuzz lint format
.DEFAULT_GOAL := help

help:
	@echo "make lab            install the course into .venv and open it in JupyterLab"
	@echo "make run            execute every notebook, a line each with time and memory; changes no file"
	@echo "make notebooks      execute every notebook and save it with its outputs"
	@echo "make test           run all tests"
	@echo "make test-fast      run the tests that need no program, notebook or browser beside them: a minute"
	@echo "make site           build the course as static pages in build/site; make serve shows them"
	@echo "make badges REPO=owner/name   write the course's address everywhere"
	@echo "make lint           check the style of the code; make format mends it"
	@echo "make bench          measure speed and memory into docs/benchmarks.md: a quarter of an hour"
	@echo "make fuzz           damage 50,000 pictures and 15,000 weights files: half an hour"
	@echo "make test-site      build the site and the live page, and try both in browsers"
	@echo "make test-imagenet  run every notebook with a stand-in of the full network's 553 MB file"
	@echo "make test-platforms run all with the oldest and newest packages, and as on Colab and Binder"

lab: .venv/course-installed
	$(PYTHON) -m jupyterlab $(ALLOW_ROOT) $(LARGE_UPLOADS) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

# The notebooks as committed, and what the tests compare them with, come from the pocket weights.
# Another choice: make run VGG16_WEIGHTS=imagenet
run notebooks test test-fast test-site test-platforms: export VGG16_WEIGHTS := pocket

run: .venv/course-installed
	$(PYTHON) tools/notebooks.py run

notebooks: .venv/course-installed
	$(PYTHON) tools/stamp.py
	$(PYTHON) tools/notebooks.py save
	$(PYTHON) tools/readme_picture.py

# The fast tests first, on two cores; then, one after the other, what needs programs of its own, the notebooks,
# and the browser.
SLOW := tests/test_errors.py tests/test_memory.py tests/test_kills.py tests/test_notebooks.py tests/test_browser.py
# The site and the live page, in browsers: nine minutes.
SITE := tests/test_live_page.py tests/test_live_teach.py tests/test_site.py

test: test-fast
	$(PYTHON) -m pytest $(SLOW)

test-fast: .venv/tests-installed .venv/site-installed
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile $(addprefix --ignore=,$(SLOW) $(SITE) tests/platforms)

test-site: .venv/tests-installed .venv/site-installed
	$(PYTHON) -m pytest $(SITE)

site: .venv/site-installed
	$(PYTHON) tools/course_site.py

serve: site
	$(PYTHON) -m http.server --bind 127.0.0.1 --directory build/site

badges: .venv/course-installed
	$(PYTHON) tools/badges.py $(REPO)

lint: .venv/tests-installed
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

format: .venv/tests-installed
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

# Where Tiny-ImageNet's zip file is: make bench VALIDATION=PATH
bench: .venv/bench-installed .venv/site-installed
	$(PYTHON) tools/benchmark.py $(if $(VALIDATION),--validation $(VALIDATION))

fuzz: .venv/course-installed
	$(PYTHON) tools/fuzz.py

test-imagenet: .venv/tests-installed
	$(PYTHON) -m pytest -m stand_in tests/test_stand_in.py

# Two workers, of which each has one processor: half an hour.
test-platforms: .venv/tests-installed .venv/site-installed
	SLOW_TESTS="$(SLOW) $(SITE) tests/platforms" $(PYTHON) -m pytest --numprocesses 2 --dist loadfile tests/platforms

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

.venv/bench-installed: requirements-bench.txt .venv/course-installed
	$(PIP) install --quiet --requirement requirements-bench.txt
	@touch $@
