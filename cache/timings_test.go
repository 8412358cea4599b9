package cache_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/cache"
)

// evictionDelay returns how long after the end of Evict another process that reaches
// Redis may still read evicted entries. Two comparisons of the numbers detect that a
// message is lost, since it may be on its way during the first. Each begins
// CompareEvery after the one before and has three attempts, the last of which takes the
// connection down; one more operation may be under way at the end of Evict.
func evictionDelay(t cache.Timings) time.Duration {
	t = t.WithDefaults()
	comparison := t.CompareEvery + cache.FailuresToTrip*t.Operation + (cache.FailuresToTrip-1)*t.ProbeMin
	return t.Operation + 2*comparison
}

// An eviction whose message is lost is detected within the documented time, whenever it
// is done, and also when Redis replies only to every third request for the number.
func TestEvict_lostMessageIsDetectedInTime(t *testing.T) {
	if got := evictionDelay(cache.Timings{}); got != 3100*time.Millisecond {
		t.Errorf("the bound is %v by default, and the package comment states 3.1 s", got)
	}
	for name, ignored := range map[string]int{"Redis replies": 0, "Redis replies one time in three": 2} {
		t.Run(name, func(t *testing.T) {
			longest := time.Duration(0)
			for phase := time.Duration(0); phase < 2*time.Second; phase += 30 * time.Millisecond {
				synctest.Test(t, func(t *testing.T) {
					longest = max(longest, detectionTime(t, phase, ignored))
				})
			}
			bound := evictionDelay(cache.Timings{})
			if longest > bound || longest < bound/2 {
				t.Errorf("a lost message is detected after up to %v, and the bound is %v", longest, bound)
			}
			t.Logf("detected after up to %v, bound %v", longest, bound)
		})
	}
}

// detectionTime returns how long after an eviction without a message L1 is emptied. The
// eviction is done phase after the subscription; of the requests for the number,
// ignored in a row get no reply.
func detectionTime(t *testing.T, phase time.Duration, ignored int) time.Duration {
	f := &fakeRedis{evictions: 5}
	r := openFake(t, f)
	var emptied []time.Time
	r.Watch(func(cache.Eviction) { emptied = append(emptied, time.Now()) })
	synctest.Wait()
	if len(emptied) != 1 {
		t.Fatal("it is not subscribed")
	}
	n := 0
	f.change(func() {
		f.ignore = func(cmd string, args []string) bool {
			if cmd != "get" || args[0] != cache.EvictionCounter {
				return false
			}
			n++
			return n%(ignored+1) != 0
		}
	})
	time.Sleep(phase)
	f.change(func() { f.evictions++ })
	began := time.Now()
	time.Sleep(time.Minute)
	synctest.Wait()
	if r.Down() {
		t.Error("the connection is down, though Redis replies to some requests")
	}
	if len(emptied) == 1 {
		return time.Minute
	}
	return emptied[1].Sub(began)
}

// openFake returns a Redis with the default timings.
func openFake(t *testing.T, f *fakeRedis) *cache.Redis {
	r := cache.NewRedis(f.client(t), silent)
	t.Cleanup(r.Close)
	return r
}

// When Redis replies to all but the request for the number, it counts as unreachable:
// other operations that succeed must not hide that gaps are not detected. When the
// replies come again the gap is detected.
func TestRedis_numberOfEvictionsIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		r := openFake(t, f)
		var emptied atomic.Int32
		r.Watch(func(cache.Eviction) { emptied.Add(1) })
		synctest.Wait()
		f.change(func() {
			f.evictions++
			f.ignore = func(cmd string, args []string) bool { return cmd == "get" && args[0] == cache.EvictionCounter }
		})
		for began := time.Now(); !r.Down(); time.Sleep(10 * time.Millisecond) {
			r.Observe(nil) // other operations
			if time.Since(began) > evictionDelay(r.Timings()) {
				t.Fatal("the connection is still up")
			}
		}
		f.change(func() { f.ignore = nil })
		for began := time.Now(); emptied.Load() == 1; time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > evictionDelay(r.Timings()) {
				t.Fatal("the gap is not detected")
			}
		}
	})
}

