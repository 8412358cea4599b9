package access

import (
	"net/http"
	"strings"
	"testing"

	"zoomql/internal/ratelimit"
)

func TestParseKey(t *testing.T) {
	for _, c := range []struct {
		why, text string
		name      string // the expected one
		err       string // the beginning of the error
	}{
		{"a hash alone names the key", hash("key"), "key " + hash("key")[:16], ""},
		{"with a name", "reports-app_1.x:" + hash("key"), "reports-app_1.x", ""},
		{"in capitals, among spaces", " Ada:" + strings.ToUpper(hash("key")) + " ", "Ada", ""},
		{"the key itself", "plain-key", "", "not 64 hex digits"},
		{"half a hash", hash("key")[:32], "", "not 64 hex digits"},
		{"a name alone", "Ada:", "", "not 64 hex digits"},
		{"no name before the colon", ":" + hash("key"), "", "named by something other"},
		{"a name that would break a line", "a\nb:" + hash("key"), "", "named by something other"},
		{"a name that is too long", strings.Repeat("a", 65) + ":" + hash("key"), "", "named by something other"},
		{"the hash of nothing", "Ada:" + hash(""), "", "the hash of nothing"},
	} {
		k, err := ParseKey(c.text)
		if c.err == "" && (err != nil || k.Name != c.name || k.Hash != keys([]string{hash("key")})[0].Hash) {
			t.Errorf("%s: %+v, %v", c.why, k, err)
		}
		if c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err) || strings.Contains(err.Error(), "plain-key")) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// answering is a handler that answers with its name and the caller's.
func answering(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Served-By", name+" for "+ratelimit.CallerFrom(r.Context()))
		w.WriteHeader(passed)
	})
}

func TestTenants(t *testing.T) {
	key := func(name, key string) Key { return Key{name, keys([]string{hash(key)})[0].Hash} }
	keyed := []Tenant{
		{"sales", "S1", []Key{key("app", "one"), key("job", "two")}, answering("sales")},
		{"support", "S2", []Key{key("app", "three")}, answering("support")},
	}
	open := []Tenant{{"sales", "S1", nil, answering("sales")}, {"support", "S2", nil, answering("support")}}
	single := []Tenant{{"", "S3", nil, answering("single")}}
	singleKeyed := []Tenant{{"", "S3", []Key{key("app", "one")}, answering("single")}}
	for _, c := range []struct {
		why         string
		tenants     []Tenant
		key, header string
		serves      string // tenant and caller
		status      int    // or that of the refusal
		code        string
	}{
		{"a key of an account", keyed, "one", "", "sales for app", 0, ""},
		{"another key of it", keyed, "two", "", "sales for job", 0, ""},
		{"a key of another account", keyed, "three", "", "support for app", 0, ""},
		{"a header of the same account", keyed, "three", "support", "support for app", 0, ""},
		{"a header of another account", keyed, "three", "sales", "", 403, "WRONG_ACCOUNT"},
		{"a header of no account", keyed, "three", "Sales", "", 403, "WRONG_ACCOUNT"},
		{"a header without a key", keyed, "", "sales", "", 401, "UNAUTHENTICATED"},
		{"a wrong key", keyed, "four", "sales", "", 401, "UNAUTHENTICATED"},
		{"without keys, the header decides", open, "", "support", "support for ", 0, ""},
		{"without keys, a key is ignored", open, "one", "support", "support for ", 0, ""},
		{"without keys, no header", open, "", "", "", 400, "ACCOUNT_REQUIRED"},
		{"a name in another case", open, "", "Support", "", 404, "ACCOUNT_UNKNOWN"},
		{"an id instead of the name", open, "", "S2", "support for ", 0, ""},
		{"a header with the id of a key's account", keyed, "one", "S1", "sales for app", 0, ""},
		{"a header with the id of another account", keyed, "one", "S2", "", 403, "WRONG_ACCOUNT"},
		{"an account without a name", single, "", "", "single for ", 0, ""},
		{"an account without a name, by its id", single, "", "S3", "single for ", 0, ""},
		{"an account without a name, and a header of another", single, "", "S1", "", 404, "ACCOUNT_UNKNOWN"},
		{"a key of an account without a name", singleKeyed, "one", "", "single for app", 0, ""},
		{"a key of an account without a name, and its id", singleKeyed, "one", "S3", "single for app", 0, ""},
		{"a key of an account without a name, and a header of another", singleKeyed, "one", "S1", "", 403, "WRONG_ACCOUNT"},
		{"a single account needs no header", open[:1], "", "", "sales for ", 0, ""},
		{"a single account, and a header of another", open[:1], "", "support", "", 404, "ACCOUNT_UNKNOWN"},
	} {
		w := serve(func(http.Handler) http.Handler { return Tenants(c.tenants, nil) }, func(r *http.Request) {
			if c.key != "" {
				r.Header.Set("Authorization", "Bearer "+c.key)
			}
			if c.header != "" {
				r.Header.Set(AccountHeader, c.header)
			}
		})
		if c.status != 0 {
			checkRefusal(t, c.why, w, c.status, c.code)
		}
		if got := w.Header().Get("Served-By"); got != c.serves {
			t.Errorf("%s: served by %q, want %q", c.why, got, c.serves)
		}
	}
}
