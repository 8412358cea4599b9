package cache

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// evictionDelay returns how long after the end of Evict another process that
// reaches Redis may still read what was evicted. Two comparisons of the numbers
// find out that a message is lost, since it may be on its way during the first.
// Each begins CompareEvery after the one before and has three attempts, the last of which
// takes the link down; one more operation may be under way at the end of Evict.
func evictionDelay(t Timings) time.Duration {
	t = t.withDefaults()
	comparison := t.CompareEvery + failuresToTrip*t.Operation + (failuresToTrip-1)*t.ProbeMin
	return t.Operation + 2*comparison
}

// An eviction whose message never comes is noticed within the stated time, at
// anyEntry moment it is done, and also when Redis answers only every third question
// for the number.
func TestEvictionDelay(t *testing.T) {
	if got := evictionDelay(Timings{}); got != 3100*time.Millisecond {
		t.Errorf("the bound is %v by default, and the package comment says 3.1 s", got)
	}
	for name, ignored := range map[string]int{"Redis answers": 0, "Redis answers one time in three": 2} {
		t.Run(name, func(t *testing.T) {
			longest := time.Duration(0)
			for phase := time.Duration(0); phase < 2*time.Second; phase += 30 * time.Millisecond {
				synctest.Test(t, func(t *testing.T) {
					longest = max(longest, noticed(t, phase, ignored))
				})
			}
			bound := evictionDelay(Timings{})
			if longest > bound || longest < bound/2 {
				t.Errorf("a lost message is noticed after up to %v, and the bound is %v", longest, bound)
			}
			t.Logf("noticed after up to %v, bound %v", longest, bound)
		})
	}
}

// noticed returns how long after an eviction without a message the near store is
// emptied. The eviction is done at a time after the subscription; of the questions
// for the number so many in a row are ignored.
func noticed(t *testing.T, phase time.Duration, ignored int) time.Duration {
	f := &fakeRedis{evictions: 5}
	r := openFake(t, f)
	var emptied []time.Time
	r.Watch(func(Eviction) { emptied = append(emptied, time.Now()) })
	synctest.Wait()
	if len(emptied) != 1 {
		t.Fatal("it does not subscribe")
	}
	n := 0
	f.change(func() {
		f.ignore = func(cmd string, args []string) bool {
			if cmd != "get" || args[0] != evictionCounter {
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
	if r.conn.down() {
		t.Error("the link is down, though Redis answers now and then")
	}
	if len(emptied) == 1 {
		return time.Minute
	}
	return emptied[1].Sub(began)
}

// openFake returns a Redis with the timings of production.
func openFake(t *testing.T, f *fakeRedis) *Redis {
	r := NewRedis(f.client(t), silent)
	t.Cleanup(r.Close)
	return r
}

// When Redis answers all but the question for the number, the replica counts as cut
// off: other operations that go well must not hide that it cannot know what it
// missed. When the answers come again it finds out.
func TestWithoutTheNumberOfEvictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		r := openFake(t, f)
		var emptied atomic.Int32
		r.Watch(func(Eviction) { emptied.Add(1) })
		synctest.Wait()
		f.change(func() {
			f.evictions++
			f.ignore = func(cmd string, args []string) bool { return cmd == "get" && args[0] == evictionCounter }
		})
		for began := time.Now(); !r.conn.down(); time.Sleep(10 * time.Millisecond) {
			r.conn.observe(nil) // others' operations
			if time.Since(began) > evictionDelay(r.timings) {
				t.Fatal("the link is still up")
			}
		}
		f.change(func() { f.ignore = nil })
		for began := time.Now(); emptied.Load() == 1; time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > evictionDelay(r.timings) {
				t.Fatal("it does not find out what it missed")
			}
		}
	})
}

// An eviction that found the link down is not left for later when the link has come
// up meanwhile: nothing would do it.
func TestEvictionWhileTheLinkComesUp(t *testing.T) {
	l := newConnection(nil, Timings{}.withDefaults(), silent)
	l.isDown.Store(true)
	if !l.postpone([]tagName{"a"}) || len(l.pending) != 1 {
		t.Errorf("while the link is down, %v is pending", l.pending)
	}
	clear(l.pending)
	l.isDown.Store(false)
	if l.postpone([]tagName{"a"}) || len(l.pending) > 0 {
		t.Errorf("while the link is up, %v is pending", l.pending)
	}
}

