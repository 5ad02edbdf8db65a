# `make demo` shows what there is, `make test` passes all tests; both set everything up by themselves.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TOOLS = .tools/bin
WORKERS ?= 2
ROUNDS ?= 14
SEED ?= $(shell date +%s)

.PHONY: help setup demo test test-slow s3-server age tools conformance soak check format docs bench bench-daemon bench-offsite bench-tiny \
	lock clean

help:
	@echo "make demo    show backups, the daemon, restores and a bucket at work, in a sandbox, in under a minute"
	@echo "make test    the tests (under five minutes on two cores)"
	@echo "make test-slow  those that take longer: whole lives of tables, crashes in each step, the demo, the benchmarks"
	@echo "make s3-server  build versitygw: without it, tests against a real S3 server are skipped (some minutes, needs Go)"
	@echo "make tools   the same, with age and rclone (needs Go)"
	@echo "make conformance    the whole life of many tables, on a node of yours or the sandbox: docs/conformance.md"
	@echo "make soak    10,000 runs in one process: memory and open files stay level (some hours)"
	@echo "make check   ruff, mypy --strict, import-linter"
	@echo "make docs    write docs/settings.md anew from the settings' models"
	@echo "make bench   speed and memory beside tar, pigz and zstd (some minutes)"
	@echo "make bench-daemon  its start, idle memory and CPU, own time for each of 1,000 tables (some minutes)"
	@echo "make bench-offsite  backups into a bucket beside rclone and restic, and with nothing new (needs make s3-server)"
	@echo "make lock    write the lock files anew from pyproject.toml"

setup: $(VENV)/.installed

# The lock files pin every package with its hashes; nothing else is ever installed. The package itself is
# installed without dependencies and without an isolated build, so that its build tool is pinned as well.
$(VENV)/.installed: pyproject.toml requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/alternator-backup demo

test: setup
	$(BIN)/python -m pytest -n $(WORKERS)

test-slow: setup
	$(BIN)/python -m pytest -n $(WORKERS) -m slow

# Each program is built from its module at a fixed version, whose checksum Go's own database vouches for.
s3-server: $(TOOLS)/versitygw
age: $(TOOLS)/age $(TOOLS)/age-keygen
tools: s3-server age $(TOOLS)/rclone

$(TOOLS)/versitygw: MODULE = github.com/versity/versitygw/cmd/versitygw@v1.8.0
$(TOOLS)/age: MODULE = filippo.io/age/cmd/age@v1.3.2
$(TOOLS)/age-keygen: MODULE = filippo.io/age/cmd/age-keygen@v1.3.2
$(TOOLS)/rclone: MODULE = github.com/rclone/rclone@v1.76.0
$(TOOLS)/%:
	@if command -v go >/dev/null; then \
		echo "building $(MODULE)"; GOBIN="$(CURDIR)/$(TOOLS)" CGO_ENABLED=0 go install $(MODULE); \
	else \
		echo "Go isn't installed, so $* isn't built: tests that need it are skipped"; \
	fi

conformance: setup
	ALTERNATOR_BACKUP_TEST_ROUNDS=$(ROUNDS) ALTERNATOR_BACKUP_TEST_SEED=$(SEED) \
		$(BIN)/python -m pytest -n $(WORKERS) --timeout 600 -m slow tests/conformance/test_life_*.py

# The allocator as the systemd unit has it: what freed memory it keeps for each thread is none of the daemon's doing.
soak: setup
	MALLOC_ARENA_MAX=2 ALTERNATOR_BACKUP_TEST_RUNS=10000 $(BIN)/python -m pytest -m slow tests/faults/test_many_runs.py --timeout 0

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m daemon.settings_page > docs/settings.md

bench: setup
	$(BIN)/python benchmarks/archive.py
	$(BIN)/python benchmarks/restore.py

bench-daemon: setup
	$(BIN)/python benchmarks/daemon.py

bench-offsite: setup
	$(BIN)/python benchmarks/offsite.py

bench-tiny: setup
	$(BIN)/python benchmarks/archive.py --size 4MiB --pairs 1
	$(BIN)/python benchmarks/restore.py --size 4MiB --pairs 1
	$(BIN)/python benchmarks/offsite.py --size 4MiB --sstables 4 --unchanged 20 --pairs 1

lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--extra encrypt pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--extra sandbox --extra encrypt --group dev pyproject.toml --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis
