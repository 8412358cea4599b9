package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that tests advance.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is a sandbox behind an HTTP server, with a token.
type rig struct {
	t testing.TB
	*Sandbox
	Landmarks
	clock *clock
	url   string
	token string
}

// monday is the time at which the tests start.
var monday = time.Date(2026, 3, 16, 9, 10, 0, 0, time.UTC)

func newRig(t testing.TB, opt Options) *rig {
	t.Helper()
	r := &rig{t: t, clock: &clock{at: monday}}
	opt.Now = r.clock.now
	opt.Plan = orElse(opt.Plan, PlanNone)
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	r.Sandbox, r.Landmarks, r.url = s, s.Landmarks(), srv.URL
	r.login()
	return r
}

func (r *rig) login() {
	r.t.Helper()
	res := r.askToken(ClientID, ClientSecret, "grant_type=account_credentials&account_id="+AccountID)
	r.token, _ = res.json["access_token"].(string)
	if r.token == "" {
		r.t.Fatalf("no token: %s", res.body)
	}
}

func (r *rig) askToken(id, secret, form string) *result {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.url+"/oauth/token", strings.NewReader(form))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth(id, secret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r.send(req)
}

// result is an answer that has been read.
type result struct {
	status int
	header http.Header
	body   string
	json   map[string]any

	request, odd string // set by tests of faults
}

func (r *rig) send(req *http.Request) *result {
	r.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	out := &result{status: res.StatusCode, header: res.Header, body: string(raw)}
	_ = json.Unmarshal(raw, &out.json)
	return out
}

// do makes one call, such as "GET /users". A body that is a picture is sent as a form, any
// other as JSON; nil is none.
func (r *rig) do(call string, body any) *result {
	r.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	var reader io.Reader
	kind := "application/json"
	if file, ok := body.(picture); ok {
		var buf bytes.Buffer
		form := multipart.NewWriter(&buf)
		part, _ := form.CreateFormFile("file", file.name)
		_, _ = part.Write(file.content)
		_ = form.Close()
		reader, kind = &buf, form.FormDataContentType()
	} else if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, r.url+"/v2"+path, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", kind)
	return r.send(req)
}

// picture is a body that is an image in a form.
type picture struct {
	name    string
	content []byte
}

func (r *rig) get(format string, args ...any) *result {
	r.t.Helper()
	return r.do("GET "+fmt.Sprintf(format, args...), nil)
}

// want fails the test unless an answer has the status and, if it is an error, the code.
func (res *result) want(t testing.TB, status, code int) *result {
	t.Helper()
	got, _ := res.json["code"].(float64)
	if res.status != status || int(got) != code {
		t.Fatalf("got HTTP %d, code %d; want %d, %d\n%s", res.status, int(got), status, code, res.body)
	}
	return res
}

func (res *result) str(name string) string {
	s, _ := res.json[name].(string)
	return s
}

func (res *result) num(name string) int {
	n, _ := res.json[name].(float64)
	return int(n)
}

// list returns the objects of an array.
func (res *result) list(name string) []map[string]any {
	items, _ := res.json[name].([]any)
	list := make([]map[string]any, 0, len(items))
	for _, item := range items {
		list = append(list, item.(map[string]any))
	}
	return list
}

// all reads all pages of a list.
func (r *rig) all(path, array string) []map[string]any {
	r.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var all []map[string]any
	for token := ""; ; {
		res := r.get("%s%snext_page_token=%s", path, sep, url.QueryEscape(token)).want(r.t, 200, 0)
		all = append(all, res.list(array)...)
		if token = res.str("next_page_token"); token == "" {
			return all
		}
	}
}

// once and twice percent-encode a UUID for a path, once and twice.
func once(uuid string) string  { return url.PathEscape(uuid) }
func twice(uuid string) string { return url.PathEscape(url.PathEscape(uuid)) }

func (r *rig) path(format string, args ...any) string { return fmt.Sprintf(format, args...) }
