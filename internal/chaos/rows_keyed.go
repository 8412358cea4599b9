package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"zoomql/internal/bench/table"
	"zoomql/internal/bench/upstream"
	"zoomql/internal/sandbox"
)

// A keyedCreate is one meeting that is to be made once, however often a caller
// sends its key. Each has a host of its own, by whom Zoom's ledger tells them apart,
// and none of whom comes near Zoom's limit of 100 creates a day.
type keyedCreate struct {
	key, host string

	mu   sync.Mutex
	told []*reply // while Redis stalled now and then
	last *reply   // when it was well again
}

func (k *keyedCreate) mutation() string {
	return fmt.Sprintf(`mutation { createMeeting(input: {idempotencyKey: %q, host: {zoomId: %q}, meeting: {topic: %[1]q}}) { meeting { number } userErrors { code message } } }`, k.key, k.host)
}

// A sending is one attempt of a caller's.
type sending struct {
	create  *keyedCreate
	at      time.Duration // since the first
	replica int
}

// refusedCode is how a create is refused that is sent to nobody, since replicas
// cannot agree on who carries it out.
const refusedCode = "IDEMPOTENCY_UNAVAILABLE"

// createCall is the call that makes a meeting.
const createCall = "POST /users/{userId}/meetings"

// keyed creates meetings with keys, each key two or three times on any replica,
// while Redis stalls again and again.
func (c *chaos) keyed(ctx context.Context) error {
	w := upstream.World{Users: c.size.keys*6/5 + 100, Plan: sandbox.PlanNone, Latency: 50 * time.Millisecond, Names: true}
	f, err := c.scene(ctx, w, 4)
	if err != nil {
		return err
	}
	defer f.stop()
	creates, sendings, err := c.plan()
	if err != nil {
		return err
	}
	machine := watchHiccups(ctx)
	stalls := c.stallsDuring(ctx, func() {
		began := time.Now()
		var all sync.WaitGroup
		defer all.Wait()
		for _, s := range sendings {
			if d := time.Until(began.Add(s.at)); d > 0 && pause(ctx, d) != nil || ctx.Err() != nil {
				return
			}
			all.Go(func() {
				r := c.ask(ctx, f.of(s.replica), s.create.mutation())
				s.create.mu.Lock()
				defer s.create.mu.Unlock()
				s.create.told = append(s.create.told, r)
			})
		}
	})
	// Replicas look for Redis by themselves, and must have found it by then.
	if err := pause(ctx, allowedBack); err != nil {
		return err
	}
	replicas := c.chance("keyed, once more").Perm(len(creates))
	offer(ctx, len(creates), time.Duration(len(creates))*8*time.Millisecond, func(i int) {
		creates[i].last = c.ask(ctx, f.of(replicas[i]), creates[i].mutation())
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := judgeCreates(creates, ledger.Calls).row(c.size.keys, stalls)
	row.Measured += "; " + machine.String()
	c.add(row)
	return nil
}

// plan says when each key is sent, and to whom: evenly, and again at the same moment
// or some seconds later.
func (c *chaos) plan() ([]*keyedCreate, []sending, error) {
	hosts := c.shuffled("hosts")
	if len(hosts) < c.size.keys {
		return nil, nil, fmt.Errorf("%d hosts are too few", len(hosts))
	}
	dice := c.chance("keyed")
	var creates []*keyedCreate
	var sendings []sending
	for i := range c.size.keys {
		k := &keyedCreate{key: fmt.Sprintf("key %d", i), host: hosts[i]}
		creates = append(creates, k)
		at := time.Duration(i) * c.size.creating / time.Duration(c.size.keys)
		sendings = append(sendings, sending{k, at, dice.IntN(4)})
		for range 1 + dice.IntN(2) {
			later := time.Duration(dice.IntN(2)*dice.IntN(6000)) * time.Millisecond
			sendings = append(sendings, sending{k, at + later, dice.IntN(4)})
		}
	}
	slices.SortStableFunc(sendings, func(a, b sending) int { return cmp.Compare(a.at, b.at) })
	return creates, sendings, nil
}

// The shortest and the longest stall: the first is over before anybody gives Redis
// up, in the last every replica has.
const (
	shortStall = 50 * time.Millisecond
	longStall  = 8 * time.Second
)

// stallsDuring stalls Redis now and then until f returns. It returns how long each
// stall was.
func (c *chaos) stallsDuring(ctx context.Context, f func()) []time.Duration {
	ctx, done := context.WithCancel(ctx)
	dice := c.chance("stalls")
	var stalls []time.Duration
	var all sync.WaitGroup
	all.Go(func() {
		for pause(ctx, 200*time.Millisecond+time.Duration(dice.IntN(1500))*time.Millisecond) == nil {
			// As many below 630 ms as above.
			d := time.Duration(float64(shortStall) * math.Pow(float64(longStall/shortStall), dice.Float64()))
			c.redis.stall()
			began := time.Now()
			_ = pause(ctx, d) // when ctx ends it is resumed, too
			c.redis.resume()
			stalls = append(stalls, time.Since(began))
		}
	})
	f()
	done()
	all.Wait()
	return stalls
}

// createVerdict is what keyed creates came to.
type createVerdict struct {
	created   int // keys of which there is a meeting
	again     int // answers with a meeting that an earlier answer had
	refused   int // answers that say that nothing was done
	vague     int // of these, which do not say when to come back
	conflicts int // answers that say that nobody knows, while Redis stalled
	twice     int // keys of which there are several meetings
	unknown   int // keys of which the last answer does not tell the one meeting
	failed    int // other answers, while Redis stalled
	first     map[string]string
}

// blame keeps the first answer of a kind that must not be.
func (v *createVerdict) blame(kind string, k *keyedCreate, r *reply) {
	if v.first == nil {
		v.first = map[string]string{}
	}
	if v.first[kind] == "" {
		v.first[kind] = fmt.Sprintf("the first %s: %s: %s %.160s %.160s", kind, k.key, r.code, r.words, r.data)
	}
}

// judgeCreates holds what callers were told against what Zoom did.
func judgeCreates(creates []*keyedCreate, calls []upstream.Call) *createVerdict {
	made := map[string]int{}
	for _, call := range calls {
		if call.Pattern == createCall && call.Status < 300 {
			made[strings.TrimSuffix(strings.TrimPrefix(call.Path, "/v2/users/"), "/meetings")]++
		}
	}
	v := &createVerdict{}
	for _, k := range creates {
		n := made[k.host]
		v.created += min(n, 1)
		number := v.meanwhile(k)
		last := meetingOf(k.last)
		switch {
		case last == "" || number != "" && last != number:
			v.unknown++
			v.blame("unknown", k, k.last)
		case number != "":
			v.again++
		}
		if n > 1 {
			v.twice++
			v.blame("done twice", k, k.last)
		}
	}
	return v
}

// meanwhile counts what callers were told while Redis stalled, and returns the
// first meeting that one of them was told of.
func (v *createVerdict) meanwhile(k *keyedCreate) (first string) {
	for _, r := range k.told {
		number := meetingOf(r)
		switch {
		case number != "" && first != "":
			v.again++ // by another number it was made twice, which Zoom tells
		case number != "":
			first = number
		case r.code == refusedCode:
			v.refused++
			if _, err := time.Parse(time.RFC3339, r.retryAt); err != nil {
				v.vague++
				v.blame("without a time", k, r)
			}
		case r.code == "OUTCOME_UNKNOWN":
			v.conflicts++
		default:
			v.failed++
			v.blame("failed", k, r)
		}
	}
	return first
}

// meetingOf returns the number of the meeting that an answer tells of, if any.
func meetingOf(r *reply) string {
	var data struct {
		CreateMeeting struct {
			Meeting struct{ Number string }
		}
	}
	if r == nil || json.Unmarshal(r.data, &data) != nil {
		return ""
	}
	return data.CreateMeeting.Meeting.Number
}

// row makes a row of it.
func (v *createVerdict) row(keys int, stalls []time.Duration) table.Row {
	var sum time.Duration
	for _, d := range stalls {
		sum += d
	}
	ok := v.twice == 0 && v.unknown == 0 && v.vague == 0 && v.failed == 0
	var said strings.Builder
	fmt.Fprintf(&said, "%d created, %d answers repeated, %d refused (%d without a time), %d done twice, %d unknown, %d failed; %d times told that nobody knows while it stalled; %d stalls of %.1f s together",
		v.created, v.again, v.refused, v.vague, v.twice, v.unknown, v.failed, v.conflicts, len(stalls), sum.Seconds())
	for _, kind := range []string{"done twice", "unknown", "without a time", "failed"} {
		if v.first[kind] != "" {
			said.WriteString("; " + v.first[kind])
		}
	}
	return table.Row{
		Work:  fmt.Sprintf("%d keyed creates, each sent 2 or 3 times over 4 replicas, while Redis stalls for 50 ms to 8 s", keys),
		Asked: "0 done twice; 0 of which a repeat cannot tell afterwards; whatever is refused says so, and when to come back", OK: &ok, Measured: said.String(),
		Values: map[string]float64{"created": float64(v.created), "repeated": float64(v.again), "refused": float64(v.refused), "vague": float64(v.vague),
			"twice": float64(v.twice), "unknown": float64(v.unknown), "failed": float64(v.failed), "conflicts": float64(v.conflicts)},
	}
}
