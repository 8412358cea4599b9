package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"zoomql/graph/schema"
	"zoomql/internal/operations"
	"zoomql/internal/sandbox"
)

// documents are Zoom's own, which are not ours to commit.
const documents = "../../../shared/zoom/openapi"

// wrong lists where Zoom's documents are wrong, with the reason: what is said
// there is not asked of the gateway or the sandbox.
var wrong = map[string]string{
	"GET /surveys/channels/{channelId}/instances": "it is newer than the document, which does not have it",
}

// Every request that the gateway sends and every answer that the sandbox gives is
// what Zoom's documents say, asked with the question of each operation.
func TestTruth(t *testing.T) {
	docs := loadDocuments(t)
	openapi3filter.RegisterBodyDecoder("image/png", openapi3filter.FileBodyDecoder)
	rows, err := operations.Table(schema.SDL())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.Operation, func(t *testing.T) {
			t.Parallel()
			if why := wrong[row.Operation]; why != "" {
				t.Skipf("the document is wrong: %s", why)
			}
			box, err := sandbox.New(sandbox.Options{Plan: sandbox.PlanNone})
			if err != nil {
				t.Fatal(err)
			}
			spy := &spy{t: t, next: box, docs: docs, row: row}
			zoom := httptest.NewServer(spy)
			defer zoom.Close()
			gateway := httptest.NewServer(sandboxAPI(zoom.URL))
			defer gateway.Close()
			(&rig{box, gateway.URL}).question(t, row.Question)
			if spy.seen == 0 {
				t.Error("no call to look at")
			}
		})
	}
}

// spy stands between the gateway and the sandbox and holds what passes against
// the documents.
type spy struct {
	t    *testing.T
	next http.Handler
	docs map[string]*openapi3.PathItem // by path pattern
	row  operations.Row
	seen int
}

func (s *spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/v2/") {
		s.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	s.next.ServeHTTP(answer, r)
	s.check(r, body, answer)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (s *spy) check(r *http.Request, body []byte, answer *httptest.ResponseRecorder) {
	pattern := strings.TrimPrefix(s.row.Operation, s.row.Method+" ")
	item := s.docs[pattern]
	if item == nil || item.GetOperation(s.row.Method) == nil {
		s.t.Errorf("the documents have no %s", s.row.Operation)
		return
	}
	s.seen++
	params, ok := pathParams(pattern, strings.TrimPrefix(r.URL.EscapedPath(), "/v2"))
	if !ok || r.Method != s.row.Method {
		return // another operation, which its own question looks at
	}
	asked := r.Clone(r.Context())
	asked.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: params, QueryParams: r.URL.Query(),
		Route: route(pattern, s.row.Method, item),
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true,
			IncludeResponseStatus: true,
		},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		s.t.Errorf("request %s %s: %v", r.Method, r.URL, err)
	}
	for name := range r.URL.Query() {
		if !declared(item, s.row.Method, name) {
			s.t.Errorf("request %s: %q is no parameter of the operation", r.URL, name)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: answer.Code, Header: answer.Header(),
		Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())), Options: in.Options,
	}
	if answer.Body.Len() == 0 {
		return // 204, and Zoom's 200 without a body
	}
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		s.t.Errorf("answer of %s: %v", r.URL, err)
	}
}

func loadDocuments(t *testing.T) map[string]*openapi3.PathItem {
	t.Helper()
	files, err := filepath.Glob(documents + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]*openapi3.PathItem{}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "webhooks.") {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Paths map[string]*openapi3.PathItem `json:"paths"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for path, item := range doc.Paths {
			if paths[path] == nil {
				paths[path] = item
				for _, op := range item.Operations() {
					openAlternatives(op)
				}
			}
		}
	}
	if len(paths) == 0 {
		t.Skipf("Zoom's documents are not at %s: requests and answers are not held against them", documents)
	}
	return paths
}

// openAlternatives makes alternatives that do not exclude one another parts of
// one whole. Settings are documented as "one of" several objects whose fields
// may all be left out: any answer fits more than one of these, and so none of
// them alone could be held against it.
func openAlternatives(op *openapi3.Operation) {
	open := func(content openapi3.Content) {
		for _, media := range content {
			joinAlternatives(media.Schema)
		}
	}
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		open(op.RequestBody.Value.Content)
	}
	for _, r := range op.Responses.Map() {
		if r.Value != nil {
			open(r.Value.Content)
		}
	}
}

func joinAlternatives(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	for _, alternative := range s.OneOf {
		joinAlternatives(alternative)
		if v := alternative.Value; v == nil || len(v.Required) > 0 || (v.Type != nil && !v.Type.Is("object")) {
			return
		}
	}
	s.AllOf, s.OneOf = append(s.AllOf, s.OneOf...), nil
}

// pathParams matches an escaped path with a pattern.
func pathParams(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i, segment := range want {
		name, isVar := strings.CutPrefix(segment, "{")
		if !isVar {
			if segment != got[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got[i])
		if err != nil {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}

func declared(item *openapi3.PathItem, method, name string) bool {
	for _, p := range item.GetOperation(method).Parameters {
		if p.Value.In == openapi3.ParameterInQuery && p.Value.Name == name {
			return true
		}
	}
	return false
}

func route(pattern, method string, item *openapi3.PathItem) *routers.Route {
	op := *item.GetOperation(method)
	op.Security = openapi3.NewSecurityRequirements() // the sandbox checks tokens itself
	return &routers.Route{
		Spec: &openapi3.T{OpenAPI: "3.0.0"}, Server: &openapi3.Server{URL: "/"},
		Path: pattern, PathItem: item, Method: method, Operation: &op,
	}
}
