# Two commands from an empty folder, with Python 3.11 or later and a package index:
#   make demo    environment, install, train a VAE on real images, picture, export, served sample
#   make test    environment, install, lint, and the whole suite on the three backends
#   make check   lint and the tests of what changed
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
INSTALLED := $(VENV)/.installed
TEST := $(BIN)/python -m pytest

# TensorFlow's start-up messages say nothing of kgen.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test check lint browser clean $(SUITES) test-promises test-maths

demo: $(INSTALLED)
	rm -rf demo
	$(BIN)/kgen train vae_fashion --backend tensorflow --run demo/vae --epochs 12
	$(BIN)/kgen sample demo/vae -n 64 --seed 0 --out demo/samples.png
	$(BIN)/kgen export demo/vae --out demo/savedmodel
	$(BIN)/python tutorials/serve.py demo/savedmodel --out demo/served.png
	@echo "Pictures: demo/samples.png (kgen) and demo/served.png (TensorFlow alone)."

# Two processes at a time, each on one thread (tests/conftest.py): two cores are enough. First the records of
# the families, by worker processes of which two are busy; then the suites, which share what JAX has
# compiled. The folder holds that, the ledger of the oracles and what each suite cost.
test: $(INSTALLED)
	$(MAKE) lint browser
	shared=$$(mktemp -d) && trap 'rm -rf "$$shared"' EXIT && mkdir $$shared/seconds && \
	export SHARED=$$shared KGEN_TEST_SECONDS=$$shared/seconds JAX_COMPILATION_CACHE_DIR=$$shared/jax && \
	{ $(MAKE) test-promises; promises=$$?; \
	  $(MAKE) -j2 --keep-going --output-sync=target $(SUITES); suites=$$?; \
	  $(BIN)/python tests/budget.py $$shared/seconds; exit $$((promises + suites)); }

# What one runs all day: the tests of what differs from main.
check: lint
	$(BIN)/python tests/changed.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# A headless browser for the tests of the report; without it they are skipped.
browser:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver \
	  || echo "note: no chromium: the report's browser tests are skipped"; \
	else echo "note: no chromium: the report's browser tests are skipped (apt-get install chromium chromium-driver)"; fi

# Oracles and all that no backend touches run once, on torch, the quickest; what is about the backends runs on
# the three, and the others repeat each call that the oracles made (tests/ledger).
MATHS := $(addprefix tests/,autoregressive diffusion flow gan networks vae test_distributions.py test_random.py)
ONCE := tests $(addprefix --ignore=,tests/promises tests/ledger $(MATHS))
EVERY := tests -m every_backend --ignore=tests/promises --ignore=tests/ledger
SUITES := test-replay-tensorflow test-replay-jax test-once test-tensorflow test-jax
LEDGER := $${SHARED:-/tmp}/ledger

test-promises: $(INSTALLED)
	KGEN_TEST_SUITE=promises KERAS_BACKEND=torch $(TEST) tests/promises

test-maths: $(INSTALLED)
	KGEN_TEST_SUITE=maths KERAS_BACKEND=torch $(TEST) $(MATHS) --ledger $(LEDGER)

test-replay-tensorflow test-replay-jax: test-replay-%: $(INSTALLED) test-maths
	KGEN_TEST_SUITE=replay-$* KERAS_BACKEND=$* $(TEST) tests/ledger --ledger $(LEDGER)

test-tensorflow test-jax: test-%: $(INSTALLED)
	KGEN_TEST_SUITE=$* KERAS_BACKEND=$* $(TEST) $(EVERY)

test-once: $(INSTALLED)
	KGEN_TEST_SUITE=once KERAS_BACKEND=torch $(TEST) $(ONCE)
	KGEN_TEST_SUITE=export-jax KERAS_BACKEND=jax $(TEST) tests/export/test_saved_model.py

# torch first and by itself: a range would fetch another build.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[tensorflow,jax,torch,data,cv,eval,export,dev]"
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) demo runs
