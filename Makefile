# What a developer runs. `make check` is the gate; CI runs it by .ci/run.

GO ?= go

.PHONY: check test race soak fuzz fmt

# check is everything that must hold before a change lands.
check:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	@fix="$$($(GO) fix -diff ./...)" && test -z "$$fix" || { echo "go fix would change:"; echo "$$fix"; exit 1; }
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(MAKE) race

# test is the README's test command, race the same with the race detector and in random order.
test:
	$(GO) test ./...

race:
	$(GO) test -race -shuffle=on -count=1 ./...

# soak is what takes too long for check: bulk imports at full size, measured.
soak:
	$(GO) test -tags soak -run Soak -count=1 -v -timeout 60m ./cmd/contactrelay ./worker

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
