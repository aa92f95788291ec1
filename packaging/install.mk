# Building, installing and packaging. Included by the Makefile.
#
#   make && sudo make install PREFIX=/usr/local
#   sudo make setcap            capture without sudo (every user of this machine can then)
#   make deb                    target/debian/synfin_*.deb

PREFIX    ?= /usr/local
DESTDIR   ?=
CARGO     ?= cargo
BUILT     := $(or $(CARGO_TARGET_DIR),target)
BINARY    := $(BUILT)/release/synfin
PACKAGE   := target/package
BINDIR    := $(DESTDIR)$(PREFIX)/bin
SHAREDIR  := $(DESTDIR)$(PREFIX)/share

.PHONY: release install uninstall setcap deb test-deb reproducible deny

release:
	$(CARGO) build --release --locked
	rm -rf $(PACKAGE) && mkdir -p $(PACKAGE)/completions
	$(BINARY) man $(PACKAGE)/man
	gzip -9n $(PACKAGE)/man/*.1
	$(BINARY) completions bash > $(PACKAGE)/completions/synfin
	$(BINARY) completions zsh > $(PACKAGE)/completions/_synfin
	$(BINARY) completions fish > $(PACKAGE)/completions/synfin.fish

# Builds only when nothing was built: `sudo make install` after `make` runs no compiler as root.
$(PACKAGE):
	$(MAKE) release

install: | $(PACKAGE)
	install -Dm755 $(BINARY) $(BINDIR)/synfin
	install -d $(SHAREDIR)/man/man1
	rm -f $(SHAREDIR)/man/man1/synfin.1.gz $(SHAREDIR)/man/man1/synfin-*.1.gz
	install -m644 -t $(SHAREDIR)/man/man1 $(PACKAGE)/man/*.1.gz
	install -Dm644 $(PACKAGE)/completions/synfin $(SHAREDIR)/bash-completion/completions/synfin
	install -Dm644 $(PACKAGE)/completions/_synfin $(SHAREDIR)/zsh/site-functions/_synfin
	install -Dm644 $(PACKAGE)/completions/synfin.fish $(SHAREDIR)/fish/vendor_completions.d/synfin.fish

uninstall:
	rm -f $(BINDIR)/synfin $(SHAREDIR)/man/man1/synfin.1.gz $(SHAREDIR)/man/man1/synfin-*.1.gz
	rm -f $(SHAREDIR)/bash-completion/completions/synfin
	rm -f $(SHAREDIR)/zsh/site-functions/_synfin
	rm -f $(SHAREDIR)/fish/vendor_completions.d/synfin.fish

setcap:
	setcap cap_net_raw+ep $(BINDIR)/synfin

deb: release
	$(CARGO) deb --no-build --locked

test-deb: deb
	packaging/test-deb.sh $$(ls -t $(BUILT)/debian/synfin_*.deb | head -n 1)

reproducible:
	packaging/reproducible.sh

deny:
	$(CARGO) deny --locked check licenses bans sources
