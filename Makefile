# OsteoLens: `make app` starts the web application, `make test` checks everything.
# Needs Python 3.11 or newer with its venv module, make and git; everything else goes into .venv.

PYTHON  ?= python3
PORT    ?= 8501
# Who can open the app: this machine only. HOST=0.0.0.0 lets everybody on the network in.
HOST    ?= 127.0.0.1
VENV    := .venv
BIN     := $(VENV)/bin
UV      := UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python

APART := tests/app tests/browser
RULES := tests/test_architecture.py tests/test_house.py tests/test_text.py tests/test_words.py

# The networks share the processor with the web server: OpenMP threads must sleep while they wait, not spin.
export OMP_WAIT_POLICY = PASSIVE
# Each visitor's thread would get a heap of its own from glibc, whose pages stay with the server after he left: twelve
# visitors left 340 MB behind, with two heaps for all of them nothing. Other systems' allocators do not look at this.
export MALLOC_ARENA_MAX = 2

.PHONY: help app install test lint rules types unit unit-app unit-library js slow format picture clean

help:
	@echo "make app      install what is needed and start OsteoLens on port $(PORT) (PORT=..., HOST=... to change)"
	@echo "make test     install what tests need; run lint, rules, types, unit and js, one after the other"
	@echo "make lint     ruff; make rules: the house's own rules; make types: mypy; make unit: the tests; make js: the viewers"
	@echo "make slow     the long tests that make test leaves out (fuzzing, benchmarks)"
	@echo "make format   let ruff tidy the code"
	@echo "make picture  draw docs/images/architecture.svg from the imports"
	@echo "make clean    remove $(VENV) and caches"

app: $(VENV)/.app-installed
	@case "$(HOST)" in 127.*|localhost|::1) ;; *) echo "Warning: everybody who reaches this machine can open the app:" \
	  "it has no password, and films travel unencrypted.";; esac
	@echo "OsteoLens is starting at http://localhost:$(PORT)  (stop with Ctrl+C)"
	@exec $(BIN)/streamlit run streamlit_app.py --server.headless true --server.address $(HOST) --server.port $(PORT) \
	  --browser.serverPort $(PORT)

install: $(VENV)/.app-installed

# Each check runs even when one before it fails; the exit status tells whether all passed.
test: $(VENV)/.test-installed
	@$(MAKE) --no-print-directory --keep-going lint rules types unit js

lint: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test-installed
	$(BIN)/mypy bmd pages streamlit_app.py

# Rules about the source, one check for each file: counted apart from the tests of what the product does.
rules: $(VENV)/.test-installed
	$(BIN)/python -m pytest -q $(RULES)

# Two processes, one processor core each: the app, and everything else; both take about as long.
unit: $(VENV)/.test-installed
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target unit-app unit-library

unit-app: $(VENV)/.test-installed
	$(BIN)/python -m pytest -q -p no:cacheprovider $(APART)

unit-library: $(VENV)/.test-installed
	$(BIN)/python -m pytest -q $(APART:%=--ignore=%) $(RULES:%=--ignore=%)

# Only the viewers' JavaScript needs node; neither the app nor any other check does.
js:
	@if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then \
	   npm test --silent && $(MAKE) --no-print-directory node_modules/.installed && npm run --silent lint; \
	 else echo "node and npm are not installed: the viewers' JavaScript was neither linted nor unit tested."; fi

node_modules/.installed: package-lock.json
	npm ci --silent --no-audit --no-fund
	@touch $@

slow: $(VENV)/.test-installed
	$(BIN)/python -m pytest -q -m slow

# The picture of docs/architecture.md; a test says when imports have outgrown it.
picture: $(VENV)/.app-installed
	$(BIN)/python docs/draw_architecture.py

format: $(VENV)/.test-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache node_modules

# uv installs in half a minute what pip needs several for, and compiles the bytecode pip would leave to the first visitor.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "OsteoLens needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 app"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@touch $@

$(VENV)/.app-installed: requirements.txt $(BIN)/uv
	@echo "Installing what OsteoLens needs into $(VENV) (first time: about a minute and 6 GB)"
	@$(UV) -r requirements.txt
	@touch $@

$(VENV)/.test-installed: requirements-dev.txt $(VENV)/.app-installed
	@$(UV) -r requirements.txt -r requirements-dev.txt
	@touch $@
