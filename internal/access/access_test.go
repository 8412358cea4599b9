package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// passed is the status of the handler behind a guard.
const passed = http.StatusTeapot

// serve serves a request through a guard and returns the answer.
func serve(guard func(http.Handler) http.Handler, set func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://gateway.example/graphql", nil)
	set(r)
	w := httptest.NewRecorder()
	guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(passed) })).ServeHTTP(w, r)
	return w
}

// checkRefusal fails the test unless an answer is a GraphQL error with the code.
func checkRefusal(t *testing.T, why string, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Errors) != 1 || body.Errors[0].Message == "" || body.Errors[0].Extensions.Code != code || w.Code != status {
		t.Errorf("%s: HTTP %d, %s, %v", why, w.Code, w.Body, err)
	}
	if w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/graphql-response+json") {
		t.Errorf("%s: headers %v", why, w.Header())
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		why    string
		hashes []string
		header string
		pass   bool
	}{
		{"no keys are configured", nil, "", true},
		{"the key", []string{hash("key")}, "Bearer key", true},
		{"one of several", []string{hash("other"), hash("key")}, "Bearer key", true},
		{"a key that is configured twice", []string{hash("key"), hash("key")}, "Bearer key", true},
		{"the scheme in another case, as RFC 9110 allows", []string{hash("key")}, "bearer key", true},
		{"a key with a space and signs of base64", []string{hash("a b+/=")}, "Bearer a b+/=", true},

		{"no header", []string{hash("key")}, "", false},
		{"another key", []string{hash("key")}, "Bearer kez", false},
		{"the beginning of the key", []string{hash("key")}, "Bearer ke", false},
		{"the hash instead of the key", []string{hash("key")}, "Bearer " + hash("key"), false},
		{"the key without the scheme", []string{hash("key")}, "key", false},
		{"another scheme", []string{hash("key")}, "Basic key", false},
		{"the scheme alone", []string{hash("key")}, "Bearer ", false},
		{"the hash of nothing, without a header", []string{hash("")}, "", false},
		{"the hash of nothing, with an empty key", []string{hash("")}, "Bearer ", false},
	} {
		w := serve(func(h http.Handler) http.Handler { return Tenants([]Tenant{{Keys: keys(c.hashes), Handler: h}}, nil) }, func(r *http.Request) {
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
		})
		if c.pass {
			if w.Code != passed {
				t.Errorf("%s: HTTP %d, %s", c.why, w.Code, w.Body)
			}
			continue
		}
		checkRefusal(t, c.why, w, http.StatusUnauthorized, "UNAUTHENTICATED")
		if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: no WWW-Authenticate: %v", c.why, w.Header())
		}
		if key, _ := strings.CutPrefix(c.header, "Bearer "); len(key) > 3 && strings.Contains(w.Body.String(), key) {
			t.Errorf("%s: the answer repeats the key", c.why)
		}
	}
}

// keys are callers without names.
func keys(hashes []string) (all []Key) {
	for _, h := range hashes {
		raw, _ := hex.DecodeString(h)
		all = append(all, Key{Hash: [32]byte(raw)})
	}
	return all
}

func TestLocal(t *testing.T) {
	guard := Local(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(passed) }))
	for _, c := range []struct {
		host string
		pass bool
	}{
		{"localhost", true},
		{"localhost:8080", true},
		{"LocalHost:8080", true},
		{"127.0.0.1", true},
		{"127.0.0.1:8080", true},
		{"127.9.9.9:1", true},
		{"[::1]", true},
		{"[::1]:8080", true},
		{"rebound.evil.example", false},
		{"rebound.evil.example:8080", false},
		{"localhost.evil.example", false},
		{"127.0.0.1.evil.example:8080", false},
		{"192.168.0.7:8080", false},
		{"0.0.0.0:8080", false},
		{"[::]:8080", false},
		{"", false},
	} {
		w := serve(Local, func(r *http.Request) { r.Host = c.host })
		// A guard that has served the hosts before.
		one := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Host = c.host
		guard.ServeHTTP(one, r)
		if one.Code != w.Code {
			t.Errorf("%s: HTTP %d, and %d from a guard that served others", c.host, w.Code, one.Code)
		}
		if !c.pass {
			checkRefusal(t, c.host, w, http.StatusForbidden, "WRONG_HOST")
		} else if w.Code != passed {
			t.Errorf("%s: HTTP %d, %s", c.host, w.Code, w.Body)
		}
	}
}
