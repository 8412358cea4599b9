package cache

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// sentinelTimeout bounds each answer of a Sentinel.
	sentinelTimeout = 300 * time.Millisecond
	// usualTimeout is that of go-redis for an answer of the master. Callers have
	// shorter ones of their own.
	usualTimeout = 3 * time.Second
	// findTimeout bounds a connection to the master, from asking who that is. It is
	// longer than go-redis takes to give a Sentinel up that says nothing, which it
	// asks twice, with a repeat each, before it asks the others: a shorter one ends
	// while it still asks the first, each time anew.
	findTimeout = 5 * time.Second
	// changed is how long since the last answer of the old master nobody may use a
	// new one: longer than the limiter and [Redis] take to notice, and than a second
	// of Zoom's budget with all that the limiter adds to it.
	changed = 1250 * time.Millisecond
)

// dialSentinel returns a client of the master that Sentinels name.
func dialSentinel(rawURL string) (redis.UniversalClient, error) {
	return dialFollowed(rawURL, &follower{})
}

func dialFollowed(rawURL string, f *follower) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(rawURL)
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
	patience := cmp.Or(o.ReadTimeout, usualTimeout)
	o.ReadTimeout, o.WriteTimeout, o.MaxRetries = sentinelTimeout, sentinelTimeout, 1
	o.OnConnect = refuseReplica
	client := redis.NewFailoverClient(o)
	client.AddHook(f)
	// What it asks Sentinels keeps the timeout that it was made with. It dials with
	// the hooks of the first client, and carries commands out with those of the second.
	master := client.WithTimeout(patience)
	master.AddHook(f)
	return master, nil
}

var errReplica = errors.New("cache: the Redis that a Sentinel named is a replica")

// refuseReplica refuses a server that is no master, as a Sentinel may name that has
// not heard of a failover yet: it would answer reads with what is old.
//
// Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/, which
// asks it of clients; go-redis leaves it out.
func refuseReplica(ctx context.Context, conn *redis.Conn) error {
	role, err := conn.Do(ctx, "ROLE").Slice()
	if reply := redis.Error(nil); errors.As(err, &reply) {
		return nil // it may be forbidden, and then nobody knows
	}
	if err == nil && len(role) > 0 && role[0] == "slave" {
		return errReplica
	}
	return err
}

var errChanged = errors.New("cache: Redis has another master")

// A follower closes connections to what was the master once there is one to another.
// An old master that lives on does not know that it is none, for ten seconds or
// more: a subscription there would miss what is published meanwhile. go-redis
// closes others, but no subscriptions.
//
// It also makes an outage of each change. A failover forgets what the old master was
// told in the last second or so, and one that is planned takes no time in which
// anybody would notice: the budget of that second would be spent twice, and what was
// evicted in it be served again. After an outage nobody relies on what Redis knows.
type follower struct {
	answered atomic.Int64 // when a command last was, in Unix nanoseconds

	mu     sync.Mutex
	begun  uint64 // connections so far
	since  uint64 // the first of them to the master that is
	master string
	usable time.Time          // when the master may be used
	leave  context.CancelFunc // closes the connections to it
	ctx    context.Context    // ends with leave
}

// DialHook implements [redis.Hook].
func (f *follower) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
		defer cancel()
		f.mu.Lock()
		f.begun++
		begun := f.begun
		f.mu.Unlock()
		conn, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return f.follow(conn, begun)
	}
}

// follow returns conn as one that is closed when it leads to the master no more.
func (f *follower) follow(conn net.Conn, begun uint64) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if addr := conn.RemoteAddr().String(); addr != f.master {
		if begun < f.since {
			_ = conn.Close() // nobody has used it
			return nil, errChanged
		}
		if f.leave != nil {
			f.leave()
			f.usable = time.Unix(0, f.answered.Load()).Add(changed)
		}
		f.master, f.since = addr, begun
		f.ctx, f.leave = context.WithCancel(context.Background())
	}
	if time.Now().Before(f.usable) {
		_ = conn.Close()
		return nil, errChanged
	}
	one := &followed{conn, context.AfterFunc(f.ctx, func() { _ = conn.Close() })}
	if raw, ok := conn.(syscall.Conn); ok { // by which go-redis sees whether it is alive
		return struct {
			*followed
			syscall.Conn
		}{one, raw}, nil
	}
	return one, nil
}

// ProcessHook implements [redis.Hook].
func (f *follower) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return f.saw(next(ctx, cmd)) }
}

// ProcessPipelineHook implements [redis.Hook].
func (f *follower) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return f.saw(next(ctx, cmds)) }
}

func (f *follower) saw(err error) error {
	if reply := redis.Error(nil); err == nil || errors.As(err, &reply) {
		f.answered.Store(time.Now().UnixNano())
	}
	return err
}

// followed is a connection that a follower may close.
type followed struct {
	net.Conn
	forget func() bool
}

func (c *followed) Close() error {
	c.forget()
	return c.Conn.Close()
}
