package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/lab/upstream"
)

func called(label, path string, status, ms int) upstream.Call {
	return upstream.Call{Pattern: "GET /users/{userId}", Label: label, Path: path, Status: status, Start: at(ms)}
}

func TestSpent(t *testing.T) {
	calls := []upstream.Call{
		called("LIGHT", "/a", 200, 99), // before
		called("LIGHT", "/a", 200, 100),
		called("LIGHT", "/b", 404, 150), // no such user: charged too
		called("LIGHT", "/c", 499, 160), // the caller had left
		called("LIGHT", "/d", 429, 170),
		called("HEAVY", "/e", 200, 180),
		called("LIGHT", "/f?"+otherAppMark, 200, 190),
		called("LIGHT", "/g", 200, 200), // after
	}
	ours := func(c upstream.Call) bool { return !isOtherApp(c) }
	if u := spent(calls, "LIGHT", at(100), at(200), ours); u.taken != 3 || len(u.throttled) != 1 || !u.throttled[0].Equal(at(170)) {
		t.Errorf("ours: %+v", u)
	}
	if u := spent(calls, "LIGHT", at(100), at(200), anyApp); u.taken != 4 {
		t.Errorf("every app's: %+v", u)
	}
	if n := after([]time.Time{at(1), at(2), at(3)}, at(2)); n != 2 {
		t.Errorf("%d after, want 2", n)
	}
}

func TestCompare(t *testing.T) {
	set := byPath([]upstream.Call{called("", "/a", 200, 0), called("", "/b?next_page_token=x&page_size=2", 200, 0), called("", "/c", 200, 0)})
	made := byPath([]upstream.Call{called("", "/a", 200, 0), called("", "/a", 499, 0), called("", "/b?next_page_token=y&page_size=2", 200, 0), called("", "/d", 429, 0)})
	d := compare(made, set)
	if d.extra != 2 || d.missing != 1 || len(d.first) != 3 {
		t.Errorf("%+v", d)
	}
	if d := compare(set, set); d.extra+d.missing+len(d.first) != 0 {
		t.Errorf("the same: %+v", d)
	}
}

