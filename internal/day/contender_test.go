package day

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/graph/schema"
	"zoomql/internal/bench/baseline"
	"zoomql/internal/gateway"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// contender is a GraphQL server whose day is simulated.
type contender struct {
	name string // for the progress
	plan string // of the account
	// events is whether Zoom delivers events. lifetime is that of [gateway.InProcess].
	events   bool
	lifetime time.Duration
	plain    bool // package baseline instead of the gateway
}

// The queries of dashboards.
const (
	walls = iota
	boards
	trainings
	questions
)

var questionNames = [questions]string{"live rosters", "upcoming meetings", "attendance"}

// tally has the counts of a day. Arrays are indexed by query.
type tally struct {
	calls      map[zoom.Rate]int
	operations map[string]int // calls by pattern
	throttled  int            // answers 429 of Zoom

	mu      sync.Mutex
	answers [questions]int
	failed  [questions]int
	odd     [questions]int       // answers with a state that never existed
	ages    [questions][]float64 // of answers, in seconds
	why     string               // the last answer that failed, or the subject of an odd one
	events  int                  // that were delivered
	lost    int
}

func (y *tally) total() (n int) {
	for _, calls := range y.calls {
		n += calls
	}
	return n
}

// collect adds the calls at Zoom since the last collect.
func (y *tally) collect(box *sandbox.Sandbox) {
	for _, call := range box.Calls() {
		y.calls[call.Rate]++
		y.operations[call.Pattern]++
	}
	y.throttled += box.Throttled()
	box.ResetCalls()
}

// monday is the beginning of the day.
var monday = time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)

const (
	gatewayURL    = "http://127.0.0.1:8080"
	zoomURL       = "http://127.0.0.1:1" // of the sandbox, which does not listen
	webhookSecret = "dayWebhookSecret"
)

// run simulates the day of a contender.
func (c contender) run(t *testing.T, m Model) *tally {
	y := &tally{calls: map[zoom.Rate]int{}, operations: map[string]int{}}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a := newAccount(t, m, c.plan, monday)
		server, end := c.start(ctx, t, a.box)
		d := &dashboards{account: a, of: c, server: server, tally: y}
		var delivery *sandbox.Delivery
		if c.events {
			delivery = &sandbox.Delivery{
				URL: gatewayURL + "/webhooks/zoom", Secret: webhookSecret, Unruly: twice, Seed: m.Seed, Speed: 1,
				HTTP: &http.Client{Transport: inProcess{server}}, Log: slog.New(slog.DiscardHandler),
			}
			d.deliver(ctx, delivery)
		}
		a.begin(ctx)
		d.begin(ctx)
		for time.Now().Before(monday.Add(m.Until)) {
			time.Sleep(time.Minute)
			synctest.Wait()
			if !time.Now().After(monday.Add(m.Open + m.Warm)) {
				a.box.ResetCalls()
			}
			y.collect(a.box)
			if now := time.Now(); *users > 0 && now.Truncate(2*time.Hour).Equal(now) {
				fmt.Fprintf(os.Stderr, "  %s: %s o'clock, %d calls\n", c.name, now.Format("15"), y.total())
			}
		}
		cancel()
		a.people.Wait()
		if delivery != nil {
			delivery.Wait()
		}
		time.Sleep(2 * time.Minute) // longer than any call in the background
		end()
	})
	return y
}

// start starts the server.
func (c contender) start(ctx context.Context, t *testing.T, box *sandbox.Sandbox) (server http.Handler, end func()) {
	t.Helper()
	if c.plain {
		server = baseline.New(baseline.Config{
			APIURL: zoomURL + "/v2", OAuthURL: zoomURL, AccountID: sandbox.AccountID,
			ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret, Transport: inProcess{box},
		})
		// Package oauth2 holds a mutex while it fetches a token, and a goroutine that waits for a
		// mutex stops simulated time. So the only token of the day is fetched without latency.
		box.SetLatency(0)
		(&dashboards{server: server, tally: &tally{}}).ask(ctx, walls, wallQuery("none"), new(any))
		box.SetLatency(latency)
		box.ResetCalls()
		return server, func() {}
	}
	environ := []string{
		"ZOOM_API_URL=" + zoomURL + "/v2", "ZOOM_OAUTH_URL=" + zoomURL, "ZOOM_PLAN=" + c.plan, "PLAYGROUND=off",
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID, "ZOOM_CLIENT_SECRET=" + sandbox.ClientSecret,
	}
	if c.events {
		environ = append(environ, "ZOOM_WEBHOOK_SECRETS="+webhookSecret)
	}
	p := &gateway.InProcess{Environ: environ, Zoom: inProcess{box}, Lifetime: c.lifetime, Log: slog.New(slog.DiscardHandler)}
	server, end, err := p.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return server, end
}

