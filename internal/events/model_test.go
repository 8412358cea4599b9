package events

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
	"zoomql/cache/redistest"
	"zoomql/internal/identity"
	"zoomql/internal/stream"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

var (
	modelSteps   = flag.Int("model.steps", 3000, "steps of TestModel")
	modelSeed    = flag.Uint64("model.seed", 1, "seed of TestModel and TestModel_redis")
	redisSteps   = flag.Int("model.redis", 500, "steps of TestModel_redis")
	redisSettled = flag.Duration("model.settled", 30*time.Second, "time from an event until all replicas show its change, in TestModel_redis")
)

// The bounds in the README: how long after a change an old answer may be served.
const (
	// knownWithin is the bound after the event has arrived.
	knownWithin = time.Second
	// lostBound is that of a change whose webhook is lost, which cannot be detected.
	lostBound = zoom.CoveredLife + knownWithin
)

// gapBound is the bound of a change whose event is lost in a gap of the WebSocket: the age of an
// answer without events. Gaps are detected earlier.
func gapBound(object string) time.Duration {
	life := zoom.Slow
	if strings.HasPrefix(object, "meetings/") {
		life = zoom.Scheduled
	}
	return life.StaleWhileRevalidate() + knownWithin
}

// account simulates a Zoom account with some meetings and users. Each is a register, whose
// versions count up, and each change has an event. Random choices follow from a seed.
type account struct {
	slow func() time.Duration // duration of a call in each direction; nil is none

	mu       sync.Mutex
	rng      *rand.Rand
	objects  map[string][]version              // by path: "meetings/1", "users/u1"
	bound    func(object string) time.Duration // of a change whose event is lost
	calls    int
	reads    int
	old      int           // versions that reads did not show, although they were written before
	latest   time.Duration // the longest time after its event that a read did not show a version
	problems []string
}

// version is a version of an object.
type version struct {
	written time.Time
	event   string
	due     time.Time         // reads that begin later must show it, or a newer one
	came    time.Time         // when its event arrived; zero before
	own     map[any]time.Time // the same as due, for the replica that has written it
}

const (
	modelMeetings = 6
	modelUsers    = 4
)

func newAccount(seed uint64, bound func(object string) time.Duration) *account {
	a := &account{rng: rand.New(rand.NewPCG(seed, 2)), objects: map[string][]version{}, bound: bound}
	for i := range modelMeetings {
		a.objects["meetings/"+strconv.Itoa(i+1)] = []version{{}}
	}
	for i := range modelUsers {
		a.objects["users/u"+strconv.Itoa(i+1)] = []version{{}}
	}
	return a
}

func (a *account) chance(percent int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.IntN(100) < percent
}

func (a *account) upTo(d time.Duration) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Duration(a.rng.Int64N(int64(d)))
}

func (a *account) pick(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.IntN(n)
}

// object picks an object.
func (a *account) object() string {
	n := a.pick(modelMeetings + modelUsers)
	if n < modelMeetings {
		return "meetings/" + strconv.Itoa(n+1)
	}
	return "users/u" + strconv.Itoa(n-modelMeetings+1)
}

// write changes an object, and returns the number of the version and its event.
func (a *account) write(object string) (n int, event string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	n = len(a.objects[object])
	name, fields := "user.updated", `"id":"`+strings.TrimPrefix(object, "users/")+`"`
	if number, ok := strings.CutPrefix(object, "meetings/"); ok {
		name, fields = "meeting.updated", `"id":`+number+`,"host_id":"h"`
	}
	event = fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":"A","object":{%s,"version":%d}}}`, name, now.UnixMilli(), fields, n)
	a.objects[object] = append(a.objects[object], version{written: now, event: event, due: now.Add(a.bound(object)), own: map[any]time.Time{}})
	return n, event
}

// accepted records that the event of a version has arrived, so that all replicas must show it
// after settled.
func (a *account) accepted(object string, n int, settled time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, now := &a.objects[object][n], time.Now()
	if v.came.IsZero() {
		v.came = now
	}
	if due := now.Add(settled); due.Before(v.due) {
		v.due = due
	}
}

