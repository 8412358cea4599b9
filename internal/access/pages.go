package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// PageOptions configure which web pages may send requests.
type PageOptions struct {
	// Origins are the origins whose pages may send requests, and read the answers.
	Origins []string
	// Own are origins of the gateway in addition to the one that a request was sent to,
	// such as its public address behind a proxy that sends another Host.
	Own []string
	// Headers are request headers that pages may send in addition to pageHeaders.
	Headers []string
}

// pageHeaders are the headers that pages of allowed origins may send: those of this
// gateway, and those that GraphQL clients and tracing libraries add.
var pageHeaders = []string{
	"Authorization", "Content-Type", "If-None-Match", "Cache-Control", AccountHeader, "X-Dry-Run", "X-Plan", "Prefer",
	"X-GraphQL-Event-Stream-Token",
	"Apollo-Require-Preflight", "GraphQL-Require-Preflight", "X-Requested-With",
	"Apollographql-Client-Name", "Apollographql-Client-Version",
	"X-Apollo-Operation-Name", "X-Apollo-Operation-Id", "X-Apollo-Operation-Type",
	"GraphQL-Client-Name", "GraphQL-Client-Version", "X-GraphQL-Client-Name", "X-GraphQL-Client-Version",
	"X-Request-Id", "X-Correlation-Id", "Request-Id", "Request-Context",
	"Traceparent", "Tracestate", "Baggage", "Sentry-Trace", "Uber-Trace-Id", "Newrelic", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context",
	"B3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags",
	"X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "X-Datadog-Origin", "X-Datadog-Sampling-Priority", "X-Datadog-Tags",
}

// Values of further CORS headers. A browser caches the answer to its preflight for two
// hours, the longest that any browser allows.
const (
	exposedHeaders   = "Age, Allow, ETag, Retry-After, WWW-Authenticate, X-Request-Id"
	pageMethods      = "GET, HEAD, POST, PUT, DELETE"
	preflightSeconds = "7200"
)

// Pages allows requests of pages of the allowed origins (CORS), and refuses those that
// pages of other sites send through a visitor's browser (CSRF): a query would spend the
// account's budget, even if the page cannot read the answer.
//
// Spec: https://fetch.spec.whatwg.org/#http-cors-protocol
func Pages(opts PageOptions, next http.Handler) http.Handler {
	p := &pages{allowed: map[string]bool{}, own: map[string]bool{}, next: next}
	for _, o := range opts.Origins {
		p.allowed[strings.TrimSuffix(o, "/")] = o != ""
	}
	for _, o := range opts.Own {
		p.own[strings.TrimSuffix(o, "/")] = o != ""
	}
	headers := slices.Concat(pageHeaders, opts.Headers)
	for i, h := range headers {
		headers[i] = http.CanonicalHeaderKey(h)
	}
	slices.Sort(headers)
	p.headers = strings.Join(slices.Compact(headers), ", ")
	delete(p.allowed, "")
	return p
}

type pages struct {
	allowed, own map[string]bool
	headers      string
	next         http.Handler
}

// ServeHTTP implements [http.Handler].
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := first(r.Header["Origin"])
	allowed := origin != "" && p.allowed[origin]
	if len(p.allowed) > 0 {
		w.Header().Add("Vary", "Origin") // also without an Origin: the answer with one may differ
	}
	if allowed {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	switch {
	case r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0:
		p.preflight(w, allowed)
		return
	case !allowed && p.foreign(r, origin):
		refuse(w, http.StatusForbidden, codeCrossSite, "Requests from pages of other sites are refused. Add the site's origin to ALLOWED_ORIGINS.")
		return
	case allowed:
		w.Header().Set("Access-Control-Expose-Headers", exposedHeaders)
	}
	p.next.ServeHTTP(w, r)
}

// preflight answers a CORS preflight. It names all allowed methods and headers,
// whatever was requested, so that the browser can report which header is not allowed.
func (p *pages) preflight(w http.ResponseWriter, allowed bool) {
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	if allowed {
		h.Set("Access-Control-Allow-Methods", pageMethods)
		h.Set("Access-Control-Allow-Headers", p.headers)
		h.Set("Access-Control-Max-Age", preflightSeconds)
	}
	w.WriteHeader(http.StatusNoContent)
}

// foreign reports whether a request comes from a page of another site. Browsers send
// Sec-Fetch-Site, except old ones and those without encryption: then the Origin
// decides, where there is one. Only GET and HEAD are refused by it: other requests need
// a type or a header that a page of another site may not send without a preflight.
//
// A WebSocket is opened by GET too, and browsers let pages of any site read what comes over
// it. So its origin has to be the gateway's own, to the port.
func (p *pages) foreign(r *http.Request, origin string) bool {
	upgrades := len(r.Header["Upgrade"]) > 0
	if site := first(r.Header["Sec-Fetch-Site"]); site != "" && (!upgrades || site == "same-origin") {
		return site == "cross-site"
	}
	if origin == "" || r.Method != http.MethodGet && r.Method != http.MethodHead || p.own[origin] {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
}

// first is http.Header.Get for a name in canonical form.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
