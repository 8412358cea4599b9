package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"zoomql/cache/redistest"
	"zoomql/internal/sandbox"
)

// TestEvent_nextReadIsFresh changes a user behind the gateway's back: what it has read
// stays until Zoom's event comes, which is let in under any name of the gateway, by its
// signature alone.
func TestEvent_nextReadIsFresh(t *testing.T) {
	box := start(t, []string{"sandbox"})
	p := start(
		t, nil, "ZOOM_API_URL="+box.url+"/v2", "ZOOM_OAUTH_URL="+box.url, "ZOOM_PLAN=business", "ZOOM_WEBHOOK_SECRETS=old,new",
		"ZOOM_ACCOUNT_ID="+sandbox.AccountID, "ZOOM_CLIENT_ID="+sandbox.ClientID, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret,
	)
	user := func() (id, name string) {
		t.Helper()
		var list struct {
			Data struct {
				Account struct {
					Users struct{ Nodes []struct{ ZoomID string } }
				}
				User struct{ FirstName string }
			}
		}
		for _, query := range []string{`{ account { users(first: 1) { nodes { zoomId } } } }`, `{ user(by: {zoomId: "` + id + `"}) { firstName } }`} {
			if id != "" {
				query = strings.Replace(query, `""`, `"`+id+`"`, 1)
			}
			_, answer := p.ask(t, query)
			if err := json.Unmarshal([]byte(toJSON(t, answer)), &list); err != nil || answer["errors"] != nil {
				t.Fatal(err, answer)
			}
			id = list.Data.Account.Users.Nodes[0].ZoomID
		}
		return id, list.Data.User.FirstName
	}
	id, before := user()
	rename(t, box.url, id, "Renamed")
	if _, name := user(); name != before {
		t.Fatalf("before the event the name is %q, want %q: nothing is kept", name, before)
	}
	body := fmt.Sprintf(`{"event":"user.updated","event_ts":%d,"payload":{"account_id":%q,"object":{"id":%q}}}`, time.Now().UnixMilli(), sandbox.AccountID, id)
	if status := deliver(t, p.url, body, "wrong"); status != http.StatusUnauthorized {
		t.Errorf("another's event: %d", status)
	}
	if _, name := user(); name != before {
		t.Errorf("another's event changed what is known: %q", name)
	}
	if status := deliver(t, p.url, body, "new"); status != http.StatusNoContent {
		t.Errorf("the event: %d", status)
	}
	if _, name := user(); name != "Renamed" {
		t.Errorf("after the event the name is %q", name)
	}
}

// TestEvents_alive delivers an event to one of two replicas: both tell that events come.
func TestEvents_alive(t *testing.T) {
	server := redistest.Start(t)
	settings := []string{"ZOOM_WEBHOOK_SECRETS=secret", "REDIS_URL=" + server.URL()}
	p, other := start(t, nil, settings...), start(t, nil, settings...)
	alive := func(p *process) string {
		_, answer := p.ask(t, `{ viewer { account { events { alive source } } } }`)
		return toJSON(t, answer["data"])
	}
	const yes, no = `{"viewer":{"account":{"events":{"alive":true,"source":"WEBHOOK"}}}}`, `{"viewer":{"account":{"events":{"alive":false,"source":"WEBHOOK"}}}}`
	if got := alive(p); got != no {
		t.Errorf("before all events: %s", got)
	}
	body := fmt.Sprintf(`{"event":"user.updated","event_ts":%d,"payload":{"account_id":%q,"object":{"id":"u"}}}`, time.Now().UnixMilli(), sandbox.AccountID)
	if status := deliver(t, p.url, body, "secret"); status != http.StatusNoContent {
		t.Fatal(status)
	}
	for _, replica := range []*process{p, other} {
		for end := time.Now().Add(time.Minute); alive(replica) != yes; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the replica does not know: ", alive(replica))
			}
		}
	}
}

// TestEvents_offWithoutSecrets has no route for events where nothing could prove them.
func TestEvents_offWithoutSecrets(t *testing.T) {
	p := start(t, nil)
	if status := deliver(t, p.url, `{}`, ""); status != http.StatusForbidden {
		t.Errorf("%d", status)
	}
}

// deliver delivers an event as Zoom does, to a gateway that it knows by another name.
func deliver(t testing.TB, base, body, secret string) int {
	t.Helper()
	status := tryDeliver(base, body, secret)
	if status == 0 {
		t.Fatal("there is no answer")
	}
	return status
}

// tryDeliver is deliver, to a gateway that may have ended: without an answer the status is 0.
func tryDeliver(base, body, secret string) int {
	req, err := http.NewRequest(http.MethodPost, base+"/webhooks/zoom", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Host = "gateway.example"
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("v0:" + stamp + ":" + body))
	req.Header.Set("X-Zm-Request-Timestamp", stamp)
	req.Header.Set("X-Zm-Signature", "v0="+hex.EncodeToString(h.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// sandboxToken returns a token of a sandbox.
func sandboxToken(t *testing.T, base string) string {
	t.Helper()
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {sandbox.AccountID}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(sandbox.ClientID, sandbox.ClientSecret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	fetch(t, req, http.StatusOK, &token)
	return token.AccessToken
}

// rename changes a user's first name at Zoom.
func rename(t *testing.T, base, id, name string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, base+"/v2/users/"+id, strings.NewReader(fmt.Sprintf(`{"first_name":%q}`, name)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+sandboxToken(t, base))
	req.Header.Set("Content-Type", "application/json")
	fetch(t, req, http.StatusNoContent, nil)
}

// fetch sends a request, and reads the answer's JSON into a value, unless that is nil.
func fetch(t *testing.T, req *http.Request, status int, into any) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		t.Fatalf("%s %s: %s", req.Method, req.URL.Path, resp.Status)
	}
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
}

// A sandbox of its own holds a meeting, and sends its events until somebody takes them.
func TestEventsOfASandbox(t *testing.T) {
	box := start(t, []string{"sandbox", "--speed", "600", "--unruly", "0.5", "--secret", "between-us", "--webhooks", "http://127.0.0.1:1/"})
	resp, err := http.Post(box.url+"/sandbox/hold?meeting=all-hands", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var held struct{ UUID string }
	if err := json.NewDecoder(resp.Body).Decode(&held); err != nil || held.UUID == "" || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	box.waitFor(t, `event name=meeting.started`)
	box.waitFor(t, `event name=meeting.participant_joined`)
	box.waitFor(t, `an event was not taken`)
	box.waitFor(t, `event name=meeting.ended`)
	for _, c := range []struct {
		method, meeting string
		want            int
	}{{http.MethodGet, "all-hands", http.StatusMethodNotAllowed}, {http.MethodPost, "picnic", http.StatusBadRequest}, {http.MethodPost, "1", http.StatusBadRequest}} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, box.url+"/sandbox/hold?meeting="+c.meeting, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s %s: %s", c.method, c.meeting, resp.Status)
		}
	}
}
