package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"zoomql/internal/access"
	"zoomql/internal/zoom"
)

// An Account is one Zoom account that the gateway serves.
type Account struct {
	// Name names it in the log, in /readyz and for callers; "" for a single account.
	Name         string
	ID           string // Zoom's
	ClientID     string
	ClientSecret Secret
	APIURL       string // "" is the one that Zoom's token names
	OAuthURL     string
	Plan         zoom.Plan
	PlanKnown    bool // Plan was configured, and is not the default
	// WebhookSecrets are the tokens by which Zoom signs webhooks; without any, none are
	// accepted.
	WebhookSecrets []Secret
	// EventsURL is the WebSocket of the subscription to its events; "" for none.
	EventsURL string
	// Keys are its callers'; none where only this machine has access.
	Keys []access.Key
}

// accountForm is an account in the JSON list.
type accountForm struct {
	Name         string   `json:"name"`
	ID           string   `json:"accountId"`
	ClientID     string   `json:"clientId"`
	ClientSecret Secret   `json:"clientSecret"`
	Plan         string   `json:"plan"`
	Keys         []string `json:"apiKeys"`
	Webhooks     []Secret `json:"webhookSecrets"`
	EventsURL    string   `json:"eventsUrl"`
	APIURL       string   `json:"apiUrl"`
	OAuthURL     string   `json:"oauthUrl"`
}

// readAccounts reads the accounts to serve, and returns every error. Without a list it
// is the one of ZOOM_ACCOUNT_ID, or of the sandbox, with the keys of API_KEYS.
func (c *Config) readAccounts(keys []access.Key) []error {
	if c.AccountList == "" {
		c.Accounts = []Account{{
			ID: c.ZoomAccountID, ClientID: c.ZoomClientID, ClientSecret: c.ZoomClientSecret,
			APIURL: c.ZoomAPIURL, OAuthURL: c.ZoomOAuthURL, Plan: c.Plan, PlanKnown: c.ZoomPlan != "" || c.Sandbox(), WebhookSecrets: c.WebhookSecrets, EventsURL: c.EventsURL, Keys: keys,
		}}
		return nil
	}
	l := &accountList{config: c}
	l.alone()
	l.read()
	l.compare()
	for i, err := range l.errs {
		l.errs[i] = fmt.Errorf("ACCOUNTS: %w", err)
	}
	return l.errs
}

// accountList is the state of parsing the list.
type accountList struct {
	config *Config
	errs   []error
}

func (l *accountList) bad(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// alone refuses settings of a single account together with the list.
func (l *accountList) alone() {
	c := l.config
	for _, other := range []struct {
		name string
		set  bool
	}{
		{"ZOOM_ACCOUNT_ID", c.ZoomAccountID != ""}, {"ZOOM_CLIENT_ID", c.ZoomClientID != ""}, {"ZOOM_CLIENT_SECRET", c.ZoomClientSecret != ""},
		{"ZOOM_API_URL", c.ZoomAPIURL != ""}, {"ZOOM_PLAN", c.ZoomPlan != ""}, {"API_KEYS", len(c.APIKeys) > 0}, {"ZOOM_WEBHOOK_SECRETS", len(c.WebhookSecrets) > 0},
		{"ZOOM_EVENTS_URL", c.EventsURL != ""},
	} {
		if other.set {
			l.bad("set together with %s: move that value into the list", other.name)
		}
	}
}

func (l *accountList) read() {
	text := strings.TrimSpace(string(l.config.AccountList))
	if !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "{") {
		raw, err := os.ReadFile(text)
		if err != nil {
			l.bad("neither a JSON list nor the path of a readable file with one") // the text may be secret
			return
		}
		text = string(raw)
	}
	var entries []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		at := ""
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = fmt.Sprintf(" (at byte %d)", syntax.Offset)
		}
		l.bad("not a JSON list of objects%s", at)
		return
	}
	if len(entries) == 0 {
		l.bad("the list is empty")
	}
	for i, entry := range entries {
		l.entry(i, entry)
	}
}

