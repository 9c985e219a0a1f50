# inkflow's commands. `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo
export INKFLOW_CACHE ?= $(HOME)/.cache/inkflow

help: ## Lists these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: ## Installs what the build and the page reader need, where it can; else says how
	@deploy/setup.sh

demo: setup ## Three classes hand in homework for a minute (DEMO=once: without waiting, checked against a recompute)
	@deploy/demo.sh

services: ## Kafka, an S3 server and PostgreSQL on this machine, for trying; says what to run next
	@deploy/services.sh start

services-stop: ## Ends them; their data stays
	@deploy/services.sh stop

build: setup ## Builds the inkflow command
	$(CARGO) build --release -p inkflow

check: ## The inner loop: format, clippy with warnings as errors, unit and property tests
	@tests/run.sh check

test: setup ## Every test; the last line is a count
	@tests/run.sh all

bench: setup ## Throughput, latency and memory, measured side by side
	@benches/run.sh

.PHONY: help setup demo services services-stop build check test bench
