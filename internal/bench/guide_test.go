package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/pprof/profile"

	"zoomql/internal/bench/proc"
)

// The profile that the gateway is compiled by is of the gateway as it is: a function
// that was renamed is compiled like any other again. It names no place of a machine.
func TestGuideIsOfThisGateway(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", proc.Guide))
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(raw)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range p.Function {
		names[f.Name] = true
		if filepath.IsAbs(f.Filename) {
			t.Errorf("%s is said to be in %s", f.Name, f.Filename)
		}
	}
	for _, name := range []string{
		"zoomql/graph/endpoint.(*Endpoint).ServeHTTP", "zoomql/graph/answers.(*Answer).write", "zoomql/graph.(*response).render",
		"zoomql/cache.(*Memory).Get", "net/http.(*conn).serve",
	} {
		if !names[name] {
			t.Errorf("nothing of %s: make pgo", name)
		}
	}
	for _, m := range p.Mapping {
		if m.File != "" {
			t.Errorf("it was taken of %s", m.File)
		}
	}
}