// RoundTrip answers as Zoom does.
func (a *account) RoundTrip(r *http.Request) (*http.Response, error) {
	a.wait()
	status, body := http.StatusOK, ""
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	topic := func(object string) string { return "v" + strconv.Itoa(len(a.objects[object])-1) }
	if r.Method == http.MethodPatch {
		n, event := a.write(path)
		if told, ok := r.Context().Value(writes{}).(func(int, string)); ok {
			told(n, event)
		}
		status = http.StatusNoContent
	}
	a.mu.Lock()
	a.calls++
	switch {
	case r.Method == http.MethodPatch:
	case path == "users/h/meetings":
		var items []string
		for i := range modelMeetings {
			n := strconv.Itoa(i + 1)
			items = append(items, `{"id":`+n+`,"topic":"`+topic("meetings/"+n)+`"}`)
		}
		body = `{"meetings":[` + strings.Join(items, ",") + `]}`
	case strings.HasPrefix(path, "users/"):
		body = `{"id":"` + strings.TrimPrefix(path, "users/") + `","first_name":"` + topic(path) + `"}`
	default:
		body = `{"id":` + strings.TrimPrefix(path, "meetings/") + `,"host_id":"h","topic":"` + topic(path) + `"}`
	}
	a.mu.Unlock()
	a.wait()
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// writes is the context key of a function that is called with the version and event of a write.
type writes struct{}

func (a *account) wait() {
	if a.slow != nil {
		time.Sleep(a.slow())
	}
}

// saw checks a read, which began at began: the version that it shows must not be too old.
func (a *account) saw(replica any, object, shown string, began time.Time) {
	n, err := strconv.Atoi(strings.TrimPrefix(shown, "v"))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reads++
	versions := a.objects[object]
	if err != nil || n >= len(versions) {
		a.problems = append(a.problems, fmt.Sprintf("%s is %q", object, shown))
		return
	}
	for i, v := range versions[n+1:] {
		if v.written.Before(began) {
			a.old++
		}
		if !v.came.IsZero() {
			a.latest = max(a.latest, began.Sub(v.came))
		}
		own, wrote := v.own[replica]
		if began.After(v.due) || wrote && began.After(own) {
			came := "has not arrived"
			if !v.came.IsZero() {
				came = "arrived " + began.Sub(v.came).String() + " before"
			}
			a.problems = append(a.problems, fmt.Sprintf("%s: a read at %s shows version %d; version %d was written %v before, and its event %s",
				object, began.Format("15:04:05.000"), n, n+1+i, began.Sub(v.written), came))
			return
		}
	}
}

// shownOld returns how many versions reads did not show, although they were written before.
func (a *account) shownOld() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.old
}

// report fails the test for reads that were too old.
func (a *account) report(t *testing.T) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, problem := range a.problems {
		if i == 5 {
			t.Errorf("and %d more", len(a.problems)-i)
			break
		}
		t.Error(problem)
	}
	t.Logf("%d reads, %d calls; %d versions were not shown, at most until %v after their event", a.reads, a.calls, a.old, a.latest)
	if a.reads < 2*a.calls {
		t.Errorf("%d calls for %d reads: cached answers are not used", a.calls, a.reads)
	}
}

// shared is an L2 cache of several replicas in one process. An eviction on one reaches the others
// after late.
type shared struct {
	*cache.Memory
	late func() time.Duration

	mu  sync.Mutex
	all []*tier
}

// tier is the L2 cache of one replica.
type tier struct {
	*cache.Memory
	of    *shared
	mu    sync.Mutex
	watch func(cache.Eviction)
}

func (s *shared) tier() *tier {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &tier{Memory: s.Memory, of: s}
	s.all = append(s.all, one)
	return one
}

func (s *shared) leave(one *tier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(o *tier) bool { return o == one })
}

// Evict implements [cache.Store].
func (o *tier) Evict(ctx context.Context, tags ...cache.Tag) bool {
	done := o.Memory.Evict(ctx, tags...)
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	for _, other := range o.of.all {
		if other != o {
			time.AfterFunc(o.of.late(), func() {
				other.mu.Lock()
				defer other.mu.Unlock()
				other.watch(cache.EvictionIn(other, tags...))
			})
		}
	}
	return done
}

// Watch implements [cache.Store].
func (o *tier) Watch(f func(cache.Eviction)) { o.watch = f }

