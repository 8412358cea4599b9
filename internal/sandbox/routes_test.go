package sandbox

import (
	"testing"

	"zoomql/internal/zoom"
)

func TestEveryRowHasARoute(t *testing.T) {
	table, err := newRoutes()
	if err != nil {
		t.Fatal(err)
	}
	if len(zoom.Specs()) == 0 {
		t.Fatal("the table of operations is empty")
	}
	routed := map[string]*route{}
	for _, r := range table.all {
		routed[r.pattern] = r
	}
	for _, spec := range zoom.Specs() {
		r := routed[spec.Pattern]
		if r == nil {
			t.Errorf("no handler for %s", spec.Pattern)
			continue
		}
		for _, q := range spec.Quotas {
			if len(r.quotas) == 0 || r.quotas[0].perDay != q.PerDay {
				t.Errorf("%s: the row counts %q, %d a day; the sandbox does not", spec.Pattern, q.Name, q.PerDay)
			}
		}
	}
}

func TestNewRoutes_handlerWithoutRow(t *testing.T) {
	before := handlers
	defer func() { handlers = before }()
	handle("GET /no/such/operation", getUser)
	if _, err := newRoutes(); err == nil {
		t.Error("a handler without a row was accepted")
	}
}

func TestMatch(t *testing.T) {
	table := &routes{}
	for _, p := range []string{"GET /users/{userId}", "GET /users/me/zak", "GET /users/{userId}/settings", "GET /meetings/{meetingId}", "PUT /meetings/{uuid}/status", "GET /users/summary"} {
		spec := &zoom.Spec{Pattern: p}
		table.add(&route{registered: &registered{pattern: p}, spec: spec}, "/v2"+spec.Path())
	}
	for _, c := range []struct{ why, method, path, pattern, value string }{
		{"a variable", "GET", "/v2/users/u1", "GET /users/{userId}", "u1"},
		{"a literal wins", "GET", "/v2/users/summary", "GET /users/summary", ""},
		{"a literal gives way", "GET", "/v2/users/me/settings", "GET /users/{userId}/settings", "me"},
		{"one place, two names", "PUT", "/v2/meetings/x/status", "PUT /meetings/{uuid}/status", "x"},
		{"decoded once", "GET", "/v2/meetings/%252Fa%253D", "GET /meetings/{meetingId}", "%2Fa%3D"},
		{"an encoded slash is no slash", "GET", "/v2/meetings/a%2Fb", "GET /meetings/{meetingId}", "a/b"},
		{"a slash is one", "GET", "/v2/meetings/a/b", "", ""},
		{"nothing is cleaned", "GET", "/v2/meetings//b", "", ""},
		{"an empty segment", "GET", "/v2/users/", "", ""},
		{"another method", "POST", "/v2/users/u1", "", ""},
		{"another version", "GET", "/v1/users/u1", "", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			r, values := table.match(c.method, c.path)
			pattern, value := "", ""
			if r != nil {
				pattern = r.pattern
				if len(values) > 0 {
					value = values[0]
				}
			}
			if pattern != c.pattern || value != c.value {
				t.Errorf("got %q with %q, want %q with %q", pattern, value, c.pattern, c.value)
			}
		})
	}
}
