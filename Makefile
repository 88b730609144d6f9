# Targets: setup demo test lint check docs docs-serve e2e soak fuzz coverage mutation bench build device-test train-test-lowest matrix studies-test cluster-test release-check cut release image image-test vm arm64 clean
PYTHON ?= python3
FULL := .venv/bin
EDGE := .venv-edge/bin
PIP := -m pip --disable-pip-version-check install --quiet

.PHONY: setup demo test lint check docs docs-serve e2e soak fuzz coverage mutation bench build device-test train-test-lowest matrix studies-test cluster-test release-check cut release image image-test vm arm64 arm64-pythons clean

setup: .venv/installed

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "training and tests need Python 3.11 to 3.13, this is %d.%d: make $(MAKECMDGOALS) PYTHON=python3.12" % v)'
	$(PYTHON) -m venv .venv
	$(FULL)/python $(PIP) -e '.[train,dev,edge-headless]'
	@touch $@

.venv-edge/installed: pyproject.toml
	$(PYTHON) -m venv .venv-edge
	$(EDGE)/python $(PIP) -e '.[edge-headless]'
	@touch $@

demo: .venv-edge/installed
	$(EDGE)/fer-edge --demo

test: setup
	$(FULL)/python -m pytest

lint: setup
	$(FULL)/ruff format --check .
	$(FULL)/ruff check .
	$(FULL)/mypy
	$(FULL)/lint-imports
	$(FULL)/codespell $$(git ls-files '*.md')
	$(FULL)/python website/prose.py
	$(FULL)/zizmor --offline --quiet .github

check: lint
	$(FULL)/python -m pytest --quiet tests/unit/core tests/unit/edge tests/unit/bench tests/golden tests/architecture

# The documentation as a site: build/site/index.html. Links and anchors are checked.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(FULL)/mkdocs build

docs-serve: docs
	$(FULL)/python -m http.server 8000 --bind 127.0.0.1 --directory build/site

e2e: setup
	$(FULL)/python -m pytest tests/e2e

# Ten minutes alone with faults, or SOAK=3600 seconds; needs mosquitto (sudo apt install mosquitto).
SOAK ?= 600
soak: setup
	$(FULL)/python tests/soak/soak.py --seconds $(SOAK) --out soak.json

# Fuzzing guided by coverage, FUZZ_SECONDS for each target or FUZZ_RUNS=1000000 executions.
FUZZ_SECONDS ?= 10
FUZZ_RUNS ?= -1
FUZZ_TARGETS ?=
fuzz: setup
	$(FULL)/python tests/fuzz/guided.py --seconds $(FUZZ_SECONDS) --runs $(FUZZ_RUNS) $(FUZZ_TARGETS)

# Branch coverage of core and the device side by their own tests, commands in processes included.
# Tests of trials may fail under it: their process may write no file, so no coverage either.
COVERED = tests/unit/core tests/unit/edge tests/properties tests/golden \
  $(addprefix tests/e2e/test_,device.py cameras.py streams.py recordings.py new_model.py fleet.py)
coverage: setup
	mkdir -p build/coverage && rm -f build/coverage/.coverage*
	-$(FULL)/coverage run -m pytest $(COVERED)
	$(FULL)/coverage combine --quiet
	$(FULL)/coverage report

# Small changes of the code, each of which the tests should notice: MOST of each module by SEED (0 for
# all), of the groups in tests/mutation/groups.toml or only of MUTATED="heads access". The result is
# written down.
MOST ?= 30
SEED ?= 1
MUTATED ?=
mutation: setup
	$(FULL)/python tests/mutation/run.py --most $(MOST) --seed $(SEED) $(MUTATED)
	$(FULL)/python tests/mutation/write_page.py docs/mutation.md

bench: setup
	$(FULL)/fer-bench

build: setup dist/built

PACKED = $(shell find core train convert edge benchmarks -type f -not -path '*/__pycache__/*')
dist/built: pyproject.toml README.md LICENSE NOTICE $(PACKED)
	rm -rf dist
	$(FULL)/python -m build --wheel
	@touch $@