// inProcess is a transport to a handler in this process.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return answer.Result(), nil
}

// dashboards send queries to a contender, and compare its answers with the truth.
type dashboards struct {
	*account
	of     contender
	server http.Handler
	*tally
}

// deliver makes the account deliver its events. Whether one is lost or late follows from the seed
// and its body.
func (d *dashboards) deliver(ctx context.Context, delivery *sandbox.Delivery) {
	d.tell = func(e sandbox.Event) {
		of := fnv.New64a()
		_, _ = of.Write(e.Body) // never fails
		rng := rand.New(rand.NewPCG(d.Seed, of.Sum64()))
		after := promptly + time.Duration(rng.Int64N(int64(delayed-promptly)))
		fate := rng.Float64()
		isLost := fate < d.Lost
		if !isLost && fate < d.Lost+d.Late {
			after += lateBy
		}
		d.tally.mu.Lock()
		defer d.tally.mu.Unlock()
		if isLost {
			d.lost++
			return
		}
		d.events++
		d.people.Go(func() {
			if pause(ctx, after) {
				delivery.Send(ctx, e)
			}
		})
	}
}

// begin starts the dashboards, until they close.
func (d *dashboards) begin(ctx context.Context) {
	rng := rand.New(rand.NewPCG(d.Seed, 4))
	every := func(pace time.Duration, ask func(context.Context)) {
		opens := d.midnight.Add(d.Open).Add(time.Duration(rng.Int64N(int64(pace))))
		d.people.Go(func() {
			ctx, cancel := context.WithDeadline(ctx, d.midnight.Add(d.Closed))
			defer cancel()
			for at := opens; sleepUntil(ctx, at) && ctx.Err() == nil; at = at.Add(pace) {
				ask(ctx)
			}
		})
	}
	for range d.Walls() {
		w := &wall{dashboards: d}
		every(wallEvery, w.look)
	}
	for i := range d.Boards() {
		users := d.users[i*boardUsers : (i+1)*boardUsers]
		query := boardQuery(users)
		every(boardEvery, func(ctx context.Context) { d.board(ctx, query, users) })
	}
	for _, numbers := range d.trainings {
		query := trainingQuery(numbers)
		if d.of.plain {
			query = plainTrainingQuery(numbers)
		}
		every(trainingEvery, func(ctx context.Context) { d.trainer(ctx, query, numbers) })
	}
}

// ask sends a query, and decodes the data of its answer into data. It reports whether the answer has
// no errors.
func (d *dashboards) ask(ctx context.Context, question int, query string, data any) bool {
	body, _ := json.Marshal(map[string]string{"query": query}) // text is JSON
	r := httptest.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, gatewayURL+"/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	rec := httptest.NewRecorder()
	d.server.ServeHTTP(rec, r)
	return d.read(question, rec.Body.Bytes(), data)
}

// read counts an answer, and decodes its data. It reports whether the answer has no errors.
func (d *dashboards) read(question int, text []byte, data any) bool {
	answer := struct {
		Data   any               `json:"data"`
		Errors []json.RawMessage `json:"errors"`
	}{Data: data}
	err := json.Unmarshal(text, &answer)
	d.tally.mu.Lock()
	defer d.tally.mu.Unlock()
	d.answers[question]++
	if err == nil && len(answer.Errors) == 0 {
		return true
	}
	d.failed[question]++
	d.why = string(text[:min(len(text), 2000)])
	return false
}

// judge records the age of an answer, from the parts of subjects that it shows.
func (d *dashboards) judge(question int, shown map[string]map[string]string) {
	if d.of.plain {
		return // it has no cache
	}
	now, oldest := time.Now(), time.Duration(0)
	for subject, parts := range shown {
		age, ok := d.truth.age(subject, parts, now)
		if !ok {
			d.tally.mu.Lock()
			d.odd[question]++
			d.why = subject
			d.tally.mu.Unlock()
		}
		oldest = max(oldest, age)
	}
	d.tally.mu.Lock()
	d.ages[question] = append(d.ages[question], oldest.Seconds())
	d.tally.mu.Unlock()
}

