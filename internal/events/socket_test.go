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

// settled is longer than it takes until marks are read, and until new answers live longer.
const settled = refreshEvery + settling + time.Second

// TestSocket receives few events over a connection for three quarters of an hour. It expects the
// connection to remain open, and answers that events keep up to date to live longer.
func TestSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &zoomServer{}
		p := newSocketReplica(&stream.Memory{}, l)
		defer p.start(t.Context())()
		time.Sleep(settled)
		if alive, last, source := p.Status(time.Now()); !alive || !last.IsZero() || source != types.EventSourceWebsocket {
			t.Errorf("connected: alive %v, last %v, by %s", alive, last, source)
		}
		if p.livesLonger(aMeeting, 0) {
			t.Error("before an event of its kind, an answer lives longer")
		}
		l.sendEvent(updatedIn("A", "123"))
		came := time.Now()
		time.Sleep(settled)
		if !slices.Contains(p.evictedOf("A"), "meeting:123") {
			t.Errorf("evicted were %d", p.evictions())
		}
		if alive, last, _ := p.Status(time.Now()); !alive || !last.Equal(came) {
			t.Errorf("after an event: alive %v, last %v, want %v", alive, last, came)
		}
		time.Sleep(45 * time.Minute)
		if alive, _, _ := p.Status(time.Now()); !alive || !p.livesLonger(aMeeting, 44*time.Minute) || p.livesLonger(aMeeting, 47*time.Minute) || p.livesLonger(aUser, 0) {
			t.Error("while it is connected and no events arrive, lifetimes change")
		}
		if n := l.dialCount(); n != 1 {
			t.Errorf("it has connected %d times", n)
		}
		l.sendEvent(updatedIn("sub", "1"))
		synctest.Wait()
		if len(p.evictedOf("sub")) == 0 {
			t.Errorf("an event of a sub account: evicted were %d", p.evictions())
		}
	})
}

// TestSocket_gap ends the connection, or makes it miss an event, in several ways. It expects
// another connection soon, and answers that were read before to live no longer than without
// events.
func TestSocket_gap(t *testing.T) {
	for name, end := range map[string]func(*zoomServer){
		"cut":           func(l *zoomServer) { l.cut() },
		"garbage":       func(l *zoomServer) { l.send([]byte("<html>")) },
		"no frame":      func(l *zoomServer) { l.send([]byte("[]")) },
		"no module":     func(l *zoomServer) { l.send([]byte(`{"success":true}`)) },
		"too long":      func(l *zoomServer) { l.send(nil) },
		"refused":       func(l *zoomServer) { l.send([]byte(`{"module":"build_connection","success":false}`)) },
		"heart refused": func(l *zoomServer) { l.send([]byte(`{"module":"heartbeat","success":false}`)) },
		"unreadable":    func(l *zoomServer) { l.sendEvent(`{"event":`) },
		"no event":      func(l *zoomServer) { l.sendEvent(`{}`) },
		"no content":    func(l *zoomServer) { l.send([]byte(`{"module":"message"}`)) },
		"content is 7":  func(l *zoomServer) { l.send([]byte(`{"module":"message","content":7}`)) },
		"a long event":  func(l *zoomServer) { l.sendEvent(`{"event":"` + strings.Repeat("x", maxBody) + `"}`) },
		"down and up":   func(l *zoomServer) { l.setDown(true); time.Sleep(20 * time.Second); l.setDown(false) },
		"silent for long": func(l *zoomServer) {
			l.ignoresHeartbeats.Store(true)
			time.Sleep(silentFor + heartbeatEvery)
			l.ignoresHeartbeats.Store(false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &zoomServer{}
				p := newSocketReplica(&stream.Memory{}, l)
				defer p.start(t.Context())()
				time.Sleep(settled)
				l.sendEvent(updatedIn("A", "1"))
				time.Sleep(2 * time.Minute)
				if !p.livesLonger(aMeeting, 0) || !p.livesLonger(aMeeting, time.Minute) {
					t.Fatal("events do not arrive")
				}
				before := time.Now()
				end(l)
				time.Sleep(refreshEvery + time.Second)
				if p.livesLonger(aMeeting, time.Since(before)) {
					t.Error("an answer that was read before lives longer")
				}
				time.Sleep(2 * time.Minute)
				if alive, _, _ := p.Status(time.Now()); !alive || !p.livesLonger(aMeeting, 0) || p.livesLonger(aMeeting, time.Since(before)) {
					t.Error("answers that were read before and after live equally long")
				}
				if !strings.Contains(p.log.String(), "events may have been missed") {
					t.Errorf("the log does not report the gap: %s", p.log)
				}
				if n := l.dialCount(); n > 8 {
					t.Errorf("it has connected %d times", n)
				}
				if log := p.testWebhook.log.String(); strings.Contains(log, "html") || strings.Contains(log, "token 1") || strings.Contains(log, "xxx") {
					t.Errorf("the log quotes a message or the token: %s", log)
				}
			})
		})
	}
}

