package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/pprof/profile"

	"zoomql/internal/lab/proc"
)

// The profile for the gateway's optimization is current: a function that was renamed
// since is not optimized. It contains no path of a machine.
func TestGuide_isCurrent(t *testing.T) {
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
			t.Errorf("%s has the path %s", f.Name, f.Filename)
		}
	}
	for _, name := range []string{
		"zoomql/graph/endpoint.(*Endpoint).ServeHTTP", "zoomql/graph/answers.(*Answer).write", "zoomql/graph.(*response).render",
		"zoomql/cache.(*Memory).Get", "net/http.(*conn).serve",
	} {
		if !names[name] {
			t.Errorf("%s is not in the profile: make pgo", name)
		}
	}
	for _, m := range p.Mapping {
		if m.File != "" {
			t.Errorf("it has the path of the binary: %s", m.File)
		}
	}
}
