package zoom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// narrowed is the credential of a caller whose scopes bound those of a token.
func narrowed(scopes ...string) *identity.Credential {
	return identity.New(identity.View{Account: "account", App: "app", Scopes: append([]string{}, scopes...)}, &tokens{})
}

// TestBarred tells which operations the scopes do not allow, of the own account and of sub
// accounts, and that unknown scopes bar nothing.
func TestBarred(t *testing.T) {
	c := newTestClient(nil)
	for _, scopes := range [][]string{{"user:read:admin"}, {"meeting:read:meeting:admin", "user:master"}, {}} {
		as := c.As(narrowed(scopes...))
		barred := as.Barred(t.Context())
		if barred.NoScope() {
			t.Errorf("%q bars nothing", scopes)
		}
		for _, s := range Specs() {
			for _, account := range []string{"", "sub"} {
				if account != "" && s.subPath() == "" {
					continue
				}
				err := barred.Of(s, account)
				if (err == nil) != s.Allows(account, scopes) {
					t.Errorf("%s of %q with %q: %v", s.Pattern, account, scopes, err)
				}
				if err != nil && (!errors.Is(err, ErrMissingScope) || err.By != ByGateway || !barred.Scope(s, account)) {
					t.Errorf("%s: %v", s.Pattern, err)
				}
			}
		}
	}
	if b := c.Barred(t.Context()); !b.NoScope() {
		t.Error("a token that does not tell its scopes bars something")
	}
	if b := c.As(app(&tokens{scopes: []string{"user:read:user:admin"}})).Barred(t.Context()); b.Of(GetUser.Spec, "") != nil || b.Of(ListUsers.Spec, "") == nil {
		t.Error("the token's own scopes do not count")
	}
	if b := c.As(app(&tokens{err: errors.New("down")})).Barred(t.Context()); !b.NoScope() {
		t.Error("without a token something is barred")
	}
}

// TestBarred_isBounded asks for more credentials than are remembered.
func TestBarred_isBounded(t *testing.T) {
	c := newTestClient(nil)
	for i := range 2 * maxGrants {
		if c.As(narrowed(fmt.Sprint("made:up:", i))).Barred(t.Context()).Of(GetUser.Spec, "") == nil {
			t.Fatal("a made-up scope allows something")
		}
	}
	if n := c.grants.EstimatedSize(); n > maxGrants {
		t.Errorf("%d credentials are remembered, %d at most", n, maxGrants)
	}
}

// TestBeyondPlan does not ask for what the plan does not include, as far as somebody has said
// which plan it is.
func TestBeyondPlan(t *testing.T) {
	for _, c := range []struct {
		plan  Plan
		known bool
		sent  int
	}{{Free, true, 0}, {Pro, true, 0}, {Business, true, 1}, {NoLimits, true, 1}, {Free, false, 1}} {
		sent := 0
		client := newTestClient(func(*http.Request) *http.Response { sent++; return answer(200, `{"meetings":[]}`) }, func(cfg *Config) { cfg.Plan, cfg.PlanKnown = c.plan, c.known })
		_, err := ListDashboardMeetings.Page(t.Context(), client, DashboardMeetingFilter{}, Paging{})
		if sent != c.sent || (err == nil) != (c.sent == 1) || err != nil && !errors.Is(err, ErrPlanRequired) {
			t.Errorf("%+v: %d calls, %v", c, sent, err)
		}
		barred := client.Barred(t.Context())
		if (barred.Of(ListDashboardMeetings.Spec, "") == nil) != (c.sent == 1) || barred.Of(GetUser.Spec, "") != nil || barred.Scope(ListDashboardMeetings.Spec, "") {
			t.Errorf("%+v is barred otherwise", c)
		}
		if barred.Of(ListDashboardMeetings.Spec, "sub") != nil {
			t.Error("the plan of a sub account is known")
		}
	}
}

