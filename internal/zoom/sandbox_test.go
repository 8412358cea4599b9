package zoom_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/cache"
	"zoomql/internal/auth"
	"zoomql/internal/identity"
	"zoomql/internal/ratelimit"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// rig is a complete client, with tokens, of a sandbox behind a real HTTP server.
type rig struct {
	*sandbox.Sandbox
	sandbox.Landmarks
	client *zoom.Client
}

func newRig(t *testing.T, opt sandbox.Options, set ...func(*zoom.Config)) *rig {
	t.Helper()
	if opt.Plan == "" {
		opt.Plan = sandbox.PlanNone
	}
	s, err := sandbox.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	transport := zoom.NewTransport(100)
	httpClient := &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	cfg := zoom.Config{
		AccountID: sandbox.AccountID, Plan: zoom.Plan(opt.Plan), BaseURL: server.URL + "/v2",
		HTTP:    httpClient,
		Store:   cache.NewMemory(16 << 20),
		Limiter: ratelimit.NewLimiter(&ratelimit.Memory{}, time.Minute),
	}
	for _, f := range set {
		f(&cfg)
	}
	tokens := auth.NewServerToServer(sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, server.URL, httpClient)
	return &rig{s, s.Landmarks(), zoom.New(cfg).As(sandboxApp(tokens))}
}

// sandboxApp is the credential of the sandbox's app.
func sandboxApp(tokens identity.Tokens) *identity.Credential {
	return identity.New(identity.View{Account: sandbox.AccountID, App: "server-to-server:" + sandbox.ClientID}, tokens)
}

// want fails the test unless these operations were called since the last call of want.
func (r *rig) want(t *testing.T, why string, patterns ...string) {
	t.Helper()
	var got []string
	for _, c := range r.Calls() {
		got = append(got, c.Pattern)
	}
	r.ResetCalls()
	if diff := cmp.Diff(patterns, got); diff != "" {
		t.Errorf("%s: the calls: -want +got\n%s", why, diff)
	}
}

// Every UUID of the account, with any slashes, names its instance.
func TestSandbox_instancesByUUID(t *testing.T) {
	r := newRig(t, sandbox.Options{})
	for _, uuid := range []string{r.UUIDWithSlash, r.UUIDDoubleSlash, r.UUIDPlain, r.BigInstance} {
		instance, err := zoom.GetPastMeeting.Do(t.Context(), r.client, zoom.InstanceKey{MeetingID: uuid})
		if err != nil || string(instance.UUID) != uuid || instance.EndTime.IsZero() {
			t.Errorf("%s: got %+v, %v", uuid, instance, err)
		}
	}
	runs, err := zoom.ListInstances.Page(t.Context(), r.client, zoom.InstanceFilter{MeetingID: types.MeetingNumber(r.BigMeeting)}, zoom.Paging{})
	if err != nil || len(runs.Items) == 0 {
		t.Fatalf("got %+v, %v", runs, err)
	}
	for _, listed := range runs.Items {
		instance, err := zoom.GetPastMeeting.Do(t.Context(), r.client, zoom.InstanceKey{MeetingID: string(listed.UUID)})
		if err != nil || instance.MeetingNumber != listed.MeetingNumber || !instance.StartTime.Equal(listed.StartTime.Time) {
			t.Errorf("%s: listed as %+v, is %+v, %v", listed.UUID, listed, instance, err)
		}
	}
}

// Instances that do not exist and those whose data was deleted are different errors.
func TestSandbox_pastInstances(t *testing.T) {
	r := newRig(t, sandbox.Options{})
	for _, c := range []struct {
		why      string
		instance string
		kind     error
	}{
		{"an unknown instance", "AAAAAAAAAAAAAAAAAAAAAA==", zoom.ErrNotFound},
		{"a report that was deleted", r.ExpiredInstance, zoom.ErrExpired},
		{"a number of no meeting", "99999999999", zoom.ErrNotFound},
	} {
		if _, err := zoom.GetMeetingReport.Do(t.Context(), r.client, zoom.InstanceKey{MeetingID: c.instance}); !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v, want %v", c.why, err, c.kind)
		}
	}
	page, err := zoom.ListPastParticipants.Page(t.Context(), r.client, zoom.InstanceKey{MeetingID: r.PendingInstance}, zoom.Paging{})
	if err != nil || !zoom.Unfinished(page.Items) {
		t.Errorf("the stays of an instance that ended just now have lengths: %v", err)
	}
}

