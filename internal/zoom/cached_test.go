package zoom

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// spy is a store that records the entries stored.
type spy struct {
	cache.Store
	mu      sync.Mutex
	keys    []string
	entries []*cache.Entry
}

func newSpy() *spy { return &spy{Store: cache.NewMemory(1 << 20)} }

// Set implements [cache.Store].
func (s *spy) Set(ctx context.Context, key string, t cache.Ticket, e *cache.Entry) {
	s.mu.Lock()
	s.keys, s.entries = append(s.keys, key), append(s.entries, e)
	s.mu.Unlock()
	s.Store.Set(ctx, key, t, e)
}

func storing(s cache.Store) func(*Config) { return func(c *Config) { c.Store = s } }

// zoomWith is a wire that answers reads by path and query, below /v2; others are not found.
func zoomWith(bodies map[string]string) wire {
	return func(r *http.Request) *http.Response {
		call := strings.TrimPrefix(r.URL.EscapedPath(), "/v2")
		if r.URL.RawQuery != "" {
			call += "?" + r.URL.RawQuery
		}
		switch body, ok := bodies[call]; {
		case r.Method == http.MethodPost:
			return answer(201, `{"id":"7","registrant_id":"r"}`)
		case r.Method != http.MethodGet:
			return answer(204, "")
		case ok:
			return answer(200, body)
		}
		return answer(404, `{"code":1001,"message":"User does not exist."}`)
	}
}

func TestCached_freshThenStaleThenGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`})))
		get := func() *types.User {
			u, err := GetUser.Do(t.Context(), c, UserKey{"u"})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		first := get()
		calls.want(t, "a miss", "GET /users/u")
		if get() != first {
			t.Error("the answer is not shared")
		}
		calls.want(t, "a hit")
		time.Sleep(Slow.TTL() - time.Millisecond)
		get()
		calls.want(t, "still fresh")
		time.Sleep(time.Millisecond)
		if get() != first {
			t.Error("the first reader of the stale answer had to wait")
		}
		synctest.Wait()
		calls.want(t, "refreshed in the background", "GET /users/u")
		if get() == first {
			t.Error("the new answer is not served")
		}
		time.Sleep(Slow.StaleWhileRevalidate())
		get()
		calls.want(t, "too old for stale-while-revalidate", "GET /users/u")
	})
}

func TestCached_notFoundForSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, zoomWith(nil)))
		get := func() *Error {
			u, err := GetUser.Do(t.Context(), c, UserKey{"u"})
			if u != nil {
				t.Errorf("got %v", u)
			}
			return asError(t, err)
		}
		first := get()
		calls.want(t, "a miss", "GET /users/u")
		time.Sleep(absent - time.Millisecond)
		if again := get(); !errors.Is(again, ErrNotFound) || again.Status != 404 || again.Code != 1001 || again.Message != first.Message {
			t.Errorf("the cached refusal is %+v", again)
		}
		calls.want(t, "cached")
		time.Sleep(time.Millisecond)
		get()
		calls.want(t, "expired", "GET /users/u")
	})
}

func TestCached_otherErrorsAreNotStored(t *testing.T) {
	for _, c := range []struct {
		why  string
		resp *http.Response
	}{
		{"an outage", answer(500, "")},
		{"no answer", nil},
		{"a throttle", answer(429, `{"code":429,"message":"You have reached the maximum daily rate limit for this API."}`)},
		{"a broken answer", answer(200, `{"id":`)},
		{"an empty answer", answer(200, ``)},
		{"no permission", answer(403, `{"code":200,"message":"No permission."}`)},
		{"an input that Zoom refuses", answer(400, `{"code":300}`)},
		{"a scope that is missing", answer(400, `{"code":4700}`)},
		{"a token that Zoom does not take", answer(401, `{"code":124}`)},
	} {
		synctest.Test(t, func(t *testing.T) {
			broken := true
			s := newSpy()
			client := newTestClient(func(*http.Request) *http.Response {
				if broken {
					return c.resp
				}
				return answer(200, `{"id":"u"}`)
			}, storing(s))
			if _, err := GetUser.Do(t.Context(), client, UserKey{"u"}); err == nil {
				t.Fatalf("%s: no error", c.why)
			}
			if len(s.keys) != 0 {
				t.Errorf("%s was stored", c.why)
			}
			broken = false
			if _, err := GetUser.Do(t.Context(), client, UserKey{"u"}); err != nil {
				t.Errorf("%s is over and still returned: %v", c.why, err)
			}
		})
	}
}

// wholeMeeting holds every credential that a meeting has.
const wholeMeeting = `{"id":7,"topic":"T","host_id":"u","start_url":"HUSH1","password":"HUSH2","pstn_password":"HUSH3","h323_password":"HUSH4","encrypted_password":"HUSH5","dynamic_host_key":"HUSH6",
	"settings":{"authentication_exception":[{"name":"Ann","email":"ann@example.com","join_url":"HUSH7"}]}}`

func TestCached_secretsAreNotStored(t *testing.T) {
	var calls log
	s := newSpy()
	c := newTestClient(logged(&calls, zoomWith(map[string]string{
		"/meetings/7":             wholeMeeting,
		"/meetings/7/registrants": `{"registrants":[{"id":"r","join_url":"HUSH8","participant_pin_code":"HUSH9"}]}`,
		"/users/u/meetings":       `{"meetings":[` + wholeMeeting + `]}`,
	})), storing(s))
	ctx := t.Context()

	plain, err := GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7})
	if err != nil || plain.StartURL != "" || plain.Topic != "T" {
		t.Errorf("a request without secrets got %+v, %v", plain, err)
	}
	calls.take()
	secret, err := GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7}, WithSecrets)
	if err != nil || secret.StartURL != "HUSH1" || secret.Password != "HUSH2" || secret.Settings.AuthenticationException[0].JoinURL != "HUSH7" {
		t.Errorf("a request with secrets got %+v, %v", secret, err)
	}
	calls.want(t, "a request with secrets is not answered from the cache", "GET /meetings/7")
	if _, err := GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7}, Secrets(true)); err != nil {
		t.Error(err)
	}
	calls.want(t, "its answer is not stored", "GET /meetings/7")
	if plain, err := GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7}, Secrets(false)); err != nil || plain.StartURL != "" {
		t.Errorf("a later request without secrets got %+v, %v", plain, err)
	}
	calls.want(t, "a request without secrets is answered from the cache")
	if _, err := ListRegistrants.Page(ctx, c, RegistrantFilter{MeetingID: 7}, Paging{}); err != nil {
		t.Error(err)
	}
	if _, err := ListRegistrants.Page(ctx, c, RegistrantFilter{MeetingID: 7}, Paging{}, WithSecrets); err != nil {
		t.Error(err)
	}
	if _, err := ListMeetings.Page(ctx, c, MeetingFilter{UserID: "u"}, Paging{}); err != nil {
		t.Error(err)
	}

	if len(s.entries) != 3 {
		t.Errorf("%d entries were stored, not 3", len(s.entries))
	}
	for _, e := range s.entries {
		body, err := e.Body()
		if err != nil {
			t.Fatal(err)
		}
		value, err := e.Value(nil)
		if err != nil {
			t.Fatal(err)
		}
		inMemory, err := types.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range [][]byte{body, inMemory} {
			if strings.Contains(string(form), "HUSH") {
				t.Errorf("a secret was stored: %s", form)
			}
		}
	}
}

// The answer to a write holds new credentials: it is not stored.
func TestCached_writesAreNotStored(t *testing.T) {
	s := newSpy()
	c := newTestClient(func(*http.Request) *http.Response { return answer(201, wholeMeeting) }, storing(s))
	m, err := CreateMeeting.Do(t.Context(), c, NewMeeting{UserID: "u", Meeting: &types.NewMeeting{}})
	if err != nil || m.StartURL != "HUSH1" {
		t.Errorf("got %+v, %v", m, err)
	}
	if len(s.entries) != 0 {
		t.Error("the answer to a write was stored")
	}
}

func TestAnswerStore_keysAreHashes(t *testing.T) {
	s := newSpy()
	c := newTestClient(zoomWith(map[string]string{"/users/ann%40example.com": `{"id":"u","email":"ann@example.com"}`}), storing(s))
	if _, err := GetUser.Do(t.Context(), c, UserKey{"ann@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, key := range s.keys {
		if len(key) != 16 || strings.Contains(key, "ann") {
			t.Errorf("the key is %q", key)
		}
	}
}

// Accounts that share a store share no answers; what one credential of an account changes is
// stale for all of it.
func TestStore_sharedByAccounts(t *testing.T) {
	var calls log
	store := cache.NewMemory(1 << 20)
	w := logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`}))
	as := func(account, app string) *Client {
		c := newTestClient(w, storing(store), func(c *Config) { c.AccountID = account })
		return c.As(identity.New(identity.View{Account: account, App: app}, &tokens{}))
	}
	get := func(c *Client) {
		t.Helper()
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Error(err)
		}
	}
	ours := as("account", "app")
	get(ours)
	calls.want(t, "the first request", "GET /users/u")
	get(as("account", "app"))
	calls.want(t, "another client of the same view gets the cached answer")
	get(as("account", "other app"))
	calls.want(t, "another view", "GET /users/u")
	get(as("other", "app"))
	calls.want(t, "another account", "GET /users/u")
	get(as("accountapp", ""))
	calls.want(t, "fields that read the same when put together", "GET /users/u")

	ours.Evict(t.Context(), "user:u")
	get(as("account", "other app"))
	calls.want(t, "what one credential changes is stale for all of the account", "GET /users/u")
	get(as("other", "app"))
	calls.want(t, "and for no other account")
}