// TestSocket_whatIsNoGap expects messages that change neither the connection nor lifetimes.
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
				l := &zoomServer{}
				p := newSocketReplica(&stream.Memory{}, l)
				defer p.start(t.Context())()
				time.Sleep(settled)
				l.sendEvent(updatedIn("A", "1"))
				time.Sleep(time.Minute)
				evicted := p.evictions()
				l.send([]byte(message))
				time.Sleep(time.Minute)
				if !p.livesLonger(aMeeting, 80*time.Second) || l.dialCount() != 1 || p.evictions() != evicted {
					t.Errorf("%d connections; evicted were %d; the log: %s", l.dialCount(), p.evictions(), p.testWebhook.log.String())
				}
			})
		})
	}
}

// TestSocket_again delivers an event by a webhook, and then twice over the WebSocket. It expects
// the marks of both sources, and a gap of one source to matter only while the other has one, too.
func TestSocket_again(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &zoomServer{}
		p := newSocketReplica(&stream.Memory{}, l)
		p.Sources = []types.EventSource{types.EventSourceWebhook, types.EventSourceWebsocket}
		defer p.start(t.Context())()
		time.Sleep(settled)
		event := updatedIn("A", "1")
		p.deliver(event, "old", time.Now())
		time.Sleep(settled)
		if alive, _, source := p.Status(time.Now()); !alive || source != types.EventSourceWebhook {
			t.Errorf("after a webhook: alive %v by %s", alive, source)
		}
		for range 2 {
			l.sendEvent(event)
			time.Sleep(settled)
		}
		if alive, _, source := p.Status(time.Now()); !alive || source != types.EventSourceWebsocket || len(p.evictedOf("A")) > 10 {
			t.Errorf("after the WebSocket: alive %v by %s; evicted were %q", alive, source, p.evictedOf("A"))
		}
		// One source suffices.
		l.cut()
		time.Sleep(refreshEvery + time.Second)
		if !p.livesLonger(aMeeting, time.Minute) {
			t.Error("webhooks arrive, but an answer that was read before the WebSocket was cut does not live longer")
		}
		time.Sleep(AliveFor)
		if !p.livesLonger(aMeeting, time.Minute) || p.livesLonger(aMeeting, AliveFor+time.Minute) {
			t.Error("lifetimes do not depend on the WebSocket alone after webhooks have stopped")
		}
	})
}

// TestSocket_renewsTheToken expects a new connection each hour, before the token expires, and
// answers that were read before not to live longer.
func TestSocket_renewsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &zoomServer{}
		p := newSocketReplica(&stream.Memory{}, l)
		defer p.start(t.Context())()
		time.Sleep(settled)
		l.sendEvent(updatedIn("A", "1"))
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
		if age := time.Since(dials[3]); !p.livesLonger(aMeeting, age-settled) || p.livesLonger(aMeeting, age) {
			t.Errorf("answers that were read before and after the last connection, %v ago, live equally long", age)
		}
	})
}

// stuck is a stream whose calls fail if their fields are set.
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