# The device tests on the built wheel, TensorFlow absent. DEVICE=bookworm is what goes with Raspberry
# Pi OS Bookworm (numpy 1, so no Python after 3.12), DEVICE=legacy has tflite-runtime 2.14 (no Python
# after 3.11; with OpenCV's headless wheel, since the windowed one needs libgl1), DEVICE=lowest the
# oldest version of every package that pyproject.toml allows.
DEVICE ?= headless
DEVICE_TESTS = tests/unit/core tests/unit/edge tests/unit/bench tests/golden tests/e2e/test_device.py
WHEEL = $$(ls dist/*.whl)
WANTED_headless = "$(WHEEL)[edge-headless,yunet]"
WANTED_bookworm = "$(WHEEL)[edge-bookworm,yunet]"
WANTED_legacy = $(WHEEL) tflite-runtime==2.14.0 'numpy<2' 'opencv-python-headless<4.12'
WANTED_lowest = "$(WHEEL)[edge-headless,mqtt,yunet]" -c build/lowest.txt

build/lowest.txt: pyproject.toml tests/lowest_versions.py | setup
	mkdir -p build
	$(FULL)/python tests/lowest_versions.py edge-headless mqtt yunet > $@

.venv-device-lowest/installed: build/lowest.txt

.venv-device-%/installed: pyproject.toml
	rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP) $(WANTED_$*) 'pytest>=8' 'pytest-xdist>=3.6'
	@touch $@

device-test: build build/formats .venv-device-$(DEVICE)/installed
	.venv-device-$(DEVICE)/bin/python $(PIP) --no-deps --force-reinstall $(WHEEL)
	.venv-device-$(DEVICE)/bin/python -m pytest $(DEVICE_TESTS)

# Training and conversion with the oldest version of every package that pyproject.toml allows.
train-test-lowest:
	rm -rf .venv-train-lowest && $(PYTHON) -m venv .venv-train-lowest
	mkdir -p build
	.venv-train-lowest/bin/python $(PIP) packaging
	.venv-train-lowest/bin/python tests/lowest_versions.py train edge-headless sweep > build/lowest-train.txt
	.venv-train-lowest/bin/python $(PIP) -c build/lowest-train.txt -e '.[train,edge-headless,sweep]' 'pytest>=8' 'pytest-xdist>=3.6'
	.venv-train-lowest/bin/python -m pytest -W default tests/unit/train tests/unit/convert

# Every Python that is promised, with the lowest and the newest packages: all, or MATRIX="NAME ..." of
# device-3.14-lowest and its like. tests/make_python.sh makes a Python that is not here. The result is
# written down.
MATRIX ?=
matrix: build build/formats
	$(FULL)/python tests/matrix.py docs/version-matrix.md $(MATRIX)

# What a release waits for beside the gate, too long or too rare for it: the other two device
# environments, RTSP cameras (tests/rtsp_server.py says what they need) and ten minutes of faults.
# The result is written down.
release-check: setup
	$(FULL)/python tests/release_check.py docs/release-check.md

# A whole computer with a kernel, systemd and cameras of its own (needs: sudo apt install
# mmdebstrap user-mode-linux gcc libc6-dev qemu-system-x86 qemu-utils, and for arm64
# qemu-user-static qemu-system-arm). The first time takes many minutes for the image, which is
# kept in ~/.cache/fer-edge-kit/vm. The result is written down. The gate has no time for it.
vm: setup
	@mkdir -p build
	$(FULL)/python -m pytest -m vm -n 0 --junitxml=build/vm.xml tests/vm; code=$$?; \
	  $(FULL)/python tests/vm/write_page.py build/vm.xml docs/vm-check.md; exit $$code

# The version in code, citation, changelog and list of contents: make cut VERSION=0.3.0
cut: setup
	$(FULL)/python release/cut.py $(VERSION)

# sdist and wheel, built twice from the last commit; they have to be equal byte for byte.
release: setup
	$(FULL)/python release/sbom.py --check
	$(FULL)/python release/licenses.py --check
	$(FULL)/python release/build.py dist/release

# The container image for amd64 and arm64, an OCI archive (needs: sudo apt install mmdebstrap buildah).
image: build
	$$([ $$(id -u) = 0 ] || echo sudo) release/image.sh $$(ls dist/*.whl) build/image

# Tests of the image with podman and qemu (sudo apt install podman qemu-user-static).
image-test: image
	$(FULL)/python -m pytest -n 0 tests/image

build/formats: setup
	PYTHONPATH=tests $(FULL)/python tests/make_formats.py build/formats

# The studies in train/studies run on PyTorch, and so does Keras beside them. JAX is for the tests of
# `fer-train --devices`.
.venv-studies/installed: pyproject.toml
	$(PYTHON) -m venv .venv-studies
	.venv-studies/bin/python $(PIP) -e '.[edge-headless]' torch==2.13.0 'jax>=0.6' 'keras>=3.12,<4' 'scikit-learn>=1.4' 'pytest>=8' 'pytest-xdist>=3.6'
	@touch $@

# One thread each: the workers share the cores, and PyTorch's own threads would wait for each other.
studies-test: .venv-studies/installed
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 .venv-studies/bin/python -m pytest tests/studies

# `fer-edge score` and trainings on a Ray cluster of processes; `score` from S3, HTTP servers on the
# loopback.
.venv-cluster/installed: pyproject.toml
	$(PYTHON) -m venv .venv-cluster
	.venv-cluster/bin/python $(PIP) -e '.[train,sweep,edge-headless,cluster]' 's3fs>=2024.2' 'moto[server]>=5' 'pytest>=8' 'pytest-xdist>=3.6'
	@touch $@

# CLUSTER='-m ray' is what .ci/run takes: the short ones.
cluster-test: .venv-cluster/installed
	.venv-cluster/bin/python -m pytest -n 0 $(CLUSTER) tests/cluster

# The device side on arm64, as on a Raspberry Pi, run by qemu (needs: sudo apt install
# qemu-user-static mmdebstrap). `make test` runs these tests too once the Pythons are made.
arm64: arm64-pythons
	$(FULL)/python -m pytest tests/arm64

arm64-pythons: build
	tests/arm64/make_python.sh bookworm 3.11 edge-bookworm "$$(ls dist/*.whl)"
	tests/arm64/make_python.sh trixie 3.13 edge-headless "$$(ls dist/*.whl)"

clean:
	rm -rf .venv .venv-* build dist runs results fer-edge-demo .pytest_cache .mypy_cache .ruff_cache
