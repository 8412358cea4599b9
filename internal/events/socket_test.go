package events

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zoomql/internal/stream"
	"zoomql/internal/zoom/types"
)

// settled is longer than what is noted takes to be known, and answers take to count as kept
// right.
const settled = lookEvery + settling + time.Second

// TestSocket takes events over a connection for three quarters of an hour: it stands, though
// few come, and what events keep right lives longer.
func TestSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		p := plug(&stream.Memory{}, l)
		defer p.keep(t.Context())()
		time.Sleep(settled)
		if alive, last, source := p.Status(time.Now()); !alive || !last.IsZero() || source != types.EventSourceWebsocket {
			t.Errorf("connected: alive %v, last %v, by %s", alive, last, source)
		}
		if p.longer(aMeeting, 0) {
			t.Error("before an event of its kind, what is read lives longer")
		}
		l.tell(updatedIn("A", "123"))
		came := time.Now()
		time.Sleep(settled)
		if !slices.Contains(p.evictedOf("A"), "meeting:123") {
			t.Errorf("evicted were %d", p.evictions())
		}
		if alive, last, _ := p.Status(time.Now()); !alive || !last.Equal(came) {
			t.Errorf("after an event: alive %v, last %v, want %v", alive, last, came)
		}
		time.Sleep(45 * time.Minute)
		if alive, _, _ := p.Status(time.Now()); !alive || !p.longer(aMeeting, 44*time.Minute) || p.longer(aMeeting, 47*time.Minute) || p.longer(aUser, 0) {
			t.Error("while it is connected and nothing comes, lifetimes are others")
		}
		if n := l.dialled(); n != 1 {
			t.Errorf("it has connected %d times", n)
		}
		l.tell(updatedIn("sub", "1"))
		synctest.Wait()
		if len(p.evictedOf("sub")) == 0 {
			t.Errorf("an event of a sub account: evicted were %d", p.evictions())
		}
	})
}

// TestSocket_gap has the connection end in each of several ways: there is another one soon,
// and what was read before lives no longer than without events.
func TestSocket_gap(t *testing.T) {
	for name, end := range map[string]func(*line){
		"cut":             func(l *line) { l.cut() },
		"garbage":         func(l *line) { l.say([]byte("<html>")) },
		"no frame":        func(l *line) { l.say([]byte("[]")) },
		"no module":       func(l *line) { l.say([]byte(`{"success":true}`)) },
		"too long":        func(l *line) { l.say(nil) },
		"refused":         func(l *line) { l.say([]byte(`{"module":"build_connection","success":false}`)) },
		"heart refused":   func(l *line) { l.say([]byte(`{"module":"heartbeat","success":false}`)) },
		"unreadable":      func(l *line) { l.tell(`{"event":`) },
		"no event":        func(l *line) { l.tell(`{}`) },
		"no content":      func(l *line) { l.say([]byte(`{"module":"message"}`)) },
		"content is 7":    func(l *line) { l.say([]byte(`{"module":"message","content":7}`)) },
		"a long event":    func(l *line) { l.tell(`{"event":"` + strings.Repeat("x", maxBody) + `"}`) },
		"down and up":     func(l *line) { l.setDown(true); time.Sleep(20 * time.Second); l.setDown(false) },
		"silent for long": func(l *line) { l.deaf.Store(true); time.Sleep(silentFor + heartbeatEvery); l.deaf.Store(false) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{}
				p := plug(&stream.Memory{}, l)
				defer p.keep(t.Context())()
				time.Sleep(settled)
				l.tell(updatedIn("A", "1"))
				time.Sleep(2 * time.Minute)
				if !p.longer(aMeeting, 0) || !p.longer(aMeeting, time.Minute) {
					t.Fatal("events do not come")
				}
				before := time.Now()
				end(l)
				time.Sleep(lookEvery + time.Second)
				if p.longer(aMeeting, time.Since(before)) {
					t.Error("what was read before it lives longer")
				}
				time.Sleep(2 * time.Minute)
				if alive, _, _ := p.Status(time.Now()); !alive || !p.longer(aMeeting, 0) || p.longer(aMeeting, time.Since(before)) {
					t.Error("after it, what is read is not told from what was read before")
				}
				if !strings.Contains(p.log.String(), "events may have been missed") {
					t.Errorf("the log does not tell of it: %s", p.log)
				}
				if n := l.dialled(); n > 8 {
					t.Errorf("it has connected %d times", n)
				}
				if log := p.door.log.String(); strings.Contains(log, "html") || strings.Contains(log, "token 1") || strings.Contains(log, "xxx") {
					t.Errorf("the log has what came: %s", log)
				}
			})
		})
	}
}

