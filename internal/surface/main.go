// Command surface measures how much of Zoom's answers the graph covers: which fields of
// the documented answers of each operation can be selected, and which are left out and
// why.
//
// It reads shapes, which are Zoom's documents reduced to names and types, and follows
// each of their fields through the Go type that the operation's answer is decoded into,
// by its JSON names, to the field of the schema that serves it. Run it from the
// module's root:
//
//	go run ./internal/surface
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"zoomql/internal/operations"
)

// minShare is the share of fields below which the command fails.
const minShare = 0.98

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "surface:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("surface", flag.ContinueOnError)
	shapes := flags.String("shapes", "../shared/zoom/shapes", "folder of the documented shapes")
	list := flags.String("operations", "../shared/zoom/operations.tsv", "the list of operations, with those that are required")
	schema := flags.String("schema", "graph/schema", "folder of the schema")
	every := flags.Bool("all", false, "list every field and what serves it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := measure(*schema, *shapes, *list)
	if err != nil {
		return err
	}
	s.print(stdout, *every)
	return s.verdict()
}

// measure reads the documents and the schema, and walks.
func measure(schemaDir, shapesDir, list string) (*surface, error) {
	schema, err := operations.Schema(schemaDir)
	if err != nil {
		return nil, err
	}
	shapes, err := readShapes(shapesDir)
	if err != nil {
		return nil, err
	}
	seeds, err := readSeeds(list)
	if err != nil {
		return nil, err
	}
	return newSurface(schema, shapes, seeds), nil
}

// verdict returns an error for each expectation that is not met.
func (s *surface) verdict() error {
	var errs []error
	if s.share() < minShare {
		errs = append(errs, fmt.Errorf("%.2f %% of the fields can be selected, want %.0f %%", 100*s.share(), 100*minShare))
	}
	for _, l := range s.leftOut {
		if l.why == "" {
			errs = append(errs, fmt.Errorf("%s: %s is left out without a reason", l.op, l.path))
		}
	}
	for _, f := range s.undeclared {
		errs = append(errs, fmt.Errorf("%s is deprecated at Zoom and lacks @deprecated", f))
	}
	for _, r := range s.unused {
		errs = append(errs, fmt.Errorf("%s: %s is given a reason to be left out, and is not", r.op, r.path))
	}
	return errors.Join(errs...)
}