// A user requested by one name is cached by the other names too.
func TestCached_userByIDAndEmail(t *testing.T) {
	var calls log
	const body = `{"id":"u","email":"Ann@Example.com"}`
	c := newTestClient(logged(&calls, zoomWith(map[string]string{
		"/users/u": body, "/users/ann%40example.com": body, "/users/Ann%40Example.com": body, "/users/me": body,
	})))
	get := func(name string) {
		t.Helper()
		if u, err := GetUser.Do(t.Context(), c, UserKey{name}); err != nil || u.ZoomID != "u" {
			t.Errorf("%s: got %+v, %v", name, u, err)
		}
	}
	get("u")
	calls.want(t, "by id", "GET /users/u")
	get("ann@example.com")
	calls.want(t, "then by e-mail")

	c.Evict(t.Context(), "user:u", "users")
	get("Ann@Example.com")
	calls.want(t, "by e-mail as it is written", "GET /users/Ann%40Example.com")
	get("ann@example.com")
	get("u")
	calls.want(t, "then by id, and in lower case")

	c.Evict(t.Context(), "user:u", "users", "user:me")
	get("me")
	calls.want(t, "as me", "GET /users/me")
	get("u")
	calls.want(t, "then by id")

	c.Evict(t.Context(), "user:u")
	get("u")
	calls.want(t, "an id is evicted by its own tag", "GET /users/u")
	c.Evict(t.Context(), "users")
	get("ann@example.com")
	calls.want(t, "an address by that of all users, since no event names it", "GET /users/ann%40example.com")
}

func TestCached_userWithoutEmail(t *testing.T) {
	s := newSpy()
	c := newTestClient(zoomWith(map[string]string{"/users/u": `{"id":"u","email":""}`}), storing(s))
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil || len(s.keys) != 1 {
		t.Errorf("%d entries, %v", len(s.keys), err)
	}
}

