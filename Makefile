# Everything runs in .venv, which is made on first use and renewed when the dependencies change.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PAGES := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md $(wildcard docs/*.md docs/*/*.md)

.PHONY: demo test test-arm fuzz kill-campaign check format docs site release-check lock clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev,docs]'
	touch $@

# The main job in small, some eight minutes: distil a game, export the student, watch it; then one trained for longer.
demo: $(READY)
	@BIN=$(BIN) sh benchmarks/demo.sh

# A file to each core: the tests of a file share what they train and export. A process takes up to 1.5 GB of memory.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# The same play on emulated processors: Cortex-A53, A72, A76, and x86 without VNNI. Takes minutes and Debian's packages
# fakeroot, mmdebstrap, proot and qemu-user-static.
test-arm: $(READY)
	$(BIN)/python -m pytest -vv --durations=0 --durations-min=1 tests/arm

# Of every night, hours each: 100,000 students that nobody exported; 100 kills at random moments, a full disk and a
# read-only folder (these two need root, for mounts).
SEED ?= 0
fuzz: $(READY)
	$(BIN)/python benchmarks/fuzz.py --cases 100000 --seed $(SEED)

kill-campaign: $(READY)
	$(BIN)/python benchmarks/kill_campaign.py --kills 100 --seed $(SEED)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell $(PAGES) edgedistill benchmarks examples export
	$(BIN)/proselint check $(PAGES)

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the documentation takes from the code and from the shipped students.
docs: $(READY)
	$(BIN)/python docs/generate.py

# The documentation as a site in build/site; a warning, such as a link to nowhere, is an error.
site: $(READY)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --builder dirhtml docs build/site

# The packages: built, looked into, and installed into fresh environments. Minutes, most of them torch's installation.
release-check: $(READY)
	$(BIN)/python .ci/release_check.py

# The versions and hashes of what a board installs: after a change of the base dependencies, or to renew them.
lock: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv --quiet pip compile pyproject.toml -c constraints.txt --universal --python-version 3.11 \
		--fork-strategy fewest --only-binary :all: --upgrade --no-config --format pylock.toml -o export/lock/pylock.toml
	$(BIN)/python .ci/lock_licences.py

clean:
	rm -rf .venv demo build dist *.egg-info
