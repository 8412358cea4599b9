package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zoomql/graph"
	"zoomql/internal/config"
	"zoomql/internal/operations"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// Every operation of the table has a field in the graph, a route in the sandbox,
// and a question that makes that call and no other, without an error.
func TestCoverage(t *testing.T) {
	rows, err := operations.Table(graph.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.Operation, func(t *testing.T) {
			t.Parallel()
			if len(row.Coordinates) == 0 {
				t.Error("no field of the graph names it in @zoom")
			}
			r := newRig(t, sandbox.Options{Plan: sandbox.PlanNone})
			answer := r.question(t, row.Question)
			if answer["errors"] != nil {
				t.Errorf("errors: %v", answer["errors"])
			}
			for _, call := range r.box.Calls() {
				if call.Pattern != row.Operation {
					t.Errorf("another call was made: %s", call.Pattern)
				}
			}
			if n := len(r.box.Calls()); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

// Every @zoom and @source names a row of the table.
func TestSchemaNamesRows(t *testing.T) {
	for _, m := range regexp.MustCompile(`@(?:zoom|source)\(op: "([^"]+)"\)`).FindAllStringSubmatch(graph.Schema(), -1) {
		if zoom.Lookup(m[1]) == nil {
			t.Errorf("the schema names %q, which is no operation of the table", m[1])
		}
	}
}

// sandboxAPI returns the handler of a gateway with a cache of its own, as serve
// makes it.
func sandboxAPI(url string) http.Handler {
	cfg := &config.Config{
		ZoomAPIURL: url + "/v2", ZoomOAuthURL: url, Plan: zoom.NoLimits, CacheBytes: 16 << 20, Timeout: 10 * time.Second,
		ZoomAccountID: sandbox.AccountID, ZoomClientID: sandbox.ClientID, ZoomClientSecret: sandbox.ClientSecret,
	}
	log := slog.New(slog.DiscardHandler)
	stores, err := newStores(cfg, log)
	if err != nil {
		panic(err)
	}
	tokens := newTokens(cfg)
	files, err := newLinks(cfg, tokens, log)
	if err != nil {
		panic(err)
	}
	return graph.New(graph.Config{Client: newClient(cfg, tokens, stores, log), Links: files})
}

// rig is a gateway over a sandbox.
type rig struct {
	box *sandbox.Sandbox
	url string
}

func newRig(t *testing.T, opt sandbox.Options) *rig {
	t.Helper()
	box, err := sandbox.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	gateway := httptest.NewServer(sandboxAPI(server.URL))
	t.Cleanup(gateway.Close)
	return &rig{box, gateway.URL}
}

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// question asks the question of a file; the variables stand beside it. ${Name}
// is a landmark of the sandbox.
func (r *rig) question(t *testing.T, file string) map[string]any {
	t.Helper()
	query, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("there is no question: %v", err)
	}
	marks := map[string]any{}
	raw, err := json.Marshal(r.box.Landmarks())
	if err == nil {
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber()
		err = dec.Decode(&marks)
	}
	if err != nil {
		t.Fatal(err)
	}
	today := time.Now().UTC()
	marks["Today"], marks["FirstOfMonth"] = today.Format(time.DateOnly), today.Format("2006-01")+"-01"
	marks["Yesterday"] = today.AddDate(0, 0, -1).Format(time.DateOnly)
	fill := func(text []byte) string {
		return placeholder.ReplaceAllStringFunc(string(text), func(m string) string {
			value, ok := marks[placeholder.FindStringSubmatch(m)[1]]
			if !ok {
				t.Errorf("%s: %s is no landmark", file, m)
			}
			return strings.Trim(toJSON(t, value), `"`)
		})
	}
	body := map[string]any{"query": fill(query)}
	if vars, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".json"); err == nil {
		body["variables"] = json.RawMessage(fill(vars))
	}
	p := &process{url: r.url}
	_, answer := p.post(t, toJSON(t, body))
	return answer
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