// TestSocket_whatIsNoGap leaves the connection, and what is known, as they are.
func TestSocket_whatIsNoGap(t *testing.T) {
	for name, message := range map[string]string{
		"an unknown module":  `{"module":"advert","content":"x"}`,
		"built again":        string(built),
		"an unknown event":   string(inFrame(`{"event":"meeting.danced","event_ts":5,"payload":{"account_id":"A"}}`)),
		"one in no text":     `{"module":"message","content":{"event":"meeting.danced","event_ts":6,"payload":{"account_id":"A"}}}`,
		"of another account": string(inFrame(`{"event":"meeting.updated","event_ts":5,"payload":{"account_id":"B","object":{"id":1}}}`)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{}
				p := plug(&stream.Memory{}, l)
				defer p.keep(t.Context())()
				time.Sleep(settled)
				l.tell(updatedIn("A", "1"))
				time.Sleep(time.Minute)
				evicted := p.evictions()
				l.say([]byte(message))
				time.Sleep(time.Minute)
				if !p.longer(aMeeting, 80*time.Second) || l.dialled() != 1 || p.evictions() != evicted {
					t.Errorf("%d connections; evicted were %d; the log: %s", l.dialled(), p.evictions(), p.door.log.String())
				}
			})
		})
	}
}

// TestSocket_again delivers an event over the WebSocket that came by webhook, and again: both
// sources are noted, and nothing is lost.
func TestSocket_again(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		p := plug(&stream.Memory{}, l)
		p.Sources = []types.EventSource{types.EventSourceWebhook, types.EventSourceWebsocket}
		defer p.keep(t.Context())()
		time.Sleep(settled)
		event := updatedIn("A", "1")
		p.deliver(event, "old", time.Now())
		time.Sleep(settled)
		if alive, _, source := p.Status(time.Now()); !alive || source != types.EventSourceWebhook {
			t.Errorf("after a webhook: alive %v by %s", alive, source)
		}
		for range 2 {
			l.tell(event)
			time.Sleep(settled)
		}
		if alive, _, source := p.Status(time.Now()); !alive || source != types.EventSourceWebsocket || len(p.evictedOf("A")) > 10 {
			t.Errorf("after the WebSocket: alive %v by %s; evicted were %q", alive, source, p.evictedOf("A"))
		}
		// What one source has missed, the other may have told.
		l.cut()
		time.Sleep(lookEvery + time.Second)
		if !p.longer(aMeeting, time.Minute) {
			t.Error("webhooks come, and what was read before the WebSocket was cut lives no longer")
		}
		time.Sleep(AliveFor)
		if !p.longer(aMeeting, time.Minute) || p.longer(aMeeting, AliveFor+time.Minute) {
			t.Error("the WebSocket is connected, and webhooks do not come any more")
		}
	})
}

// TestSocket_renewsTheToken connects anew before the token ends, each hour: what was read
// before lives no longer.
func TestSocket_renewsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		p := plug(&stream.Memory{}, l)
		defer p.keep(t.Context())()
		time.Sleep(settled)
		l.tell(updatedIn("A", "1"))
		time.Sleep(3 * time.Hour)
		dials, tokens := l.opened()
		if want := []string{"token 1", "token 2", "token 3", "token 4"}; !slices.Equal(tokens, want) {
			t.Fatalf("it has connected with %q, want %q", tokens, want)
		}
		for i, at := range dials[1:] {
			if took := at.Sub(dials[i]); took < 57*time.Minute || took > time.Hour {
				t.Errorf("it has connected after %v", took)
			}
		}
		if age := time.Since(dials[3]); !p.longer(aMeeting, age-settled) || p.longer(aMeeting, age) {
			t.Errorf("what was read before is not told from what was read after, %v ago", age)
		}
	})
}

// stuck is a stream that does not reply to some calls.
type stuck struct {
	*stream.Memory
	append, release, hold atomic.Bool
}

// Append implements [Stream].
func (s *stuck) Append(ctx context.Context, m ...*stream.Message) error {
	if s.append.Load() {
		return errStuck
	}
	return s.Memory.Append(ctx, m...)
}

// Release implements [Stream].
func (s *stuck) Release(ctx context.Context, name, holder string) error {
	if s.release.Load() {
		return errStuck
	}
	return s.Memory.Release(ctx, name, holder)
}

// Hold implements [Stream].
func (s *stuck) Hold(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if s.hold.Load() {
		return false, errStuck
	}
	return s.Memory.Hold(ctx, name, holder, life)
}

var errStuck = errors.New("stuck")

