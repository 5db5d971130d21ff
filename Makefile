# What a developer runs. `make check` is the gate; CI runs it by .ci/run.

GO ?= go

.PHONY: check test race module bench-check bench bench-micro soak fuzz fmt

# check is everything that must hold before a change lands.
check:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	@fix="$$($(GO) fix -diff ./...)" && test -z "$$fix" || { echo "go fix would change:"; echo "$$fix"; exit 1; }
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(MAKE) bench-check
	$(MAKE) module
	$(MAKE) race

# test is the README's test command, race the same with the race detector and in random order.
test:
	$(GO) test ./...

race:
	$(GO) test -race -shuffle=on -count=1 ./...

# bench measures contactrelay beside its peers, for half an hour on a machine that does nothing else, and writes the tables
# and the picture. BENCH has more flags: BENCH='-short' shows that all works, BENCH='-only hot -alone' runs one workload.
BENCH ?= -results results.json -picture measured.svg -full measured.md -readme ../README.md
bench:
	$(GO) -C bench run . $(BENCH)

# bench-micro measures single steps, for benchstat: make bench-micro > new.txt, and the same at the commit before.
bench-micro:
	$(GO) test -run '^$$' -bench . -count=6 ./messages ./ordering ./worker

# bench-check checks the benchmark, which is a module of its own.
bench-check:
	$(GO) -C bench vet ./...
	cd bench && $(GO) tool -modfile ../go.mod staticcheck ./...
	$(GO) -C bench mod tidy -diff
	$(GO) -C bench test -short ./...

# module is what must hold of the Terraform module. Whether Google's provider takes it, and what the module's own tests
# say, shows where TF_PLUGIN_DIR is a folder of plugins with the provider.
MODULES = terraform terraform/examples/delegation terraform/examples/tokens
module:
	@if command -v terraform >/dev/null; then terraform fmt -check -diff -recursive terraform; \
	else echo "terraform is not installed: terraform fmt was not run" >&2; fi
	@for module in $(MODULES); do \
		$(GO) tool -modfile=tools.mod tflint --chdir=$$module --config=$(CURDIR)/terraform/.tflint.hcl || exit 1; \
	done
	@if [ -z "$(TF_PLUGIN_DIR)" ]; then \
		echo "TF_PLUGIN_DIR is not set: terraform init, validate and test were not run" >&2; exit; \
	fi; \
	copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && cp -r terraform "$$copy" && cd "$$copy" && \
	for module in $(MODULES); do \
		terraform -chdir=$$module init -backend=false -input=false -plugin-dir="$(abspath $(TF_PLUGIN_DIR))" && \
		terraform -chdir=$$module validate || exit 1; \
	done && \
	terraform -chdir=terraform test

# soak is what takes too long for check: bulk imports at full size, measured, so one package after the other.
soak:
	$(GO) test -tags soak -run Soak -count=1 -v -p 1 -timeout 60m ./cmd/contactrelay ./worker

# fuzz runs every fuzz target for a minute.
FUZZTIME ?= 1m
fuzz:
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

# fmt rewrites what check would complain about.
fmt:
	gofmt -w .
	$(GO) fix ./...
	terraform fmt -recursive terraform
