package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"zoomql/internal/zoom"
)

// handler answers one operation. Its result is sent as JSON with the status that the method
// implies: 200 for GET, 201 for POST, and 204 without a body for the rest. The state is locked
// while it runs; it MUST NOT lock it itself.
type handler func(*call) (any, error)

// registered is an operation as the file of its domain declares it.
type registered struct {
	pattern  string
	handler  handler
	paid     bool
	business bool
	upload   bool
	lock     string
	code     int
	quotas   []quota
}

var handlers []*registered

// option is a property of a few operations.
type option func(*registered)

// handle registers the handler of a pattern. Label, scopes and pages come from the pattern's
// row in the table of operations. New fails for a pattern without a row.
func handle(pattern string, h handler, opts ...option) {
	reg := &registered{pattern: pattern, handler: h}
	for _, o := range opts {
		o(reg)
	}
	handlers = append(handlers, reg)
}

// paid marks an operation that the free plan lacks.
func paid(r *registered) { r.paid = true }

// business marks an operation that the free plan and Pro lack.
func business(r *registered) { r.business = true }

// upload marks an operation that takes a file.
func upload(r *registered) { r.upload = true }

// exclusive allows one call at a time for each value of the variable.
//
// Source: "Concurrent requests" of the rate limits page.
func exclusive(variable string) option {
	return func(r *registered) { r.lock = variable }
}

// daily counts calls against a quota in addition to the label's limits.
func daily(q quota) option {
	return func(r *registered) { r.quotas = append(r.quotas, q) }
}

// answersOK marks an operation that is answered with 200, whatever its method implies.
func answersOK(r *registered) { r.code = http.StatusOK }

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

// node is one segment of the tree of patterns. Literals take precedence over variables. The
// search backtracks from a literal without a match.
type node struct {
	literal  map[string]*node
	variable *node
	methods  map[string]*route
}

type routes struct {
	root node
	all  []*route
}

// allRoutes returns the routes of all operations, which all sandboxes share.
var allRoutes = sync.OnceValues(newRoutes)

func newRoutes() (*routes, error) {
	t := &routes{}
	for _, reg := range handlers {
		spec := zoom.Lookup(reg.pattern)
		if spec == nil {
			return nil, fmt.Errorf("sandbox: no row in the table of operations for %q", reg.pattern)
		}
		for _, path := range spec.Paths() {
			t.add(&route{registered: reg, spec: spec}, "/v2"+path)
		}
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