// Evictions that come faster than Redis takes them do not keep the link down.
func TestTheLinkComesUpUnderEvictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *connection
		calls := 0
		l = newConnection(func(context.Context, []tagName) error {
			if calls++; calls > 100 {
				return errRedisTimeout
			}
			if l.mu.TryLock() { // an eviction that comes meanwhile
				l.addPending([]tagName{"a"})
				l.mu.Unlock()
			}
			return nil
		}, Timings{}.withDefaults(), silent)
		defer l.close()
		l.trip(errRedisTimeout)
		time.Sleep(time.Second)
		synctest.Wait()
		if l.down() || len(l.pending) > 0 {
			t.Errorf("the link is down: %v, after %d evictions", l.down(), calls)
		}
	})
}

// unleasedCallsOf returns how many calls of the origin no lease has covered.
func unleasedCallsOf(r *Redis) uint64 {
	r.unleased.mu.Lock()
	defer r.unleased.mu.Unlock()
	return r.unleased.count
}

// A call of the origin without agreement is counted, and reported at most once a
// minute.
func TestUncoordinated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		var out log
		r := NewRedis(f.client(t), textLog(&out))
		r.Close() // it has no Redis from now on
		ask := func() {
			if e, _, lease := r.GetOrLease(t.Context(), "k", anyEntry); e != nil || lease != nil {
				t.Fatal("an entry or a lease")
			}
		}
		for range 5 {
			ask()
		}
		if n := out.count("without a lease\" calls=1\n"); n != 1 || unleasedCallsOf(r) != 5 {
			t.Errorf("of %d calls the first was reported %d times:\n%s", unleasedCallsOf(r), n, &out.b)
		}
		time.Sleep(unleasedLogInterval)
		ask()
		if out.count("without a lease") != 2 || out.count("without a lease\" calls=5\n") != 1 {
			t.Errorf("the log says:\n%s", &out.b)
		}
	})
}

// A lease that is held is renewed long before it ends, until it is released or
// nobody can want it any more.
func TestLeaseRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		r := openFake(t, f)
		_, lease := leaseOf(t, r, "k")
		last := time.Now()
		time.Sleep(maxLeaseTime - time.Second)
		for _, at := range f.renewals() {
			if at.Sub(last) > r.lease/2 {
				t.Errorf("renewed after %v, and the lease lasts %v", at.Sub(last), r.lease)
			}
			last = at
		}
		if time.Since(last) > r.lease/2 {
			t.Errorf("not renewed for %v", time.Since(last))
		}
		lease.Release()
		n := len(f.renewals())
		_, left := leaseOf(t, r, "k") // it is free, and this one is forgotten
		began := time.Now()
		time.Sleep(2 * maxLeaseTime)
		all := f.renewals()[n:]
		if len(all) == 0 || all[len(all)-1].Sub(began) > maxLeaseTime+r.lease {
			t.Errorf("a lease that was forgotten is renewed %d times in %v", len(all), 2*maxLeaseTime)
		}
		left.Release()
	})
}

func (f *fakeRedis) renewals() (all []time.Time) {
	f.change(func() { all = append(all, f.renewed...) })
	return all
}

// A holder that does not renew is replaced as soon as its lease has ended.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		here, there := openFake(t, f), openFake(t, f)
		_, lease := leaseOf(t, here, "k")
		lease.renewTimer.Stop() // as if its process had been killed
		began := time.Now()
		_, next := leaseOf(t, there, "k")
		if took := time.Since(began); took < here.lease-time.Millisecond || took > here.lease*21/20 {
			t.Errorf("another took over after %v, lease %v", took, here.lease)
		}
		next.Release()
	})
}

// An operation on a Redis that hangs takes no longer than its limit, and after a few
// of them none is tried.
func TestOperationLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRedis{}
		r := openFake(t, f)
		want(t, r, miss, "k", "a")
		f.change(func() { f.ignore = func(string, []string) bool { return true } })
		for range failuresToTrip {
			began := time.Now()
			want(t, r, miss, "k", "a")
			if took := time.Since(began); took != r.timings.Operation {
				t.Errorf("a read took %v, limit %v", took, r.timings.Operation)
			}
		}
		if !r.conn.down() {
			t.Fatal("the link is not down")
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

func TestTimingsHaveDefaults(t *testing.T) {
	r := NewRedis((&fakeRedis{}).client(t), silent, WithTimings(Timings{Lease: time.Hour}))
	defer r.Close()
	if r.lease != time.Hour || r.timings.Operation != opTimeout || r.timings.CompareEvery != time.Second || r.timings.PingAfter != 2*time.Second {
		t.Errorf("got %+v", r.timings)
	}
	if !strings.HasPrefix(evictionDelay(Timings{CompareEvery: time.Minute}).String(), "2m") {
		t.Error("the bound does not follow the interval of the comparison")
	}
}
