package zoom

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// staticToken is a source of one token.
type staticToken string

// Token implements [identity.Tokens].
func (b staticToken) Token(context.Context) (*identity.Token, error) {
	return &identity.Token{Access: string(b), APIURL: "https://api.zoom.example"}, nil
}

// Refused implements [identity.Tokens].
func (staticToken) Refused(*identity.Token) {}

// bearer returns the token that a call carries.
func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// views returns credentials of newTestClient's account with different views, by their tokens.
func views() map[string]*identity.Credential {
	of := func(token string, v identity.View) *identity.Credential {
		v.Account = "account"
		return identity.New(v, staticToken(token))
	}
	return map[string]*identity.Credential{
		"app":         of("app", identity.View{App: "app"}),
		"otherapp":    of("otherapp", identity.View{App: "other app"}),
		"ann":         of("ann", identity.View{App: "app", User: "ann"}),
		"bob":         of("bob", identity.View{App: "app", User: "bob"}),
		"reader":      of("reader", identity.View{App: "app", Scopes: []string{"user:read", "meeting:read"}}),
		"widerreader": of("widerreader", identity.View{App: "app", Scopes: []string{"user:read", "meeting:read", "meeting:write"}}),
	}
}

// inOrder returns the names of the views, sorted.
func inOrder() []string { return slices.Sorted(maps.Keys(views())) }

// echoToken is a wire that answers each call with an object that holds the token.
func echoToken(r *http.Request) *http.Response {
	name := bearer(r)
	switch path := strings.TrimPrefix(r.URL.EscapedPath(), "/v2"); {
	case path == "/users":
		return answer(200, `{"users":[{"id":"u","first_name":"`+name+`"}],"total_records":1}`)
	case strings.HasPrefix(path, "/users/"):
		return answer(200, `{"id":"u","first_name":"`+name+`","email":"u@example.com"}`)
	case r.Method != http.MethodGet:
		return answer(204, "")
	}
	return answer(200, `{"id":7,"topic":"`+name+`","host_id":"host-of-`+name+`","password":"`+name+`"}`)
}

// Each request is answered for its own view: by a call the first time and from the cache
// the second, by any name of the object.
func TestAs_cacheIsNotShared(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, echoToken))
	all := views()
	for _, name := range inOrder() {
		as := c.As(all[name])
		if _, known, _ := GetUser.Known(t.Context(), as, UserKey{"u"}); known {
			t.Errorf("%s: the cache has an answer before the first request", name)
		}
		for range 2 {
			if u, err := GetUser.Do(t.Context(), as, UserKey{"u"}); err != nil || string(u.FirstName) != name {
				t.Errorf("%s: got %v, %v", name, u, err)
			}
		}
		if u, known, _ := GetUser.Known(t.Context(), as, UserKey{"u@example.com"}); !known || string(u.FirstName) != name {
			t.Errorf("%s: by another name: got %v", name, u)
		}
		calls.want(t, name, "GET /users/u")
	}
	c.Evict(t.Context(), "user:u")
	for _, name := range inOrder() {
		if _, known, _ := GetUser.Known(t.Context(), c.As(all[name]), UserKey{"u"}); known {
			t.Errorf("%s: an eviction is for all views of the account", name)
		}
	}
}

// Requests of two views that are made at the same time are two calls, with credentials in
// the answer and without, and each view gets its own answer.
func TestAs_flightsAndSecretsAreNotShared(t *testing.T) {
	for _, secrets := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var calls log
			open := make(chan struct{})
			c := newTestClient(logged(&calls, func(r *http.Request) *http.Response { <-open; return echoToken(r) }))
			var wait sync.WaitGroup
			for name, credential := range views() {
				for range 2 {
					wait.Go(func() {
						m, err := GetMeeting.Do(t.Context(), c.As(credential), MeetingQuery{MeetingID: 7}, Secrets(secrets))
						if err != nil || string(m.Topic) != name || secrets != (string(m.Password) == name) {
							t.Errorf("%s: got %+v, %v", name, m, err)
						}
					})
				}
			}
			synctest.Wait()
			if n := len(calls.take()); n != len(views()) {
				t.Errorf("secrets %v: %d calls for %d views", secrets, n, len(views()))
			}
			close(open)
			wait.Wait()
		})
	}
}

