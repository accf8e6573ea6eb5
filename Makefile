# Short names for what one does in this workspace; `make` alone lists them. Everything here is cargo or a script
# that can be called by hand.
#
# RocksDB's C++ is the one slow thing: about 15 minutes on 2 cores, once. tools/build/cxx keeps its objects in
# ~/.cache/annuli, and tools/setup/with-heartbeat says how far it is.

.DEFAULT_GOAL := help
.PHONY: help setup etcd s3 demo test jina qdrant frameworks lint console python openapi deploy-check package crash-loop rolling chaos simulate fuzz bench compare micro counts nightly clean

# Where nobody watches, the lock file is the truth, and there is no second build to be incremental for.
ifneq ($(CI),)
LOCKED := --locked
export CARGO_INCREMENTAL := 0
endif

HEARTBEAT := tools/setup/with-heartbeat
FORMAT := cargo fmt --check
CLIPPY := $(HEARTBEAT) cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings
DOC := RUSTDOCFLAGS=-Dwarnings $(HEARTBEAT) cargo doc $(LOCKED) --workspace --no-deps

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what cargo cannot bring along (C++ compiler, libclang, protoc), if it is missing
	@tools/setup/system-packages

etcd: setup
	@tools/setup/etcd

s3:
	@tools/setup/s3

demo: setup ## build the service, fill it with the shipped packages, search them
	@echo "Building annuli. The first build of RocksDB's C++ takes about 15 minutes on 2 cores and is kept in ~/.cache/annuli."
	$(HEARTBEAT) cargo build $(LOCKED) --release -p annuli --bin annuli
	@tools/demo/run

# Cheap truths first: form, then what builds without C++ (the default members, tidy rules among them), then the rest.
test: etcd s3 ## everything that must hold: format, tests, lints, docs
	$(FORMAT)
	cargo test $(LOCKED)
	$(HEARTBEAT) cargo test $(LOCKED) --workspace
	$(CLIPPY)
	$(DOC)
	cargo run $(LOCKED) --release -p annuli-benches -- compare --smoke
	cargo run $(LOCKED) --release -p annuli-benches -- compare --smoke --only dumps,scaling,rollouts,slow-clients \
		--program "$${CARGO_TARGET_DIR:-target}/debug/annuli" --out target/benches/operated

jina: setup ## run an unmodified jina.Client of PyPI, with old and new documents, against the service
	LOCKED=$(LOCKED) tests/clients/run jina

qdrant: setup ## run unmodified qdrant-clients of PyPI against the service, beside their own memory
	LOCKED=$(LOCKED) tests/clients/run qdrant

frameworks: setup ## run LangChain, LlamaIndex, Haystack and VectorDBBench of PyPI, as docs/migrating.md has them
	LOCKED=$(LOCKED) tests/clients/run frameworks

lint: setup ## format, tidy rules, clippy, docs; licences and bans if cargo-deny is installed
	$(FORMAT)
	cargo xtask tidy
	$(CLIPPY)
	$(DOC)
	@if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; else echo "skipped: cargo-deny is not installed"; fi

# The debug build: what is tried is what it says, not how fast it is.
deploy-check: setup ## check what is under deploy/: charts, manifests, image, unit; dashboards and alerts on a real Prometheus
	$(HEARTBEAT) cargo build $(LOCKED) -p annuli --bin annuli
	@prometheus=$$(tools/setup/prometheus) && tools=$$(tools/setup/deploy) && annuli=$$(realpath "$${CARGO_TARGET_DIR:-target}/debug/annuli") && \
		deploy/check/files "$$annuli" "$$prometheus" "$$tools" && deploy/check/live.py "$$annuli" "$$prometheus"

package: export PROFILE ?= release
package: setup ## build the Debian package (target/package/annuli.deb); as root, install, start and remove it over a layer
	$(HEARTBEAT) cargo build $(LOCKED) -p annuli --bin annuli $(if $(filter release,$(PROFILE)),--release)
	@CARGO_DEB=$$(tools/setup/cargo-deb) deploy/package/build $$PROFILE
	@if [ "$$(id -u)" -eq 0 ]; then deploy/check/package target/package/annuli.deb; else echo "not tried, for want of root: deploy/check/package target/package/annuli.deb"; fi
