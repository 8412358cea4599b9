package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is a line of "go test -json": see "go doc test2json".
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64 // in seconds
	Output  string
}

// result is a test that has ended.
type result struct {
	name    string
	seconds float64
	output  string
}

// run is the run of a package's tests.
type run struct {
	name    string
	output  strings.Builder             // of the package itself
	tests   map[string]*strings.Builder // what the tests wrote that have not ended
	ended   []result                    // tests, without subtests
	skipped []result
}

// report is what was read so far.
type report struct {
	w    io.Writer
	runs map[string]*run
	done []*run // in the order of their ends
}

func newReport(w io.Writer) *report { return &report{w: w, runs: map[string]*run{}} }

// read reads events up to the end. A line that is none is printed as it is.
func (r *report) read(in io.Reader) error {
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			r.take(e)
		} else {
			r.print(string(line))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.runs)) { // "go test" was interrupted
		r.end(r.runs[name], "fail")
	}
	return nil
}

func (r *report) take(e event) {
	if e.Action == "build-output" {
		r.print(e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := r.runs[e.Package]
	if p == nil {
		p = &run{name: e.Package, tests: map[string]*strings.Builder{}}
		r.runs[e.Package] = p
	}
	switch e.Action {
	case "output":
		p.write(e)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.end(p, e.Action)
			return
		}
		ended := p.end(e)
		if e.Action == "fail" {
			r.print(ended.output)
		}
	}
}

func (r *report) print(text string) { _, _ = io.WriteString(r.w, text) }

// end prints the line of a package, and for one that has failed all that is not
// printed yet.
func (r *report) end(p *run, action string) {
	delete(r.runs, p.name)
	r.done = append(r.done, p)
	if action == "fail" {
		for _, name := range slices.Sorted(maps.Keys(p.tests)) {
			r.print(p.tests[name].String())
		}
		r.print(p.output.String())
		return
	}
	for line := range strings.Lines(p.output.String()) {
		if strings.HasPrefix(line, "ok  \t") {
			r.print(line)
		}
	}
}

// framing is what "go test -v" writes around the output of tests.
var framing = regexp.MustCompile(`^=== (RUN|PAUSE|CONT|NAME) `)

func (p *run) write(e event) {
	if e.Test == "" {
		p.output.WriteString(e.Output)
		return
	}
	if p.tests[e.Test] == nil {
		p.tests[e.Test] = &strings.Builder{}
	}
	if !framing.MatchString(e.Output) {
		p.tests[e.Test].WriteString(e.Output)
	}
}

// end notes the end of a test.
func (p *run) end(e event) result {
	ended := result{name: e.Test, seconds: e.Elapsed}
	if written := p.tests[e.Test]; written != nil {
		ended.output = written.String()
		delete(p.tests, e.Test)
	}
	if e.Action == "skip" {
		p.skipped = append(p.skipped, ended)
	}
	if !strings.Contains(e.Test, "/") {
		p.ended = append(p.ended, result{name: e.Test, seconds: e.Elapsed})
	}
	return ended
}

// writeSlowest lists the slowest tests of each package, where they take a time that
// can be told.
func (r *report) writeSlowest(n int) {
	for _, p := range r.done {
		slices.SortStableFunc(p.ended, func(a, b result) int { return cmp.Compare(b.seconds, a.seconds) })
		for i, t := range p.ended[:min(n, len(p.ended))] {
			if t.seconds == 0 {
				break
			}
			if i == 0 {
				fmt.Fprintf(r.w, "slowest of %s:\n", p.name)
			}
			fmt.Fprintf(r.w, "%8.2f s  %s\n", t.seconds, t.name)
		}
	}
}

// place is where a message of a test was written.
var place = regexp.MustCompile(`^\s*\w+\.go:\d+: `)

// writeSkipped lists the tests that did not run, with their reasons.
func (r *report) writeSkipped() {
	for _, p := range r.done {
		for _, t := range p.skipped {
			var reason []string
			for line := range strings.Lines(t.output) {
				if line = place.ReplaceAllString(line, ""); !strings.HasPrefix(strings.TrimSpace(line), "--- SKIP: ") {
					reason = append(reason, strings.TrimSpace(line))
				}
			}
			fmt.Fprintf(r.w, "LEFT OUT: %s %s: %s\n", p.name, t.name, strings.Join(reason, " "))
		}
	}
}
