package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/graph/admission"
	"zoomql/graph/endpoint"
	"zoomql/internal/config"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// twoZooms are two Zooms of different accounts and the gateway that serves both,
// to the holders of keys that are called like the accounts.
type twoZooms struct {
	*process
	t      *testing.T
	client *http.Client
	box    map[string]*sandbox.Sandbox
	list   []map[string]any // the setting ACCOUNTS
}

// startTwo starts the gateway in a process of its own.
func startTwo(t *testing.T, keys bool) *twoZooms {
	t.Helper()
	z := &twoZooms{t: t, client: http.DefaultClient, box: map[string]*sandbox.Sandbox{}}
	z.add(keys, nil, func(_ string, zoom http.Handler) string {
		server := httptest.NewServer(zoom)
		t.Cleanup(server.Close)
		return server.URL
	})
	z.process = start(t, nil, "ACCOUNTS="+toJSON(t, z.list))
	return z
}

// add adds the two accounts, whose Zooms are served at an address.
func (z *twoZooms) add(keys bool, options map[string]sandbox.Options, serve func(name string, zoom http.Handler) string) {
	z.t.Helper()
	for i, name := range []string{"sales", "support"} {
		opt := options[name]
		opt.AccountID, opt.Seed = name+"-account", uint64(i+1)
		if opt.Plan == "" {
			opt.Plan = sandbox.PlanNone
		}
		box, err := sandbox.New(opt)
		if err != nil {
			z.t.Fatal(err)
		}
		z.box[name] = box
		address := serve(name, box)
		account := map[string]any{
			"name": name, "accountId": opt.AccountID, "clientId": sandbox.ClientID, "clientSecret": sandbox.ClientSecret,
			"plan": opt.Plan, "apiUrl": address + "/v2", "oauthUrl": address,
		}
		if sum := sha256.Sum256([]byte(name)); keys {
			account["apiKeys"] = []string{"app-of-" + name + ":" + hex.EncodeToString(sum[:])}
		}
		z.list = append(z.list, account)
	}
}

// hosts are handlers by their host. As a transport they need no network, so that
// a bubble of testing/synctest holds both ends of a call.
type hosts map[string]http.Handler

// RoundTrip answers a call.
func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	h[r.Host].ServeHTTP(w, r)
	return w.Result(), nil
}

// twoInBubble puts the gateway together as serve does, in the bubble that the test
// runs in.
func twoInBubble(t *testing.T, options map[string]sandbox.Options) *twoZooms {
	t.Helper()
	reachable := hosts{}
	z := &twoZooms{t: t, client: &http.Client{Transport: reachable}, box: map[string]*sandbox.Sandbox{}}
	z.add(true, options, func(name string, zoom http.Handler) string {
		reachable[name+".example"] = zoom
		return "https://" + name + ".example"
	})
	cfg, err := config.Load([]string{"ACCOUNTS=" + toJSON(t, z.list)})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	stores, err := newStores(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stores.close)
	m := &maker{cfg: cfg, stores: stores, calls: z.client, logins: z.client, bodies: zoom.NewBodies(), files: reachable, documents: endpoint.NewDocuments(), admission: admission.New(), live: &endpoint.Live{}}
	all, err := m.tenants(cfg.Accounts, log)
	if err != nil {
		t.Fatal(err)
	}
	z.process = &process{url: "http://" + cfg.Addr}
	reachable[cfg.Addr] = newHandler(cfg, all, nil, &box{}, slog.New(slog.DiscardHandler))
	return z
}

// reply is a GraphQL answer, read.
type reply struct {
	status int
	text   string
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions struct{ Code string }
	}
}

func (r reply) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].Extensions.Code
}

