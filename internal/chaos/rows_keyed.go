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

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
	"zoomql/internal/sandbox"
)

// A keyedCreate is one meeting that is to be made once, however often a caller sends
// its key. Each has a host of its own, which identifies it in Zoom's ledger, and stays
// below Zoom's limit of 100 creates a day.
type keyedCreate struct {
	key, host string

	mu      sync.Mutex
	replies []*reply // while Redis stalled
	last    *reply   // after that
}

func (k *keyedCreate) mutation() string {
	return fmt.Sprintf(`mutation { createMeeting(input: {idempotencyKey: %q, host: {zoomId: %q}, meeting: {topic: %[1]q}}) { meeting { number } userErrors { code message } } }`, k.key, k.host)
}

// An attempt is one request of a caller.
type attempt struct {
	create  *keyedCreate
	at      time.Duration // since the first
	replica int
}

// refusedCode is the code of a create that is not sent to Zoom, since replicas cannot
// agree on which of them sends it.
const refusedCode = "IDEMPOTENCY_UNAVAILABLE"

// createCall is the call that makes a meeting.
const createCall = "POST /users/{userId}/meetings"

// keyed creates meetings with keys, each key two or three times on any replica, while
// Redis stalls repeatedly.
func (c *chaos) keyed(ctx context.Context) error {
	w := upstream.World{Users: c.size.keys*6/5 + 100, Plan: sandbox.PlanNone, Latency: 50 * time.Millisecond, Names: true}
	f, err := c.setUp(ctx, w, 4)
	if err != nil {
		return err
	}
	defer f.stop()
	creates, attempts, err := c.plan()
	if err != nil {
		return err
	}
	machine := watchScheduling(ctx)
	stalls := c.stallsDuring(ctx, func() {
		began := time.Now()
		var all sync.WaitGroup
		defer all.Wait()
		for _, s := range attempts {
			if d := time.Until(began.Add(s.at)); d > 0 && pause(ctx, d) != nil || ctx.Err() != nil {
				return
			}
			all.Go(func() {
				r := c.send(ctx, f.of(s.replica), s.create.mutation())
				s.create.mu.Lock()
				defer s.create.mu.Unlock()
				s.create.replies = append(s.create.replies, r)
			})
		}
	})
	// Replicas probe Redis, and must have reconnected by then.
	if err := pause(ctx, maxRecovery); err != nil {
		return err
	}
	replicas := c.random("keyed, once more").Perm(len(creates))
	offer(ctx, len(creates), time.Duration(len(creates))*8*time.Millisecond, func(i int) {
		creates[i].last = c.send(ctx, f.of(replicas[i]), creates[i].mutation())
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

// plan returns when each key is sent, and to which replica: evenly, and again at the
// same time or some seconds later.
func (c *chaos) plan() ([]*keyedCreate, []attempt, error) {
	hosts := c.shuffled("hosts")
	if len(hosts) < c.size.keys {
		return nil, nil, fmt.Errorf("%d hosts are too few", len(hosts))
	}
	rng := c.random("keyed")
	var creates []*keyedCreate
	var attempts []attempt
	for i := range c.size.keys {
		k := &keyedCreate{key: fmt.Sprintf("key %d", i), host: hosts[i]}
		creates = append(creates, k)
		at := time.Duration(i) * c.size.creating / time.Duration(c.size.keys)
		attempts = append(attempts, attempt{k, at, rng.IntN(4)})
		for range 1 + rng.IntN(2) {
			later := time.Duration(rng.IntN(2)*rng.IntN(6000)) * time.Millisecond
			attempts = append(attempts, attempt{k, at + later, rng.IntN(4)})
		}
	}
	slices.SortStableFunc(attempts, func(a, b attempt) int { return cmp.Compare(a.at, b.at) })
	return creates, attempts, nil
}

// The shortest and the longest stall: the first ends before any replica counts Redis as
// unreachable, in the last all do.
const (
	shortStall = 50 * time.Millisecond
	longStall  = 8 * time.Second
)

// stallsDuring stalls Redis at random times until f returns. It returns how long each
// stall was.
func (c *chaos) stallsDuring(ctx context.Context, f func()) []time.Duration {
	ctx, done := context.WithCancel(ctx)
	rng := c.random("stalls")
	var stalls []time.Duration
	var all sync.WaitGroup
	all.Go(func() {
		for pause(ctx, 200*time.Millisecond+time.Duration(rng.IntN(1500))*time.Millisecond) == nil {
			// Log-uniform: as many below 630 ms as above.
			d := time.Duration(float64(shortStall) * math.Pow(float64(longStall/shortStall), rng.Float64()))
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

// createVerdict is the outcome of keyed creates.
type createVerdict struct {
	created     int // keys with a meeting
	again       int // answers with the meeting of an earlier answer
	refused     int // answers that nothing was done
	withoutTime int // of these, without a retryAt
	conflicts   int // answers that the outcome is unknown, while Redis stalled
	twice       int // keys with several meetings
	unknown     int // keys whose last answer is not the one meeting
	failed      int // other answers, while Redis stalled
	first       map[string]string
}

// blame records the first answer of a kind that must not occur.
func (v *createVerdict) blame(kind string, k *keyedCreate, r *reply) {
	if v.first == nil {
		v.first = map[string]string{}
	}
	if v.first[kind] == "" {
		v.first[kind] = fmt.Sprintf("the first %s: %s: %s %.160s %.160s", kind, k.key, r.code, r.message, r.data)
	}
}

// judgeCreates compares the answers with the calls at Zoom.
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
		number := v.countReplies(k)
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

// countReplies counts the replies while Redis stalled, and returns the first meeting in
// them.
func (v *createVerdict) countReplies(k *keyedCreate) (first string) {
	for _, r := range k.replies {
		number := meetingOf(r)
		switch {
		case number != "" && first != "":
			v.again++ // another number means that it was made twice, which Zoom's ledger shows
		case number != "":
			first = number
		case r.code == refusedCode:
			v.refused++
			if _, err := time.Parse(time.RFC3339, r.retryAt); err != nil {
				v.withoutTime++
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

// meetingOf returns the number of the meeting in an answer, if any.
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

// row returns the row of the table.
func (v *createVerdict) row(keys int, stalls []time.Duration) table.Row {
	var sum time.Duration
	for _, d := range stalls {
		sum += d
	}
	ok := v.twice == 0 && v.unknown == 0 && v.withoutTime == 0 && v.failed == 0
	var text strings.Builder
	fmt.Fprintf(&text, "%d created, %d answers repeated, %d refused (%d without a time), %d done twice, %d unknown, %d failed; %d times an unknown outcome while it stalled; %d stalls of %.1f s together",
		v.created, v.again, v.refused, v.withoutTime, v.twice, v.unknown, v.failed, v.conflicts, len(stalls), sum.Seconds())
	for _, kind := range []string{"done twice", "unknown", "without a time", "failed"} {
		if v.first[kind] != "" {
			text.WriteString("; " + v.first[kind])
		}
	}
	return table.Row{
		Work:   fmt.Sprintf("%d keyed creates, each sent 2 or 3 times over 4 replicas, while Redis stalls for 50 ms to 8 s", keys),
		Target: "0 done twice; 0 whose outcome a repeat does not return afterwards; every refusal has a retryAt", OK: &ok, Measured: text.String(),
		Values: map[string]float64{"created": float64(v.created), "repeated": float64(v.again), "refused": float64(v.refused), "vague": float64(v.withoutTime),
			"twice": float64(v.twice), "unknown": float64(v.unknown), "failed": float64(v.failed), "conflicts": float64(v.conflicts)},
	}
}
