# Everything that people and CI do here. `make` alone lists it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
PROCESSES ?= 3
# glibc gives memory of finished batches back: measured 1.8 GB instead of 2.0 for all processes of the demo.
LEAN := MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=33554432 MALLOC_MMAP_THRESHOLD_=8388608

# pip compiles with one core, and everything: what nobody imports waits for the day that somebody does.
UNCOMPILED := site-packages/(.*/tests?/|transformers/models/(?!auto/|bert/)|torch/testing/|olefile/olefile2)

.DEFAULT_GOAL := help
.PHONY: help env demo test legacy-test check lint house format quality left-out bench-parse bench-embed bench-keyword bench-incremental bench-nights bench-overlap bench-pipeline bench-search bench-why bench-scale bench-screening false-secrets ablation interop fuzz faults corruptions formats formats-unstructured kept ray-test operate-test wheel-test terraform-check judged schemas lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F '\t' '{ printf "  %-16s %s\n", $$1, $$2 }'
	@echo
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) KEEP=1 (demo, wheel-test) ARGS='…' (test, benchmarks) PROCESSES=$(PROCESSES) (test) INGEST_TEST_DATA=… TERRAFORM_OFFLINE=…"

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 13) else "Python 3.11 or 3.12 is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements.lock names into $(VENV): about 3 GB, some minutes the first time"
	-$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --no-compile --requirement requirements.lock
	$(BIN)/python -m pip install --editable . --no-deps
	-$(BIN)/python -m compileall -qq -j 0 -x '$(UNCOMPILED)' $(VENV)/lib
	@touch $@

env: $(STAMP) ## Create the environment from requirements.lock (again when the lock changes)

demo: $(STAMP) ## Ingest, judge, promote, refuse, roll back, on this machine; KEEP=1 leaves it running
	$(LEAN) $(BIN)/python demo/run.py $(if $(KEEP),--keep)

test: $(STAMP) ## Run the whole test suite; ARGS="tests/unit -k plan" narrows it
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(ARGS)

.venv-legacy/.installed: requirements.lock requirements-legacy.lock pyproject.toml
	test -x .venv-legacy/bin/python || $(PYTHON) -m venv .venv-legacy
	.venv-legacy/bin/python -m pip install --quiet --requirement requirements.lock
	.venv-legacy/bin/python -m pip install --quiet --requirement requirements-legacy.lock
	.venv-legacy/bin/python -m pip install --quiet --editable . --no-deps
	@touch $@

legacy-test: .venv-legacy/.installed ## Test the extra `legacy` (docs/formats.md); without LibreOffice a part is skipped
	.venv-legacy/bin/python -m pytest tests/unit/documents/parsers/test_legacy.py $(ARGS)

check: lint test ## Lint, types, contracts between floors, tests

lint: $(STAMP) ## Check style, format, types and the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

house: $(STAMP) ## Print how large the house is: rooms, modules, lines, arrows between rooms
	$(BIN)/python -m tests.architecture.house $(ARGS)

format: $(STAMP) ## Format the code and apply safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

quality: $(STAMP) ## Measure retrieval quality; needs INGEST_TEST_DATA
	$(BIN)/python benchmarks/quality.py $(ARGS)

left-out: $(STAMP) ## What weights are worth on sets on which they were not chosen; after make quality
	$(BIN)/python benchmarks/left_out.py $(ARGS)

ablation: $(STAMP) ## Measure what each choice of the chunker is worth; needs INGEST_TEST_DATA
	$(BIN)/python benchmarks/ablation.py $(ARGS)

.venv-peers/.installed: benchmarks/peers.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	-.venv-peers/bin/python -m pip install --quiet --requirement benchmarks/peers.txt && touch $@

bench-parse: $(STAMP) .venv-peers/.installed ## Measure parsing and chunking against other chunkers; needs INGEST_TEST_DATA
	$(BIN)/python benchmarks/parse.py $(ARGS)

bench-embed: $(STAMP) ## Measure what a vector costs, alone and in the pipeline, beside sentence-transformers and ONNX Runtime; needs INGEST_TEST_DATA
	$(BIN)/python -m benchmarks.embed $(ARGS)

.venv-keyword/.installed: benchmarks/keyword-peers.txt
	test -x .venv-keyword/bin/python || $(PYTHON) -m venv .venv-keyword
	-.venv-keyword/bin/python -m pip install --quiet --requirement benchmarks/keyword-peers.txt && touch $@

bench-keyword: $(STAMP) .venv-keyword/.installed ## Measure the keyword index beside other ones; needs INGEST_TEST_DATA
	$(BIN)/python benchmarks/keyword_index.py $(ARGS)

false-secrets: $(STAMP) ## Measure how often public documents are taken for secrets; writes a table in docs; needs INGEST_TEST_DATA
	$(BIN)/python benchmarks/false_secrets.py --write $(ARGS)

bench-screening: $(STAMP) ## Measure how many instructions to a model screening finds, and false alarms; writes a table in docs
	$(BIN)/python -m benchmarks.instructions --write $(ARGS)

bench-incremental: $(STAMP) ## Measure what runs after the first one cost; ARGS="--documents 20000" or "--model default"
	$(BIN)/python -m benchmarks.incremental $(ARGS)

bench-nights: $(STAMP) ## Measure what lake and engine hold after 30 nights of 1 % change; writes benchmarks/nights.{json,svg}
	$(BIN)/python -m benchmarks.nights $(ARGS)

