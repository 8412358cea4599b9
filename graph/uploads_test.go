package graph

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"zoomql/graph/endpoint"
)

const uploadOperations = `{"query": "mutation($f: Upload!) { uploadVirtualBackground(input: {file: $f}) { file { name sizeBytes } userErrors { code message } } }", "variables": {"f": null}}`

var dots = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff;"

// formOf writes the parts of a form: name, content, name, content. A name with a dot is that of a
// file, and begins with the field's name.
func formOf(t *testing.T, parts ...string) (string, *bytes.Buffer) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(parts); i += 2 {
		field, _, isFile := strings.Cut(parts[i], "|")
		var err error
		if isFile {
			part, e := w.CreateFormFile(field, strings.TrimPrefix(parts[i], field+"|"))
			if err = e; err == nil {
				_, err = part.Write([]byte(parts[i+1]))
			}
		} else {
			err = w.WriteField(field, parts[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &body
}

// A file is sent to Zoom under the last part of its name; an invalid upload is refused before any
// call, with the reason.
func TestUploads(t *testing.T) {
	t.Parallel()
	const placed = `{"0": ["variables.f"]}`
	large := dots + strings.Repeat("x", endpoint.MaxUpload)
	for _, c := range []struct {
		why    string
		parts  []string
		header string
		status int
		want   string
		calls  int
	}{
		{"a picture", []string{"operations", uploadOperations, "map", placed, `0|C:\secret\dots.gif`, dots}, "Apollo-Require-Preflight", 200, `"name":"dots.gif","sizeBytes":20`, 1},
		{"a text", []string{"operations", uploadOperations, "map", placed, "0|a.gif", "hello"}, "Authorization", 200, "it is no JPEG, GIF or PNG", 0},
		{"nothing", []string{"operations", uploadOperations, "map", placed, "0|a.gif", ""}, "Authorization", 200, "it is empty", 0},
		{"too large for Zoom", []string{"operations", uploadOperations, "map", placed, "0|a.gif", large}, "Authorization", 200, "larger than 15 MiB", 0},
		{"too large to read", []string{"operations", uploadOperations, "map", placed, "0|a.gif", large + strings.Repeat("x", (1<<20))}, "Authorization", 413, "larger than 15 MiB", 0},
		{"what a form of a page could send", []string{"operations", uploadOperations, "map", placed, "0|a.gif", dots}, "X-None", 400, "Apollo-Require-Preflight", 0},
		{"no map", []string{"operations", uploadOperations}, "Authorization", 400, "second part", 0},
		{"no operations", []string{"map", placed}, "Authorization", 400, "first part", 0},
		{"a place that is none", []string{"operations", uploadOperations, "map", `{"0": ["variables.g"]}`, "0|a.gif", dots}, "Authorization", 400, "names a place", 0},
		{"no variables to place it in", []string{"operations", strings.Replace(uploadOperations, `{"f": null}`, "null", 1), "map", placed, "0|a.gif", dots}, "Authorization", 400, "names a place", 0},
		{"a place outside", []string{"operations", uploadOperations, "map", `{"0": ["query"]}`, "0|a.gif", dots}, "Authorization", 400, "names a place", 0},
		{"a file that is missing", []string{"operations", uploadOperations, "map", placed}, "Authorization", 400, "missing", 0},
		{"a file that nobody wants", []string{"operations", uploadOperations, "map", placed, "1|a.gif", dots}, "Authorization", 400, "not in the map", 0},
		{"too many files", []string{"operations", uploadOperations, "map", `{"0":[],"1":[],"2":[],"3":[],"4":[]}`}, "Authorization", 400, "up to 4", 0},
		{"more values than are decoded", []string{"operations", strings.Replace(uploadOperations, `"f": null`, `"f": null, "x": [`+strings.Repeat("0,", endpoint.DefaultLimits.Values)+`0]`, 1), "map", placed, "0|a.gif", dots}, "Authorization", 413, "20000 values", 0},
		{"a subscription", []string{"operations", `{"query": "subscription { rateLimitChanged { plan } }"}`, "map", "{}"}, "Authorization", 400, "does not accept files", 0},
		{"a text in the place of a file", []string{"operations", strings.Replace(uploadOperations, `"f": null`, `"f": "x"`, 1), "map", "{}"}, "Authorization", 200, "not in the query or its variables", 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			inRig(t, setup{}, func(r *rig) {
				kind, body := formOf(t, c.parts...)
				req, err := http.NewRequest(http.MethodPost, "http://gateway.test/graphql", body)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", kind)
				req.Header.Set(c.header, "true")
				a := r.send(req)
				if a.status != c.status || !strings.Contains(a.body, c.want) {
					t.Errorf("got %d, want %d with %q:\n%s", a.status, c.status, c.want, a.body)
				}
				r.spends(c.calls)
			})
		})
	}
}

// A form may contain a query, too. Its contents are not compared with other requests, so it is
// answered separately.
func TestQueriesInForms(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		var asked sync.WaitGroup
		for name, query := range map[string]string{"zoomId": `{ account { zoomId } }`, "displayName": `{ user(by: { zoomId: "` + r.HostID + `" }) { displayName } }`} {
			asked.Go(func() {
				kind, body := formOf(t, "operations", `{"query": `+strconv.Quote(query)+`}`, "map", "{}")
				if a := r.post(kind, body.String()); a.status != http.StatusOK || !strings.Contains(a.body, name) {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		asked.Wait()
	})
}