// ask asks with a key, or with the header where key is "".
func (z *twoZooms) ask(key, header, query string) reply {
	z.t.Helper()
	req, err := http.NewRequestWithContext(z.t.Context(), http.MethodPost, z.url+"/graphql", strings.NewReader(toJSON(z.t, map[string]string{"query": query})))
	if err != nil {
		z.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if header != "" {
		req.Header.Set("X-Zoom-Account", header)
	}
	res, err := z.client.Do(req)
	if err != nil {
		z.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		z.t.Fatal(err)
	}
	r := reply{status: res.StatusCode, text: string(raw)}
	if err := json.Unmarshal(raw, &r); err != nil {
		z.t.Fatalf("%v: %s", err, raw)
	}
	return r
}

// at finds what stands in an answer at a path of names.
func at[T any](t *testing.T, r reply, path string) T {
	t.Helper()
	var here any = r.Data
	for name := range strings.SplitSeq(path, ".") {
		switch at := here.(type) {
		case map[string]any:
			here = at[name]
		case []any:
			here = at[0].(map[string]any)[name]
		}
	}
	value, ok := here.(T)
	if !ok {
		t.Fatalf("no %s in %s", path, r.text)
	}
	return value
}

// The same question, to the byte, has an answer for each account, also when both
// are kept.
func TestEachAccountHasItsOwnAnswers(t *testing.T) {
	z := startTwo(t, true)
	const query = `{ viewer { account { zoomId } } account { users(first: 2) { nodes { id email } pageInfo { endCursor } } } }`
	calls := func() (n int) { return len(z.box["sales"].Calls()) + len(z.box["support"].Calls()) }
	first := map[string]reply{}
	for _, name := range []string{"sales", "support"} {
		first[name] = z.ask(name, "", query)
		if id := at[string](t, first[name], "viewer.account.zoomId"); id != name+"-account" {
			t.Errorf("%s is told of %s", name, id)
		}
	}
	if first["sales"].text == first["support"].text {
		t.Errorf("both are told %s", first["sales"].text)
	}
	before := calls()
	for range 2 {
		for _, name := range []string{"sales", "support"} {
			if again := z.ask(name, "", query); at[string](t, again, "account.users.nodes.email") != at[string](t, first[name], "account.users.nodes.email") {
				t.Errorf("%s was told\n%s\nand then\n%s", name, first[name].text, again.text)
			}
		}
	}
	if n := calls() - before; n != 0 {
		t.Errorf("what was kept cost %d calls", n)
	}
	// The log says who asked, of which account, and not with which key.
	z.waitFor(t, `msg=operation account=support name="" caller=app-of-support`)
}

// What one account was given is refused to the other.
func TestNothingOfOneAccountOpensAnother(t *testing.T) {
	z := startTwo(t, true)
	users := z.ask("sales", "", `{ account { users(first: 2) { nodes { id } pageInfo { endCursor } } } }`)
	id, cursor := at[string](t, users, "account.users.nodes.id"), at[string](t, users, "account.users.pageInfo.endCursor")
	for why, query := range map[string]string{
		"an id":    `{ node(id: "` + id + `") { id } }`,
		"by an id": `{ user(by: { id: "` + id + `" }) { email } }`,
		"a cursor": `{ account { users(first: 2, after: "` + cursor + `") { nodes { email } } } }`,
	} {
		if own := z.ask("sales", "", query); own.code() != "" || strings.Contains(own.text, "null") {
			t.Errorf("%s is refused to its owner: %s", why, own.text)
		}
		z.box["support"].ResetCalls()
		if other := z.ask("support", "", query); other.code() != "BAD_USER_INPUT" || len(z.box["support"].Calls()) > 0 {
			t.Errorf("%s of the other account: %s, %d calls", why, other.text, len(z.box["support"].Calls()))
		}
	}
	write := z.ask("support", "", `mutation { deleteUser(input: { user: { id: "`+id+`" } }) { userErrors { code } } }`)
	if write.text == "" || strings.Contains(write.text, `"userErrors":[]`) || len(z.box["support"].Calls()) > 0 {
		t.Errorf("a write by an id of the other account: %s", write.text)
	}
}

func TestKeysLeadToTheirAccount(t *testing.T) {
	z := startTwo(t, true)
	const query = `{ viewer { account { zoomId } } }`
	if r := z.ask("sales", "support", query); r.status != http.StatusForbidden || r.code() != "WRONG_ACCOUNT" {
		t.Errorf("a key and the name of another account: %d %s", r.status, r.text)
	}
	if r := z.ask("", "support", query); r.status != http.StatusUnauthorized || r.code() != "UNAUTHENTICATED" {
		t.Errorf("a name without a key: %d %s", r.status, r.text)
	}
}

func TestAccountsByTheirNames(t *testing.T) {
	z := startTwo(t, false)
	const query = `{ viewer { account { zoomId } } }`
	for _, name := range []string{"sales", "support", "sales"} {
		if r := z.ask("", name, query); at[string](t, r, "viewer.account.zoomId") != name+"-account" {
			t.Errorf("%s is told %s", name, r.text)
		}
	}
	for name, want := range map[string]string{"": "ACCOUNT_REQUIRED", "billing": "ACCOUNT_UNKNOWN"} {
		if r := z.ask("", name, query); r.code() != want || !strings.Contains(r.text, "X-Zoom-Account") {
			t.Errorf("%q: %d %s", name, r.status, r.text)
		}
	}
}

// What one account writes makes nothing stale in the other.
// A single account is refused under another name, too, and needs no name.
func TestASingleAccountByName(t *testing.T) {
	const query = `{ viewer { account { zoomId } } }`
	z := &twoZooms{t: t, client: http.DefaultClient, process: start(t, nil)}
	for _, name := range []string{"", sandbox.AccountID} {
		if r := z.ask("", name, query); at[string](t, r, "viewer.account.zoomId") != sandbox.AccountID {
			t.Errorf("%q: %s", name, r.text)
		}
	}
	if r := z.ask("", "nope", query); r.status != http.StatusNotFound || r.code() != "ACCOUNT_UNKNOWN" || !strings.Contains(r.text, "X-Zoom-Account") {
		t.Errorf("another name: %d %s", r.status, r.text)
	}
	sum := sha256.Sum256([]byte("key"))
	z.process = start(t, nil, "API_KEYS="+hex.EncodeToString(sum[:]))
	if r := z.ask("key", sandbox.AccountID, query); r.status != http.StatusOK {
		t.Errorf("a key and the id: %d %s", r.status, r.text)
	}
	if r := z.ask("key", "nope", query); r.status != http.StatusForbidden || r.code() != "WRONG_ACCOUNT" {
		t.Errorf("a key and another name: %d %s", r.status, r.text)
	}
}

func TestEvictionsStayInTheirAccount(t *testing.T) {
	z := startTwo(t, true)
	const query = `{ account { users(first: 5) { totalCount } } }`
	before := map[string]float64{}
	for name := range z.box {
		before[name] = at[float64](t, z.ask(name, "", query), "account.users.totalCount")
	}
	made := z.ask("sales", "", `mutation { createUser(input: { action: CUST_CREATE, user: { email: "new.one@example.com", type: BASIC, firstName: "New" } }) { user { zoomId } userErrors { code message } } }`)
	if len(made.Errors) > 0 || !strings.Contains(made.text, `"userErrors":[]`) {
		t.Fatalf("no user was made: %s", made.text)
	}
	for name, box := range z.box {
		box.ResetCalls()
		now, calls := at[float64](t, z.ask(name, "", query), "account.users.totalCount"), len(box.Calls())
		if grown := now - before[name]; name == "sales" && grown != 1 || name == "support" && (grown != 0 || calls != 0) {
			t.Errorf("%s has %v users more, asked by %d calls", name, grown, calls)
		}
	}
}

// A budget that is spent is the account's own: the other does not wait.
func TestBudgetsAreTheAccountsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := twoInBubble(t, map[string]sandbox.Options{"sales": {Plan: sandbox.PlanFree}, "support": {Plan: sandbox.PlanFree}})
		hosts := at[[]any](t, z.ask("sales", "", `{ account { users(first: 30) { nodes { zoomId } } } }`), "account.users.nodes")
		var fields strings.Builder
		for i, h := range hosts[:20] {
			fields.WriteString("u" + string(rune('a'+i)) + `: user(by: { zoomId: "` + h.(map[string]any)["zoomId"].(string) + `" }) { meetings(first: 1) { nodes { topic } } } `)
		}
		busy := make(chan reply, 1)
		go func() {
			defer close(busy) // also if there is no answer
			busy <- z.ask("sales", "", "{ "+fields.String()+"}")
		}()
		synctest.Wait()
		if n := at[float64](t, z.ask("sales", "", `{ rateLimit { waiting } }`), "rateLimit.waiting"); n == 0 {
			t.Error("nobody waits in the account whose budget is small")
		}
		began := time.Now()
		other := z.ask("support", "", `{ rateLimit { waiting } account { users(first: 1) { nodes { email } } } }`)
		if waiting, took := at[float64](t, other, "rateLimit.waiting"), time.Since(began); len(other.Errors) > 0 || waiting != 0 || !strings.Contains(other.text, `"waitedMs":0`) || took > 0 {
			t.Errorf("the other account: %v, %s", took, other.text)
		}
		select {
		case r := <-busy:
			t.Errorf("the small budget was not short: %s", r.text)
		default:
		}
		if r := <-busy; len(r.Errors) > 0 {
			t.Errorf("those who waited: %s", r.text)
		}
		for name, box := range z.box {
			if n := box.Throttled(); n > 0 {
				t.Errorf("%s answered 429 %d times", name, n)
			}
		}
	})
}