// Reads after each write of a meeting's lifecycle return the new state, not the cached one.
func TestSandbox_lifeOfAMeeting(t *testing.T) {
	r := newRig(t, sandbox.Options{})
	ctx := t.Context()
	list := func() (topics []string) {
		filter := zoom.MeetingFilter{UserID: r.HostID, Type: types.MeetingListTypeScheduled}
		for page, err := range zoom.ListMeetings.Pages(ctx, r.client, filter, zoom.Paging{Size: 300}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Items {
				topics = append(topics, string(m.Topic))
			}
		}
		return topics
	}
	if slices.Contains(list(), "first") {
		t.Fatal("it is there before it was made")
	}
	made, err := zoom.CreateMeeting.Do(ctx, r.client, zoom.NewMeeting{UserID: r.HostID, Meeting: &types.NewMeeting{
		Topic: new("first"), Type: new(types.MeetingTypeInputScheduled), StartTime: &types.Time{Time: time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)},
		Settings: &types.MeetingSettingsInput{ApprovalType: new(types.ApprovalTypeAutomatic)},
	}})
	if err != nil || made.StartURL == "" || made.Settings.ApprovalType != types.ApprovalTypeAutomatic {
		t.Fatalf("made %+v, %v", made, err)
	}
	if !slices.Contains(list(), "first") {
		t.Error("it is in no list")
	}
	key := zoom.MeetingQuery{MeetingID: made.Number}
	if m, err := zoom.GetMeeting.Do(ctx, r.client, key); err != nil || m.Topic != "first" || m.StartURL != "" {
		t.Errorf("read %+v, %v", m, err)
	}
	if _, err := zoom.UpdateMeeting.Do(ctx, r.client, zoom.MeetingPatch{MeetingID: made.Number, Patch: &types.MeetingPatch{Topic: new("second")}}); err != nil {
		t.Fatal(err)
	}
	if m, err := zoom.GetMeeting.Do(ctx, r.client, key); err != nil || m.Topic != "second" {
		t.Errorf("after the change: %+v, %v", m, err)
	}
	if topics := list(); slices.Contains(topics, "first") || !slices.Contains(topics, "second") {
		t.Errorf("after the change the list has %v", topics)
	}

	added, err := zoom.AddRegistrant.Do(ctx, r.client, zoom.NewRegistrant{MeetingID: made.Number, Registrant: &types.NewRegistrant{Email: "ann@example.com", FirstName: "Ann"}})
	if err != nil || added.JoinURL == "" {
		t.Fatalf("added %+v, %v", added, err)
	}
	found := zoom.FindRegistrants(ctx, r.client, zoom.RegistrantsOf{Number: made.Number}, []string{string(added.RegistrantID), "stranger"}, nil)
	if found[0].Err != nil || found[0].Object.Email != "ann@example.com" || found[0].Object.Meeting != made.Number || !errors.Is(found[1].Err, zoom.ErrNotFound) {
		t.Errorf("found %+v and %+v", found[0], found[1])
	}

	if _, err := zoom.DeleteMeeting.Do(ctx, r.client, zoom.MeetingRemoval{MeetingID: made.Number}); err != nil {
		t.Fatal(err)
	}
	if _, err := zoom.GetMeeting.Do(ctx, r.client, key); !errors.Is(err, zoom.ErrNotFound) {
		t.Errorf("after its deletion: %v", err)
	}
	if slices.Contains(list(), "second") {
		t.Error("after its deletion it is in the list")
	}
}