// GetOrLease implements [cache.Leaser].
func (o *tier) GetOrLease(ctx context.Context, key string, want cache.Want, tags ...cache.Tag) (*cache.Entry, cache.Ticket, *cache.Lease) {
	e, ticket := o.Get(ctx, key, tags...)
	if e != nil && !want.Acceptable(e) {
		e = nil
	}
	return e, ticket, nil
}

// SetLeased implements [cache.L2].
func (o *tier) SetLeased(ctx context.Context, key string, ticket cache.Ticket, e *cache.Entry) bool {
	o.Set(ctx, key, ticket, e)
	return true
}

// TagName implements [cache.L2].
func (*tier) TagName(tag cache.Tag) string { return string(tag) }

// member is a replica of a model.
type member struct {
	client  *zoom.Client
	webhook *Webhook
	live    *Liveness
	socket  *Socket // nil for none
	stop    func()
}

var quiet = slog.New(slog.DiscardHandler)

// newMember returns a running replica for an account, whose events arrive by sources.
func newMember(a *account, s Stream, l2 cache.L2, l *zoomServer, sources ...types.EventSource) *member {
	m := &member{live: &Liveness{Account: "A", Sources: sources, Stream: s, Log: quiet}}
	credential := identity.New(identity.View{Account: "A", App: "app"}, &hourly{})
	m.client = zoom.New(zoom.Config{
		AccountID: "A", Plan: zoom.NoLimits, BaseURL: "https://api.zoom.example/v2", HTTP: &http.Client{Transport: a},
		Shared: cache.NewTiered(cache.NewMemory(1<<20), l2), Coverage: m.live, MaxInFlight: 1000, Log: quiet,
	}).As(credential)
	evict := func(ctx context.Context, account string, tags ...cache.Tag) bool {
		return m.client.In(account).Evict(ctx, tags...)
	}
	m.webhook = &Webhook{Inbox: &Inbox{Accounts: map[string]Account{"A": {Secrets: []string{"secret"}, Evict: evict}}, Stream: s, Log: quiet}}
	tasks := []func(context.Context){m.live.Keep}
	for _, source := range sources {
		if source == types.EventSourceWebsocket {
			m.socket = &Socket{Inbox: m.webhook.Inbox, Subscribed: []string{"A"}, URL: "wss://zoom.example/ws", Credential: credential, Log: quiet, dial: l.dial}
			tasks = append(tasks, m.socket.Keep)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, task := range tasks {
		running.Go(func() { task(ctx) })
	}
	m.stop = func() {
		cancel()
		running.Wait()
	}
	return m
}

// read reads an object, or the list with it, and checks the answer.
func (m *member) read(ctx context.Context, a *account, object string, list bool) error {
	began := time.Now()
	if id, ok := strings.CutPrefix(object, "users/"); ok {
		u, err := zoom.GetUser.Do(ctx, m.client, zoom.UserKey{UserID: id})
		if err == nil {
			a.saw(m, object, string(u.FirstName), began)
		}
		return err
	}
	if list {
		page, err := zoom.ListMeetings.Page(ctx, m.client, zoom.MeetingFilter{UserID: "h", Type: types.MeetingListTypeScheduled}, zoom.Paging{})
		if err == nil {
			for _, meeting := range page.Items {
				a.saw(m, fmt.Sprintf("meetings/%d", meeting.Number), string(meeting.Topic), began)
			}
		}
		return err
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(object, "meetings/"), 10, 64)
	if err != nil {
		return err
	}
	meeting, err := zoom.GetMeeting.Do(ctx, m.client, zoom.MeetingQuery{MeetingID: types.MeetingNumber(n)})
	if err == nil {
		a.saw(m, object, string(meeting.Topic), began)
	}
	return err
}

// change changes a meeting through the replica, and returns the event and the version.
func (m *member) change(ctx context.Context, a *account, object string) (n int, event string, err error) {
	number, err := strconv.ParseInt(strings.TrimPrefix(object, "meetings/"), 10, 64)
	if err != nil {
		return 0, "", err
	}
	ctx = context.WithValue(ctx, writes{}, func(version int, text string) { n, event = version, text })
	_, err = zoom.UpdateMeeting.Do(ctx, m.client, zoom.MeetingPatch{MeetingID: types.MeetingNumber(number), Patch: &types.MeetingPatch{Agenda: new("A")}})
	if err != nil || n == 0 {
		return 0, "", errors.Join(err, errors.New("nothing was written"))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[object][n].own[m] = time.Now()
	return n, event, nil
}

// deliver delivers an event to the replica's webhook, and reports whether it is accepted.
func (m *member) deliver(event string) bool {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	r := httptest.NewRequest(http.MethodPost, "/webhooks/zoom", strings.NewReader(event))
	r.Header.Set(timestampHeader, stamp)
	r.Header.Set(signatureHeader, "v0="+mac("secret", []byte("v0:"+stamp+":"+event)))
	w := httptest.NewRecorder()
	m.webhook.ServeHTTP(w, r)
	return w.Code == http.StatusNoContent
}

// TestModel reads and writes by three replicas, while objects also change at Zoom. Events arrive
// twice, late, in any order, or never; connections are cut or become silent, and replicas are
// killed. No read may show a version that is older than the README allows.
func TestModel(t *testing.T) {
	var (
		losses int32
		old    int
	)
	lost := func(string) time.Duration { return lostBound }
	webhook, socket := types.EventSourceWebhook, types.EventSourceWebsocket
	for name, c := range map[string]struct {
		sources []types.EventSource
		bound   func(object string) time.Duration
	}{
		"webhooks":  {[]types.EventSource{webhook}, lost},
		"WebSocket": {[]types.EventSource{socket}, gapBound},
		"both":      {[]types.EventSource{webhook, socket}, lost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(*modelSeed, c.bound, c.sources)
				for range *modelSteps / 3 {
					m.step(t)
				}
				time.Sleep(10 * time.Minute) // all events have arrived then
				m.pending.Wait()
				for _, one := range m.replicas {
					one.stop()
				}
				m.report(t)
				losses, old = losses+m.lost.Load(), old+m.old
			})
		})
	}
	if losses == 0 || old == 0 {
		t.Errorf("%d events were lost, and %d versions not shown: the test tests nothing", losses, old)
	}
}