func TestRecoveryTime(t *testing.T) {
	for _, c := range []struct {
		why          string
		observations []observation
		want         time.Duration
	}{
		{"no observations", nil, 0},
		{"all ok", []observation{{at(110), at(120), true}}, 0},
		{"one that began before does not count", []observation{{at(90), at(150), false}}, 0},
		{"until the last one ended", []observation{{at(110), at(130), false}, {at(140), at(150), true}, {at(160), at(180), false}, {at(190), at(191), true}}, 80 * time.Millisecond},
	} {
		if got := recoveryTime(c.observations, at(100)); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}

// A probe is ok when Zoom was called once for both of its queries.
func TestCheckProbes(t *testing.T) {
	observations := checkProbes([]probe{
		{observation{at(0), at(1), true}, "once"}, {observation{at(0), at(1), true}, "twice"}, {observation{at(0), at(1), true}, "never"}, {observation{at(0), at(1), false}, "failed"},
	}, []upstream.Call{
		called("", "/v2/users/once", 200, 0), called("", "/v2/users/twice", 200, 0), called("", "/v2/users/twice?x=y", 200, 1), called("", "/v2/users/failed", 200, 0),
	})
	var ok []bool
	for _, s := range observations {
		ok = append(ok, s.ok)
	}
	if want := []bool{true, false, false, false}; !slices.Equal(ok, want) {
		t.Errorf("%v, want %v", ok, want)
	}
}

func TestOtherAppRow(t *testing.T) {
	l := label{name: "LIGHT", perSecond: 10}
	began, comes, leaves, ends := at(0), at(1000), at(11_000), at(15_000)
	// For ten seconds, 30 calls of the other app and 63 of ours: 90 % of the rest. Then
	// all of it.
	calls := make([]upstream.Call, 0, 200)
	for i := range 30 {
		calls = append(calls, called("LIGHT", "/x?"+otherAppMark, 200, 1000+i*300))
	}
	for i := range 63 {
		calls = append(calls, called("LIGHT", "/x", 200, 1000+i*150))
	}
	for i := range 20 {
		calls = append(calls, called("LIGHT", "/x", 200, 13_000+i*100))
	}
	for _, c := range []struct {
		why     string
		refused []upstream.Call
		failed  int
		ok      bool
	}{
		{"none refused", nil, 0, true},
		{"five at first", slices.Repeat([]upstream.Call{called("LIGHT", "/x", 429, 1500)}, 5), 0, true},
		{"six", slices.Repeat([]upstream.Call{called("LIGHT", "/x", 429, 1500)}, 6), 0, false},
		{"one late", []upstream.Call{called("LIGHT", "/x", 429, 7000)}, 0, false},
		{"refusals of the other app", slices.Repeat([]upstream.Call{called("LIGHT", "/x?"+otherAppMark, 429, 7000)}, 20), 0, true},
		{"one that failed", nil, 1, false},
	} {
		r := otherAppRow(slices.Concat(calls, c.refused), l, &tally{failed: c.failed}, began, comes, leaves, ends)
		if *r.OK != c.ok {
			t.Errorf("%s: ok is %v: %s", c.why, *r.OK, r.Measured)
		}
		if !strings.Contains(r.Measured, "90.0 % of what it left") || !strings.Contains(r.Measured, "100 % of the budget used when it had left") {
			t.Errorf("%s: %s", c.why, r.Measured)
		}
	}
	if r := otherAppRow(calls[:80], l, &tally{}, began, comes, leaves, ends); *r.OK {
		t.Errorf("too little is used, but the row is ok: %s", r.Measured)
	}
}

// offer does not wait for answers.
func TestOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var most, under atomic.Int64
		offer(t.Context(), 10, time.Second, func(i int) {
			if d := time.Since(began); d != time.Duration(i)*100*time.Millisecond {
				t.Errorf("query %d after %v", i, d)
			}
			most.Store(max(most.Load(), under.Add(1)))
			time.Sleep(time.Minute)
			under.Add(-1)
		})
		if most.Load() != 10 || under.Load() != 0 {
			t.Errorf("%d at once, %d not waited for", most.Load(), under.Load())
		}
	})
}

func TestOffer_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		var sent atomic.Int64
		offer(ctx, 10, time.Second, func(int) { sent.Add(1) })
		if sent.Load() != 3 {
			t.Errorf("%d were sent, want 3", sent.Load())
		}
	})
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		body, code string
		refused    bool
		err        string
	}{
		{`{"data":{"a":1}}`, "", false, ""},
		{`{"data":null,"errors":[{"message":"wait","extensions":{"code":"RATE_LIMITED"}}]}`, "RATE_LIMITED", true, ""},
		{`{"data":null,"errors":[{"message":"wait","extensions":{"code":"TIMEOUT"}}]}`, "TIMEOUT", true, ""},
		{`{"data":null,"errors":[{"message":"down","extensions":{"code":"UNAVAILABLE"}}]}`, "UNAVAILABLE", false, ""},
		{`{"errors":[{"message":"odd"}]}`, "", false, "odd"},
		{`<html>`, "", false, "answered 502"},
	} {
		r := &reply{}
		err := r.read(502, []byte(c.body))
		if r.code != c.code || r.refused() != c.refused || (err == nil) != (c.err == "") || err != nil && !strings.Contains(fmt.Sprint(err), c.err) {
			t.Errorf("%s: code %q, refused %v, %v", c.body, r.code, r.refused(), err)
		}
	}
}

func TestVersions(t *testing.T) {
	m := &mix{stem: "mix 1 version "}
	for topic, want := range map[string]int{m.topicOf(17): 17, "Company all hands": 0, "mix 2 version 17": 0, "mix 1 version two": 0} {
		if got := m.versionOf(topic); got != want {
			t.Errorf("%q: %d, want %d", topic, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	d := &ids{left: []string{"a", "b"}}
	if got := []string{d.next(), d.next(), d.next()}; !slices.Equal(got, []string{"a", "b", ""}) {
		t.Errorf("%q", got)
	}
}