// An answer is not stored if the object changed during the call.
func TestCached_evictionBetweenCallAndStore(t *testing.T) {
	for _, tags := range [][]cache.Tag{{"user:u"}, {"user:u", "users"}, {cache.All}} {
		var calls log
		var c *Client
		change := true
		c = newTestClient(logged(&calls, func(*http.Request) *http.Response {
			if change {
				change = false
				if tags[0] == cache.All {
					c.cfg.Store.Evict(t.Context(), cache.All)
				} else {
					c.Evict(t.Context(), tags...)
				}
			}
			return answer(200, `{"id":"u","email":"ann@example.com"}`)
		}))
		for range 2 {
			if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
				t.Fatal(err)
			}
		}
		calls.want(t, fmt.Sprint("evicted: ", tags), "GET /users/u", "GET /users/u")
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Fatal(err)
		}
		calls.want(t, "the answer from after the change is stored")
	}
	t.Run("its other name", func(t *testing.T) {
		var calls log
		var c *Client
		change := true
		c = newTestClient(logged(&calls, func(*http.Request) *http.Response {
			if change {
				change = false
				c.Evict(t.Context(), "user:u", "users")
			}
			return answer(200, `{"id":"u","email":"ann@example.com"}`)
		}))
		for _, name := range []string{"u", "ann@example.com"} {
			if _, err := GetUser.Do(t.Context(), c, UserKey{name}); err != nil {
				t.Fatal(err)
			}
		}
		calls.want(t, "is not stored either", "GET /users/u", "GET /users/ann%40example.com")
	})
}

// A read after a write sees it, even if a read from before the write is still under way.
func TestCached_readAfterWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		topic, slow := "before", make(chan struct{})
		var reads atomic.Int32
		c := newTestClient(logged(&calls, func(r *http.Request) *http.Response {
			if r.Method == http.MethodPatch {
				topic = "after"
				return answer(204, "")
			}
			said := topic
			if reads.Add(1) == 1 {
				<-slow
			}
			return answer(200, `{"id":7,"topic":"`+said+`"}`)
		}))
		get := func() (types.Text, error) {
			m, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: 7})
			if err != nil {
				return "", err
			}
			return m.Topic, nil
		}
		early := make(chan types.Text)
		go func() {
			topic, _ := get()
			early <- topic
		}()
		synctest.Wait()
		if _, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: 7, Patch: somePatch}); err != nil {
			t.Fatal(err)
		}
		if topic, err := get(); topic != "after" || err != nil {
			t.Errorf("the read after the write got %q, %v", topic, err)
		}
		close(slow)
		if topic := <-early; topic != "before" {
			t.Errorf("the read before the write got %q", topic)
		}
		if topic, err := get(); topic != "after" || err != nil {
			t.Errorf("the late answer replaced the new one: %q, %v", topic, err)
		}
		calls.want(t, "two reads and a write", "GET /meetings/7", "PATCH /meetings/7", "GET /meetings/7")
	})
}

// The answer to a sent call is stored for the next request, even if its caller has left.
func TestStored_callerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		slow := make(chan struct{})
		c := newTestClient(logged(&calls, func(*http.Request) *http.Response {
			<-slow
			return answer(200, `{"id":"u"}`)
		}))
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := GetUser.Do(ctx, c, UserKey{"u"})
			left <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller got %v", err)
		}
		close(slow)
		synctest.Wait()
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Error(err)
		}
		calls.want(t, "one call", "GET /users/u")
	})
}

func TestStored_manyCallersStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		c := newTestClient(func(*http.Request) *http.Response {
			time.Sleep(time.Second)
			return answer(200, `{"id":"u"}`)
		}, storing(s))
		var wait sync.WaitGroup
		for range 64 {
			wait.Go(func() {
				if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if len(s.keys) != 1 {
			t.Errorf("it was stored %d times", len(s.keys))
		}
	})
}

// A write evicts the answers that it changes, and no others.
func TestCached_writesEvict(t *testing.T) {
	bodies := map[string]string{
		"/meetings/7": `{"id":7,"host_id":"u"}`, "/meetings/8": `{"id":8,"host_id":"v"}`,
		"/users/u/meetings": `{"meetings":[{"id":7,"host_id":"u"}]}`, "/users/v/meetings": `{"meetings":[{"id":8}]}`,
		"/meetings/7/registrants": `{"registrants":[]}`, "/meetings/8/registrants": `{"registrants":[]}`,
		"/meetings/7/registrants/r": `{"id":"r"}`, "/past_meetings/7/instances": `{"meetings":[]}`,
		"/past_meetings/7": `{"uuid":"a=="}`, "/users/u": `{"id":"u"}`,
	}
	patch := func(ctx context.Context, c *Client) error {
		_, err := UpdateMeeting.Do(ctx, c, MeetingPatch{MeetingID: 7, Patch: somePatch})
		return err
	}
	ofMeeting := []string{"GET /meetings/7", "GET /users/u/meetings"}
	ofRegistrants := []string{"GET /meetings/7/registrants", "GET /meetings/7/registrants/r"}
	for _, c := range []struct {
		why   string
		write func(context.Context, *Client) error
		stale []string
	}{
		{"a change of a meeting: it, and its host's lists", patch, ofMeeting},
		{"its end: its instances, too", func(ctx context.Context, c *Client) error {
			_, err := UpdateMeetingStatus.Do(ctx, c, MeetingAction{7, MeetingActionBody{"end"}})
			return err
		}, []string{"GET /meetings/7", "GET /past_meetings/7", "GET /past_meetings/7/instances", "GET /users/u/meetings"}},
		{"its deletion: its registrants, too", func(ctx context.Context, c *Client) error {
			_, err := DeleteMeeting.Do(ctx, c, MeetingRemoval{MeetingID: 7})
			return err
		}, []string{"GET /meetings/7", ofRegistrants[0], ofRegistrants[1], "GET /users/u/meetings"}},
		{"a new meeting: the host's lists", func(ctx context.Context, c *Client) error {
			_, err := CreateMeeting.Do(ctx, c, NewMeeting{UserID: "u", Meeting: &types.NewMeeting{}})
			return err
		}, []string{"GET /users/u/meetings"}},
		{"a new registrant: the registrants", func(ctx context.Context, c *Client) error {
			_, err := AddRegistrant.Do(ctx, c, NewRegistrant{MeetingID: 7, Registrant: &types.NewRegistrant{}})
			return err
		}, ofRegistrants},
		{"a status: the registrants", func(ctx context.Context, c *Client) error {
			_, err := UpdateRegistrantStatus.Do(ctx, c, RegistrantStatusPatch{MeetingID: 7})
			return err
		}, ofRegistrants},
		{"a registrant less: the registrants", func(ctx context.Context, c *Client) error {
			_, err := DeleteRegistrant.Do(ctx, c, RegistrantRemoval{7, "r", ""})
			return err
		}, ofRegistrants},
		{"a webhook: what it names", func(ctx context.Context, c *Client) error { c.Evict(ctx, "user:u"); return nil }, []string{"GET /users/u"}},
		{"no tags: nothing", func(ctx context.Context, c *Client) error { c.Evict(ctx); return nil }, nil},
	} {
		var calls log
		client := newTestClient(logged(&calls, zoomWith(bodies)))
		readAll(t, client)
		calls.take()
		if err := c.write(t.Context(), client); err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		calls.take()
		readAll(t, client)
		calls.want(t, c.why, c.stale...)
	}
}