// model is the state of TestModel.
type model struct {
	*account
	sources  []types.EventSource
	stream   *stuck
	l2       *shared
	server   *zoomServer
	replicas []*member
	pending  sync.WaitGroup
	lost     atomic.Int32
}

func newModel(seed uint64, bound func(object string) time.Duration, sources []types.EventSource) *model {
	m := &model{account: newAccount(seed, bound), sources: sources, stream: &stuck{Memory: &stream.Memory{}}, server: &zoomServer{}}
	m.slow = func() time.Duration { return m.upTo(200 * time.Millisecond) }
	m.l2 = &shared{Memory: cache.NewMemory(1 << 20), late: func() time.Duration { return m.upTo(50 * time.Millisecond) }}
	for range 3 {
		m.replicas = append(m.replicas, m.member())
	}
	return m
}

func (m *model) member() *member {
	own := m.l2.tier()
	one := newMember(m.account, m.stream, own, m.server, m.sources...)
	stop := one.stop
	one.stop = func() {
		stop()
		m.l2.leave(own)
	}
	return one
}

func (m *model) step(t *testing.T) {
	replica := m.replicas[m.pick(3)]
	switch what := m.pick(1000); {
	case what < 650:
		object, list := m.object(), m.chance(20)
		m.pending.Go(func() {
			if err := replica.read(t.Context(), m.account, object, list); err != nil {
				t.Error(err)
			}
		})
	case what < 900:
		object := m.object()
		n, event := m.write(object)
		m.tell(object, n, event)
	case what < 975:
		object := "meetings/" + strconv.Itoa(m.pick(modelMeetings)+1)
		m.pending.Go(func() {
			n, event, err := replica.change(t.Context(), m.account, object)
			if err != nil {
				t.Error(err)
				return
			}
			m.accepted(object, n, knownWithin) // the write evicts, too
			m.tell(object, n, event)
		})
	case what < 982:
		m.server.cut()
	case what < 988:
		m.server.setDown(true)
		time.AfterFunc(m.upTo(3*time.Minute), func() { m.server.setDown(false) })
	case what < 994:
		if c := m.server.current(); c != nil {
			c.dead.Store(true)
		}
	default:
		i := m.pick(3)
		m.stream.release.Store(m.chance(50)) // killed, so that it does not release its lease
		m.replicas[i].stop()
		m.stream.release.Store(false)
		m.replicas[i] = m.member()
	}
	switch what := m.pick(100); {
	case what < 70:
		time.Sleep(m.upTo(time.Second))
	case what < 97:
		time.Sleep(m.upTo(30 * time.Second))
	default:
		time.Sleep(m.upTo(20 * time.Minute))
	}
}

