# synfin: make demo, make test. `make help` lists the rest.

include packaging/install.mk

.DEFAULT_GOAL := release
.PHONY: help setup demo test lint fmt unit bench drift browser-test fuzz pictures conformance clean

release: setup

help:
	@echo "make demo        a real TCP connection and a UDP exchange, made, captured and explained"
	@echo "make test        format, lints, licences, every test"
	@echo "make lint        only format, lints and licences"
	@echo "make release     the program, manual pages and completions"
	@echo "make install     into PREFIX ($(PREFIX)); then 'make setcap' to capture without sudo"
	@echo "make bench       speed and memory beside other programs, into docs/performance.md"
	@echo "make drift       instructions a packet of the hot path, beside the baseline"
	@echo "make browser-test  a part of make test: the HTML report and the pictures in headless Chromium"
	@echo "make fuzz        every fuzz target, FUZZ_SECONDS ($(FUZZ_SECONDS)) each"
	@echo "make pictures    the pictures of the README, into docs/pictures"
	@echo "make conformance every capture of the conformance corpus, if it is beside this checkout"
	@echo "make deb         a Debian package"

# What building takes: libpcap's headers and a Rust toolchain.
setup:
	@packaging/setup.sh

demo: setup
	$(CARGO) build --release --locked
	$(BINARY) lab run tcp-basic
	@echo
	$(BINARY) lab run udp-basic

test: setup lint unit browser-test

lint: setup fmt
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	    $(CARGO) deny --locked check licenses bans sources; \
	else echo "licences: skipped, cargo-deny is not installed (cargo install cargo-deny)"; fi

fmt: setup
	$(CARGO) fmt --check

unit: setup
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    $(CARGO) nextest run --locked --lib --bins --tests && $(CARGO) test --locked --doc; \
	else $(CARGO) test --locked --lib --bins --tests && $(CARGO) test --locked --doc; fi

# Some of it takes long: each step can be run alone, as benches/compare/main.rs says.
bench: setup
	$(CARGO) build --release --locked --bins --example generate --example live
	$(CARGO) bench --locked --bench compare -- --write docs/performance.md
	$(CARGO) bench --locked --bench compare -- --figures --write docs/performance.md
	$(CARGO) bench --locked --bench compare -- --growth --write docs/performance.md
	@if [ "$$(id -u)" = 0 ]; then $(BUILT)/release/examples/live; \
	else echo "live rates: skipped, they need root (sudo $(BUILT)/release/examples/live)"; fi
	$(MAKE) drift

# Instructions a packet of decode, track and the readers, beside benches/instructions.json.
drift: setup
	$(CARGO) run --release --locked --example drift

# The report and the pictures in a real browser; says SKIPPED, and why, where there is none.
browser-test: setup
	tests/browser/run.sh

FUZZ_SECONDS ?= 60
fuzz: setup
	fuzz/run.sh $(FUZZ_SECONDS)

# The README's, in docs/pictures; they are kept, so look at them before you commit them.
pictures: setup
	$(CARGO) build --release --locked
	docs/pictures.sh $(BINARY)

CORPUS ?= ../shared/conformance
conformance: setup
	$(CARGO) build --release --locked
	@if [ -f $(CORPUS)/run.py ]; then \
	    python3 $(CORPUS)/run.py $(BINARY) --out target/conformance -- --show 30; \
	else echo "conformance: skipped, there is no $(CORPUS)"; fi

clean:
	$(CARGO) clean