// entry reads one account. Errors name its position and its name.
func (l *accountList) entry(i int, fields map[string]json.RawMessage) {
	form := accountForm{}
	before := len(l.errs)
	l.fields(&form, fields)
	a := Account{Name: form.Name, ID: form.ID, ClientID: form.ClientID, ClientSecret: form.ClientSecret, APIURL: form.APIURL, OAuthURL: form.OAuthURL, WebhookSecrets: form.Webhooks, EventsURL: form.EventsURL}
	l.required(form)
	l.urls(&a)
	l.plan(&a, form.Plan)
	for n, text := range form.Keys {
		k, err := access.ParseKey(text)
		if err != nil {
			l.bad("apiKeys: number %d is %w", n+1, err)
			continue
		}
		a.Keys = append(a.Keys, k)
	}
	if slices.Contains(form.Webhooks, "") {
		l.bad("webhookSecrets: one is empty")
	}
	if !l.config.Loopback() && len(form.Keys) == 0 {
		l.bad("apiKeys: none, although other machines can reach %s: the account would have no callers", l.config.Addr)
	}
	place := fmt.Sprintf("account %d", i+1)
	if access.IsName(form.Name) {
		place += " (" + form.Name + ")"
	}
	for n, err := range l.errs[before:] {
		l.errs[before+n] = fmt.Errorf("%s: %w", place, err)
	}
	l.config.Accounts = append(l.config.Accounts, a)
}

// fields fills in a form, and refuses unknown fields.
func (l *accountList) fields(form *accountForm, fields map[string]json.RawMessage) {
	var known []string
	for f, v := range reflect.ValueOf(form).Elem().Fields() {
		name := f.Tag.Get("json")
		known = append(known, name)
		if raw, ok := fields[name]; ok && json.Unmarshal(raw, v.Addr().Interface()) != nil {
			l.bad("%s: not %s", name, map[reflect.Kind]string{reflect.String: "a string", reflect.Slice: "a list of strings"}[f.Type.Kind()])
		}
	}
	for _, name := range sorted(fields) {
		if !slices.Contains(known, name) {
			l.bad("%q: unknown field; the fields are %s", name, strings.Join(known, ", "))
		}
	}
}

func sorted(fields map[string]json.RawMessage) []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (l *accountList) required(form accountForm) {
	if !access.IsName(form.Name) {
		l.bad("name: must be 1 to 64 letters, digits, - . or _")
	}
	for _, f := range [][2]string{{"accountId", form.ID}, {"clientId", form.ClientID}, {"clientSecret", string(form.ClientSecret)}} {
		if f[1] == "" {
			l.bad("%s: not set", f[0])
		}
	}
}

func (l *accountList) urls(a *Account) {
	if a.OAuthURL == "" {
		a.OAuthURL = l.config.ZoomOAuthURL
	}
	for _, u := range [][2]string{{"apiUrl", a.APIURL}, {"oauthUrl", a.OAuthURL}} {
		if err := checkURL(u[1]); u[1] != "" && err != nil {
			l.bad("%s: %w", u[0], err)
		}
	}
	if err := checkEventsURL(a.EventsURL); a.EventsURL != "" && err != nil {
		l.bad("eventsUrl: %w", err)
	}
}

func (l *accountList) plan(a *Account, name string) {
	if a.PlanKnown = name != ""; !a.PlanKnown {
		name = string(zoom.Free) // too small a budget is slow, too large a one is refused
	}
	var err error
	if a.Plan, err = zoom.ParsePlan(name); err != nil {
		l.bad("plan: %w", err)
	}
}

// compare refuses names, ids and keys that several accounts have. A Zoom account has
// one entry: its budget, its cache and its ids are shared by all credentials.
func (l *accountList) compare() {
	names, ids, keys, keyless := map[string]bool{}, map[string]string{}, map[[32]byte]string{}, 0
	for _, a := range l.config.Accounts {
		if names[a.Name] && a.Name != "" {
			l.bad("%q is the name of several accounts", a.Name)
		}
		if other, ok := ids[a.ID]; ok && a.ID != "" {
			l.bad("%q and %q have the same accountId: a Zoom account has one entry, with the keys of all its callers", other, a.Name)
		}
		names[a.Name], ids[a.ID] = true, a.Name
		if len(a.Keys) == 0 {
			keyless++
		}
		for _, k := range a.Keys {
			if other, ok := keys[k.Hash]; ok && other != a.Name {
				l.bad("%q and %q have a key in common: a key must belong to one account", other, a.Name)
			}
			keys[k.Hash] = a.Name
		}
	}
	if l.config.Loopback() && keyless > 0 && keyless < len(l.config.Accounts) {
		l.bad("some accounts have apiKeys, and those without any would have no callers: give keys to all of them, or to none")
	}
}
