# The commands of the project. `make help` lists them.
.DEFAULT_GOAL := help
# Where rustup puts Cargo: a shell that was open before does not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)
.PHONY: help demo test soak bench check-cargo check-python check-node

help: ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 14

demo: check-cargo check-python check-node ## build the product, fetch the sample films and the model, and start everything here
	cargo xtask web
	cargo build --release --locked --package media-gateway
	./target/release/media-gateway demo

test: check-cargo ## install what is missing, start the engines, run every check and test
	cargo xtask test

soak: check-cargo ## the tests with larger counts; writes docs/measured/DATE-soak.md
	cargo xtask soak

bench: check-cargo ## measure ingest, search, requests, start-up and memory; ARGS="--only clean" a clean build with its tests; ARGS="--help" tells more
	cargo xtask bench $(ARGS)

check-cargo:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it with rustup (rustup.rs) or your system's packages" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing: install it, on Debian or Ubuntu: apt-get install build-essential" >&2; exit 1; }

check-python:
	@command -v python3 >/dev/null || { echo "Python 3 is missing: install it, on Debian or Ubuntu: apt-get install python3 python3-pip" >&2; exit 1; }
	@python3 -m pip --version >/dev/null 2>&1 || { echo "pip is missing: install it, on Debian or Ubuntu: apt-get install python3-pip" >&2; exit 1; }

check-node:
	@command -v npm >/dev/null || { echo "Node is missing: install it (20.19 or newer), on Debian or Ubuntu: apt-get install nodejs npm" >&2; exit 1; }
