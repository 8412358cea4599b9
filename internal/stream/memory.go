package stream

import (
	"context"
	"sync"
	"time"
)

// Memory is the stream of one process alone. What is to be done about a message is done
// there or, when the process ends, needs no doing any more: so it keeps the spans of marks
// alone. The zero value is ready.
type Memory struct {
	mu    sync.Mutex
	spans map[string]Span
}

// Append takes a message, and notes its marks.
func (m *Memory) Append(_ context.Context, msg *Message) error {
	if len(msg.Body) > MaxBody {
		return ErrTooLong
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range msg.Marks {
		m.note(mark)
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

// Claim returns no messages.
func (*Memory) Claim(context.Context) ([]Claimed, error) { return nil, nil }

// Done does nothing.
func (*Memory) Done(context.Context, ...string) error { return nil }
