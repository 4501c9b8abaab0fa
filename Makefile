# Reprise. `make` alone lists what there is.
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help setup report crate bundle ui track why new-study test bench estimate clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 16

setup: .venv/ready ## Set up: R, and .venv from requirements.lock

report: .venv/ready ## Set up, then run the studies of config.yaml to results/report.html
	@PYTHONPATH=workflow_scripts python workflow_scripts/terminal/run.py results/report.html

bundle: .venv/ready ## Write each trained network of results/ as a MONAI bundle below results/bundles
	@PYTHONPATH=workflow_scripts python workflow_scripts/bundle/write.py

ui: .venv/ready ## Serve a page on which the trained networks can be tried; options in OPTIONS="--weights FILE"
	@PYTHONPATH=workflow_scripts python workflow_scripts/ui/serve.py $(OPTIONS)

track: .venv/ready ## Serve MLflow's page of the trainings that `tracking: mlflow` has tracked; a port in OPTIONS="--port N"
	@PYTHONPATH=workflow_scripts python workflow_scripts/ui/track.py $(OPTIONS)

why: .venv/ready ## Say why each step that would run is stale
	@PYTHONPATH=workflow_scripts python workflow_scripts/report/why.py

crate: .venv/ready ## Pack the report and how it was made into results/run-crate.zip, to hand over
	@PYTHONPATH=workflow_scripts python workflow_scripts/report/crate.py

new-study: .venv/ready ## Lay a study of your own into its places: NAME=liver TASK=segmentation, classification or regression
	@python tools/new_study/new_study.py --name '$(NAME)' --task '$(TASK)'

test: .venv/ready-for-tests ## Set up, then run all tests; with FAST=1 only those of seconds, in under three minutes
	FAST=$(FAST) OMP_NUM_THREADS=1 pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

bench: .venv/ready ## Measure speed and memory against plain formulations; write results/bench.csv
	python workflow_scripts/bench/main.py

estimate: .venv/ready ## Estimate how long the published schedule of config.yaml's studies takes on this machine
	python workflow_scripts/bench/estimate.py

clean: ## Remove all that runs have made; never raw data
	rm -rf results

.venv/ready: requirements.lock tools/setup.sh
	tools/setup.sh
	@touch $@

.venv/ready-for-tests: .venv/ready
	tools/setup.sh tests
	@touch $@
