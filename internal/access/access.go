// Package access says who may ask the gateway: which machines, which web pages,
// which keys.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"zoomql/internal/ratelimit"
)

// Keys lets only callers through who show one of the keys as a bearer token
// (RFC 6750). hashes are SHA-256 in hex; no hashes let everybody through.
func Keys(hashes []string, next http.Handler) http.Handler {
	if len(hashes) == 0 {
		return next
	}
	known := make([][]byte, 0, len(hashes))
	for _, h := range hashes {
		if raw, err := hex.DecodeString(h); err == nil {
			known = append(known, raw)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(key))
		match := 0
		for _, k := range known {
			match |= subtle.ConstantTimeCompare(sum[:], k)
		}
		// No key at all is none, also where somebody has hashed a variable
		// that was not set.
		if match != 1 || key == "" || !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="zoomql"`)
			refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Send your key: Authorization: Bearer KEY")
			return
		}
		// The name that budgets are shared out by; the hash is no secret.
		caller := ratelimit.WithCaller(r.Context(), "key "+hex.EncodeToString(sum[:8]))
		next.ServeHTTP(w, r.WithContext(caller))
	})
}

// Pages refuses what web pages of other sites send through a visitor's browser:
// a query would spend the account's budget, though its answer stayed unread.
// origins are the sites whose pages may ask.
func Pages(origins []string, next http.Handler) http.Handler {
	allowed := map[string]bool{}
	for _, o := range origins {
		allowed[strings.TrimSuffix(o, "/")] = o != ""
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" && !allowed[r.Header.Get("Origin")] {
			refuse(w, http.StatusForbidden, "CROSS_SITE", "Pages of other sites may not ask. Add the site to ALLOWED_ORIGINS.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Local refuses requests by a name that is not this machine's, for a gateway
// that listens on loopback: a page whose name was pointed at 127.0.0.1 is
// "same site" to a browser.
func Local(next http.Handler) http.Handler {
	var good atomic.Pointer[string] // the last name that was
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
			refuse(w, http.StatusForbidden, "WRONG_HOST", "This gateway listens on this machine alone: ask it as localhost or 127.0.0.1.")
			return
		}
		name := r.Host
		good.Store(&name)
		next.ServeHTTP(w, r)
	})
}

// refuse answers as GraphQL does, so that clients show the reason.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/graphql-response+json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"errors":[{"message":"`+message+`","extensions":{"code":"`+code+`"}}]}`)
}
