package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// PageOptions say which web pages may ask.
type PageOptions struct {
	// Origins are the sites whose pages may ask, and read the answers.
	Origins []string
	// Own are origins of the gateway's besides the one that a request was sent to,
	// such as its public address behind a proxy that sends another Host.
	Own []string
	// Headers are what pages may send besides what they may send anyway.
	Headers []string
}

// pageHeaders are the headers that pages of allowed origins may send: those of this
// gateway, and those that GraphQL clients and tracing libraries put on their own.
var pageHeaders = []string{
	"Authorization", "Content-Type", "If-None-Match", "Cache-Control", AccountHeader,
	"Apollo-Require-Preflight", "GraphQL-Require-Preflight", "X-Requested-With",
	"Apollographql-Client-Name", "Apollographql-Client-Version",
	"X-Apollo-Operation-Name", "X-Apollo-Operation-Id", "X-Apollo-Operation-Type",
	"GraphQL-Client-Name", "GraphQL-Client-Version", "X-GraphQL-Client-Name", "X-GraphQL-Client-Version",
	"X-Request-Id", "X-Correlation-Id", "Request-Id", "Request-Context",
	"Traceparent", "Tracestate", "Baggage", "Sentry-Trace", "Uber-Trace-Id", "Newrelic", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context",
	"B3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags",
	"X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "X-Datadog-Origin", "X-Datadog-Sampling-Priority", "X-Datadog-Tags",
}

// The rest of what a page is told. A browser that knows the answer to its preflight
// does not ask again for two hours, which is the longest that any takes.
const (
	exposedHeaders   = "Age, Allow, ETag, Retry-After, WWW-Authenticate, X-Request-Id"
	pageMethods      = "GET, HEAD, POST"
	preflightSeconds = "7200"
)

// Pages lets pages of the allowed origins ask (CORS), and refuses what web pages of
// other sites send through a visitor's browser: a query would spend the account's
// budget, though its answer stayed unread.
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
		w.Header().Add("Vary", "Origin") // also for who sends none: the answer to another may differ
	}
	if allowed {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	switch {
	case r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0:
		p.preflight(w, allowed)
		return
	case !allowed && p.foreign(r, origin):
		refuse(w, http.StatusForbidden, codeCrossSite, "Pages of other sites may not ask. Add the site to ALLOWED_ORIGINS.")
		return
	case allowed:
		w.Header().Set("Access-Control-Expose-Headers", exposedHeaders)
	}
	p.next.ServeHTTP(w, r)
}

// preflight answers the question that a browser sends ahead of a page's. It names all
// that is allowed, whatever was asked for, so that the browser tells its user which
// header is not.
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

// foreign reports whether a request comes from a page of another site. A browser says
// so, except one that is old or asks without encryption: then the page's origin tells,
// where there is one. Only GET is refused by it: all else that is answered has a type
// or a header that a page of another site may not send without a preflight.
func (p *pages) foreign(r *http.Request, origin string) bool {
	if site := first(r.Header["Sec-Fetch-Site"]); site != "" {
		return site == "cross-site"
	}
	if origin == "" || r.Method != http.MethodGet && r.Method != http.MethodHead || p.own[origin] {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
}

// first is http.Header.Get for a name that is written as it is kept.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
