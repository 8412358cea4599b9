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
	// sentinelTimeout bounds each reply of a Sentinel.
	sentinelTimeout = 300 * time.Millisecond
	// masterTimeout is that of go-redis for a reply of the master. Callers have
	// shorter ones of their own.
	masterTimeout = 3 * time.Second
	// discoveryTimeout bounds a connection to the master, from the first query to a
	// Sentinel on. It is longer than go-redis takes to give up a Sentinel that does not
	// reply, which it queries twice, with a retry each, before it queries the others: a
	// shorter one would always end during the first.
	discoveryTimeout = 5 * time.Second
	// failoverHold is how long after the last reply of the old master a new one is not
	// used: longer than the limiter and [Redis] take to detect the outage, and than one
	// second of budget with all that the limiter adds to it.
	failoverHold = 1250 * time.Millisecond
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
	readTimeout := cmp.Or(o.ReadTimeout, masterTimeout)
	o.ReadTimeout, o.WriteTimeout, o.MaxRetries = sentinelTimeout, sentinelTimeout, 1
	o.OnConnect = refuseReplica
	client := redis.NewFailoverClient(o)
	client.AddHook(f)
	// Queries to Sentinels have the timeout that the first client was made with. It
	// dials with the hooks of the first client, and runs commands with those of the
	// second.
	master := client.WithTimeout(readTimeout)
	master.AddHook(f)
	return master, nil
}

var errReplica = errors.New("cache: the Redis that a Sentinel named is a replica")

// refuseReplica refuses a server that is not the master. A Sentinel may name one when
// it has not detected a failover yet; a replica would answer reads with old data.
//
// Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/, which
// requires it of clients; go-redis leaves it out.
func refuseReplica(ctx context.Context, conn *redis.Conn) error {
	role, err := conn.Do(ctx, "ROLE").Slice()
	if reply := redis.Error(nil); errors.As(err, &reply) {
		return nil // the command may be forbidden, and then the role is unknown
	}
	if err == nil && len(role) > 0 && role[0] == "slave" {
		return errReplica
	}
	return err
}

var errFailover = errors.New("cache: Redis has another master")

// A follower closes connections to the old master once there is one to a new one.
// An old master that survives remains one for ten seconds or more: a subscription there
// would miss the messages published at the new one. go-redis closes other connections,
// but no subscriptions.
//
// It also turns each failover into an outage. A failover loses the writes to the old
// master of the last second or so, and a planned one is too short to be detected: the
// budget of that second would be spent twice, and evicted entries be served again.
// After an outage no process relies on the data in Redis.
type follower struct {
	lastReply atomic.Int64 // in Unix nanoseconds

	mu         sync.Mutex
	dialled    uint64 // connections so far
	since      uint64 // the first of them to the current master
	master     string // its address
	usableFrom time.Time
	closeAll   context.CancelFunc // closes the connections to the master
	ctx        context.Context    // ends with closeAll
}

// DialHook implements [redis.Hook].
func (f *follower) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discoveryTimeout)
		defer cancel()
		f.mu.Lock()
		f.dialled++
		n := f.dialled
		f.mu.Unlock()
		conn, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return f.follow(conn, n)
	}
}

// follow returns conn, which was dialled as the nth, as one that is closed when another
// server becomes the master.
func (f *follower) follow(conn net.Conn, n uint64) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if addr := conn.RemoteAddr().String(); addr != f.master {
		if n < f.since {
			_ = conn.Close() // not used yet
			return nil, errFailover
		}
		if f.closeAll != nil {
			f.closeAll()
			f.usableFrom = time.Unix(0, f.lastReply.Load()).Add(failoverHold)
		}
		f.master, f.since = addr, n
		f.ctx, f.closeAll = context.WithCancel(context.Background())
	}
	if time.Now().Before(f.usableFrom) {
		_ = conn.Close()
		return nil, errFailover
	}
	followed := &followedConn{conn, context.AfterFunc(f.ctx, func() { _ = conn.Close() })}
	if raw, ok := conn.(syscall.Conn); ok { // by which go-redis checks that it is alive
		return struct {
			*followedConn
			syscall.Conn
		}{followed, raw}, nil
	}
	return followed, nil
}

// ProcessHook implements [redis.Hook].
func (f *follower) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return f.observe(next(ctx, cmd)) }
}

// ProcessPipelineHook implements [redis.Hook].
func (f *follower) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return f.observe(next(ctx, cmds)) }
}

func (f *follower) observe(err error) error {
	if reply := redis.Error(nil); err == nil || errors.As(err, &reply) {
		f.lastReply.Store(time.Now().UnixNano())
	}
	return err
}

// followedConn is a connection that a follower may close.
type followedConn struct {
	net.Conn
	unfollow func() bool
}

func (c *followedConn) Close() error {
	c.unfollow()
	return c.Conn.Close()
}