// tell sends the event of a change, by each source separately: at once or late, once, twice, or
// never.
func (m *model) tell(object string, n int, event string) {
	for _, source := range m.sources {
		copies := 1
		switch {
		case m.chance(5):
			copies = 0
			m.lost.Add(1)
		case m.chance(10):
			copies = 2
		}
		if source == types.EventSourceWebsocket {
			copies = max(copies, 1) // it is lost only with the connection
		}
		for range copies {
			late := m.upTo(300 * time.Millisecond)
			if m.chance(10) {
				late = m.upTo(time.Minute)
			}
			time.AfterFunc(late, func() { m.arrive(source, object, n, event) })
		}
	}
}

func (m *model) arrive(source types.EventSource, object string, n int, event string) {
	if source == types.EventSourceWebhook {
		m.pending.Go(func() {
			if m.replicas[m.pick(3)].deliver(event) {
				m.accepted(object, n, knownWithin)
			}
		})
		return
	}
	if !m.server.sendEvent(event) {
		m.lost.Add(1)
		return
	}
	// It does not count if the connection is cut just then, although it may have arrived.
	m.pending.Go(func() {
		c := m.server.current()
		time.Sleep(100 * time.Millisecond)
		if !c.isClosed() && !c.dead.Load() {
			m.accepted(object, n, knownWithin)
		}
	})
}

// TestModel_redis reads and writes as TestModel does, by three replicas with a real Redis, in real
// time. All replicas must show a change soon after its event has arrived.
func TestModel_redis(t *testing.T) {
	server := redistest.Start(t)
	a := newAccount(*modelSeed, func(string) time.Duration { return lostBound })
	var replicas []*member
	for range 3 {
		conn, err := cache.Dial(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		l2 := cache.NewRedis(conn, quiet, cache.WithTimings(cache.Timings{Operation: 10 * time.Second}))
		one := newMember(a, stream.NewRedis(conn, "events"), l2, nil, types.EventSourceWebhook)
		replicas = append(replicas, one)
		t.Cleanup(func() {
			one.stop()
			l2.Close()
			_ = conn.Close()
		})
	}
	var pending sync.WaitGroup
	tell := func(object string, n int, event string) {
		copies := 1
		if a.chance(10) {
			copies = 2
		}
		for range copies {
			late, to := a.upTo(20*time.Millisecond), replicas[a.pick(3)]
			pending.Go(func() {
				time.Sleep(late)
				if !to.deliver(event) {
					t.Error("an event is not accepted")
				}
				a.accepted(object, n, *redisSettled)
			})
		}
	}
	for range *redisSteps {
		replica := replicas[a.pick(3)]
		switch what := a.pick(100); {
		case what < 75:
			object, list := a.object(), a.chance(20)
			pending.Go(func() {
				if err := replica.read(t.Context(), a, object, list); err != nil {
					t.Error(err)
				}
			})
		case what < 93:
			object := a.object()
			n, event := a.write(object)
			tell(object, n, event)
		default:
			object := "meetings/" + strconv.Itoa(a.pick(modelMeetings)+1)
			pending.Go(func() {
				n, event, err := replica.change(t.Context(), a, object)
				if err != nil {
					t.Error(err)
					return
				}
				tell(object, n, event)
			})
		}
		time.Sleep(a.upTo(4 * time.Millisecond))
	}
	pending.Wait()
	// All replicas show the last versions in the end, long before their answers expire.
	for object, versions := range a.objects {
		for _, replica := range replicas {
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
				before := a.shownOld()
				if err := replica.read(t.Context(), a, object, false); err != nil {
					t.Fatal(err)
				}
				if a.shownOld() == before {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%s: version %d is not shown", object, len(versions)-1)
				}
			}
		}
	}
	a.report(t)
}