// A stale answer is refreshed by the view that got it, and for that view.
func TestAs_refreshesAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		tokens := map[string]int{}
		c := newTestClient(func(r *http.Request) *http.Response {
			mu.Lock()
			tokens[bearer(r)]++
			mu.Unlock()
			return echoToken(r)
		})
		all := views()
		for range 2 {
			for _, name := range inOrder() {
				if u, err := GetUser.Do(t.Context(), c.As(all[name]), UserKey{"u"}); err != nil || string(u.FirstName) != name {
					t.Errorf("%s: got %v, %v", name, u, err)
				}
			}
			synctest.Wait()
			time.Sleep(Slow.TTL() + time.Second)
		}
		mu.Lock()
		spent := maps.Clone(tokens) // the reads below have answers refreshed again
		mu.Unlock()
		for name := range all {
			if u, _, _ := GetUser.Known(t.Context(), c.As(all[name]), UserKey{"u"}); u == nil || string(u.FirstName) != name {
				t.Errorf("%s: after the refresh: %v", name, u)
			}
			if spent[name] != 2 {
				t.Errorf("%s: %d calls carried its token, want a miss and a refresh", name, spent[name])
			}
		}
		synctest.Wait()
	})
}

// leases is a shared store that records the keys of requested leases.
type leases struct {
	cache.Local
	mu   sync.Mutex
	keys map[string]int
}

// GetOrLease implements [cache.Leaser].
func (l *leases) GetOrLease(ctx context.Context, key string, _ cache.Want, tags ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	l.mu.Lock()
	l.keys[key]++
	l.mu.Unlock()
	e, ticket := l.Get(ctx, key, tags...)
	return e, ticket, nil
}

// L1 implements [cache.Shared].
func (l *leases) L1() cache.Local { return l.Local }

