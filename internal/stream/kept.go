package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// kept are the messages that a [Memory] keeps to be read. The zero value is ready.
type kept struct {
	mu      sync.Mutex
	entries []Entry // the oldest first
	times   []int64 // of the entries, by Unix, in milliseconds
	bytes   int
	next    uint64 // number of the next message
	lost    uint64 // number up to which messages went
	more    chan struct{}
}

const (
	// maxKeptBytes is how many bytes the messages of a [Memory] take.
	maxKeptBytes = 16 << 20
	// entryBytes is what a message takes beside its body.
	entryBytes = 80
)

// keep adds a message, and drops what is too old or too much.
func (k *kept) keep(body []byte, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next++
	k.entries = append(k.entries, Entry{cursorOf(k.next), slices.Clone(body)})
	k.times = append(k.times, now.UnixMilli())
	k.bytes += entryBytes + len(body)
	oldest, gone := now.Add(-MaxAge).UnixMilli(), 0
	for ; gone < len(k.entries) && (k.times[gone] < oldest || k.bytes > maxKeptBytes || len(k.entries)-gone > maxMessages); gone++ {
		k.bytes -= entryBytes + len(k.entries[gone].Body)
		k.entries[gone] = Entry{}
		k.lost = k.next - uint64(len(k.entries)-gone) + 1
	}
	k.entries, k.times = k.entries[gone:], k.times[gone:]
	if k.more != nil {
		close(k.more)
		k.more = nil
	}
}

// processMark is part of the cursors of this process: those of another one are not good
// here.
var processMark = fmt.Sprintf("%x", time.Now().UnixNano())

func cursorOf(number uint64) string { return fmt.Sprintf("%s.%d", processMark, number) }

// numberOf returns the number of the message that a cursor is of.
func numberOf(cursor string) (uint64, bool) {
	mark, digits, _ := strings.Cut(cursor, ".")
	var n uint64
	_, err := fmt.Sscanf(digits, "%d", &n)
	return n, mark == processMark && err == nil
}

// Now returns the cursor of the last message, or one of this moment.
func (m *Memory) Now(context.Context) (cursor string, err error) {
	m.kept.mu.Lock()
	defer m.kept.mu.Unlock()
	return cursorOf(m.kept.next), nil
}

// After returns the messages after a cursor, as that of [Redis] does.
func (m *Memory) After(_ context.Context, cursor string) ([]Entry, error) {
	m.kept.mu.Lock()
	defer m.kept.mu.Unlock()
	if cursor == Oldest {
		return m.kept.from(0), nil
	}
	n, ok := numberOf(cursor)
	if !ok || n > m.kept.next || n < m.kept.lost {
		return nil, ErrExpired
	}
	return m.kept.after(n), nil
}

// after returns messages after one. The caller holds the lock.
func (k *kept) after(number uint64) []Entry {
	first := k.next - uint64(len(k.entries)) + 1 // number of the oldest
	return k.from(int(max(number+1, first) - first))
}

func (k *kept) from(i int) []Entry {
	return slices.Clone(k.entries[i:min(i+maxRead, len(k.entries))])
}

// Wait returns the messages after a cursor as soon as there are any, as that of [Redis]
// does.
func (m *Memory) Wait(ctx context.Context, cursor string) ([]Entry, error) {
	n, _ := numberOf(cursor)
	timer := time.NewTimer(waitFor)
	defer timer.Stop()
	for {
		m.kept.mu.Lock()
		entries := m.kept.after(n)
		if m.kept.more == nil {
			m.kept.more = make(chan struct{})
		}
		more := m.kept.more
		m.kept.mu.Unlock()
		if len(entries) > 0 {
			return entries, nil
		}
		select {
		case <-more:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
