package stream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// kept holds the messages of a [Memory] for readers. The zero value is ready.
type kept struct {
	mu      sync.Mutex
	entries []Entry // the oldest first
	times   []int64 // when each entry was added, in Unix milliseconds
	bytes   int
	last    uint64        // number of the last message; the first one has 1
	dropped uint64        // number of the last message that was dropped
	added   chan struct{} // made by a reader that waits, closed when a message is added
}

const (
	// maxKeptBytes bounds the messages of a [Memory], with entryBytes for each.
	maxKeptBytes = 16 << 20
	// entryBytes is the memory of a message without its body.
	entryBytes = 80
)

// add adds a message, and drops the oldest ones beyond the bounds of age, bytes and number.
func (k *kept) add(body []byte, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last++
	k.entries = append(k.entries, Entry{cursorOf(k.last), slices.Clone(body)})
	k.times = append(k.times, now.UnixMilli())
	k.bytes += entryBytes + len(body)
	oldest, gone := now.Add(-MaxAge).UnixMilli(), 0
	for ; gone < len(k.entries) && (k.times[gone] < oldest || k.bytes > maxKeptBytes || len(k.entries)-gone > maxMessages); gone++ {
		k.bytes -= entryBytes + len(k.entries[gone].Body)
		k.entries[gone] = Entry{}
		k.dropped = k.last - uint64(len(k.entries)-gone) + 1
	}
	k.entries, k.times = k.entries[gone:], k.times[gone:]
	if k.added != nil {
		close(k.added)
		k.added = nil
	}
}

// processID is the first part of this process's cursors: those of an earlier process are
// invalid.
var processID = fmt.Sprintf("%x", time.Now().UnixNano())

func cursorOf(number uint64) string { return fmt.Sprintf("%s.%d", processID, number) }

// numberOf returns the number of the message at a cursor.
func numberOf(cursor string) (uint64, bool) {
	process, digits, _ := strings.Cut(cursor, ".")
	var n uint64
	_, err := fmt.Sscanf(digits, "%d", &n)
	return n, process == processID && err == nil
}

// Now returns the cursor of the last message, or one before the first.
func (m *Memory) Now(context.Context) (cursor string, err error) {
	m.kept.mu.Lock()
	defer m.kept.mu.Unlock()
	return cursorOf(m.kept.last), nil
}

// After returns messages after a cursor, as [Redis.After] does.
func (m *Memory) After(_ context.Context, cursor string) ([]Entry, error) {
	m.kept.mu.Lock()
	defer m.kept.mu.Unlock()
	if cursor == Oldest {
		return m.kept.from(0), nil
	}
	n, ok := numberOf(cursor)
	if !ok || n > m.kept.last || n < m.kept.dropped {
		return nil, ErrExpired
	}
	return m.kept.after(n), nil
}

// Renew returns the cursor, as [Redis.Renew] does: that of the last message is valid until there are
// others.
func (m *Memory) Renew(_ context.Context, cursor string) (string, error) { return cursor, nil }

// after returns messages after the one with that number. The caller holds the lock.
func (k *kept) after(number uint64) []Entry {
	first := k.last - uint64(len(k.entries)) + 1 // number of the oldest
	return k.from(int(max(number+1, first) - first))
}

func (k *kept) from(i int) []Entry {
	return slices.Clone(k.entries[i:min(i+maxRead, len(k.entries))])
}

// Wait waits for messages after a cursor, as [Redis.Wait] does.
func (m *Memory) Wait(ctx context.Context, cursor string) ([]Entry, error) {
	n, _ := numberOf(cursor)
	timer := time.NewTimer(waitFor)
	defer timer.Stop()
	for {
		m.kept.mu.Lock()
		entries := m.kept.after(n)
		if m.kept.added == nil {
			m.kept.added = make(chan struct{})
		}
		added := m.kept.added
		m.kept.mu.Unlock()
		if len(entries) > 0 {
			return entries, nil
		}
		select {
		case <-added:
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