func (d *dashboards) board(ctx context.Context, query string, users []string) {
	var data map[string]struct {
		Meetings struct {
			Nodes []struct{ Number, Topic string }
		}
	}
	if !d.ask(ctx, boards, query, &data) {
		return
	}
	shown := map[string]map[string]string{}
	for i, id := range users {
		parts := map[string]string{}
		for _, m := range data["u"+strconv.Itoa(i)].Meetings.Nodes {
			parts[m.Number] = m.Topic
		}
		shown["user "+id] = parts
	}
	d.judge(boards, shown)
}

func (d *dashboards) trainer(ctx context.Context, query string, numbers []int64) {
	var data map[string]struct {
		Registrants    struct{ TotalCount int }
		LatestInstance struct{ UUID string }
	}
	if !d.ask(ctx, trainings, query, &data) {
		return
	}
	shown := map[string]map[string]string{}
	for i, number := range numbers {
		of := data["m"+strconv.Itoa(i)]
		shown[trainingSubject(number)] = map[string]string{"registrants": strconv.Itoa(of.Registrants.TotalCount), "run": of.LatestInstance.UUID}
	}
	d.judge(trainings, shown)
}

// wall is a dashboard of the participants of a live meeting.
type wall struct {
	*dashboards
	shows *instance
	// With subscriptions and events; otherwise the wall sends queries:
	follows *following
	leave   context.CancelFunc
}

// look refreshes the wall.
func (w *wall) look(ctx context.Context) {
	if w.shows != nil {
		select {
		case <-w.shows.over:
			w.stop()
		default:
		}
	}
	if w.shows == nil {
		if w.shows = w.newest(); w.shows == nil {
			return
		}
	}
	if w.of.events && subscribes() {
		w.follow(ctx)
		return
	}
	var data struct {
		Account struct {
			Dashboard struct {
				Meeting struct {
					Participants struct {
						Nodes []struct{ InMeetingID, LeaveTime string }
					}
				}
			}
		}
	}
	if !w.ask(ctx, walls, wallQuery(w.shows.uuid), &data) {
		return
	}
	there := map[string]string{}
	for _, p := range data.Account.Dashboard.Meeting.Participants.Nodes {
		if p.LeaveTime == "" {
			there[p.InMeetingID] = "there"
		}
	}
	w.judgeRoster(there)
}

// judgeRoster judges a roster, unless the meeting has ended.
func (w *wall) judgeRoster(there map[string]string) {
	select {
	case <-w.shows.over:
	default:
		w.judge(walls, map[string]map[string]string{"roster " + w.shows.uuid: there})
	}
}

func (w *wall) stop() {
	if w.leave != nil {
		w.leave()
	}
	w.shows, w.follows, w.leave = nil, nil, nil
}

// subscribes reports whether the gateway's schema has the roster as a subscription.
var subscribes = sync.OnceValue(func() bool { return strings.Contains(schema.SDL(), "\ntype Subscription") })

// follow opens the subscription, or judges its last item.
func (w *wall) follow(ctx context.Context) {
	if w.follows == nil {
		var within context.Context
		within, w.leave = context.WithCancel(ctx)
		body, _ := json.Marshal(map[string]string{"query": wallSubscription(w.shows.number)}) // text is JSON
		r := httptest.NewRequestWithContext(within, http.MethodPost, gatewayURL+"/graphql", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "text/event-stream")
		f := &following{header: http.Header{}}
		w.follows = f
		w.people.Go(func() { w.server.ServeHTTP(f, r) })
		return // the first item will have arrived at the next look
	}
	text := w.follows.latest()
	var data struct {
		Participants struct {
			Participants []struct{ InMeetingID string }
		}
	}
	if !w.read(walls, text, &data) {
		w.stop()
		return
	}
	there := map[string]string{}
	for _, p := range data.Participants.Participants {
		there[p.InMeetingID] = "there"
	}
	w.judgeRoster(there)
}

// following is the ResponseWriter of a stream of server-sent events.
type following struct {
	header http.Header
	mu     sync.Mutex
	text   []byte // of an incomplete event
	last   []byte // data of the last item
}

func (f *following) Header() http.Header { return f.header }
func (f *following) WriteHeader(int)     {}
func (f *following) Flush()              {}

func (f *following) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = append(f.text, text...)
	for {
		event, rest, whole := bytes.Cut(f.text, []byte("\n\n"))
		if !whole {
			return len(text), nil
		}
		if _, data, ok := bytes.Cut(event, []byte("event: next\ndata: ")); ok {
			f.last = bytes.Clone(data)
		}
		f.text = bytes.Clone(rest)
	}
}

// latest returns the last item, or the text so far if there is none.
func (f *following) latest() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		return bytes.Clone(f.text)
	}
	return f.last
}
