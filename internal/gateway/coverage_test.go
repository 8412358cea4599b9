package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zoomql/graph"
	"zoomql/graph/schema"
	"zoomql/internal/config"
	"zoomql/internal/identity"
	"zoomql/internal/operations"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// Every operation of the table has a field in the graph, a route in the sandbox,
// and a question that makes that call and no other, without an error.
func TestCoverage(t *testing.T) {
	rows, err := operations.Table(schema.SDL())
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
			want := []string{row.Operation}
			if row.Operation == zoom.CreateRole.Pattern { // its answer does not prove that it was done
				want = append(want, zoom.ListRoles.Pattern)
			}
			var made []string
			for _, call := range r.box.Calls() {
				made = append(made, call.Pattern)
			}
			if !slices.Equal(made, want) {
				t.Errorf("the calls are %q, want %q", made, want)
			}
		})
	}
}

// Every @zoom and @source names a row of the table.
func TestSchemaNamesRows(t *testing.T) {
	for _, m := range regexp.MustCompile(`@(?:zoom|source)\(op: "([^"]+)"\)`).FindAllStringSubmatch(schema.SDL(), -1) {
		if zoom.Lookup(m[1]) == nil {
			t.Errorf("the schema names %q, which is no operation of the table", m[1])
		}
	}
}

// sandboxAPI returns the handler of a gateway with a cache of its own, as serve
// makes it.
func sandboxAPI(url string) http.Handler {
	cfg := &config.Config{
		CacheBytes: 16 << 20, MaxInFlight: 100, Timeout: patience,
		Accounts: []config.Account{{
			ID: sandbox.AccountID, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
			APIURL: url + "/v2", OAuthURL: url, Plan: zoom.NoLimits,
		}},
	}
	log := slog.New(slog.DiscardHandler)
	stores, err := newStores(cfg, log)
	if err != nil {
		panic(err)
	}
	all, err := newTenants(cfg, cfg.Accounts, stores, nil, log)
	if err != nil {
		panic(err)
	}
	return graph.New(graph.Config{Client: all[0].client, Credential: identity.Always(all[0].app), Links: all[0].files})
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
	file = filepath.Join("..", "..", file)
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
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	if picture, err := os.ReadFile(stem + ".png"); err == nil {
		return r.upload(t, toJSON(t, body), picture)
	}
	p := &process{url: r.url}
	_, answer := p.post(t, toJSON(t, body))
	return answer
}

// upload asks a question with a file for variables.input.file.
func (r *rig) upload(t *testing.T, operations string, file []byte) map[string]any {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := errors.Join(form.WriteField("operations", operations), form.WriteField("map", `{"0": ["variables.input.file"]}`))
	part, err2 := form.CreateFormFile("0", "picture.png")
	if err2 == nil {
		_, err2 = part.Write(file)
	}
	if err := errors.Join(err, err2, form.Close()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/graphql", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Apollo-Require-Preflight", "true")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
