package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom"
)

// surface is the coverage of Zoom's answers by the graph.
type surface struct {
	operations int      // rows of the table
	bodiless   int      // those of them that answer without a body
	missing    []string // required operations without a row
	paging     int      // fields about pages, which are not counted below

	served     []servedLeaf
	leftOut    []leftLeaf
	undeclared []string // coordinates that lack @deprecated
	unused     []reason
}

type servedLeaf struct {
	op, path    string
	coordinates []string
}

type leftLeaf struct{ op, path, why string }

func newSurface(schema *ast.Schema, shapes map[string]*operation, seeds []string) *surface {
	s := &surface{missing: missing(seeds)}
	fresh := map[string]bool{} // coordinates that serve something that is not deprecated
	old := map[string]field{}
	used := map[reason]bool{}
	for _, spec := range zoom.Specs() {
		w, leaves := newWalker(schema, spec), answers(shapes, spec.Method(), spec.Paths())
		s.operations++
		if len(leaves) == 0 {
			s.bodiless++
		}
		for _, l := range leaves {
			fields := w.serve(l.path)
			switch {
			case isPaging(l.path):
				s.paging++
				continue
			case len(fields) == 0:
				r := reasonFor(spec.Pattern, l.path)
				used[r] = true
				s.leftOut = append(s.leftOut, leftLeaf{spec.Pattern, l.path, r.why})
			default:
				s.served = append(s.served, servedLeaf{spec.Pattern, l.path, coordinates(fields)})
			}
			for _, f := range fields {
				if l.deprecated {
					old[f.String()] = f
				} else {
					fresh[f.String()] = true
				}
			}
		}
	}
	for name, f := range old {
		if !fresh[name] && !f.old {
			s.undeclared = append(s.undeclared, name)
		}
	}
	slices.Sort(s.undeclared)
	s.unused = slices.DeleteFunc(slices.Clone(reasons), func(r reason) bool { return used[r] })
	return s
}

// missing returns the required operations without a row.
func missing(seeds []string) []string {
	known := map[string]bool{}
	for _, spec := range zoom.Specs() {
		for _, path := range spec.Paths() {
			known[spec.Method()+" "+path] = true
		}
	}
	return slices.DeleteFunc(seeds, func(op string) bool { return known[op] })
}

func coordinates(fields []field) []string {
	var list []string
	for _, f := range fields {
		list = append(list, f.String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// share returns the part of the fields that callers can select.
func (s *surface) share() float64 {
	return float64(len(s.served)) / float64(max(1, len(s.served)+len(s.leftOut)))
}

// print writes the figures and the fields that are left out, and with all every field.
func (s *surface) print(w io.Writer, all bool) {
	if all {
		for _, l := range s.served {
			fmt.Fprintf(w, "%s\t%s\t%s\n", l.op, l.path, strings.Join(l.coordinates, " "))
		}
	}
	for _, l := range s.leftOut {
		why := l.why
		if why == "" {
			why = "?"
		}
		fmt.Fprintf(w, "%s: %s is left out: %s\n", l.op, l.path, why)
	}
	if len(s.missing) > 0 {
		fmt.Fprintf(w, "%d required operations have no row: %s\n", len(s.missing), strings.Join(s.missing, ", "))
	}
	fmt.Fprintf(w, "%d operations, reads and writes, %d of them without an answer's body\n", s.operations, s.bodiless)
	fmt.Fprintf(w, "%d response fields, and %d more about pages, which are arguments and pageInfo here\n", len(s.served)+len(s.leftOut), s.paging)
	fmt.Fprintf(w, "%d can be selected (%.2f %%), %d are left out\n", len(s.served), 100*s.share(), len(s.leftOut))
}
