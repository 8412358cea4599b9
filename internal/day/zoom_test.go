package day

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"zoomql/internal/sandbox"
)

// account is the account at Zoom: a sandbox in which meetings are held and changed.
type account struct {
	Model
	t        testing.TB
	box      *sandbox.Sandbox
	truth    truth
	midnight time.Time
	// tell delivers an event; nil if none are delivered.
	tell func(sandbox.Event)

	meetings  []int64          // numbers of those that are held
	hosts     map[int64]string // by number
	users     []string         // on boards, boardUsers for each
	trainings [][]int64        // numbers, by dashboard
	known     map[string]bool  // the set of users
	training  map[int64]bool   // the set of trainings
	people    sync.WaitGroup   // goroutines of the day

	mu   sync.Mutex
	live map[int64]*instance // by number
}

// instance is a meeting that is being held.
type instance struct {
	number int64
	uuid   string
	began  time.Time
	shown  bool          // by a wall
	over   chan struct{} // closed at its end
}

// newAccount waits until m.From, and creates the account.
func newAccount(t testing.TB, m Model, plan string, midnight time.Time) *account {
	t.Helper()
	time.Sleep(time.Until(midnight.Add(m.From)))
	box, err := sandbox.New(sandbox.Options{Seed: m.Seed, Users: m.Users, Meetings: meetingsEach, Plan: plan, Latency: latency, TokenTTL: 48 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	a := &account{
		Model: m, t: t, box: box, midnight: midnight,
		hosts: map[int64]string{}, known: map[string]bool{}, training: map[int64]bool{}, live: map[int64]*instance{},
	}
	a.choose()
	return a
}

// latency is the time of a call at Zoom. Assumed.
const latency = 100 * time.Millisecond

// behind executes a call like a change in Zoom's web portal: it counts against no limit.
func (a *account) behind(method, path string, body, answer any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	got, err := a.box.Behind(method, "/v2"+path, raw)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(got, answer)
}

// must is behind for calls that cannot fail.
func (a *account) must(method, path string, body, answer any) {
	a.t.Helper()
	if err := a.behind(method, path, body, answer); err != nil {
		a.t.Fatal(err)
	}
}

type listed struct {
	ID    int64  `json:"id"`
	Topic string `json:"topic"`
}

// choose lists the meetings, and picks those that dashboards query.
func (a *account) choose() {
	rng := rand.New(rand.NewPCG(a.Seed, 1))
	var users []string
	for token := ""; ; {
		var page struct {
			Users []struct {
				ID string `json:"id"`
			} `json:"users"`
			Next string `json:"next_page_token"`
		}
		a.must(http.MethodGet, "/users?page_size=300&next_page_token="+token, nil, &page)
		for _, u := range page.Users {
			users = append(users, u.ID)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	byUser := map[string][]listed{}
	for _, id := range users {
		var page struct {
			Meetings []listed `json:"meetings"`
		}
		a.must(http.MethodGet, "/users/"+id+"/meetings?page_size=300", nil, &page)
		byUser[id] = page.Meetings
		for _, m := range page.Meetings {
			a.meetings, a.hosts[m.ID] = append(a.meetings, m.ID), id
		}
	}
	for _, i := range rng.Perm(len(users))[:min(len(users), a.Boards()*boardUsers)] {
		id := users[i]
		a.users, a.known[id] = append(a.users, id), true
		for _, m := range byUser[id] {
			a.truth.set("user "+id, strconv.FormatInt(m.ID, 10), m.Topic, time.Time{})
		}
	}
	a.chooseTrainings(rng)
}

// chooseTrainings picks meetings with an ended instance, and with registration that approves at
// once.
func (a *account) chooseTrainings(rng *rand.Rand) {
	var numbers []int64
	for _, i := range rng.Perm(len(a.meetings)) {
		number := a.meetings[i]
		var last struct {
			UUID string `json:"uuid"`
		}
		before := a.registered(number)
		if before < 0 || a.behind(http.MethodGet, fmt.Sprintf("/past_meetings/%d", number), nil, &last) != nil || a.register(number, 0) != nil || a.registered(number) != before+1 {
			continue
		}
		a.training[number] = true
		a.truth.set(trainingSubject(number), "registrants", strconv.Itoa(before+1), time.Time{})
		a.truth.set(trainingSubject(number), "run", last.UUID, time.Time{})
		if numbers = append(numbers, number); len(numbers) == a.Trainings()*trainingMeetings {
			break
		}
	}
	a.trainings = slices.Collect(slices.Chunk(numbers, trainingMeetings))
}

func trainingSubject(number int64) string { return "training " + strconv.FormatInt(number, 10) }

// registered returns the number of approved registrants, or -1 for a meeting without registration.
func (a *account) registered(number int64) int {
	var page struct {
		Total int `json:"total_records"`
	}
	if a.behind(http.MethodGet, fmt.Sprintf("/meetings/%d/registrants?page_size=1", number), nil, &page) != nil {
		return -1
	}
	return page.Total
}

func (a *account) register(number int64, nth int) error {
	return a.behind(http.MethodPost, fmt.Sprintf("/meetings/%d/registrants", number),
		map[string]any{"email": fmt.Sprintf("learner%d@school.example", nth), "first_name": "Learner"}, nil)
}

// begin starts the events of the day, until ctx ends. They have ended when people is done.
func (a *account) begin(ctx context.Context) {
	rng := rand.New(rand.NewPCG(a.Seed, 2))
	last := map[int64]time.Duration{}
	for i := range a.Meetings() {
		number := a.meetings[i%len(a.meetings)]
		at, again := last[number], i >= len(a.meetings)
		if again { // as far from the first time as possible
			at = (at + 12*time.Hour) % (24 * time.Hour)
		} else {
			at = start(rng)
		}
		last[number] = at
		topic := ""
		before := 5*time.Minute + time.Duration(rng.Int64N(int64(2*time.Hour-5*time.Minute)))
		if rng.Float64() < renamed {
			topic = fmt.Sprintf("Renamed %d", i)
		}
		isRecorded := rng.Float64() < recorded
		a.at(ctx, at-before, func() { a.rename(number, topic) }, topic != "")
		a.at(ctx, at, func() { a.hold(ctx, number, isRecorded) }, true)
	}
	for i, id := range a.hostIDs() {
		if rng.Float64() < scheduled {
			at, isCancelled := start(rng), rng.Float64() < cancelled
			a.at(ctx, at, func() { a.schedule(ctx, id, i, isCancelled) }, true)
		}
	}
	for i, number := range slices.Concat(a.trainings...) {
		own := rand.New(rand.NewPCG(a.Seed, 100+uint64(i)))
		a.people.Go(func() { a.registrations(ctx, number, own) })
	}
}

// hostIDs returns the hosts of the meetings, in the order of the meetings.
func (a *account) hostIDs() []string {
	var ids []string
	for _, number := range a.meetings {
		if id := a.hosts[number]; len(ids) == 0 || ids[len(ids)-1] != id {
			ids = append(ids, id)
		}
	}
	return ids
}

// at calls happen at a time of the day, if it is wanted and in the simulated part.
func (a *account) at(ctx context.Context, at time.Duration, happen func(), wanted bool) {
	if !wanted || at < a.From || at >= a.Until {
		return
	}
	a.people.Go(func() {
		if sleepUntil(ctx, a.midnight.Add(at)) {
			happen()
		}
	})
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(at)):
		return true
	}
}

func pause(ctx context.Context, d time.Duration) bool { return sleepUntil(ctx, time.Now().Add(d)) }

// hold holds a meeting.
func (a *account) hold(ctx context.Context, number int64, isRecorded bool) {
	held, err := a.box.Hold(number, 1)
	if err != nil {
		return // it is live already, or was deleted
	}
	r := &instance{number: number, uuid: held.UUID, began: time.Now(), over: make(chan struct{})}
	a.mu.Lock()
	a.live[number] = r
	a.mu.Unlock()
	for _, e := range held.Events() {
		if !sleepUntil(ctx, e.At) {
			break
		}
		a.note(held.UUID, e)
		a.told(e)
	}
	sleepUntil(ctx, held.End)
	a.mu.Lock()
	delete(a.live, number)
	a.mu.Unlock()
	close(r.over)
	ended := held.Finish()
	a.truth.forget("roster " + held.UUID)
	if a.training[number] {
		a.truth.set(trainingSubject(number), "run", held.UUID, time.Now())
	}
	a.told(ended)
	if isRecorded && pause(ctx, 10*time.Minute) {
		a.told(a.event("recording.completed", number, map[string]any{"uuid": held.UUID}))
	}
}

// note records the change of a roster by an event.
func (a *account) note(uuid string, e sandbox.Event) {
	var body struct {
		Payload struct {
			Object struct {
				Participant struct {
					UserID string `json:"user_id"`
				} `json:"participant"`
			} `json:"object"`
		} `json:"payload"`
	}
	if json.Unmarshal(e.Body, &body) != nil || body.Payload.Object.Participant.UserID == "" {
		return
	}
	value := ""
	switch e.Name {
	case "meeting.participant_joined", "meeting.participant_joined_waiting_room":
		value = "there"
	case "meeting.participant_left", "meeting.participant_left_waiting_room":
	default:
		return
	}
	a.truth.set("roster "+uuid, body.Payload.Object.Participant.UserID, value, e.At)
}

func (a *account) told(e sandbox.Event) {
	if a.tell != nil {
		a.tell(e)
	}
}

// event returns an event of a scheduled meeting. more are further fields of its object.
//
// Source: https://developers.zoom.us/docs/api/meetings/events/
func (a *account) event(name string, number int64, more map[string]any) sandbox.Event {
	object := map[string]any{"id": number, "host_id": a.hosts[number]}
	maps.Copy(object, more)
	now := time.Now()
	body, err := json.Marshal(map[string]any{
		"event": name, "event_ts": now.UnixMilli(), "payload": map[string]any{"account_id": sandbox.AccountID, "object": object},
	})
	if err != nil {
		panic(err) // impossible: it has only values of JSON
	}
	return sandbox.Event{Name: name, At: now, Body: body}
}

// rename changes the topic of a meeting that is not live.
func (a *account) rename(number int64, topic string) {
	a.mu.Lock()
	goesOn := a.live[number] != nil
	a.mu.Unlock()
	if goesOn || a.behind(http.MethodPatch, fmt.Sprintf("/meetings/%d", number), map[string]any{"topic": topic}, nil) != nil {
		return
	}
	if host := a.hosts[number]; a.known[host] {
		a.truth.set("user "+host, strconv.FormatInt(number, 10), topic, time.Now())
	}
	a.told(a.event("meeting.updated", number, map[string]any{"topic": topic}))
}

// schedule schedules a meeting, and deletes it two hours later if isCancelled.
func (a *account) schedule(ctx context.Context, user string, nth int, isCancelled bool) {
	topic := fmt.Sprintf("Scheduled %d", nth)
	var made struct {
		ID int64 `json:"id"`
	}
	next := a.midnight.AddDate(0, 0, 2).Format("2006-01-02T15:04:05Z")
	if a.behind(http.MethodPost, "/users/"+user+"/meetings", map[string]any{"topic": topic, "type": 2, "start_time": next, "duration": 30}, &made) != nil {
		return
	}
	note := func(name, value string) {
		if a.known[user] {
			a.truth.set("user "+user, strconv.FormatInt(made.ID, 10), value, time.Now())
		}
		a.told(a.event(name, made.ID, map[string]any{"host_id": user, "topic": topic}))
	}
	note("meeting.created", topic)
	if isCancelled && pause(ctx, 2*time.Hour) && a.behind(http.MethodDelete, fmt.Sprintf("/meetings/%d", made.ID), nil, nil) == nil {
		note("meeting.deleted", "")
	}
}

// registrations registers people for a training until ctx ends.
func (a *account) registrations(ctx context.Context, number int64, rng *rand.Rand) {
	for nth := 1; pause(ctx, time.Duration(rng.ExpFloat64()*float64(registerEvery))); nth++ {
		if a.register(number, nth) != nil {
			continue
		}
		a.truth.set(trainingSubject(number), "registrants", strconv.Itoa(a.registered(number)), time.Now())
		a.told(a.event("meeting.registration_created", number, map[string]any{
			"registrant": map[string]any{"id": strconv.Itoa(nth), "email": fmt.Sprintf("learner%d@school.example", nth)},
		}))
	}
}

// newest returns the latest live instance that no wall shows, and marks it as shown; nil if there is
// none.
func (a *account) newest() *instance {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found *instance
	for _, r := range a.live {
		if !r.shown && (found == nil || r.began.After(found.began) || r.began.Equal(found.began) && r.number < found.number) {
			found = r
		}
	}
	if found != nil {
		found.shown = true
	}
	return found
}