// A write whose answer was lost may have been executed: it is not sent twice, and what it
// may have changed is evicted.
func TestSandbox_lostAnswerOfAWrite(t *testing.T) {
	r := newRig(t, sandbox.Options{})
	ctx := t.Context()
	number := types.MeetingNumber(r.MeetingNumber)
	if _, err := zoom.GetMeeting.Do(ctx, r.client, zoom.MeetingQuery{MeetingID: number}); err != nil {
		t.Fatal(err)
	}
	r.Fault(sandbox.Fault{Pattern: zoom.UpdateMeeting.Pattern, CloseConnection: true})
	_, err := zoom.UpdateMeeting.Do(ctx, r.client, zoom.MeetingPatch{MeetingID: number, Patch: &types.MeetingPatch{Topic: new("changed")}})
	if !errors.Is(err, zoom.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if m, err := zoom.GetMeeting.Do(ctx, r.client, zoom.MeetingQuery{MeetingID: number}); err != nil || m.Topic != "changed" {
		t.Errorf("got %+v, %v", m, err)
	}
	r.want(t, "one write, two reads", zoom.GetMeeting.Pattern, zoom.UpdateMeeting.Pattern, zoom.GetMeeting.Pattern)
}

func TestSandbox_outage(t *testing.T) {
	r := newRig(t, sandbox.Options{})
	for _, f := range []sandbox.Fault{{Status: 503}, {CloseConnection: true}, {Status: 429, Code: 429, Message: "Too many concurrent requests."}} {
		f.Pattern = zoom.GetUser.Pattern
		r.Fault(f)
		if u, err := zoom.GetUser.Do(t.Context(), r.client, zoom.UserKey{UserID: r.HostID}); err != nil || string(u.ZoomID) != r.HostID {
			t.Errorf("%+v: got %v, %v", f, u, err)
		}
		r.want(t, "once more", zoom.GetUser.Pattern, zoom.GetUser.Pattern)
		r.client.Evict(t.Context(), cache.NewTag("user", r.HostID))
	}
	r.Fault(sandbox.Fault{Pattern: zoom.GetUser.Pattern, BrokenJSON: true})
	if _, err := zoom.GetUser.Do(t.Context(), r.client, zoom.UserKey{UserID: r.HostID}); !errors.Is(err, zoom.ErrBadAnswer) {
		t.Errorf("half an answer: %v", err)
	}
	r.want(t, "an unreadable answer is not retried", zoom.GetUser.Pattern)
	if _, err := zoom.GetUser.Do(t.Context(), r.client, zoom.UserKey{UserID: r.HostID}); err != nil {
		t.Errorf("nor is it stored: %v", err)
	}
}

// All calls with a revoked token are retried with one new token.
func TestSandbox_revokedTokens(t *testing.T) {
	r := newRig(t, sandbox.Options{})
	if _, err := zoom.GetUser.Do(t.Context(), r.client, zoom.UserKey{UserID: r.HostID}); err != nil {
		t.Fatal(err)
	}
	page, err := zoom.ListUsers.Page(t.Context(), r.client, zoom.UserFilter{Status: types.UserStatusActive}, zoom.Paging{Size: 30})
	if err != nil {
		t.Fatal(err)
	}
	r.RevokeTokens()
	r.client.Evict(t.Context(), cache.All)
	var wait sync.WaitGroup
	for _, u := range page.Items {
		wait.Go(func() {
			if _, err := zoom.GetUser.Do(t.Context(), r.client, zoom.UserKey{UserID: string(u.ZoomID)}, zoom.WithSecrets); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := r.TokensIssued(); n != 2 {
		t.Errorf("%d tokens were asked for, not 2", n)
	}
}

func TestSandbox_missingScope(t *testing.T) {
	r := newRig(t, sandbox.Options{Scopes: []string{"user:read:user:admin"}})
	if _, err := zoom.ListUsers.Page(t.Context(), r.client, zoom.UserFilter{}, zoom.Paging{}); !errors.Is(err, zoom.ErrMissingScope) {
		t.Errorf("got %v", err)
	}
	if _, err := zoom.GetUser.Do(t.Context(), r.client, zoom.UserKey{UserID: r.HostID}); err != nil {
		t.Errorf("got %v", err)
	}
	r.want(t, "a call without its scope is not sent", zoom.GetUser.Pattern)
}

// inProcess is an http.RoundTripper to a sandbox in the same process, so that both are in
// one bubble of testing/synctest.
type inProcess struct{ *sandbox.Sandbox }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// Under the limits of a plan, no call of a burst is refused, and the budget is used fully.
func TestSandbox_noThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := sandbox.New(sandbox.Options{Plan: sandbox.PlanBusiness, Latency: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		over := &http.Client{Transport: inProcess{s}}
		c := zoom.New(zoom.Config{
			AccountID: sandbox.AccountID, Plan: zoom.Business, BaseURL: "http://zoom.example/v2", HTTP: over,
			Limiter: ratelimit.NewLimiter(&ratelimit.Memory{}, time.Minute),
		}).As(sandboxApp(auth.NewServerToServer(sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, "http://zoom.example", over)))
		began := time.Now()
		var wait sync.WaitGroup
		for i := range 400 { // 80 per second
			wait.Go(func() {
				key := zoom.UserKey{UserID: "unknown" + strconv.Itoa(i)}
				if _, err := zoom.GetUser.Do(t.Context(), c, key); !errors.Is(err, zoom.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := s.Throttled(); n != 0 || len(s.Calls()) != 400 {
			t.Errorf("%d of %d calls were refused", n, len(s.Calls()))
		}
		if took := time.Since(began); took > 4800*time.Millisecond {
			t.Errorf("a budget for 4 seconds took %v", took)
		}
		if n := s.MaxInFlight(); n > 100 {
			t.Errorf("%d calls were under way at once", n)
		}
	})
}

// An expired page token is ErrPageToken.
func TestSandbox_pageTokensExpire(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time {
		return time.Date(2026, 3, 16, 9, 10, 0, 0, time.UTC).Add(time.Duration(later.Load()))
	}
	r := newRig(t, sandbox.Options{Users: 100, Now: now}, func(c *zoom.Config) { c.Store = nil })
	filter := zoom.UserFilter{Status: types.UserStatusActive}
	page, err := zoom.ListUsers.Page(t.Context(), r.client, filter, zoom.Paging{Size: 30})
	if err != nil || page.Next == "" || len(page.Items) != 30 || !page.Total.Valid {
		t.Fatalf("got %+v, %v", page, err)
	}
	if _, err := zoom.ListUsers.Page(t.Context(), r.client, filter, zoom.Paging{Size: 30, Token: page.Next}); err != nil {
		t.Errorf("a valid token: %v", err)
	}
	later.Store(int64(16 * time.Minute))
	if _, err := zoom.ListUsers.Page(t.Context(), r.client, filter, zoom.Paging{Size: 30, Token: page.Next}); !errors.Is(err, zoom.ErrPageToken) {
		t.Errorf("an expired token: %v", err)
	}
	if _, err := zoom.ListUsers.Page(t.Context(), r.client, zoom.UserFilter{}, zoom.Paging{Token: "made up"}); !errors.Is(err, zoom.ErrPageToken) {
		t.Errorf("a made-up token: %v", err)
	}
}

// FindUsers with answers as documented.
func TestSandbox_findUsers(t *testing.T) {
	r := newRig(t, sandbox.Options{Plan: sandbox.PlanBusiness, Users: 60})
	var keys []string
	for page, err := range zoom.ListUsers.Pages(t.Context(), r.client, zoom.UserFilter{Status: types.UserStatusActive}, zoom.Paging{Size: 300}) {
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range page.Items {
			if i%2 == 0 {
				keys = append(keys, string(u.ZoomID))
			} else {
				keys = append(keys, string(u.Email))
			}
		}
	}
	keys = append(keys, r.InactiveUserID, r.DeletedUserID)
	r.client.Evict(t.Context(), "users")
	r.ResetCalls()
	for i, f := range zoom.FindUsers(t.Context(), r.client, keys, nil) {
		if gone := keys[i] == r.DeletedUserID; gone != errors.Is(f.Err, zoom.ErrNotFound) || gone != (f.Object == nil) {
			t.Errorf("%s: got %v, %v", keys[i], f.Object, f.Err)
		}
	}
	if n := len(r.Calls()); n > 5 {
		t.Errorf("%d keys took %d calls", len(keys), n)
	}
}
