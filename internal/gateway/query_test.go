package gateway

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An export that is killed again and again writes what one writes that is not.
func TestQuery_killed(t *testing.T) {
	p := start(t, nil, "SANDBOX_USERS=2000")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("users.graphql"), []byte(`{ account { users { nodes { email displayName } } } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(name string) []string {
		return []string{"query", "--url", p.url + "/graphql", "--all", "--page", "50", "--to", file(name), file("users.graphql")}
	}
	if out, err := command(t.Context(), t, args("whole.jsonl")).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("calls: MEDIUM")) {
		t.Fatalf("%v\n%s", err, out)
	}
	for kill := range 5 {
		cmd := command(t.Context(), t, args("killed.jsonl"))
		told, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = told.Read(make([]byte, 1)) // the first page is written
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(file("killed.jsonl")); err == nil {
			t.Logf("the export was over before kill %d", kill)
			break
		}
	}
	if _, err := os.Stat(file("killed.jsonl")); err != nil {
		if out, err := command(t.Context(), t, args("killed.jsonl")).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	whole, err := os.ReadFile(file("whole.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	killed, err := os.ReadFile(file("killed.jsonl"))
	if err != nil || !bytes.Equal(whole, killed) || bytes.Count(whole, []byte("\n")) < 1500 {
		t.Errorf("%v: %d and %d bytes", err, len(whole), len(killed))
	}
	out, err := command(t.Context(), t, []string{"query", "--url", p.url + "/graphql", "--variables", `{"n": 1}`, file("users.graphql")}).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), `{"data":{"account"`) {
		t.Errorf("without --all: %v %s", err, out)
	}
	for want, args := range map[string][]string{
		"--to is for --all":              {"query", "--to", file("unused.jsonl"), file("users.graphql")},
		"--output is for --all":          {"query", "--output", "csv", file("users.graphql")},
		"--output, --page are for --all": {"query", "--output=jsonl", "--page", "5", file("none.graphql")},
		"Add --all, or omit --partial":   {"query", "--partial", file("users.graphql")},
		"--all requires --to":            {"query", "--all", file("users.graphql")},
		"is there already":               args("whole.jsonl"),
		"no such file":                   {"query", file("none.graphql")},
		"--variables: neither":           {"query", "--variables", "{n}", file("users.graphql")},
		"a list":                         {"query", "--url", p.url + "/graphql", "--all", "--output", "csv", "--to", file("x.csv"), file("nested.graphql")},
	} {
		if err := os.WriteFile(file("nested.graphql"), []byte(`{ account { users { nodes { email meetings { nodes { topic } } } } } }`), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := command(t.Context(), t, args).CombinedOutput(); err == nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}
