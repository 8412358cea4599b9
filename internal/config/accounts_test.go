package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/access"
	"zoomql/internal/zoom"
)

// twoAccounts is a valid list.
var twoAccounts = `[
	{"name": "sales", "accountId": "A", "clientId": "a", "clientSecret": "test-secret", "plan": "business", "apiKeys": ["app:` + hashOf("1a") + `"]},
	{"name": "support", "accountId": "B", "clientId": "b", "clientSecret": "test-secret", "apiUrl": "https://api-eu.zoom.us/v2", "oauthUrl": "http://localhost:1", "apiKeys": ["` + hashOf("2b") + `"]}
]`

func hashOf(pair string) string { return strings.Repeat(pair, 32) }

func TestLoad_accounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accounts.json")
	if err := os.WriteFile(file, []byte(twoAccounts), 0o600); err != nil {
		t.Fatal(err)
	}
	app, err1 := access.ParseKey("app:" + hashOf("1a"))
	other, err2 := access.ParseKey(hashOf("2b"))
	want := []Account{
		{Name: "sales", ID: "A", ClientID: "a", ClientSecret: "test-secret", OAuthURL: "https://zoom.us", Plan: zoom.Business, PlanKnown: true, Keys: []access.Key{app}},
		{Name: "support", ID: "B", ClientID: "b", ClientSecret: "test-secret", APIURL: "https://api-eu.zoom.us/v2", OAuthURL: "http://localhost:1", Plan: zoom.Free, Keys: []access.Key{other}},
	}
	for _, from := range []string{twoAccounts, file} {
		got, err := Load([]string{"ACCOUNTS=" + from, "ADDR=:8080"})
		if err != nil || err1 != nil || err2 != nil {
			t.Fatal(err, err1, err2)
		}
		if diff := cmp.Diff(want, got.Accounts); diff != "" || got.Sandbox() || got.PlaygroundOn() {
			t.Errorf("sandbox %v, playground %v, -want +got\n%s", got.Sandbox(), got.PlaygroundOn(), diff)
		}
	}
}

// entry returns an account of a list, changed.
func entry(change string) string {
	a := map[string]any{"name": "sales", "accountId": "A", "clientId": "a", "clientSecret": "test-secret", "apiKeys": []string{hashOf("1a")}}
	if err := json.Unmarshal([]byte(change), &a); err != nil {
		panic(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestLoad_errorsInAccounts(t *testing.T) {
	two := func(change string) string { return "[" + entry(`{}`) + "," + entry(change) + "]" }
	other := `"name":"support","accountId":"B"`
	for _, c := range []struct {
		why  string
		list string
		env  []string
		want []string
	}{
		{"neither a list nor a file", "/nowhere/test-secret.json", nil, []string{"neither a JSON list nor the path of a readable file"}},
		{"truncated", `[{"clientSecret": "test-secret"`, nil, []string{"not a JSON list of objects (at byte 31)"}},
		{"one object", entry(`{}`), nil, []string{"not a JSON list of objects"}},
		{"no accounts", `[]`, nil, []string{"the list is empty"}},
		{"everything missing", `[{}]`, nil, []string{
			"account 1: name: must be 1 to 64 letters", "account 1: accountId: not set", "account 1: clientId: not set", "account 1: clientSecret: not set",
		}},
		{"errors in two accounts", "[" + entry(`{"plan": "gold", "apiUrl": "http://zoom.us"}`) + "," + entry(`{`+other+`,"apiKeys": ["test-secret", "x:`+hashOf("0c")+`"], "oauthUrl": "x", "clientId": 7}`) + "]", nil, []string{
			"account 1 (sales): apiUrl: must be https", `account 1 (sales): plan: "gold" is none of`,
			"account 2 (support): clientId: not a string", "account 2 (support): clientId: not set", "account 2 (support): oauthUrl: not a URL", "account 2 (support): apiKeys: number 1 is not 64 hex digits",
		}},
		{"an unknown field", two(`{` + other + `,"secret": "test-secret","apiKeys": ["` + hashOf("0c") + `"]}`), nil, []string{`account 2 (support): "secret": unknown field; the fields are name, accountId`}},
		{"a duplicate name", two(`{"accountId":"B","apiKeys": ["` + hashOf("0c") + `"]}`), nil, []string{`"sales" is the name of several accounts`}},
		{"a duplicate account", two(`{"name":"support","apiKeys": ["` + hashOf("0c") + `"]}`), nil, []string{`"sales" and "support" have the same accountId`}},
		{"a key of two accounts", two(`{` + other + `}`), nil, []string{`"sales" and "support" have a key in common`}},
		{"keys for one account only", two(`{` + other + `,"apiKeys":[]}`), nil, []string{"some accounts have apiKeys, and those without any would have no callers"}},
		{"on all addresses, without keys", "[" + entry(`{"apiKeys":[]}`) + "]", []string{"ADDR=:8080"}, []string{"account 1 (sales): apiKeys: none, although other machines can reach :8080"}},
		{"the list and keys", "[" + entry(`{}`) + "]", []string{aKey}, []string{"set together with API_KEYS"}},
		{"the list and an account", "[" + entry(`{}`) + "]", with("ZOOM_PLAN=pro"), []string{
			"set together with ZOOM_ACCOUNT_ID", "set together with ZOOM_CLIENT_ID", "set together with ZOOM_CLIENT_SECRET", "set together with ZOOM_PLAN",
		}},
		{"an empty token", "[" + entry(`{"webhookSecrets":["test-secret",""]}`) + "]", nil, []string{"account 1 (sales): webhookSecrets: one is empty"}},
		{"the list and tokens", "[" + entry(`{}`) + "]", []string{"ZOOM_WEBHOOK_SECRETS=test-secret"}, []string{"set together with ZOOM_WEBHOOK_SECRETS"}},
		{"events without encryption", "[" + entry(`{"eventsUrl":"ws://ws.zoom.us/ws?subscriptionId=x"}`) + "]", nil, []string{"account 1 (sales): eventsUrl: must be wss, or ws to this machine"}},
		{"the list and a WebSocket for events", "[" + entry(`{}`) + "]", []string{"ZOOM_EVENTS_URL=wss://ws.zoom.us/ws?subscriptionId=x"}, []string{"set together with ZOOM_EVENTS_URL"}},
		{"events over a WebSocket", "[" + entry(`{"eventsUrl":"wss://ws.zoom.us/ws?subscriptionId=x"}`) + "]", nil, nil},
		{"a list without keys, for this machine", "[" + entry(`{"apiKeys":[]}`) + "]", nil, nil},
	} {
		_, err := Load(append(c.env, "ACCOUNTS="+c.list))
		var lines []string
		if err != nil {
			lines = strings.Split(err.Error(), "\n")
		}
		if len(lines) != len(c.want) {
			t.Errorf("%s: %d errors, want %d:\n%v", c.why, len(lines), len(c.want), err)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], "ACCOUNTS: "+want) {
				t.Errorf("%s: %s\nwant %s", c.why, lines[i], want)
			}
		}
		if strings.Contains(fmt.Sprint(err), "test-secret") {
			t.Errorf("%s: a secret is printed: %v", c.why, err)
		}
	}
}

func TestAccount_secretsAreNotPrinted(t *testing.T) {
	c, err := Load([]string{"ACCOUNTS=" + twoAccounts})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", c.Accounts)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("start", "config", c, "account", c.Accounts[0])
	if s := out.String(); strings.Contains(s, "test-secret") || strings.Contains(s, fmt.Sprintf("%x", "test-secret")) || !strings.Contains(s, "[secret]") {
		t.Errorf("a secret is printed: %s", s)
	}
}
