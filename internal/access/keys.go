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

// A Key is the API key of one caller. Only its hash is known.
type Key struct {
	// Name names the caller in the log and in the rate limiter.
	Name string
	// Hash is the SHA-256 of the key.
	Hash [sha256.Size]byte
}

// nothingHashed is the hash of an empty key, as of a variable that was not set.
var nothingHashed = sha256.Sum256(nil)

// ParseKey reads the SHA-256 of a key in hex, after a name and a colon if the caller
// has a name. Its errors say how to make one, and do not quote s.
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

// IsName reports whether a text is valid as the name of a caller or an account, in a
// header and in a line of the log.
func IsName(s string) bool {
	const allowed = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) <= 64 && strings.Trim(s, allowed) == ""
}

// A Tenant is a handler for the holders of its keys.
type Tenant struct {
	// Name and ID are by what [AccountHeader] names it. Either may be "".
	Name, ID string
	Keys     []Key
	Handler  http.Handler
}

// AccountHeader is the header that names the tenant of a request, where keys do not.
const AccountHeader = "X-Zoom-Account"

// Tenants routes each request to the tenant whose key it has as a bearer token (RFC 6750),
// and to no other: a request whose [AccountHeader] names another is refused. Where no tenant
// has a key, the header alone decides, so such a gateway should be reachable by one machine
// only. A single tenant needs no header.
//
// Wrong keys are counted, and the log has a line a minute with their number. The
// answers to many of them are delayed; those to a valid key never are.
func Tenants(all []Tenant, log *slog.Logger) http.Handler {
	byKey := map[[sha256.Size]byte]holder{}
	for _, t := range all {
		for _, k := range t.Keys {
			byKey[k.Hash] = holder{t, k.Name}
		}
	}
	if len(byKey) > 0 {
		return keyed(byKey, newFailures(log))
	}
	return named(all)
}

// holder is the holder of a key.
type holder struct {
	tenant Tenant
	name   string
}

// keyed routes by key. Keys are looked up by their hash: a hash that leaks by timing
// reveals no key.
func keyed(holders map[[sha256.Size]byte]holder, wrong *failures) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		caller, known := holders[sha256.Sum256([]byte(key))]
		// An empty key is never valid, even if its hash is configured.
		if !known || key == "" || !strings.EqualFold(scheme, "Bearer") {
			if r.Header.Get("Authorization") != "" {
				wrong.delay(w, r)
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="zoomql"`)
			refuse(w, http.StatusUnauthorized, codeUnauthenticated, "Send your key: Authorization: Bearer KEY")
			return
		}
		if account := r.Header.Get(AccountHeader); account != "" && account != caller.tenant.Name && account != caller.tenant.ID {
			refuse(w, http.StatusForbidden, codeWrongAccount, "Your key is of another account than the header "+AccountHeader+" names. Leave the header away, or show a key of that account.")
			return
		}
		caller.tenant.Handler.ServeHTTP(w, r.WithContext(ratelimit.WithCaller(r.Context(), caller.name)))
	})
}

// named routes by the header.
func named(all []Tenant) http.Handler {
	handlers := map[string]http.Handler{}
	for _, t := range all {
		handlers[t.ID] = t.Handler
	}
	for _, t := range all { // a name wins over the id of another
		handlers[t.Name] = t.Handler
	}
	delete(handlers, "")
	unknown := "No account has the name or id that the header " + AccountHeader + " holds. The names stand in the setting ACCOUNTS."
	if len(all) == 1 {
		handlers[""] = all[0].Handler
		unknown = "This gateway serves one account, and the header " + AccountHeader + " names another. Leave the header away."
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(AccountHeader)
		switch next := handlers[name]; {
		case next != nil:
			next.ServeHTTP(w, r)
		case name == "":
			refuse(w, http.StatusBadRequest, codeAccountRequired, "This gateway serves several accounts. Name one by the header "+AccountHeader+", as it is named in the setting ACCOUNTS.")
		default:
			refuse(w, http.StatusNotFound, codeAccountUnknown, unknown)
		}
	})
}
