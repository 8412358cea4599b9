package endpoint

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Live bounds the connections and subscriptions of each caller in all endpoints that share it, and ends
// connections at shutdown. It is safe for concurrent use.
type Live struct {
	// MaxConnections and MaxSubscriptions bound those of one caller; 0 means [DefaultLive].
	MaxConnections, MaxSubscriptions int

	mu            sync.Mutex
	connections   map[string]int // by caller
	subscriptions map[string]int // by caller
	streams       map[*stream]struct{}
	ending        bool
	open          sync.WaitGroup
}

// DefaultLive is the default of both bounds.
const DefaultLive = 10_000

// connect counts a connection of a caller until end is called. ok is false if the caller has as many
// as allowed.
func (l *Live) connect(caller string) (end func(), ok bool) {
	return l.count(&l.connections, caller, l.MaxConnections)
}

// begin is connect for a subscription.
func (l *Live) begin(caller string) (end func(), ok bool) {
	return l.count(&l.subscriptions, caller, l.MaxSubscriptions)
}

func (l *Live) count(of *map[string]int, caller string, most int) (end func(), ok bool) {
	if most == 0 {
		most = DefaultLive
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if (*of)[caller] >= most {
		return nil, false
	}
	if *of == nil {
		*of = map[string]int{}
	}
	(*of)[caller]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if (*of)[caller]--; (*of)[caller] == 0 {
			delete(*of, caller)
		}
	}, true
}

// stream is a connection that Drain ends.
type stream struct{ end func() }

// enter registers a connection, whose end Drain calls, until leave is called. ok is false if the
// gateway is shutting down.
func (l *Live) enter(end func()) (leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return nil, false
	}
	if l.streams == nil {
		l.streams = map[*stream]struct{}{}
	}
	s := &stream{end}
	l.streams[s] = struct{}{}
	l.open.Add(1)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.streams, s)
		l.open.Done()
	}, true
}

// Drain ends all connections and refuses new ones: clients reconnect to another replica. It returns
// when all have ended, or when ctx ends.
func (l *Live) Drain(ctx context.Context) {
	l.mu.Lock()
	l.ending = true
	var all []*stream
	for s := range l.streams {
		all = append(all, s)
	}
	l.mu.Unlock()
	for _, s := range all {
		go s.end()
	}
	ended := make(chan struct{})
	go func() {
		l.open.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// Counts returns the numbers of open connections and subscriptions.
func (l *Live) Counts() (connections, subscriptions int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.connections {
		connections += n
	}
	for _, n := range l.subscriptions {
		subscriptions += n
	}
	return connections, subscriptions
}

// logEnd logs the end of a subscription.
func (op *operation) logEnd(ctx context.Context, began time.Time, items int) {
	attrs := []slog.Attr{slog.String("name", op.name)}
	if op.caller != "" {
		attrs = append(attrs, slog.String("caller", op.caller))
	}
	op.log.LogAttrs(ctx, slog.LevelInfo, "subscription", append(attrs, slog.Int("items", items), slog.Int64("s", int64(time.Since(began)/time.Second)))...)
}
