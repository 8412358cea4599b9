# Everything a developer types. CI types "bash .ci/run", which is made of these.

.PHONY: help run build test long bench plan day pgo chaos generate surface check-generated lint playground clients
MAKEFLAGS += --no-print-directory

help: ## list what make can do
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

# What does not hold the playground is built while npm fetches it.
run: ## start the gateway (on the sandbox, unless configured)
	@go build -buildvcs=false ./graph ./cache 2>/dev/null & $(MAKE) playground; failed=$$?; wait; exit $$failed
	@internal/scripts/announce "building the gateway; the first time takes two minutes or so" \
		go build -buildvcs=false -ldflags '-s -w' -o bin/run/zoomql .
	@exec bin/run/zoomql

build: playground ## build the gateway as bin/zoomql
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -pgo internal/bench/gateway.pgo -o bin/zoomql .

test: playground ## install what the tests need, and run them all
	@internal/scripts/test

long: ## run the tests that go by chance at their full sizes (about an hour)
	@internal/scripts/long

plan: ## hold what is chosen against the cheapest way, and prices against costs (about an hour)
	go test ./graph -run '^(TestNearOptimum|TestPriceIsABound|TestPriceByCacheIsClose)$$' -v -timeout 3h -optima 10000 -priced 20000

clients: build ## run real clients and tools against the gateway (needs Node.js)
	@internal/clients/run bin/zoomql

bench: ## measure calls, round trips and CPU against their bounds
	go run ./internal/bench

# A test binary, since time can be simulated in tests alone.
day: ## count the calls of a day of 10,000 users, in simulated time (half an hour or so)
	@go test -c -o bin/day.test ./internal/day
	@bin/day.test -test.run '^TestDay$$' -test.timeout 3h -day.users 10000

pgo: ## write anew the profile that the gateway is compiled by
	go run ./internal/bench -pgo internal/bench/gateway.pgo

chaos: ## break Redis and replicas under load, and hold what happens against what is asked
	@internal/scripts/need redis-server
	go -C internal/chaos run .

generate: ## write the generated code anew
	go generate ./...

surface: ## say how much of Zoom's answers can be selected (needs ../shared)
	go run ./internal/surface

check-generated: ## fail if the generated code is not what the schema says
	@internal/scripts/check-generated

lint: bin/golangci-lint ## gofmt and golangci-lint
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
		test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	bin/golangci-lint run ./...
	cd internal/chaos && ../../bin/golangci-lint run ./...

playground: internal/playground/dist/.built ## bundle GraphiQL (needs Node.js)

# A module of its own, so that the linter's 200 requirements are not the gateway's.
bin/golangci-lint: internal/tools/go.mod
	@echo "building golangci-lint; the first time takes two minutes or so"
	@go -C internal/tools build -o $(CURDIR)/bin/ tool
	@touch $@

web := internal/playground/web
internal/playground/dist/.built: $(web)/package-lock.json $(web)/build.mjs $(wildcard $(web)/src/*)
	@internal/scripts/playground