// Links to files lead to the account that gave them out, and need no key.
func TestLinksOfSeveralAccounts(t *testing.T) {
	z := startTwo(t, true)
	for name, box := range z.box {
		r := z.ask(name, "", `{ meetingInstance(by: { uuid: "`+box.Landmarks().BigInstance+`" }) { recordings { files { download { url } } } } }`)
		link := at[string](t, r, "meetingInstance.recordings.files.download.url")
		status, body := z.get(t, strings.TrimPrefix(link, z.url))
		if status != http.StatusOK || body == "" {
			t.Errorf("%s: %d %.80q", name, status, body)
		}
	}
	if status, body := z.get(t, "/downloads/forged"); status != http.StatusNotFound || !strings.Contains(body, "no such link") {
		t.Errorf("a link of nobody: %d %s", status, body)
	}
}

// One account's trouble leaves the other in service; whose it is, the log alone says.
func TestReadyWithOneAccount(t *testing.T) {
	z := startTwo(t, false)
	if status, body := z.get(t, "/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %s", status, body)
	}
	z.list[1]["clientSecret"] = "wrong"
	p := start(t, nil, "ACCOUNTS="+toJSON(t, z.list))
	if status, body := p.get(t, "/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Errorf("one of two: %d %s", status, body)
	}
	z.list[0]["clientSecret"] = "wrong"
	p = start(t, nil, "ACCOUNTS="+toJSON(t, z.list))
	if status, body := p.get(t, "/readyz"); status != http.StatusServiceUnavailable || strings.Contains(body, "sales") || strings.Contains(body, "support") || strings.Contains(body, "invalid") {
		t.Errorf("none: %d %s", status, body)
	}
}
