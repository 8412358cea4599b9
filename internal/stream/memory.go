package stream

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// Memory is the stream of one process. It has no pending messages: what they would change,
// such as a cache, ends with the process. The zero value is ready.
type Memory struct {
	mu sync.Mutex
	// seen and older have the hashes of the keys of the latest messages: when seen is full, it
	// replaces older.
	seen, older map[[16]byte]struct{}
	spans       map[string]Span  // by name of the mark
	held        map[string]lease // by name
	kept        kept
}

// lease is the holder of a name, until it ends.
type lease struct {
	holder string
	end    time.Time
}

// Append stores messages, except those whose keys are stored already, and notes the marks of all
// of them. If one is too long, it does nothing.
func (m *Memory) Append(_ context.Context, messages ...*Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range messages {
		if len(msg.Body) > MaxBody {
			return ErrTooLong
		}
	}
	for _, msg := range messages {
		for _, mark := range msg.Marks {
			m.note(mark)
		}
		if m.isNew(msg.Key) {
			m.kept.add(msg.Body, time.Now())
		}
	}
	return nil
}

// isNew reports whether no message with that key was stored, and remembers the key.
func (m *Memory) isNew(key string) bool {
	sum := sha256.Sum256([]byte(key))
	h := [16]byte(sum[:])
	if _, ok := m.seen[h]; ok {
		return false
	}
	if _, ok := m.older[h]; ok {
		return false
	}
	if m.seen == nil || len(m.seen) >= maxSeen/2 {
		m.seen, m.older = map[[16]byte]struct{}{}, m.seen
	}
	m.seen[h] = struct{}{}
	return true
}

// note notes a mark.
func (m *Memory) note(mark Mark) {
	if m.spans == nil {
		m.spans = map[string]Span{}
	}
	now, span := time.Now(), m.spans[mark.Name]
	if span.Last.IsZero() || now.Sub(span.Last) > mark.Gap {
		span.Since = now
	}
	m.spans[mark.Name] = Span{span.Since, now}
}

// Note notes a mark without a message, and returns its span, followed by those of the marks
// with these names.
func (m *Memory) Note(_ context.Context, mark Mark, names ...string) ([]Span, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(mark)
	spans := make([]Span, 1+len(names))
	for i, name := range append([]string{mark.Name}, names...) {
		if span := m.spans[name]; time.Since(span.Last) <= spansFor {
			spans[i] = span
		}
	}
	return spans, nil
}

// Forget removes the marks with these names.
func (m *Memory) Forget(_ context.Context, names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.spans, name)
	}
	return nil
}

// Hold acquires or extends the lease of a name, as [Redis.Hold] does.
func (m *Memory) Hold(_ context.Context, name, holder string, life time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if t := m.held[name]; t.holder != holder && now.Before(t.end) {
		return false, nil
	}
	if m.held == nil {
		m.held = map[string]lease{}
	}
	m.held[name] = lease{holder, now.Add(life)}
	return true, nil
}

// Release ends the lease of a name if holder has it.
func (m *Memory) Release(_ context.Context, name, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held[name].holder == holder {
		delete(m.held, name)
	}
	return nil
}

// Claim returns no messages.
func (*Memory) Claim(context.Context) ([]Claimed, error) { return nil, nil }

// Done does nothing.
func (*Memory) Done(context.Context, ...string) error { return nil }