// TestSocket_oneReplica expects one of three replicas to connect. When it ends, another one does:
// at once if the first has released its lease, and otherwise when the lease has ended.
func TestSocket_oneReplica(t *testing.T) {
	for name, c := range map[string]struct {
		killed bool
		within time.Duration
	}{"ends": {false, holdEvery + time.Second}, "killed": {true, holdFor + holdEvery + time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := &zoomServer{}, &stuck{Memory: &stream.Memory{}}
				s.release.Store(c.killed)
				replicas := []*socketReplica{newSocketReplica(s, l), newSocketReplica(s, l), newSocketReplica(s, l)}
				ends := map[*socketReplica]func(){}
				for _, p := range replicas {
					ends[p] = p.start(t.Context())
				}
				time.Sleep(time.Minute)
				l.sendEvent(updatedIn("A", "1"))
				time.Sleep(time.Minute)
				if l.dialCount() != 1 {
					t.Fatalf("%d connections", l.dialCount())
				}
				at := slices.IndexFunc(replicas, func(p *socketReplica) bool { return p.connected.Load() })
				others := slices.Delete(slices.Clone(replicas), at, at+1)
				for _, p := range others {
					if alive, _, _ := p.Status(time.Now()); !alive || !p.livesLonger(aMeeting, time.Minute-settled) {
						t.Error("on another replica, events do not count as arriving")
					}
				}
				began := time.Now()
				ends[replicas[at]]()
				delete(ends, replicas[at])
				time.Sleep(c.within)
				if l.dialCount() != 2 {
					t.Errorf("%d connections after %v", l.dialCount(), c.within)
				}
				time.Sleep(refreshEvery)
				for _, p := range others {
					if p.livesLonger(aMeeting, time.Since(began)) {
						t.Error("an answer that was read before lives longer on another replica")
					}
				}
				l.sendEvent(updatedIn("A", "2"))
				synctest.Wait()
				if !slices.ContainsFunc(others, func(p *socketReplica) bool { return slices.Contains(p.evictedOf("A"), "meeting:2") }) {
					t.Error("the next event is lost")
				}
				for _, end := range ends {
					end()
				}
			})
		})
	}
}

// TestSocket_withoutRedis expects the connection to be closed when the lease cannot be extended
// before it ends, and when an event cannot be stored, which counts as missed.
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
				l, s := &zoomServer{}, &stuck{Memory: &stream.Memory{}}
				p := newSocketReplica(s, l)
				defer p.start(t.Context())()
				time.Sleep(time.Minute)
				l.sendEvent(updatedIn("A", "1"))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				was := l.current()
				c.fails(s).Store(true)
				before := time.Now()
				l.sendEvent(updatedIn("A", "2"))
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
				if alive, _, _ := p.Status(time.Now()); !alive || p.livesLonger(aMeeting, time.Since(before)) {
					t.Error("when Redis is back, answers that were read before and after live equally long")
				}
			})
		})
	}
}

// TestSocket_backsOff expects increasing delays between attempts to connect that fail.
func TestSocket_backsOff(t *testing.T) {
	for name, l := range map[string]*zoomServer{
		"down":               {down: true},
		"refused":            {answer: func(int) []byte { return []byte(`{"module":"build_connection","success":false,"content":"secret"}`) }},
		"garbage":            {answer: func(int) []byte { return []byte(`secret`) }},
		"another module":     {answer: func(int) []byte { return []byte(`{"module":"heartbeat","success":true}`) }},
		"silent":             {answer: func(int) []byte { return nil }},
		"silent once opened": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l.ignoresHeartbeats.Store(true)
				p := newSocketReplica(&stream.Memory{}, l)
				defer p.start(t.Context())()
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := l.dialCount(); n < 20 || n > 120 {
					t.Errorf("it has tried %d times in an hour", n)
				}
				if log := p.testWebhook.log.String(); strings.Contains(log, "secret") || strings.Contains(log, "token 1") || !strings.Contains(log, "why=") {
					t.Errorf("the log says %.1000s", log)
				}
				if p.livesLonger(aMeeting, 0) {
					t.Error("answers live longer")
				}
			})
		})
	}
}
