# Two commands from an empty folder, with Python 3.11 or later and a package index:
#   make demo    environment, install, train a VAE on real images, picture, export, served sample
#   make test    environment, install, lint, and the whole suite on the three backends
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
INSTALLED := $(VENV)/.installed
TEST := $(BIN)/python -m pytest

# TensorFlow's start-up messages say nothing of kgen.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test lint browser test-parity test-once clean

demo: $(INSTALLED)
	rm -rf demo
	$(BIN)/kgen train vae_fashion --backend tensorflow --run demo/vae --epochs 12
	$(BIN)/kgen sample demo/vae -n 64 --seed 0 --out demo/samples.png
	$(BIN)/kgen export demo/vae --out demo/savedmodel
	$(BIN)/python tutorials/serve.py demo/savedmodel --out demo/served.png
	@echo "Pictures: demo/samples.png (kgen) and demo/served.png (TensorFlow alone)."

# Two processes at a time, each on one thread (tests/conftest.py): two cores are enough. They share what JAX
# has compiled.
test: $(INSTALLED)
	$(MAKE) lint browser
	cache=$$(mktemp -d) && trap 'rm -rf "$$cache"' EXIT && JAX_COMPILATION_CACHE_DIR=$$cache \
	  $(MAKE) -j2 --keep-going --output-sync=target $(JOBS) test-parity test-once

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

# What runs inside a backend's process, once for each backend; in five, since TensorFlow's compiled programs
# stay in memory.
BACKENDS := tensorflow jax torch
contract := tests/contract
networks := tests/diffusion tests/layers tests/networks
families := tests/autoregressive tests/flow tests/gan tests/vae
computing := tests/backend tests/callbacks tests/core
rest := tests $(addprefix --ignore ,tests/parity tests/once $(contract) $(networks) $(families) $(computing))
SUITES := contract networks families computing rest
JOBS := $(foreach suite,$(SUITES),$(BACKENDS:%=test-%-$(suite)))
$(JOBS): test-%: $(INSTALLED)
	KERAS_BACKEND=$(firstword $(subst -, ,$*)) $(TEST) $($(lastword $(subst -, ,$*)))
$(BACKENDS:%=test-%): test-%: $(patsubst %,test-\%-%,$(SUITES))

# Three backends compared; this starts a process for each.
test-parity: $(INSTALLED)
	KERAS_BACKEND=jax $(TEST) tests/parity

# What has nothing to do with a backend: the package itself, data, tutorials, recipes from the outside.
test-once: $(INSTALLED)
	KERAS_BACKEND=jax $(TEST) tests/once

# torch first and by itself: a range would fetch another build.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[tensorflow,jax,torch,data,cv,eval,export,dev]"
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) demo runs