// A call to the origin without a lease is counted, and logged at most once a minute.
func TestGetOrLease_unleasedCallsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		var out log
		r := cache.NewRedis(f.client(t), textLog(&out))
		r.Close() // it has no Redis from now on
		call := func() {
			if e, _, lease := r.GetOrLease(t.Context(), "k", anyEntry); e != nil || lease != nil {
				t.Fatal("an entry or a lease")
			}
		}
		for range 5 {
			call()
		}
		if n := out.count("without a lease\" calls=1\n"); n != 1 || r.UnleasedCalls() != 5 {
			t.Errorf("of %d calls the first was logged %d times:\n%s", r.UnleasedCalls(), n, &out.b)
		}
		time.Sleep(cache.UnleasedLogInterval)
		call()
		if out.count("without a lease") != 2 || out.count("without a lease\" calls=5\n") != 1 {
			t.Errorf("the log is:\n%s", &out.b)
		}
	})
}

// A lease is renewed long before it expires, until it is released or MaxLeaseTime has
// passed.
func TestLease_renewedUntilReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		r := openFake(t, f)
		_, lease := leaseOf(t, r, "k")
		last := time.Now()
		time.Sleep(cache.MaxLeaseTime - time.Second)
		for _, at := range f.renewals() {
			if at.Sub(last) > r.Timings().Lease/2 {
				t.Errorf("renewed after %v, and the lease lasts %v", at.Sub(last), r.Timings().Lease)
			}
			last = at
		}
		if time.Since(last) > r.Timings().Lease/2 {
			t.Errorf("not renewed for %v", time.Since(last))
		}
		lease.Release()
		n := len(f.renewals())
		_, unreleased := leaseOf(t, r, "k") // it is free, and this one is never released
		began := time.Now()
		time.Sleep(2 * cache.MaxLeaseTime)
		all := f.renewals()[n:]
		if len(all) == 0 || all[len(all)-1].Sub(began) > cache.MaxLeaseTime+r.Timings().Lease {
			t.Errorf("a lease that is never released is renewed %d times in %v", len(all), 2*cache.MaxLeaseTime)
		}
		unreleased.Release()
	})
}

func (f *fakeRedis) renewals() (all []time.Time) {
	f.change(func() { all = append(all, f.renewed...) })
	return all
}

// A holder that does not renew is replaced as soon as its lease has expired.
func TestGetOrLease_holderStopsRenewing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		here, there := openFake(t, f), openFake(t, f)
		_, lease := leaseOf(t, here, "k")
		lease.StopRenewing() // as if its process had been killed
		began := time.Now()
		_, next := leaseOf(t, there, "k")
		if took := time.Since(began); took < here.Timings().Lease-time.Millisecond || took > here.Timings().Lease*21/20 {
			t.Errorf("another process took over after %v, lease %v", took, here.Timings().Lease)
		}
		next.Release()
	})
}

// An operation on a Redis that hangs takes no longer than its time limit, and after a few
// of them none is attempted.
func TestRedis_operationTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		r := openFake(t, f)
		want(t, r, miss, "k", "a")
		f.change(func() { f.ignore = func(string, []string) bool { return true } })
		for range cache.FailuresToTrip {
			began := time.Now()
			want(t, r, miss, "k", "a")
			if took := time.Since(began); took != r.Timings().Operation {
				t.Errorf("a read took %v, limit %v", took, r.Timings().Operation)
			}
		}
		if !r.Down() {
			t.Fatal("the connection is not down")
		}
		began := time.Now()
		_, _, lease := r.GetOrLease(t.Context(), "k", anyEntry)
		want(t, r, miss, "k", "a")
		r.Evict(t.Context(), "a")
		if took := time.Since(began); took != 0 || lease != nil {
			t.Errorf("without Redis, three calls took %v", took)
		}
	})
}

func TestTimings_defaults(t *testing.T) {
	r := cache.NewRedis((&fakeRedis{}).client(t), silent, cache.WithTimings(cache.Timings{Lease: time.Hour}))
	defer r.Close()
	if r.Timings().Lease != time.Hour || r.Timings().Operation != cache.OpTimeout || r.Timings().CompareEvery != time.Second || r.Timings().PingAfter != 2*time.Second {
		t.Errorf("got %+v", r.Timings())
	}
	if !strings.HasPrefix(evictionDelay(cache.Timings{CompareEvery: time.Minute}).String(), "2m") {
		t.Error("the bound does not depend on CompareEvery")
	}
}