// TestSocket_oneReplica has one of three replicas connect. When it ends, another one does: at
// once where it has said so, and else when the time is over for which it had the connection.
func TestSocket_oneReplica(t *testing.T) {
	for name, c := range map[string]struct {
		killed bool
		within time.Duration
	}{"ends": {false, holdEvery + time.Second}, "killed": {true, holdFor + holdEvery + time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := &line{}, &stuck{Memory: &stream.Memory{}}
				s.release.Store(c.killed)
				replicas := []*plugged{plug(s, l), plug(s, l), plug(s, l)}
				ends := map[*plugged]func(){}
				for _, p := range replicas {
					ends[p] = p.keep(t.Context())
				}
				time.Sleep(time.Minute)
				l.tell(updatedIn("A", "1"))
				time.Sleep(time.Minute)
				if l.dialled() != 1 {
					t.Fatalf("%d connections", l.dialled())
				}
				at := slices.IndexFunc(replicas, func(p *plugged) bool { return p.connected.Load() })
				others := slices.Delete(slices.Clone(replicas), at, at+1)
				for _, p := range others {
					if alive, _, _ := p.Status(time.Now()); !alive || !p.longer(aMeeting, time.Minute-settled) {
						t.Error("another replica does not know that events come")
					}
				}
				began := time.Now()
				ends[replicas[at]]()
				delete(ends, replicas[at])
				time.Sleep(c.within)
				if l.dialled() != 2 {
					t.Errorf("%d connections after %v", l.dialled(), c.within)
				}
				time.Sleep(lookEvery)
				for _, p := range others {
					if p.longer(aMeeting, time.Since(began)) {
						t.Error("what was read before lives longer on another replica")
					}
				}
				l.tell(updatedIn("A", "2"))
				synctest.Wait()
				if !slices.ContainsFunc(others, func(p *plugged) bool { return slices.Contains(p.evictedOf("A"), "meeting:2") }) {
					t.Error("the next event is lost")
				}
				for _, end := range ends {
					end()
				}
			})
		})
	}
}

// TestSocket_withoutRedis gives the connection up when it cannot say for ten seconds that it
// has it, and has an event that cannot be stored count as missed.
func TestSocket_withoutRedis(t *testing.T) {
	for name, c := range map[string]struct {
		fails  func(*stuck) *atomic.Bool
		closed time.Duration
	}{
		"not held":   {func(s *stuck) *atomic.Bool { return &s.hold }, holdFor + holdEvery},
		"not stored": {func(s *stuck) *atomic.Bool { return &s.append }, storeAgain + holdEvery},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := &line{}, &stuck{Memory: &stream.Memory{}}
				p := plug(s, l)
				defer p.keep(t.Context())()
				time.Sleep(time.Minute)
				l.tell(updatedIn("A", "1"))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				was := l.current()
				c.fails(s).Store(true)
				before := time.Now()
				l.tell(updatedIn("A", "2"))
				synctest.Wait()
				if !slices.Contains(p.evictedOf("A"), "meeting:2") {
					t.Error("an event that cannot be stored has not evicted")
				}
				time.Sleep(c.closed)
				if !was.isClosed() {
					t.Error("it is still connected")
				}
				c.fails(s).Store(false)
				time.Sleep(5 * time.Minute)
				if alive, _, _ := p.Status(time.Now()); !alive || p.longer(aMeeting, time.Since(before)) {
					t.Error("when Redis is back, what was read before is not told from what was read after")
				}
			})
		})
	}
}

// TestSocket_backsOff tries less and less often to connect to what lets nobody in, for as
// long as it does.
func TestSocket_backsOff(t *testing.T) {
	for name, l := range map[string]*line{
		"down":               {down: true},
		"refused":            {answer: func(int) []byte { return []byte(`{"module":"build_connection","success":false,"content":"secret"}`) }},
		"garbage":            {answer: func(int) []byte { return []byte(`secret`) }},
		"another module":     {answer: func(int) []byte { return []byte(`{"module":"heartbeat","success":true}`) }},
		"silent":             {answer: func(int) []byte { return nil }},
		"silent once opened": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l.deaf.Store(true)
				p := plug(&stream.Memory{}, l)
				defer p.keep(t.Context())()
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := l.dialled(); n < 20 || n > 120 {
					t.Errorf("it has tried %d times in an hour", n)
				}
				if log := p.door.log.String(); strings.Contains(log, "secret") || strings.Contains(log, "token 1") || !strings.Contains(log, "why=") {
					t.Errorf("the log says %.1000s", log)
				}
				if p.longer(aMeeting, 0) {
					t.Error("answers live longer")
				}
			})
		})
	}
}
