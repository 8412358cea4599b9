package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"zoomql/internal/ratelimit"
)

// A Key lets one caller in. It is known by its hash alone.
type Key struct {
	// Name is what the caller is called in the log and where budgets are shared
	// out.
	Name string
	// Hash is the SHA-256 of the key.
	Hash [sha256.Size]byte
}

// nothingHashed is what a key becomes that was not set when it was hashed.
var nothingHashed = sha256.Sum256(nil)

// ParseKey reads the SHA-256 of a key in hex, behind a name and a colon if the
// caller has a name. Its errors say how to make one, and quote nothing.
func ParseKey(s string) (Key, error) {
	name, digits, named := strings.Cut(strings.TrimSpace(s), ":")
	if !named {
		name, digits = "", name
	}
	var k Key
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(k.Hash) {
		return Key{}, errors.New(`not 64 hex digits; make it with: printf %s "$KEY" | sha256sum`)
	}
	if k.Hash = [sha256.Size]byte(raw); k.Hash == nothingHashed {
		return Key{}, errors.New("the hash of nothing; was KEY set?")
	}
	if named && !IsName(name) {
		return Key{}, errors.New("named by something other than 1 to 64 letters, digits, - . or _")
	}
	if k.Name = name; !named {
		k.Name = "key " + hex.EncodeToString(k.Hash[:8]) // the hash is no secret
	}
	return k, nil
}

// IsName reports whether a text will do as the name of a caller or an account,
// in a header and in a line of the log.
func IsName(s string) bool {
	const allowed = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) <= 64 && strings.Trim(s, allowed) == ""
}

// A Tenant is a handler for those who hold one of its keys.
type Tenant struct {
	Name    string
	Keys    []Key
	Handler http.Handler
}

// AccountHeader names the tenant that a request is for, where keys do not.
const AccountHeader = "X-Zoom-Account"

// Keys lets only callers through who show one of the keys as a bearer token
// (RFC 6750); no keys let everybody through. Wrong keys are counted in the log.
func Keys(keys []Key, next http.Handler, log *slog.Logger) http.Handler {
	if len(keys) == 0 {
		return next
	}
	return Tenants([]Tenant{{Keys: keys, Handler: next}}, log)
}

// Tenants leads each request to the tenant whose key it shows: to that one and
// to no other, also where [AccountHeader] names another. Where no tenant has a
// key, the header alone decides, so such a gateway had better be reached by one
// machine only. A single tenant needs no header.
//
// Wrong keys are counted, and the log has a line a minute with their number. Who
// shows many of them waits for the answers; a right key never waits.
func Tenants(all []Tenant, log *slog.Logger) http.Handler {
	byKey, byName := map[[sha256.Size]byte]holder{}, map[string]http.Handler{}
	for _, t := range all {
		byName[t.Name] = t.Handler
		for _, k := range t.Keys {
			byKey[k.Hash] = holder{t, k.Name}
		}
	}
	if len(byKey) > 0 {
		return keyed(byKey, newFailures(log))
	}
	if len(all) == 1 {
		byName[""] = all[0].Handler
	}
	return named(byName)
}

// holder is who holds a key.
type holder struct {
	tenant Tenant
	name   string
}

// keyed leads by key. Keys are looked up by their hash: what the time of that
// tells of a hash leads back to no key.
func keyed(holders map[[sha256.Size]byte]holder, wrong *failures) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		who, known := holders[sha256.Sum256([]byte(key))]
		// No key at all is none, also where somebody has hashed a variable
		// that was not set.
		if !known || key == "" || !strings.EqualFold(scheme, "Bearer") {
			if r.Header.Get("Authorization") != "" {
				wrong.hold(w, r)
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="zoomql"`)
			refuse(w, http.StatusUnauthorized, codeUnauthenticated, "Send your key: Authorization: Bearer KEY")
			return
		}
		if asked := r.Header[AccountHeader]; len(asked) > 0 && who.tenant.Name != "" && asked[0] != who.tenant.Name {
			refuse(w, http.StatusForbidden, codeWrongAccount, "Your key is of another account than the header "+AccountHeader+" names. Leave the header away, or show a key of that account.")
			return
		}
		who.tenant.Handler.ServeHTTP(w, r.WithContext(ratelimit.WithCaller(r.Context(), who.name)))
	})
}

// named leads by the header.
func named(handlers map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(AccountHeader)
		switch next := handlers[name]; {
		case next != nil:
			next.ServeHTTP(w, r)
		case name == "":
			refuse(w, http.StatusBadRequest, codeAccountRequired, "This gateway serves several accounts. Name one by the header "+AccountHeader+", as it is named in the setting ACCOUNTS.")
		default:
			refuse(w, http.StatusNotFound, codeAccountUnknown, "No account has the name that the header "+AccountHeader+" holds. The names stand in the setting ACCOUNTS.")
		}
	})
}
