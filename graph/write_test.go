package graph

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zoomql/graph/schema"
)

// Every mutation uses write, which fills the payload and the audit log.
func TestWrite_everyMutation(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.resolvers.go")
	if err != nil {
		t.Fatal(err)
	}
	resolver := regexp.MustCompile(`(?s)func \(r \*mutationResolver\) (\w+)\(.*?\n}`)
	mutations := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range resolver.FindAllStringSubmatch(string(source), -1) {
			if mutations++; strings.Count(m[0], "return write(ctx, at, err, func(") != 1 {
				t.Errorf("%s: %s writes in a way of its own:\n%s", file, m[1], m[0])
			}
		}
	}
	if want := len(schema.Load().Mutation.Fields); mutations != want {
		t.Errorf("there are %d resolvers of mutations, want %d", mutations, want)
	}
}
