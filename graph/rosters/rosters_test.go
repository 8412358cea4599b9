package rosters

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/events"
	"zoomql/internal/roster"
)

// made makes a roster without events.
func made(_ context.Context, s *Roster) { s.room = roster.New("", time.Now()) }

// TestRosters_usedAsTheTimerFires adds and removes a user when the idle timer has fired but does not
// have the lock yet: the roster is kept for another [Idle].
func TestRosters_usedAsTheTimerFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Rosters{}
		s := l.join(t.Context(), Key{Number: 1}, made)
		<-s.ready
		l.Leave(s)
		l.mu.Lock()
		fired := s.idleTimer
		time.Sleep(Idle)
		for fired.Stop() {
			t.Fatal("it has not fired")
		}
		s.use()
		l.leave(s)
		l.mu.Unlock()
		closed := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return s.closed
		}
		synctest.Wait()
		if closed() {
			t.Error("it is closed by a timer from before its last user")
		}
		time.Sleep(Idle)
		synctest.Wait()
		if !closed() || len(l.byKey) != 0 {
			t.Error("it is not closed")
		}
	})
}

// TestRosters_followedOrNew reads a roster while it is dropped and made anew: each reader gets one with
// a room.
func TestRosters_followedOrNew(t *testing.T) {
	l := &Rosters{}
	key := Key{Number: 1}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 2000 {
				s := l.join(t.Context(), key, made)
				<-s.ready
				l.Drop(s)
				l.Leave(s)
			}
		})
		wait.Go(func() {
			for range 20000 {
				s := l.followed(key)
				if s == nil {
					continue
				}
				if err := s.Await(t.Context()); err != nil || s.Room() == nil {
					t.Error("a roster without a room")
				}
				l.Leave(s)
			}
		})
	}
	wait.Wait()
}

// TestHistory_shortInstance makes a version of an instance that starts and ends between two versions of
// the roster, which are the same.
func TestHistory_shortInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Rosters{}
		s := l.join(t.Context(), Key{Number: 1}, made)
		<-s.ready
		apply := func(name, uuid string) {
			body := fmt.Sprintf(`{"event":"meeting.%s","event_ts":%d,"payload":{"account_id":"A","object":{"id":"1","uuid":%q}}}`, name, time.Now().UnixMilli(), uuid)
			e, err := events.Parse([]byte(body), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			s.room.Apply(&events.Stored{Event: e, Served: "A"})
		}
		apply("started", "first")
		apply("ended", "first")
		s.FollowRuns()
		time.Sleep(10 * time.Second)
		before, _ := s.room.Now()
		apply("ended", "first") // once more: what comes within a moment makes one version
		apply("started", "short")
		apply("ended", "short")
		time.Sleep(2 * versionEvery)
		if now, _ := s.room.Now(); now.Version != before.Version {
			t.Errorf("the roster has version %d after %d: the test shows nothing", now.Version, before.Version)
		}
		if runs, _ := s.Runs(); len(runs) != 2 || runs[1].UUID != "short" {
			t.Errorf("%d instances", len(runs))
		}
		s.LeaveRuns()
		l.Leave(s)
		time.Sleep(2 * Idle)
	})
}