console: setup ## try the console in a real browser, each page and action; needs Node.js 20
	$(HEARTBEAT) cargo build $(LOCKED) -p annuli --bin annuli
	@tools/console/check

# A server that is there is good enough: ANNULI_PROGRAM names another one.
python: ## test the Python package against a real server; what it needs comes from PyPI into target/python
	@[ -n "$$ANNULI_PROGRAM" ] || [ -x target/release/annuli ] || [ -x target/debug/annuli ] || \
		{ tools/setup/system-packages && $(HEARTBEAT) cargo build $(LOCKED) -p annuli --bin annuli; }
	@clients/python/check

crash-loop: export ANNULI_CRASHES ?= 200
crash-loop: setup ## kill the service ANNULI_CRASHES times (200) and check that nothing acknowledged is lost
	$(HEARTBEAT) cargo test $(LOCKED) --release -p annuli-tests --test it crash_loop -- --nocapture

rolling: export ANNULI_ROLLOUTS ?= 20
rolling: export ANNULI_SEARCHES ?= 200000
rolling: etcd ## dump and roll out ANNULI_ROLLOUTS times (20) under ANNULI_SEARCHES searches (200000): none may fail
	$(HEARTBEAT) cargo test $(LOCKED) --release -p annuli-tests --test it cluster::rolling -- --nocapture

chaos: export ANNULI_KILLS ?= 100
chaos: etcd ## kill processes of a cluster ANNULI_KILLS times (100) while it is dumped and rolled out
	$(HEARTBEAT) cargo test $(LOCKED) --release -p annuli-tests --test it cluster::chaos -- --nocapture

simulate: export ANNULI_SEEDS ?= 20000
simulate: ## live ANNULI_SEEDS (20,000) clusters in simulated time, and check what they promise; needs no C++
	cargo test $(LOCKED) --release -p annuli-sim -- --nocapture

openapi: export ANNULI_EXAMPLES ?= 40
openapi: setup ## ask a server for all that its OpenAPI document has, by schemathesis (installed from PyPI): none may fail
	$(HEARTBEAT) cargo build $(LOCKED) -p annuli --bin annuli
	@tools/openapi/run

# The compiler is the pinned one; instrumenting code is all that it is asked for beyond what is stable.
fuzz: export ANNULI_FUZZ_SECONDS ?= 600
fuzz: export RUSTC_BOOTSTRAP := 1
fuzz: setup ## open and search forged segments for ANNULI_FUZZ_SECONDS (600); needs cargo-fuzz
	@mkdir -p target/fuzz/corpus target/fuzz/findings
	cd indexer/core && cargo fuzz run --target-dir ../../target/fuzz open_segment ../../target/fuzz/corpus -- \
		-max_total_time=$$ANNULI_FUZZ_SECONDS -max_len=48 -len_control=0 -rss_limit_mb=2048 -malloc_limit_mb=512 \
		-artifact_prefix=../../target/fuzz/findings/

bench: setup ## measure recall, latency and throughput of the service
	$(HEARTBEAT) cargo build $(LOCKED) --release -p annuli --bin annuli
	cargo run $(LOCKED) --release -p annuli-benches -- run

# Everything, which nothing is begun of after 4 hours (--minutes). With COMPARE one chooses parts, data sets, peers,
# rounds, such as COMPARE='--only growth'; see `annuli-benches compare --help`.
COMPARE ?= --large

compare: setup ## measure engine and service beside their peers and limits: tables, JSON, a page with drawings
	$(HEARTBEAT) cargo build $(LOCKED) --release -p annuli --bin annuli
	cargo run $(LOCKED) --release -p annuli-benches -- compare $(COMPARE)

micro: ## measure kernels and graph alone; needs no C++
	cargo run $(LOCKED) --release -p annuli-micro

counts: ## count instructions of kernels, a search and a merge against benches/micro/counts.json; needs valgrind
	cargo run $(LOCKED) --release -p annuli-micro -- counts

nightly: counts fuzz crash-loop rolling chaos simulate ## what takes too long for every change: counts, fuzz, crash-loop, rolling, chaos, simulate

clean: ## delete build output; RocksDB's objects stay in ~/.cache/annuli
	cargo clean
