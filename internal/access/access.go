// Package access controls the access to the gateway: by host name, by the origin of web
// pages, and by the keys of each account.
package access

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// Local refuses requests by a name that is not this machine's, for a gateway
// that listens on loopback: a page whose name was pointed at 127.0.0.1 is
// "same site" to a browser.
func Local(next http.Handler) http.Handler {
	var good atomic.Pointer[string] // the last name that was accepted
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if last := good.Load(); last != nil && *last == r.Host {
			next.ServeHTTP(w, r)
			return
		}
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			refuse(w, http.StatusForbidden, codeWrongHost, "This gateway serves this machine only: send requests to localhost or 127.0.0.1.")
			return
		}
		name := r.Host
		good.Store(&name)
		next.ServeHTTP(w, r)
	})
}

// The codes of refusals, which the schema lists with others as ErrorCode.
const (
	codeCrossSite       = "CROSS_SITE"
	codeWrongHost       = "WRONG_HOST"
	codeUnauthenticated = "UNAUTHENTICATED"
	codeWrongAccount    = "WRONG_ACCOUNT"
	codeAccountRequired = "ACCOUNT_REQUIRED"
	codeAccountUnknown  = "ACCOUNT_UNKNOWN"
)

// refuse answers as GraphQL does, so that clients show the reason.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/graphql-response+json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"errors":[{"message":"`+message+`","extensions":{"code":"`+code+`"}}]}`)
}
