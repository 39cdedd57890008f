# Two commands for a newcomer: `make demo` and `make test`. Everything they need they set up themselves, in .venv,
# in .build, in .lab and in ~/.cache; `make clean` removes the first three.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Targets are relative: make would take the path of a checkout apart at its spaces.
READY := .venv/.ready
COLLECTIONS := $(CURDIR)/.build/collections
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/.build/checkout:$(CURDIR)/molecule
# The checkout itself, importable and runnable as ansible_collections/gofleet/hosts.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build/checkout
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
PARTS := lint types fuzz browser sanity newcomer unit faults containers molecule
LONG := long-fuzz long-kills long-rollout long-molecule long-kernels
NEED_ROOT := demo test test-long bench browser faults containers newcomer molecule $(LONG)

.PHONY: help root demo demo-down test test-long $(PARTS) $(LONG) bench collection clean
.NOTPARALLEL:

help: ## Show this list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

root: # Says what root is used for, and asks for it
	@! command -v python3 >/dev/null || python3 -m lab.root $$PPID

$(NEED_ROOT): root
# What asks a question comes before what takes time, also where the virtual environment is not there yet.
ifneq ($(filter $(NEED_ROOT),$(MAKECMDGOALS)),)
$(READY): | root
endif

demo: $(READY) ## Provision three real hosts and show what they do (KEEP=1 leaves them running, LAB=container is faster)
	@python examples/demo/demo.py up $(if $(KEEP),--keep) --kind $(or $(LAB),vm)

demo-down: $(READY) ## End what `make demo` left running
	@python examples/demo/demo.py down

test: $(READY) ## Run everything that CI runs, and show what it took (PART="unit molecule" runs these alone, SCENARIO=site one scenario)
	@python tests/parts.py $(SCENARIO:%=--scenario=%) $(or $(PART),$(if $(SCENARIO),molecule,$(PARTS)))

test-long: $(READY) ## Run the long forms, before a change is called done (PART=long-fuzz runs one of them)
	@python tests/parts.py $(SCENARIO:%=--scenario=%) $(or $(PART),$(if $(SCENARIO),long-molecule,$(LONG)))

$(PARTS) $(LONG): $(READY) ## One part of the tests
	@python tests/parts.py $(SCENARIO:%=--scenario=%) $@

bench: $(READY) ## Print the ratios we publish, each made in one run (LAB=container is faster)
	@python bench/bench.py --kind $(or $(LAB),vm)
	@python bench/delta.py --kind $(or $(LAB),vm)

collection: $(READY) ## Build the collection and install the result into .build/collections
	@tests/build_collection.sh "$(COLLECTIONS)"

clean: ## Remove what the other targets made in this checkout
	@# A run of root's in a checkout of yours leaves what is root's.
	rm -rf .venv .build .cache .ansible || sudo rm -rf .venv .build .cache .ansible

$(READY): tests/requirements.txt tests/environment.sh
	@tests/environment.sh .venv tests/requirements.txt
