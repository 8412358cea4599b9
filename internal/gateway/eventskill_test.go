package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/cache/redistest"
	"zoomql/internal/sandbox"
)

// fleet are gateways that share a Redis, before a sandbox of this process.
type fleet struct {
	*testing.T
	box  *sandbox.Sandbox
	zoom string // the sandbox's URL
	env  []string
	ids  []string // of users
}

// newFleet returns a sandbox with users, and what replicas before it are started with.
func newFleet(t *testing.T, env ...string) *fleet {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{Plan: sandbox.PlanNone, Users: 40})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	t.Cleanup(box.CloseSockets)
	redis := redistest.Start(t)
	r := &fleet{T: t, box: box, zoom: server.URL}
	r.env = append([]string{
		"ZOOM_API_URL=" + server.URL + "/v2", "ZOOM_OAUTH_URL=" + server.URL, "ZOOM_PLAN=none", "REDIS_URL=" + redis.URL(),
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID, "ZOOM_CLIENT_SECRET=" + sandbox.ClientSecret,
	}, env...)
	return r
}

func (r *fleet) start() *process { return start(r.T, nil, r.env...) }

// names returns the first names of all users, as a replica knows them, each asked for by
// its id.
func (r *fleet) names(p *process) map[string]string {
	r.Helper()
	if r.ids == nil {
		var list struct {
			Data struct {
				Account struct {
					Users struct{ Nodes []struct{ ZoomID string } }
				}
			}
		}
		r.read(p, `{ account { users(first: 40) { nodes { zoomId } } } }`, &list)
		for _, u := range list.Data.Account.Users.Nodes {
			r.ids = append(r.ids, u.ZoomID)
		}
		if len(r.ids) < 30 {
			r.Fatalf("there are %d users", len(r.ids))
		}
	}
	names := map[string]string{}
	for ids := range slices.Chunk(r.ids, 20) {
		var query strings.Builder
		for i, id := range ids {
			fmt.Fprintf(&query, "u%d: user(by: {zoomId: %q}) { firstName }\n", i, id)
		}
		var answer struct {
			Data map[string]struct{ FirstName string }
		}
		r.read(p, "{"+query.String()+"}", &answer)
		for i, id := range ids {
			names[id] = answer.Data[fmt.Sprintf("u%d", i)].FirstName
		}
	}
	return names
}

func (r *fleet) read(p *process, query string, into any) {
	r.Helper()
	_, answer := p.ask(r.T, query)
	if err := json.Unmarshal([]byte(toJSON(r.T, answer)), into); err != nil || answer["errors"] != nil {
		r.Fatal(err, answer)
	}
}

// updated is the event that tells of a change of a user.
func updated(id string) string {
	return fmt.Sprintf(`{"event":"user.updated","event_ts":%d,"payload":{"account_id":%q,"object":{"id":%q}}}`, time.Now().UnixMilli(), sandbox.AccountID, id)
}

// known waits until a replica knows some users by a name.
func (r *fleet) known(p *process, name string, ids []string) {
	r.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		names := r.names(p)
		stale := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return names[id] == name })
		if len(stale) == 0 {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%d of %d are not known to have changed", len(stale), len(ids))
		}
	}
}

// TestEvents_replicaKilled kills a replica while events are delivered to it. Of all that it
// has answered 204, the other one knows; what it has not answered, Zoom delivers again.
func TestEvents_replicaKilled(t *testing.T) {
	r := newFleet(t, "ZOOM_WEBHOOK_SECRETS=secret")
	for round := range 3 {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			first, other := start(t, nil, r.env...), start(t, nil, r.env...)
			r := &fleet{T: t, box: r.box, zoom: r.zoom, env: r.env, ids: r.ids}
			before := r.names(other)
			r.names(first)
			name := fmt.Sprintf("Renamed %d", round)
			for _, id := range r.ids {
				rename(t, r.zoom, id, name)
			}
			if names := r.names(other); names[r.ids[0]] != before[r.ids[0]] {
				t.Fatal("nothing is kept")
			}
			var (
				mu          sync.Mutex
				taken, left []string
				ids         = make(chan string, len(r.ids))
				all         sync.WaitGroup
				killAt      = 6 * (round + 1)
			)
			for _, id := range r.ids {
				ids <- id
			}
			close(ids)
			for range 4 {
				all.Go(func() {
					for id := range ids {
						status := tryDeliver(first.url, updated(id), "secret")
						mu.Lock()
						if status != http.StatusNoContent {
							left = append(left, id)
						} else if taken = append(taken, id); len(taken) == killAt {
							_ = first.cmd.Process.Kill() // while others are under way
						}
						mu.Unlock()
					}
				})
			}
			all.Wait()
			t.Logf("%d were answered 204, %d were not", len(taken), len(left))
			if len(taken) < killAt || len(left) == 0 {
				t.Error("it was not killed in the middle")
			}
			r.known(other, name, taken)
			for _, id := range left {
				if status := deliver(t, other.url, updated(id), "secret"); status != http.StatusNoContent {
					t.Errorf("delivered again: %d", status)
				}
			}
			r.known(other, name, r.ids)
		})
	}
}

// TestEvents_socket has two replicas with one WebSocket: what comes over it is known to both.
// When the one that has it is killed, the other one takes over, and tells of the gap.
func TestEvents_socket(t *testing.T) {
	r := newFleet(t)
	r.env = append(r.env, "ZOOM_EVENTS_URL=ws"+strings.TrimPrefix(r.zoom, "http")+"/ws?subscriptionId=1")
	first := r.start()
	first.waitFor(t, "the WebSocket of events is open")
	other := r.start()
	r.names(first)
	r.names(other)
	change := func(name string, p ...*process) {
		t.Helper()
		id := r.ids[len(name)%len(r.ids)]
		rename(t, r.zoom, id, name)
		if n := r.box.Publish(sandbox.Event{Name: "user.updated", Body: []byte(updated(id))}); n != 1 {
			t.Fatalf("%d WebSockets are open, want 1", n)
		}
		for _, p := range p {
			r.known(p, name, []string{id})
		}
	}
	change("One", first, other)
	const query = `{ viewer { account { events { alive source } } } }`
	want := `{"viewer":{"account":{"events":{"alive":true,"source":"WEBSOCKET"}}}}`
	for _, p := range []*process{first, other} {
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			_, answer := p.ask(t, query)
			if got := toJSON(t, answer["data"]); got == want {
				break
			} else if time.Now().After(end) {
				t.Fatalf("%s, want %s", got, want)
			}
		}
	}
	_ = first.cmd.Process.Kill()
	other.waitFor(t, "the WebSocket of events is open")
	other.waitFor(t, "events may have been missed")
	change("Another", other)
}
