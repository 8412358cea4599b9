package stream

import (
	"context"
	"sync"
	"time"
)

// Memory is the stream of one process alone. What is to be done about a message is done
// there or, when the process ends, needs no doing any more: so it keeps no messages but to
// be read, and the spans of marks. It stores a message as often as it is given one: the one
// process that gives it some knows what it has given. The zero value is ready.
type Memory struct {
	mu    sync.Mutex
	spans map[string]Span
	held  map[string]tenure // by the name
	kept  kept
}

// tenure is who has a name, and until when.
type tenure struct {
	holder string
	end    time.Time
}

// Append takes messages, and notes their marks.
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
		m.kept.keep(msg.Body, time.Now())
	}
	return nil
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

// Note notes a mark without a message, and returns its span and those of the marks of some
// names.
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

// Forget forgets the marks of some names.
func (m *Memory) Forget(_ context.Context, names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.spans, name)
	}
	return nil
}

// Hold has one of several holders have a name for some time, or longer. It reports false
// while another one has it.
func (m *Memory) Hold(_ context.Context, name, holder string, life time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if t := m.held[name]; t.holder != holder && now.Before(t.end) {
		return false, nil
	}
	if m.held == nil {
		m.held = map[string]tenure{}
	}
	m.held[name] = tenure{holder, now.Add(life)}
	return true, nil
}

// Release gives a name up that holder has, if it has it.
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
