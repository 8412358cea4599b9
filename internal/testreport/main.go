// Command testreport reads what "go test -json" writes and prints what a reader
// wants of it: a line for each package, all that a failed test wrote, the slowest
// tests, and each test that was left out, with the reason.
//
//	go test -json ./... | testreport [-slowest n]
//
// It is a page of code instead of gotestsum: so "make test" needs nothing that
// the tests do not need, and waits for no other program to be built.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	slowest := flag.Int("slowest", 0, "list this many of the slowest tests of each package")
	flag.Parse()
	// An interrupt ends "go test", whose last words are still to be read.
	signal.Ignore(os.Interrupt)
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	r.writeSlowest(*slowest)
	r.writeSkipped()
}