// TestPlanRefusals believes a refusal of Zoom's for a while, where it is about the account.
func TestPlanRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := newTestClient(func(*http.Request) *http.Response {
			sent++
			return answer(400, `{"code":200,"message":"Only available for paid account: abc."}`)
		})
		daily := func() error { _, err := GetDailyReport.Do(t.Context(), c, MonthKey{}); return err }
		if err := daily(); !errors.Is(err, ErrPlanRequired) || sent != 1 {
			t.Fatalf("%d calls: %v", sent, err)
		}
		time.Sleep(planRefusalTTL - time.Second)
		err := asError(t, daily())
		if !errors.Is(err, ErrPlanRequired) || err.By != ByGateway || !strings.Contains(err.Message, "Zoom has refused it at") || sent != 1 {
			t.Errorf("%d calls: %v", sent, err)
		}
		if c.Barred(t.Context()).Of(GetDailyReport.Spec, "") == nil {
			t.Error("it is not barred")
		}
		time.Sleep(time.Second)
		if err := daily(); !errors.Is(err, ErrPlanRequired) || sent != 2 {
			t.Errorf("after a while it is not asked again: %d calls, %v", sent, err)
		}
		for range 2 { // what is asked about one user says nothing of others
			_, _ = ListWebinars.Page(t.Context(), c, WebinarFilter{UserID: "u"}, Paging{})
		}
		if sent != 4 {
			t.Errorf("%d calls", sent)
		}
	})
}

// TestPlanRefusals_areBounded refuses more than is remembered.
func TestPlanRefusals_areBounded(t *testing.T) {
	var p planRefusals
	for i := range 2*maxPlanRefusals + 7 {
		p.learn(&Request{Spec: GetDailyReport.Spec, Account: strconv.Itoa(i)}, &Error{By: ByZoom, Kind: ErrPlanRequired})
		if len(p.at) > maxPlanRefusals {
			t.Fatalf("%d are remembered", len(p.at))
		}
	}
	if p.of(GetDailyReport.Spec, strconv.Itoa(2*maxPlanRefusals)) == nil {
		t.Error("the last ones are not remembered")
	}
}

// TestRefusing makes no call below a context that refuses them, not even for a cached answer.
func TestRefusing(t *testing.T) {
	sent := 0
	c := newTestClient(func(*http.Request) *http.Response { sent++; return answer(200, `{"id":"u"}`) })
	for _, ctx := range []int{0, 1} {
		ask := t.Context()
		if ctx == 1 {
			ask = Refusing(ask, errNoCredential)
		}
		if _, err := GetUser.Do(ask, c, UserKey{"u"}); errors.Is(err, errNoCredential) != (ctx == 1) || sent != 1 {
			t.Errorf("%d calls, %v", sent, err)
		}
	}
}

// TestPeek answers from the cache alone, and tells what a call would be spent on.
func TestPeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := newTestClient(func(r *http.Request) *http.Response {
			sent++
			return answer(200, `{"id":"`+r.URL.Path[len("/v2/users/"):]+`"}`)
		})
		guessed := 0.0
		get := func(name string) (o []Outcome, user *types.User, err error) {
			u := &Usage{}
			u.Observe(func(_ context.Context, _ *Spec, what Outcome) { o = append(o, what) })
			u.ObserveGuesses(func(_ context.Context, _ *Spec, share float64) { guessed = share })
			user, err = GetUser.Do(WithUsage(WithPeek(t.Context(), &Peek{}), u), c, UserKey{name})
			return o, user, err
		}
		if o, _, err := get("u"); !errors.Is(err, ErrNotCached) || len(o) != 1 || o[0] != Missed || sent != 0 {
			t.Errorf("what is not there: %v, %v, %d calls", o, err, sent)
		}
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Fatal(err)
		}
		if o, u, err := get("u"); err != nil || u.ZoomID != "u" || len(o) != 1 || o[0] != Hit || sent != 1 {
			t.Errorf("what is there: %v, %v, %d calls", o, err, sent)
		}
		time.Sleep(Slow.TTL() + time.Second)
		if o, u, err := get("u"); err != nil || u.ZoomID != "u" || len(o) != 1 || o[0] != Stale {
			t.Errorf("what is stale: %v, %v", o, err)
		}
		synctest.Wait()
		if sent != 1 {
			t.Errorf("%d calls: a look refreshes", sent)
		}
		if guessed != 0 {
			t.Error("what is there is no guess")
		}
		time.Sleep(Slow.StaleWhileRevalidate())
		if o, u, err := get("u"); err != nil || u.ZoomID != "u" || len(o) != 1 || o[0] != Missed || guessed != 1 || sent != 1 {
			t.Errorf("what is too old: %v, %v, a guess of %v, %d calls", o, err, guessed, sent)
		}
		// A write is never made.
		if _, err := UpdateUser.Do(WithPeek(t.Context(), &Peek{}), c, UserPatch{UserID: "u", Patch: &types.UserPatch{FirstName: new("A")}}); !errors.Is(err, ErrNotCached) || sent != 1 {
			t.Errorf("a write: %v, %d calls", err, sent)
		}
	})
}

