package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"zoomql/internal/zoom"
)

// handler answers one operation. What it returns is sent as JSON with the
// status that the method implies: 200 for GET, 201 for POST, and 204 without a
// body for the rest. It runs with the state locked and never locks itself.
type handler func(*call) (any, error)

// registered is an operation as its domain's file declares it.
type registered struct {
	pattern string
	handler handler
	paid    bool
	lock    string
	code    int
	quotas  []quota
}

var handlers []*registered

// option is what a few operations need beyond their handler.
type option func(*registered)

// handle registers the one function that answers a pattern. Label, scopes
// and pages come from the row of that pattern in the table of
// operations; a pattern without a row makes New fail.
func handle(pattern string, h handler, opts ...option) {
	reg := &registered{pattern: pattern, handler: h}
	for _, o := range opts {
		o(reg)
	}
	handlers = append(handlers, reg)
}

// paid marks what the free plan does not have.
func paid(r *registered) { r.paid = true }

// exclusive allows one call at a time for one value of the variable.
//
// Source: "Concurrent requests" of the rate limits page.
func exclusive(variable string) option {
	return func(r *registered) { r.lock = variable }
}

// daily counts calls against an allowance beyond the label's.
func daily(q quota) option {
	return func(r *registered) { r.quotas = append(r.quotas, q) }
}

// answers sets a status that the method does not imply.
func answers(status int) option {
	return func(r *registered) { r.code = status }
}

// route is a registered operation with its row.
type route struct {
	*registered
	spec *zoom.Spec
	vars []string // the names of the path's variables, in order
	open bool     // needs no token: OAuth itself
}

func (r *route) status(body any) int {
	switch {
	case r.code != 0:
		return r.code
	case r.spec != nil && r.spec.Reads(), r.spec == nil:
		return http.StatusOK
	case r.spec.Method() == http.MethodPost:
		return http.StatusCreated
	case body == nil:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// node is one segment of the tree of patterns. Literals win over variables,
// and a literal that leads nowhere gives way again.
type node struct {
	literal  map[string]*node
	variable *node
	methods  map[string]*route
}

type routes struct {
	root node
	all  []*route
}

func newRoutes() (*routes, error) {
	t := &routes{}
	for _, reg := range handlers {
		spec := zoom.Lookup(reg.pattern)
		if spec == nil {
			return nil, fmt.Errorf("sandbox: no row in the table of operations for %q", reg.pattern)
		}
		t.add(&route{registered: reg, spec: spec}, "/v2"+spec.Path())
	}
	token := &registered{pattern: tokenPattern, handler: issueToken}
	t.add(&route{registered: token, open: true}, "/oauth/token")
	return t, nil
}

func (t *routes) add(r *route, path string) {
	n := &t.root
	for segment := range strings.SplitSeq(path[1:], "/") {
		n = n.child(segment, r)
	}
	if n.methods == nil {
		n.methods = map[string]*route{}
	}
	method, _, _ := strings.Cut(r.pattern, " ")
	n.methods[method] = r
	t.all = append(t.all, r)
}

func (n *node) child(segment string, r *route) *node {
	if strings.HasPrefix(segment, "{") {
		r.vars = append(r.vars, strings.Trim(segment, "{}"))
		if n.variable == nil {
			n.variable = &node{}
		}
		return n.variable
	}
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	if n.literal[segment] == nil {
		n.literal[segment] = &node{}
	}
	return n.literal[segment]
}

// match finds the route of an escaped path, and the values of its variables,
// each decoded once.
func (t *routes) match(method, escaped string) (*route, []string) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for i, s := range segments {
		if decoded, err := url.PathUnescape(s); err == nil {
			segments[i] = decoded
		}
	}
	return t.root.match(method, segments, nil)
}

func (n *node) match(method string, segments, values []string) (*route, []string) {
	if len(segments) == 0 {
		return n.methods[method], values
	}
	if next := n.literal[segments[0]]; next != nil {
		if r, v := next.match(method, segments[1:], values); r != nil {
			return r, v
		}
	}
	if n.variable == nil || segments[0] == "" {
		return nil, nil
	}
	return n.variable.match(method, segments[1:], append(values, segments[0]))
}
