# Everything a person types to start, try and test Gantry. `make help` lists it.

NODE := PATH="$(CURDIR)/node_modules/.bin:$$PATH" node
TEST_PACKAGES := docker.io docker-compose busybox-static iptables iproute2 procps bsdutils curl

# Options for `gantry up`, such as ARGS='--listen tcp://127.0.0.1:4000'.
ARGS :=
# Test files or globs; all when empty.
FILES :=

.PHONY: help install up check test test-engines test-node26 bench-gateway clean

help:
	@echo 'make up            start Gantry in front of the local Docker engine (ARGS=… goes to gantry up)'
	@echo 'make test          check and run every test, against a real dockerd too (FILES=… for some)'
	@echo 'make test-engines  the end-to-end tests against a current Docker Engine'
	@echo 'make test-node26   the unit tests under Node 26'
	@echo 'make bench-gateway the gateway beside HAProxy and nginx, into perf/results (15 minutes)'
	@echo 'make clean         remove what was installed and cached here'

install:
	@./gantry --install-only

# exec: Ctrl-C and SIGTERM reach the program itself, and make waits until it has cleaned up.
up: install
	@exec env $(NODE) scripts/up.ts $(ARGS)

check: install
	@$(NODE) node_modules/.bin/biome check .
	@$(NODE) node_modules/.bin/tsc --noEmit

test: check
	@scripts/debian-packages.sh $(TEST_PACKAGES)
	@$(NODE) scripts/test.ts $(FILES)

test-engines: install
	@scripts/debian-packages.sh $(TEST_PACKAGES) debootstrap
	@root=$$(scripts/current-engine.sh) && GANTRY_TEST_ROOT=$$root $(NODE) scripts/test.ts $(or $(FILES),'test/e2e/*.test.ts')

test-node26: install
	@node=$$(scripts/node26.sh) && "$$node" --test 'src/**/*.test.ts' 'test/house/*.test.ts'

bench-gateway: install
	@$(MAKE) --no-print-directory -C perf/gateway

clean:
	rm -rf node_modules .cache .gantry dist