// TestExclusive_namesOfOneUser writes to a user by id and by e-mail address at once, which the
// cache knows to be one.
func TestExclusive_namesOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var z oneAtATime
		busy := false
		c := newTestClient(func(r *http.Request) *http.Response {
			if r.Method == http.MethodGet {
				return answer(200, `{"id":"u","email":"Jo@example.com"}`)
			}
			if busy {
				z.refused.Add(1)
			}
			busy = true
			time.Sleep(10 * time.Millisecond)
			busy = false
			z.done.Add(1)
			return answer(204, "")
		})
		if _, err := GetUser.Do(t.Context(), c, UserKey{"u"}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"u", "jo@example.com", "JO@example.com"} {
			go func() {
				_, err := UpdateUser.Do(t.Context(), c, UserPatch{UserID: name, Patch: &types.UserPatch{FirstName: new("A")}})
				if err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(time.Second)
		if z.done.Load() != 3 || z.refused.Load() != 0 {
			t.Errorf("%d writes, %d at once", z.done.Load(), z.refused.Load())
		}
	})
}

// peekCounter counts the round trips of looks.
type peekCounter struct {
	cache.Shared
	trips atomic.Int32
	down  bool
}

// Peek implements [cache.Peeker].
func (p *peekCounter) Peek(ctx context.Context, keys []cache.Lookup) ([]*cache.Entry, bool) {
	p.trips.Add(1)
	if p.down {
		return nil, false
	}
	return p.Shared.(cache.Peeker).Peek(ctx, keys)
}

// TestPeek_shared looks at once for what another replica has read: in few round trips, and
// nothing is taken for what is there when Redis does not answer.
func TestPeek_shared(t *testing.T) {
	sent := atomic.Int32{}
	clients := replicas(t, 2, func(r *http.Request) *http.Response {
		sent.Add(1)
		return answer(200, `{"id":"`+r.URL.Path[len("/v2/users/"):]+`"}`)
	})
	counted := &peekCounter{Shared: clients[1].cfg.Shared}
	clients[1].cached.shared = counted
	for i := range 40 {
		if _, err := GetUser.Do(t.Context(), clients[0], UserKey{fmt.Sprint("u", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, down := range []bool{false, true} {
		counted.down = down
		counted.trips.Store(0)
		p := &Peek{}
		ctx := WithPeek(t.Context(), p)
		var wait sync.WaitGroup
		var found, missed atomic.Int32
		for i := range 50 {
			wait.Go(func() {
				u, err := GetUser.Do(ctx, clients[1], UserKey{fmt.Sprint("u", i)})
				switch {
				case err == nil && string(u.ZoomID) == fmt.Sprint("u", i):
					found.Add(1)
				case errors.Is(err, ErrNotCached):
					missed.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := counted.trips.Load(); n == 0 || n > 25 {
			t.Errorf("%d round trips for 50 lookups at once", n)
		}
		if want := map[bool]int32{false: 40, true: 0}[down]; found.Load() != want || missed.Load() != 50-want || p.Known() == down {
			t.Errorf("down %t: %d are found, %d missed, known: %t", down, found.Load(), missed.Load(), p.Known())
		}
	}
	if sent.Load() != 40 {
		t.Errorf("%d calls", sent.Load())
	}
}
