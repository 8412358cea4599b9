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
		name      string // that it gets
		says      string // why it is none
	}{
		{"a hash alone is its own name", hash("key"), "key " + hash("key")[:16], ""},
		{"with a name", "reports-app_1.x:" + hash("key"), "reports-app_1.x", ""},
		{"in capitals, among spaces", " Ada:" + strings.ToUpper(hash("key")) + " ", "Ada", ""},
		{"the key itself", "hush", "", "not 64 hex digits"},
		{"half a hash", hash("key")[:32], "", "not 64 hex digits"},
		{"a name alone", "Ada:", "", "not 64 hex digits"},
		{"no name before the colon", ":" + hash("key"), "", "named by something other"},
		{"a name that would break a line", "a\nb:" + hash("key"), "", "named by something other"},
		{"a name without end", strings.Repeat("a", 65) + ":" + hash("key"), "", "named by something other"},
		{"the hash of nothing", "Ada:" + hash(""), "", "the hash of nothing"},
	} {
		k, err := ParseKey(c.text)
		if c.says == "" && (err != nil || k.Name != c.name || k.Hash != keys([]string{hash("key")})[0].Hash) {
			t.Errorf("%s: %+v, %v", c.why, k, err)
		}
		if c.says != "" && (err == nil || !strings.HasPrefix(err.Error(), c.says) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// answering answers with its name and the caller's.
func answering(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Served-By", name+" for "+ratelimit.CallerFrom(r.Context()))
		w.WriteHeader(passed)
	})
}

func TestTenants(t *testing.T) {
	key := func(name, key string) Key { return Key{name, keys([]string{hash(key)})[0].Hash} }
	keyed := []Tenant{
		{"sales", []Key{key("app", "one"), key("job", "two")}, answering("sales")},
		{"support", []Key{key("app", "three")}, answering("support")},
	}
	open := []Tenant{{"sales", nil, answering("sales")}, {"support", nil, answering("support")}}
	for _, c := range []struct {
		why         string
		tenants     []Tenant
		key, header string
		serves      string // by whom, for whom
		status      int    // or how it is refused
		code        string
	}{
		{"a key leads to its account", keyed, "one", "", "sales for app", 0, ""},
		{"so does another of it", keyed, "two", "", "sales for job", 0, ""},
		{"and one of another", keyed, "three", "", "support for app", 0, ""},
		{"the header may say the same", keyed, "three", "support", "support for app", 0, ""},
		{"it leads nowhere else", keyed, "three", "sales", "", 403, "WRONG_ACCOUNT"},
		{"nor to what is not there", keyed, "three", "Sales", "", 403, "WRONG_ACCOUNT"},
		{"it is no key", keyed, "", "sales", "", 401, "UNAUTHENTICATED"},
		{"a stranger", keyed, "four", "sales", "", 401, "UNAUTHENTICATED"},
		{"without keys, the header leads", open, "", "support", "support for ", 0, ""},
		{"whatever key is shown", open, "one", "support", "support for ", 0, ""},
		{"without it nobody knows whom", open, "", "", "", 400, "ACCOUNT_REQUIRED"},
		{"a name is a name to the letter", open, "", "Support", "", 404, "ACCOUNT_UNKNOWN"},
		{"one alone needs no header", open[:1], "", "", "sales for ", 0, ""},
		{"but is nobody else", open[:1], "", "support", "", 404, "ACCOUNT_UNKNOWN"},
	} {
		w := ask(func(http.Handler) http.Handler { return Tenants(c.tenants, nil) }, func(r *http.Request) {
			if c.key != "" {
				r.Header.Set("Authorization", "Bearer "+c.key)
			}
			if c.header != "" {
				r.Header.Set(AccountHeader, c.header)
			}
		})
		if c.status != 0 {
			refusal(t, c.why, w, c.status, c.code)
		}
		if got := w.Header().Get("Served-By"); got != c.serves {
			t.Errorf("%s: served by %q, want %q", c.why, got, c.serves)
		}
	}
}
