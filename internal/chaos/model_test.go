package main

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// at returns a time, in milliseconds.
func at(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }

func wrote(version, replica, begin, end int) write {
	return write{version: version, replica: replica, begin: at(begin), end: at(end), done: true}
}

func saw(version, replica, begin, end int) read {
	return read{version: version, replica: replica, way: "number", begin: at(begin), end: at(end)}
}

func lost(w write) write { w.done = false; return w }

func by(way string, r read) read { r.way = way; return r }

func TestCheck(t *testing.T) {
	const settled = 100 * time.Millisecond
	for _, c := range []struct {
		why    string
		writes []write
		reads  []read
		stale  int
	}{
		{"nothing was written", nil, []read{saw(0, 0, 0, 1)}, 0},
		{"a version that was not written", nil, []read{saw(1, 0, 0, 1)}, 1},
		{"during a write, both are allowed", []write{wrote(1, 0, 10, 20)}, []read{saw(0, 0, 12, 18), saw(1, 1, 12, 18), saw(0, 1, 13, 30)}, 0},
		{"a read that began before the write may return it", []write{wrote(1, 0, 10, 20)}, []read{saw(1, 1, 5, 11)}, 0},
		{"read before it was written", []write{wrote(1, 0, 10, 20)}, []read{saw(1, 1, 5, 9)}, 1},
		{"the writing replica must return it", []write{wrote(1, 0, 10, 20)}, []read{saw(0, 0, 21, 22)}, 1},
		{"a read that began before the acknowledgement may miss it", []write{wrote(1, 0, 10, 20)}, []read{saw(0, 0, 19, 22)}, 0},
		{"other replicas may miss it at first", []write{wrote(1, 0, 10, 20)}, []read{saw(0, 1, 21, 22), saw(0, 1, 119, 121)}, 0},
		{"other replicas must return it in the end", []write{wrote(1, 0, 10, 20)}, []read{saw(0, 1, 121, 122)}, 1},
		{"an older version after a newer one", []write{wrote(1, 0, 10, 20)}, []read{saw(1, 1, 21, 22), saw(0, 1, 23, 24)}, 1},
		{"an older version after a newer one, during the write", []write{wrote(1, 0, 10, 40)}, []read{saw(1, 1, 21, 22), saw(0, 1, 23, 24)}, 0},
		{"replicas are independent", []write{wrote(1, 0, 10, 20)}, []read{saw(1, 1, 21, 22), saw(0, 2, 23, 24)}, 0},
		{"queries are independent", []write{wrote(1, 0, 10, 20)}, []read{saw(1, 1, 21, 22), by("host", saw(0, 1, 23, 24))}, 0},
		{"overlapping reads in either order", []write{wrote(1, 0, 10, 20)}, []read{saw(1, 1, 21, 25), saw(0, 1, 24, 26)}, 0},
		{"an unacknowledged write may have happened", []write{lost(wrote(1, 0, 10, 20))}, []read{saw(0, 0, 200, 201), saw(1, 1, 202, 203)}, 0},
		{"the next write must be returned", []write{lost(wrote(1, 0, 10, 20)), wrote(2, 0, 30, 40)}, []read{saw(1, 1, 200, 201)}, 1},
		{"two behind", []write{wrote(1, 0, 10, 20), wrote(2, 0, 190, 195)}, []read{saw(0, 1, 200, 201)}, 1},
		{"one behind, and that is recent", []write{wrote(1, 0, 10, 20), wrote(2, 0, 190, 195)}, []read{saw(1, 1, 200, 201)}, 0},
	} {
		h := &history{writes: c.writes, reads: c.reads}
		if v := h.check(3, settled); len(v.stale) != c.stale {
			t.Errorf("%s: %d stale, want %d: %q", c.why, len(v.stale), c.stale, v.stale)
		}
	}
}

// During an outage other replicas may miss a write, the writing one must return it, and
// after it all must.
func TestCheck_outages(t *testing.T) {
	for _, c := range []struct {
		why   string
		read  read
		stale int
	}{
		{"before", saw(0, 1, 140, 141), 1},
		{"at its begin", saw(0, 1, 150, 151), 0},
		{"at its end", saw(0, 1, 250, 251), 0},
		{"after", saw(0, 1, 251, 252), 1},
		{"its own", saw(0, 0, 200, 201), 1},
		{"a version that was not written", saw(2, 1, 200, 201), 1},
	} {
		h := &history{writes: []write{wrote(1, 0, 10, 20)}, reads: []read{c.read}, outages: []outage{{at(150), at(250)}}}
		if v := h.check(2, 100*time.Millisecond); len(v.stale) != c.stale {
			t.Errorf("%s: %q, want %d", c.why, v.stale, c.stale)
		}
	}
}

// Each object is a register of its own.
func TestCheck_manyObjects(t *testing.T) {
	h := &history{}
	for object := range 2 {
		w, r := wrote(1, 0, 10, 20), saw(object, 1, 300, 301)
		w.object, r.object = object, object
		h.wrote(w)
		h.saw(r)
	}
	if v := h.check(2, 100*time.Millisecond); len(v.stale) != 1 || v.writes != 2 || v.reads != 2 {
		t.Errorf("%+v", v)
	}
}

// The delay of a write is that of the last read elsewhere that missed it.
func TestDelays(t *testing.T) {
	h := &history{
		writes: []write{wrote(1, 0, 10, 20), wrote(2, 1, 100, 110), lost(wrote(3, 0, 200, 210))},
		reads: []read{
			saw(0, 0, 30, 31),   // on the writing replica: stale, not delayed
			saw(0, 1, 27, 28),   // 7 after
			saw(0, 1, 25, 26),   // 5 after
			saw(1, 1, 40, 41),   // returns it
			saw(0, 2, 115, 116), // misses both: 95 and 5
			saw(2, 0, 215, 216), // misses one that was lost
		},
	}
	got := h.check(3, time.Second).delays
	slices.Sort(got)
	if want := []float64{0, 5, 7, 95}; !slices.Equal(got, want) {
		t.Errorf("delays %v, want %v", got, want)
	}
}

// The history of a register without caches is allowed, and a read from a cache that
// missed an eviction is detected.
func TestCheck_register(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{}
		now, version := 0, 0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			replica, took := rapid.IntRange(0, 2).Draw(t, "replica"), rapid.IntRange(1, 30).Draw(t, "took")
			if rapid.Bool().Draw(t, "write") {
				version++
				h.wrote(wrote(version, replica, now, now+took))
			} else {
				h.saw(saw(version, replica, now, now+took))
			}
			now += took + rapid.IntRange(1, 20).Draw(t, "pause")
		}
		if v := h.check(3, 100*time.Millisecond); len(v.stale) > 0 {
			t.Fatalf("blamed: %q", v.stale)
		}
		h.wrote(wrote(version+1, 0, now, now+5))
		h.saw(saw(version, rapid.IntRange(0, 2).Draw(t, "cut off"), now+106, now+107))
		if v := h.check(3, 100*time.Millisecond); len(v.stale) != 1 {
			t.Fatalf("not detected: %q", v.stale)
		}
	})
}