// Views wait for each other's leases where a write is exclusive, and nowhere else.
func TestAs_leasesAreNotShared(t *testing.T) {
	l := &leases{Local: cache.NewMemory(1 << 20), keys: map[string]int{}}
	c := newTestClient(echoToken, func(cfg *Config) { cfg.Store, cfg.Shared = nil, l })
	for name, credential := range views() {
		if m, err := GetMeeting.Do(t.Context(), c.As(credential), MeetingQuery{MeetingID: 7}); err != nil || string(m.Topic) != name {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
	if len(l.keys) != len(views()) {
		t.Errorf("%d keys were leased for %d views", len(l.keys), len(views()))
	}
	clear(l.keys)
	for _, name := range []string{"app", "otherapp", "ann"} {
		if _, err := UpdateUser.Do(t.Context(), c.As(views()[name]), UserPatch{UserID: "u", Patch: &types.UserPatch{FirstName: new("A")}}); err != nil {
			t.Error(err)
		}
	}
	if len(l.keys) != 1 {
		t.Errorf("exclusive writes to one user took %d leases", len(l.keys))
	}
}

// The stored hosts and lengths of lists come from answers for the same view.
func TestAs_memoryIsNotShared(t *testing.T) {
	c := newTestClient(echoToken)
	all := views()
	tags := func(name string) []cache.Tag {
		return c.hosts.resolve(all[name], []cache.Tag{"host-of:7:meetings"})
	}
	for _, name := range inOrder() {
		as := c.As(all[name])
		if diff := cmp.Diff([]cache.Tag{"meetings"}, tags(name)); diff != "" {
			t.Errorf("%s: before any answer: %s", name, diff)
		}
		if n := as.length("users active"); n.known {
			t.Errorf("%s: before any answer, the length is %v", name, n)
		}
		as.noteLength("users active", length{items: 10 + len(name)})
		if _, err := GetMeeting.Do(t.Context(), as, MeetingQuery{MeetingID: 7}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range inOrder() {
		if diff := cmp.Diff([]cache.Tag{cache.NewTag("user", "host-of-"+name, "meetings")}, tags(name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := c.As(all[name]).length("users active"); n.items != 10+len(name) {
			t.Errorf("%s: the length is %v", name, n)
		}
		if own := c.hosts.owner(all[name], map[string]string{"meetingId": "7"}); own != "host-of-"+name {
			t.Errorf("%s: the quota of %s is used", name, own)
		}
	}
}

// A call of another view is not under way for this one.
func TestAs_underWayIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := newTestClient(func(r *http.Request) *http.Response { <-open; return echoToken(r) })
		all, done := views(), make(chan struct{})
		go func() {
			defer close(done)
			_, _ = GetUser.Do(t.Context(), c.As(all["ann"]), UserKey{"u"})
		}()
		synctest.Wait()
		for name, credential := range all {
			if is := GetUser.underWay(t.Context(), c.As(credential), UserKey{"u"}); is != (name == "ann") {
				t.Errorf("%s: under way: %v", name, is)
			}
		}
		close(open)
		<-done
	})
}

// The caller's scopes narrow those of the token.
func TestAs_scopesOfTheCaller(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, echoToken))
	reader := identity.New(identity.View{Account: "account", App: "app", Scopes: []string{"user:read"}}, &tokens{scopes: []string{"user:write", "meeting:write"}})
	if _, err := GetUser.Do(t.Context(), c.As(reader), UserKey{"u"}); err != nil {
		t.Error(err)
	}
	calls.want(t, "allowed by both", "GET /users/u")
	for why, do := range map[string]func() error{
		"the caller lacks it": func() error {
			_, err := GetMeeting.Do(t.Context(), c.As(reader), MeetingQuery{MeetingID: 7})
			return err
		},
		"the app lacks it": func() error {
			_, err := UpdateMeeting.Do(t.Context(), c.As(identity.New(identity.View{Account: "account", Scopes: []string{"meeting:write"}}, &tokens{scopes: []string{"user:read"}})), MeetingPatch{MeetingID: 7, Patch: somePatch})
			return err
		},
		"the caller has none": func() error {
			_, err := GetUser.Do(t.Context(), c.As(identity.New(identity.View{Account: "account", Scopes: []string{}}, &tokens{})), UserKey{"u"})
			return err
		},
	} {
		if err := do(); !errors.Is(err, ErrMissingScope) {
			t.Errorf("%s: %v", why, err)
		}
	}
	calls.want(t, "nothing is sent")
	if scopes, err := c.As(reader).Scopes(t.Context()); err != nil || !slices.Equal(scopes, []string{"user:read"}) {
		t.Errorf("the scopes are %v, %v", scopes, err)
	}
}

// A client without a credential, or with that of another account, makes no call.
func TestAs_noCredential(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, echoToken))
	for why, credential := range map[string]*identity.Credential{"none": nil, "another account's": identity.New(identity.View{Account: "other"}, staticToken("t"))} {
		as := c.As(credential)
		_, do := GetUser.Do(t.Context(), as, UserKey{"u"})
		_, _, known := GetUser.Known(t.Context(), as, UserKey{"u"})
		_, raw := Raw{Operation: "GET /users"}.Do(t.Context(), as)
		_, scopes := as.Scopes(t.Context())
		for i, err := range []error{do, known, raw, scopes, as.Ready(t.Context())} {
			if !errors.Is(err, errNoCredential) {
				t.Errorf("%s: %d: %v", why, i, err)
			}
		}
	}
	calls.want(t, "nothing is sent")
}