bench-search: $(STAMP) ## Measure one search per stage, alone and 32 at once; needs INGEST_TEST_DATA
	$(BIN)/python benchmarks/search.py $(ARGS)

bench-why: $(STAMP) ## Measure how long `ingest why` takes on a million chunks
	$(BIN)/python -m benchmarks.whereabouts $(ARGS)

bench-scale: $(STAMP) ## Replay the scheduling of 10,000 shards and print what 10 million documents need (docs/scaling.md)
	$(BIN)/python -m benchmarks.scale_simulation $(ARGS)

bench-overlap: $(STAMP) ## Measure a run whose steps overlap against its longer step alone, and two processes; needs INGEST_TEST_DATA
	$(BIN)/python -m benchmarks.overlap $(ARGS)

.venv-frameworks/%/.installed: benchmarks/frameworks/%.txt
	test -x .venv-frameworks/$*/bin/python || $(PYTHON) -m venv .venv-frameworks/$*
	-.venv-frameworks/$*/bin/python -m pip install --quiet --requirement $< && touch $@

FRAMEWORKS := $(patsubst benchmarks/frameworks/%.txt,.venv-frameworks/%/.installed,$(wildcard benchmarks/frameworks/*.txt))
bench-pipeline: $(STAMP) $(FRAMEWORKS) ## Measure CPU and memory of a whole pipeline beside LlamaIndex, LangChain, Haystack and CocoIndex; needs INGEST_TEST_DATA
	$(BIN)/python -m benchmarks.frameworks.measure $(ARGS)

.venv-interop/.installed: tests/interop/requirements.txt pyproject.toml
	test -x .venv-interop/bin/python || $(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python -m pip install --quiet --requirement tests/interop/requirements.txt --editable . && touch $@

interop: $(STAMP) .venv-interop/.installed ## Read an index with the real LangChain, LlamaIndex and Haystack (docs/read-the-index.md)
	$(BIN)/python -m pytest tests/interop $(ARGS)

fuzz: $(STAMP) ## Parse and chunk 20,000 broken files; ARGS="--files 2000" fewer, INGEST_TEST_DATA adds real seeds
	$(BIN)/python -m benchmarks.fuzz $(ARGS)

faults: $(STAMP) ## Kill, break requests and change at random, for hours; ARGS="--kills 100 --seed 7" or --trials or --steps alone
	$(BIN)/python -m benchmarks.faults $(ARGS)

corruptions: $(STAMP) ## Corrupt points, vectors and files at random, 10,000 times; ARGS="--number 500 --seed 3" fewer
	$(BIN)/python -m benchmarks.corruptions $(ARGS)

formats: $(STAMP) ## Write the tables of real files in docs/formats.md again; ARGS="--save FILE" or "--against FILE": what changed in them; needs INGEST_TEST_DATA
	$(BIN)/python -m benchmarks.formats $(or $(ARGS),--write)

ray-test: $(STAMP) ## Run on a Ray cluster of two nodes, and kill workers, nodes and drivers (docs/scaling.md)
	RAY_TEST=1 $(BIN)/python -m pytest --timeout 900 tests/ray $(ARGS)

operate-test: $(STAMP) ## Operate two indexes in Prefect's UI, in a real browser (docs/prefect.md); needs Chromium
	$(BIN)/python -m pip install --quiet --requirement tests/operate/requirements.txt
	OPERATE_TEST=1 $(BIN)/python -m pytest tests/operate $(ARGS)

kept: $(STAMP) ## Write the table of what is kept, dropped and marked, format by format, in docs/formats.md again
	$(BIN)/python -m benchmarks.kept --write

formats-unstructured: .venv-legacy/.installed ## Measure unstructured beside our parsers (docs/formats.md); needs INGEST_TEST_DATA
	.venv-legacy/bin/python -m benchmarks.formats_unstructured --write $(ARGS)

wheel-test: ## Build the wheel, install it with all extras and with none outside of the checkout, run the main job there
	$(PYTHON) tests/wheel/check.py $(if $(KEEP),--keep)

terraform-check: ## Format, validate and test the Terraform modules; skips with a reason
	@PYTHON='$(PYTHON)' infra/terraform/check.sh

judged: $(STAMP) ## Anchor the judged questions of the demo again, after an edit in docs/ or of the lock
	$(BIN)/python -m demo.anchor

schemas: $(STAMP) ## Write the JSON Schemas again
	$(BIN)/python schemas/build.py

lock: ## Write requirements.lock again, from a clean environment
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install torch==2.13.0
	.venv-lock/bin/python -m pip install '.[all,dev]'
	sed -n '/^#/p' requirements.lock > .venv-lock/lock
	.venv-lock/bin/python -m pip list --format=freeze --exclude ingest --exclude pip --exclude setuptools > .venv-lock/frozen
	sed -E 's/\+[a-z0-9.]+$$//' .venv-lock/frozen >> .venv-lock/lock
	mv .venv-lock/lock requirements.lock
	.venv-lock/bin/python -m pip install --quiet '.[legacy]'
	sed -n '/^#/p' requirements-legacy.lock > .venv-lock/lock
	.venv-lock/bin/python -m pip list --format=freeze --exclude ingest --exclude pip --exclude setuptools > .venv-lock/frozen
	sed -E 's/\+[a-z0-9.]+$$//' .venv-lock/frozen | grep -vxFf requirements.lock >> .venv-lock/lock
	mv .venv-lock/lock requirements-legacy.lock
	rm -rf .venv-lock

clean: ## Remove caches, builds and what the demo left; the environment stays
	rm -rf .demo .venv-lock .venv-terraform build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