// readAll reads what TestCached_writesEvict has bodies for, in the order of the calls.
func readAll(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7}))
	do(GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 8}))
	do(ListRegistrants.Page(ctx, c, RegistrantFilter{MeetingID: 7}, Paging{}))
	do(ListRegistrants.Page(ctx, c, RegistrantFilter{MeetingID: 8}, Paging{}))
	do(GetRegistrant.Do(ctx, c, RegistrantKey{7, "r"}))
	do(GetPastMeeting.Do(ctx, c, InstanceKey{"7"}))
	do(ListInstances.Page(ctx, c, InstanceFilter{MeetingID: 7}, Paging{}))
	do(GetUser.Do(ctx, c, UserKey{"u"}))
	do(ListMeetings.Page(ctx, c, MeetingFilter{UserID: "u"}, Paging{}))
	do(ListMeetings.Page(ctx, c, MeetingFilter{UserID: "v"}, Paging{}))
}

// The host of the meeting is unknown: the lists of all hosts are evicted.
func TestCached_writeToMeetingOfUnknownHost(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, zoomWith(map[string]string{"/users/u/meetings": `{"meetings":[]}`, "/users/v/meetings": `{"meetings":[]}`})))
	lists := func() {
		for _, user := range []string{"u", "v"} {
			if _, err := ListMeetings.Page(t.Context(), c, MeetingFilter{UserID: user}, Paging{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	lists()
	if _, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: 7, Patch: somePatch}); err != nil {
		t.Fatal(err)
	}
	calls.take()
	lists()
	calls.want(t, "", "GET /users/u/meetings", "GET /users/v/meetings")
}

func TestHosts(t *testing.T) {
	h := newHosts()
	h.learn(app(nil), &types.Meeting{Number: 7, HostZoomID: "u"})
	h.learn(app(nil), &Page[types.Meeting]{Items: []*types.Meeting{{Number: 8, HostZoomID: "v"}, {Number: 9}, {HostZoomID: "w"}}})
	h.learn(app(nil), &types.User{ZoomID: "x"})
	got := h.resolve(app(nil), []cache.Tag{"meeting:7", "host-of:7:meetings", "host-of:8:meetings", "host-of:9:meetings", "host-of:0:meetings"})
	if diff := cmp.Diff([]cache.Tag{"meeting:7", "user:u:meetings", "user:v:meetings", "meetings", "meetings"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	h.learn(app(nil), &types.Meeting{Number: 7, HostZoomID: "other"}) // it has a new host
	if diff := cmp.Diff([]cache.Tag{"user:other:meetings"}, h.resolve(app(nil), []cache.Tag{"host-of:7:meetings"})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A write with an unknown outcome evicts; one that Zoom refused does not.
func TestCached_failedWrites(t *testing.T) {
	for _, c := range []struct {
		why   string
		resp  *http.Response
		stale bool
	}{
		{"done", answer(204, ""), true},
		{"no answer", nil, true},
		{"an outage in the middle", answer(502, ""), true},
		{"an answer that cannot be read", answer(200, `{"id":`), true},
		{"a redirect", answer(302, ""), true},
		{"it is gone: what is cached of it is stale", answer(404, `{"code":3001,"message":"Meeting does not exist."}`), true},
		{"refused", answer(400, `{"code":300}`), false},
		{"forbidden", answer(403, `{"code":200,"message":"No permission."}`), false},
		{"throttled", answer(429, `{"message":"daily"}`), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var calls log
			client := newTestClient(logged(&calls, func(r *http.Request) *http.Response {
				if r.Method == http.MethodGet {
					return answer(200, `{"id":7}`)
				}
				return c.resp
			}))
			get := func() {
				if _, err := GetMeeting.Do(t.Context(), client, MeetingQuery{MeetingID: 7}); err != nil {
					t.Fatal(err)
				}
			}
			get()
			_, _ = UpdateMeeting.Do(t.Context(), client, MeetingPatch{MeetingID: 7, Patch: somePatch})
			calls.take()
			get()
			if stale := len(calls.take()) == 1; stale != c.stale {
				t.Errorf("%s: stale is %v", c.why, stale)
			}
		})
	}
}

// Without a store, reads and writes work.
func TestCached_noStore(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`, "/meetings/7": `{"id":7}`})), func(c *Config) { c.Store = nil })
	for range 2 {
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Error(err)
		}
	}
	calls.want(t, "nothing is cached", "GET /users/u", "GET /users/u")
	if _, ok, _ := GetUser.Known(t.Context(), c, UserKey{"u"}); ok {
		t.Error("there is a cached answer")
	}
	c.Evict(t.Context(), "user:u")
	if _, err := UpdateMeeting.Do(t.Context(), c, MeetingPatch{MeetingID: 7, Patch: somePatch}); err != nil {
		t.Error(err)
	}
}

// OnEvict's function is called for every eviction, by a caller or a write.
func TestOnEvict(t *testing.T) {
	c := newTestClient(zoomWith(map[string]string{"/users/u": `{"id":"u"}`}))
	evictions := 0
	c.OnEvict(func() { evictions++ })
	if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil || evictions != 0 {
		t.Errorf("a read: called %d times, %v", evictions, err)
	}
	c.Evict(t.Context())
	if evictions != 0 {
		t.Error("called, though nothing was evicted")
	}
	c.Evict(t.Context(), "user:u")
	if evictions != 1 {
		t.Errorf("an eviction: called %d times", evictions)
	}
	if _, err := DeleteMeeting.Do(t.Context(), c, MeetingRemoval{MeetingID: 7}); err != nil || evictions != 2 {
		t.Errorf("a write: called %d times, %v", evictions, err)
	}
}

// A client of a sub account uses the own account's credentials, and shares no answers with
// it.
func TestIn(t *testing.T) {
	var calls log
	own := newTestClient(logged(&calls, zoomWith(map[string]string{
		"/users/u": `{"id":"u","first_name":"own"}`, "/accounts/s%2F1/users/u": `{"id":"u","first_name":"sub"}`,
		"/meetings/7": `{"id":7,"host_id":"u"}`, "/accounts/s%2F1/meetings/7": `{"id":7,"host_id":"u"}`,
	})))
	sub := own.In("s/1")
	name := func(c *Client) types.Text {
		t.Helper()
		u, err := GetUser.Do(t.Context(), c, UserKey{"u"})
		if err != nil {
			t.Fatal(err)
		}
		return u.FirstName
	}
	for range 2 {
		if name(own) != "own" || name(sub) != "sub" {
			t.Errorf("got %s and %s", name(own), name(sub))
		}
	}
	calls.want(t, "one call for each", "GET /users/u", "GET /accounts/s%2F1/users/u")
	if own.In("account") != own || own.In("") != own || sub.In("s/1") != sub || sub.In("account").Sub() != "" {
		t.Error("the own account has another client")
	}
	if own.Sub() != "" || sub.Sub() != "s/1" || own.AccountID() != "account" || sub.AccountID() != "s/1" || sub.Tenant() != own.Tenant() || sub.Plan() != own.Plan() {
		t.Errorf("the accounts are %q and %q", own.AccountID(), sub.AccountID())
	}

	sub.Evict(t.Context(), "user:u")
	name(own)
	name(sub)
	calls.want(t, "what is stale in one is not in the other", "GET /accounts/s%2F1/users/u")
	for _, c := range []*Client{own, sub} {
		if _, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := UpdateMeeting.Do(t.Context(), sub, MeetingPatch{MeetingID: 7, Patch: somePatch}); err != nil {
		t.Fatal(err)
	}
	calls.take()
	for _, c := range []*Client{own, sub} {
		if _, err := GetMeeting.Do(t.Context(), c, MeetingQuery{MeetingID: 7}); err != nil {
			t.Fatal(err)
		}
	}
	calls.want(t, "a write to one", "GET /accounts/s%2F1/meetings/7")

	for _, bad := range []string{"..", "."} {
		if _, err := GetUser.Do(t.Context(), own.In(bad), UserKey{"u"}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q is accepted as an account: %v", bad, err)
		}
	}
	calls.want(t, "nothing is sent")
}

// An eviction in one account does not affect the flights of another.
func TestIn_evictionsOfOtherAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		slow := make(chan struct{})
		own := newTestClient(logged(&calls, func(*http.Request) *http.Response { <-slow; return answer(200, `{"id":"u"}`) }))
		var wait sync.WaitGroup
		ask := func() {
			wait.Go(func() { _, _ = GetUser.Do(t.Context(), own, UserKey{"u"}) })
			synctest.Wait()
		}
		ask()
		own.In("s").Evict(t.Context(), "user:u")
		ask()
		calls.want(t, "another account's user", "GET /users/u")
		own.Evict(t.Context(), "user:u")
		ask()
		calls.want(t, "the own one's", "GET /users/u")
		close(slow)
		wait.Wait()
	})
}

// The forms of a path, which are also the sandbox's routes.
func TestPathForms(t *testing.T) {
	for _, c := range []struct {
		why   string
		spec  Spec
		paths []string
		own   string
		sub   string // "" for none
	}{
		{"as Zoom documents most", Spec{Pattern: "GET /users"}, []string{"/users", "/accounts/{accountId}/users"}, "/users", "/accounts/s/users"},
		{"with the account in both", Spec{Pattern: "GET /accounts/{accountId}/settings"}, []string{"/accounts/{accountId}/settings"}, "/accounts/me/settings", "/accounts/s/settings"},
		{"for the own account only", Spec{Pattern: "GET /users", OwnOnly: true}, []string{"/users"}, "/users", ""},
	} {
		if diff := cmp.Diff(c.paths, c.spec.Paths()); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.why, diff)
		}
		if got, err := c.spec.pathIn(""); got != c.own || err != nil {
			t.Errorf("%s: the own is %s, %v", c.why, got, err)
		}
		if got, err := c.spec.pathIn("s"); got != c.sub || (err == nil) != (c.sub != "") {
			t.Errorf("%s: that of a sub account is %s, %v", c.why, got, err)
		}
	}
}

func TestKnown(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, zoomWith(map[string]string{"/users/u": `{"id":"u"}`})))
	u := &Usage{}
	ctx := WithUsage(t.Context(), u)
	if out, ok, err := GetUser.Known(ctx, c, UserKey{"u"}); out != nil || err != nil || ok {
		t.Errorf("before any request: %v, %v, %v", out, err, ok)
	}
	for _, name := range []string{"u", "stranger"} {
		_, _ = GetUser.Do(ctx, c, UserKey{name})
	}
	calls.want(t, "", "GET /users/u", "GET /users/stranger")
	u = &Usage{} // another operation
	ctx = WithUsage(t.Context(), u)
	if out, ok, err := GetUser.Known(ctx, c, UserKey{"u"}); out == nil || out.ZoomID != "u" || err != nil || !ok {
		t.Errorf("an answer: %v, %v, %v", out, err, ok)
	}
	if out, ok, err := GetUser.Known(ctx, c, UserKey{"stranger"}); out != nil || !errors.Is(err, ErrNotFound) || !ok {
		t.Errorf("that there is none: %v, %v, %v", out, err, ok)
	}
	calls.want(t, "no calls")
	if u.Hits() != 2 {
		t.Errorf("%d hits", u.Hits())
	}
}

// What Zoom refuses is not cached, but an operation requests it once until it writes. What may succeed
// the next time is requested again.
func TestRefusedToOneOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, func(r *http.Request) *http.Response {
			switch {
			case r.Method == http.MethodPatch:
				return answer(204, "")
			case strings.HasSuffix(r.URL.Path, "/busy/webinars"):
				return answer(400, `{"code":1111,"message":"Something else."}`)
			}
			return answer(400, `{"code":200,"message":"Webinar plan is missing."}`)
		}))
		ctx := WithUsage(t.Context(), &Usage{})
		read := func(ctx context.Context, user string, want error) {
			t.Helper()
			if _, err := ListWebinars.Page(ctx, c, WebinarFilter{UserID: user}, Paging{Size: 30}); want != nil && !errors.Is(err, want) || err == nil {
				t.Errorf("the error is %v, want %v", err, want)
			}
		}
		read(ctx, "u", ErrPlanRequired)
		read(ctx, "u", ErrPlanRequired)
		calls.want(t, "twice in one operation", "GET /users/u/webinars?page_number=1&page_size=30")
		read(WithUsage(t.Context(), &Usage{}), "u", ErrPlanRequired)
		calls.want(t, "another operation", "GET /users/u/webinars?page_number=1&page_size=30")
		if _, err := UpdateUser.Do(ctx, c, UserPatch{UserID: "u", Patch: &types.UserPatch{FirstName: new("A")}}); err != nil {
			t.Fatal(err)
		}
		calls.take()
		read(ctx, "u", ErrPlanRequired)
		calls.want(t, "after a write", "GET /users/u/webinars?page_number=1&page_size=30")
		read(ctx, "busy", nil)
		read(ctx, "busy", nil)
		if n := len(calls.take()); n != 2 {
			t.Errorf("%d calls for what may succeed the next time, want 2", n)
		}
	})
}

// An operation that joins the refused call of another one remembers the refusal, too. The layers that
// make such calls do not look up what the operation that sends them remembers.
func TestRefusedToOneOperation_joined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls log
		c := newTestClient(logged(&calls, func(*http.Request) *http.Response {
			time.Sleep(time.Second)
			return answer(400, `{"code":200,"message":"Webinar plan is missing."}`)
		}))
		first, joined := WithUsage(t.Context(), &Usage{}), WithUsage(t.Context(), &Usage{})
		read := func(ctx context.Context) {
			_, err := ListWebinars.Page(ctx, c, WebinarFilter{UserID: "u"}, Paging{Size: 30})
			if !errors.Is(err, ErrPlanRequired) {
				t.Errorf("the error is %v", err)
			}
		}
		var wait sync.WaitGroup
		wait.Go(func() { read(first) })
		synctest.Wait()
		wait.Go(func() { read(joined) })
		wait.Wait()
		read(first)
		read(joined)
		calls.want(t, "both, twice", "GET /users/u/webinars?page_number=1&page_size=30")
	})

	req := userRequest(t, "u")
	usage := &Usage{}
	usage.noteRefusal(req, &Error{By: ByZoom, Kind: ErrForbidden})
	sent := &Response{}
	a := &answerStore{}
	resp, err := stored(a, &hosts{})(func(context.Context, *Request) (*Response, error) { return sent, nil })(WithUsage(t.Context(), usage), req)
	if resp != sent || err != nil {
		t.Errorf("a call that others may have joined gets %v and %v, not Zoom's answer", resp, err)
	}
}

// Data of a past instance no longer changes once Zoom has finished computing it.
func TestPastLife(t *testing.T) {
	at := types.Time{Time: noon}
	stay := func(seconds types.Int) *types.Participant { return &types.Participant{DurationSeconds: seconds} }
	minute, zero := types.Int{N: 60, Valid: true}, types.Int{Valid: true}
	for _, c := range []struct {
		why    string
		run    string
		answer any
		want   Life
	}{
		{"an instance that has ended", "a==", &types.MeetingInstance{EndTime: at}, Closed},
		{"the latest instance is another one tomorrow", "86753098765", &types.MeetingInstance{EndTime: at}, Scheduled},
		{"however its number is written", "867 5309 8765", &types.MeetingInstance{EndTime: at}, Scheduled},
		{"a live instance", "a==", &types.MeetingInstance{}, Live},
		{"a report", "a==", &types.MeetingReport{EndTime: at}, Closed},
		{"a report that is not done", "a==", &types.MeetingReport{}, Live},
		{"participants", "a==", &Page[types.Participant]{Items: []*types.Participant{stay(minute), stay(minute)}}, Closed},
		{"participants that Zoom still counts", "a==", &Page[types.Participant]{Items: []*types.Participant{stay(minute), stay(zero)}}, Scheduled},
		{"a missing duration is not 0", "a==", &Page[types.Participant]{Items: []*types.Participant{stay(types.Int{})}}, Closed},
		{"no participants: Zoom may not have finished", "a==", &Page[types.Participant]{}, Scheduled},
		{"participants of the latest instance", "86753098765", &Page[types.Participant]{Items: []*types.Participant{stay(minute)}}, Scheduled},
	} {
		if got := pastLife(&Request{Vars: map[string]string{"meetingId": c.run}}, c.answer); got != c.want {
			t.Errorf("%s: got %v, want %v", c.why, got, c.want)
		}
	}
	for _, s := range Specs() {
		if past := s.Life == Closed; past != (s.LifeOf != nil) && s != ListMeetings.Spec {
			t.Errorf("%s: a Closed operation needs LifeOf", s.Pattern)
		}
	}
}

// A list of live meetings has the life Live.
func TestMeetingsLife(t *testing.T) {
	for kind, want := range map[types.MeetingListType]Life{types.MeetingListTypeLive: Live, types.MeetingListTypeUpcoming: Scheduled, "": Scheduled} {
		req, err := ListMeetings.request(newTestClient(nil), ListMeetings.input(MeetingFilter{UserID: "u", Type: kind}, Paging{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := req.life(&Page[types.Meeting]{}); got != want {
			t.Errorf("%q: got %v, want %v", kind, got, want)
		}
	}
}

func TestCached_lifetimes(t *testing.T) {
	s := newSpy()
	bodies := map[string]string{
		"/users/u":                            `{"id":"u"}`,
		"/meetings/7":                         `{"id":7}`,
		"/past_meetings/a%3D%3D":              `{"uuid":"a==","end_time":"2026-01-01T00:00:00Z"}`,
		"/past_meetings/b%3D%3D":              `{"uuid":"b=="}`,
		"/users":                              `{"users":[],"next_page_token":"t"}`,
		"/past_meetings/a%3D%3D/participants": `{"participants":[{"duration":60}],"next_page_token":"t"}`,
		"/past_meetings/b%3D%3D/participants": `{"participants":[{"duration":60}]}`,
		"/past_meetings/c%3D%3D/participants": `{"participants":[{"duration":0}],"next_page_token":"t"}`,
	}
	c := newTestClient(zoomWith(bodies), storing(s))
	ctx := t.Context()
	stays := func(uuid string) { _, _ = ListPastParticipants.Page(ctx, c, InstanceKey{uuid}, Paging{}) }
	for _, q := range []struct {
		why  string
		ask  func()
		want time.Duration
	}{
		{"a user", func() { _, _ = GetUser.Do(ctx, c, UserKey{"u"}) }, 5 * time.Minute},
		{"no such user", func() { _, _ = GetUser.Do(ctx, c, UserKey{"x"}) }, 10 * time.Second},
		{"a meeting", func() { _, _ = GetMeeting.Do(ctx, c, MeetingQuery{MeetingID: 7}) }, time.Minute},
		{"an instance", func() { _, _ = GetPastMeeting.Do(ctx, c, InstanceKey{"a=="}) }, 24 * time.Hour},
		{"a live instance", func() { _, _ = GetPastMeeting.Do(ctx, c, InstanceKey{"b=="}) }, 5 * time.Second},
		{"a page with a token, shorter than the token", func() { _, _ = ListUsers.Page(ctx, c, UserFilter{}, Paging{}) }, 5 * time.Minute},
		{"a page with a token, no longer than the token", func() { stays("a==") }, 14 * time.Minute},
		{"the last page of finished stays", func() { stays("b==") }, 24 * time.Hour},
		{"a page of unfinished stays", func() { stays("c==") }, time.Minute},
	} {
		before := len(s.entries)
		q.ask()
		if len(s.entries) != before+1 {
			t.Errorf("%s: %d entries were stored", q.why, len(s.entries)-before)
			continue
		}
		e := s.entries[before]
		if life := e.Expires.Sub(e.Stored); life != q.want || e.Size <= 0 {
			t.Errorf("%s is stored for %v with a size of %d; want %v", q.why, life, e.Size, q.want)
		}
	}
}

// far is a store of another process: it holds encoded entries only, and may corrupt them.
type far struct {
	cache.Store
	corrupt func([]byte) []byte
}

// Set implements [cache.Store].
func (f far) Set(ctx context.Context, key string, t cache.Ticket, e *cache.Entry) {
	body, err := e.Body()
	if err != nil {
		panic(err)
	}
	if f.corrupt != nil {
		body = f.corrupt(body)
	}
	packed := cache.Encoded(body)
	packed.Stored, packed.Expires, packed.Size = e.Stored, e.Expires, e.Size
	f.Store.Set(ctx, key, t, packed)
}

func TestCached_entriesOfAnotherProcess(t *testing.T) {
	for _, c := range []struct {
		why     string
		corrupt func([]byte) []byte
		calls   []string // of the second process
	}{
		{"as they were", nil, nil},
		{"empty", func([]byte) []byte { return []byte{} }, []string{"GET /users/u", "GET /users/stranger", "GET /users"}},
		{"cut off", func(b []byte) []byte { return b[:len(b)-1] }, []string{"GET /users/u", "GET /users/stranger", "GET /users"}},
		{"of another format", func(b []byte) []byte { return append([]byte{'x'}, b[1:]...) }, []string{"GET /users/u", "GET /users/stranger", "GET /users"}},
	} {
		var calls log
		store := far{cache.NewMemory(1 << 20), c.corrupt}
		var answers [2][]any
		for n := range answers {
			client := newTestClient(logged(&calls, zoomWith(map[string]string{
				"/users/u": `{"id":"u","type":2,"created_at":"2026-01-01T00:00:00.5Z"}`,
				"/users":   `{"users":[{"id":"u"}],"next_page_token":"t","total_records":7}`,
			})), storing(store))
			if n == 1 {
				calls.take()
			}
			user, err := GetUser.Do(t.Context(), client, UserKey{"u"})
			_, strange := GetUser.Do(t.Context(), client, UserKey{"stranger"})
			page, err2 := ListUsers.Page(t.Context(), client, UserFilter{}, Paging{})
			if err != nil || err2 != nil {
				t.Fatalf("%s: %v, %v", c.why, err, err2)
			}
			refused := *asError(t, strange)
			if !errors.Is(&refused, ErrNotFound) || refused.Op != GetUser.Pattern {
				t.Errorf("%s: got %v", c.why, strange)
			}
			answers[n] = []any{user, page.Items, page.Next, page.Total, refused.Status, refused.Code, refused.Message}
		}
		if diff := cmp.Diff(answers[0], answers[1], exported); diff != "" {
			t.Errorf("%s: -first +second\n%s", c.why, diff)
		}
		calls.want(t, c.why, c.calls...)
	}
}

// Every row's answer survives encoding and decoding for Redis.
func TestPack_everyRow(t *testing.T) {
	for _, s := range Specs() {
		if s.Reads() {
			t.Run(s.Pattern, func(t *testing.T) {
				t.Parallel()
				roundTrip(t, s)
			})
		}
	}
}

// someInput returns an input of an operation in which every variable of the path
// has a value.
func someInput(s *Spec) any {
	in := reflect.New(s.input.of).Elem()
	for _, p := range s.input.path {
		switch f := in.FieldByIndex(p.index); f.Kind() {
		case reflect.String:
			f.SetString("/a//b==")
		default:
			f.SetInt(7)
		}
	}
	return in.Interface()
}

func roundTrip(t *testing.T, s *Spec) {
	req, err := s.input.ask(anyone, someInput(s))
	if err != nil {
		t.Fatal(err)
	}
	longest := 0
	for n := range 16 { // every field with one value and another
		full := reflect.New(s.Answer())
		(&filler{n: n}).fill(full.Elem())
		sent, err := types.Marshal(full.Interface()) // a possible answer of Zoom's
		if err != nil {
			t.Fatal(err)
		}
		before, err := req.decode(sent, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, sent)
		}
		packed, err := pack(req, before)
		if err != nil {
			t.Fatal(err)
		}
		after, err := unpack(req, packed)
		if err != nil {
			t.Fatal(err)
		}
		opts := cmp.Options{exported, cmpopts.EquateEmpty(), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".once" || p.Last().String() == ".index" }, cmp.Ignore())}
		if _, ok := reflect.TypeAssert[interface {
			decode(*Spec, *jsontext.Decoder) error
		}](full); ok {
			opts = append(opts, cmp.Exporter(func(t reflect.Type) bool { return strings.HasPrefix(t.Name(), "Page[") }))
		}
		if diff := cmp.Diff(before, after, opts); diff != "" {
			t.Fatalf("-before +after\n%s", diff)
		}
		longest = max(longest, len(packed))
	}
	if longest < 50 && !onlySecrets(s.Answer()) {
		t.Error("the encoded answers are nearly empty")
	}
}

// onlySecrets reports whether all fields of an answer are secrets.
func onlySecrets(answer reflect.Type) bool {
	for _, f := range reflect.VisibleFields(answer) {
		of := f.Type
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if name := f.Tag.Get("json"); name != "" && name != "-" && of != reflect.TypeFor[types.Secret]() {
			return false
		}
	}
	return true
}

// enumNames returns the values of every enum.
var enumNames = sync.OnceValue(func() map[string][]string {
	file, err := parser.ParseFile(token.NewFileSet(), "types/enums_gen.go", nil, 0)
	if err != nil {
		panic(err)
	}
	names := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if enum, ok := spec.Type.(*ast.Ident); ok {
				name, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				names[enum.Name] = append(names[enum.Name], name)
			}
		}
		return true
	})
	return names
})

// filler fills structs with values that differ from field to field, and from
// one n to the next.
type filler struct{ n int }

func (f *filler) next() int { f.n++; return f.n }

func (f *filler) fill(v reflect.Value) {
	n := f.next()
	switch x := v.Addr().Interface().(type) {
	case *types.Time:
		x.Time = noon.Add(time.Duration(n) * 1234567891 * time.Microsecond)
		return
	case *types.Date:
		x.Time = midnight.AddDate(0, 0, n)
		return
	case *jsontext.Value:
		*x = jsontext.Value(fmt.Sprintf(`{"from":%d}`, n))
		return
	case *types.MeetingNumber:
		*x = types.MeetingNumber(86753098765 + n)
		return
	case interface{ Code() string }:
		names := enumNames()[v.Type().Name()]
		v.SetString(names[n%len(names)])
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("Ünï \"%d\" / < 日", n))
		if v.Type() == reflect.TypeFor[types.CommaItem]() || v.Type() == reflect.TypeFor[types.SemicolonItem]() {
			v.SetString(fmt.Sprintf("item %d", n))
		}
	case reflect.Bool:
		v.SetBool(n%2 == 0)
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(n) * 1_000_000_007)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n%3, n%3))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				f.fill(field)
			}
		}
	}
}

// What fields of a later level have sent for is not known on the levels before: whether they
// have by then depends on timing. What was in the cache before the operation is.
func TestUsage_Levels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := newTestClient(func(r *http.Request) *http.Response { <-open; return echoToken(r) })
		type levelKey struct{}
		operation := func() func(level int) context.Context {
			u := &Usage{}
			u.Levels(func(ctx context.Context) int { level, _ := ctx.Value(levelKey{}).(int); return level })
			return func(level int) context.Context {
				return context.WithValue(WithUsage(t.Context(), u), levelKey{}, level)
			}
		}
		get := func(ctx context.Context) {
			if _, err := GetUser.Do(ctx, c, UserKey{"u"}); err != nil {
				t.Error(err)
			}
		}
		known := func(when string, of func(level int) context.Context, levels ...bool) {
			t.Helper()
			for level, want := range levels {
				if _, ok, _ := GetUser.Known(of(level), c, UserKey{"u"}); ok != want {
					t.Errorf("%s: known on level %d: %t", when, level, ok)
				}
			}
		}
		first := operation()
		go get(first(2))
		synctest.Wait()
		for level, want := range []bool{false, false, true, true} {
			if is := GetUser.underWay(first(level), c, UserKey{"u"}); is != want {
				t.Errorf("under way on level %d: %t", level, is)
			}
		}
		close(open)
		synctest.Wait()
		known("sent for on level 2", first, false, false, true, true)
		get(first(1))
		known("read on level 1", first, false, true, true, true)
		second := operation()
		get(second(2))
		known("known before", second, true, true, true)
	})
}
