package ratelimit

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A session is a subscription that a replica holds as long as its process runs. When the process is
// killed, its kernel closes the connection, and Redis loses the subscriber at once. The connection
// of a replica that is cut off remains open: such a replica may still spend its share.
//
// No message is published on the channel.
type session struct {
	channel string             // of this connection alone; "" if there is no session
	since   int64              // number of the heartbeat that first found it; 0 before
	end     context.CancelFunc // ends it
}

const (
	// sessionsKey is a hash of the replicas' sessions, in the slot of the registry.
	sessionsKey    = keyPrefix + "{" + registryKey + "}:sessions"
	sessionChannel = keyPrefix + "{" + registryKey + "}:session:"

	// maxSessionWait is the longest wait between two attempts to open a session.
	maxSessionWait = 10 * time.Second
)

// errNoSession is the error of other types of clients than oneConnection supports.
var errNoSession = errors.New("ratelimit: the client has no connection of its own to the registry")

// holdSession holds a session until ctx ends, and opens another one whenever it ends. Without a
// session, a replica that is killed is counted for forgetAfter.
func (s *Shared) holdSession(ctx context.Context) {
	var wait time.Duration
	denied := false
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		began := time.Now()
		err := s.openSession(ctx, sessionChannel+s.redis.name+"."+strconv.Itoa(n))
		var reply redis.Error
		if errors.As(err, &reply) && !denied {
			denied = true
			s.log.Warn("ratelimit: Redis allows no subscription; a replica that is killed keeps its share until it is forgotten", "after", s.redis.timings.forgetAfter, "err", err)
		}
		if wait = min(max(2*wait, s.redis.timings.probeFirst), maxSessionWait); time.Since(began) > maxSessionWait {
			wait = 0
		}
	}
}

// openSession holds one session until its connection or ctx ends.
func (s *Shared) openSession(ctx context.Context, channel string) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer s.redis.session.Store(nil)
	return s.redis.subscribe(ctx, channel, func() { s.redis.session.Store(&session{channel: channel, end: end}) })
}

// subscribe subscribes to a channel over a connection of its own, and then calls opened. It returns
// when that connection or ctx ends.
func (r *Redis) subscribe(ctx context.Context, channel string, opened func()) error {
	if r.subscribes != nil {
		return r.subscribes(ctx, channel, opened)
	}
	client, err := r.oneConnection(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	pubsub := client.Subscribe(ctx) // it connects when there is a channel
	defer func() { _ = pubsub.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = pubsub.Close() }) // Receive does not return when ctx ends
	defer stop()
	begin, cancel := context.WithTimeout(ctx, r.timings.operation)
	defer cancel()
	if err := pubsub.Subscribe(begin, channel); err != nil {
		return err
	}
	if _, err := pubsub.ReceiveTimeout(ctx, r.timings.operation); err != nil {
		return err
	}
	opened()
	_, err = pubsub.Receive(ctx)
	return err
}

// oneConnection returns a client of the node that has the registry. It connects once: a
// subscription that go-redis renews by itself would hide that Redis was restarted.
func (r *Redis) oneConnection(ctx context.Context) (*redis.Client, error) {
	var node *redis.Client
	switch c := r.client.(type) {
	case *redis.Client:
		node = c
	case *redis.ClusterClient:
		var err error
		if node, err = c.MasterForKey(ctx, registryKey); err != nil {
			return nil, err
		}
	default:
		return nil, errNoSession
	}
	options := *node.Options()
	dial := options.Dialer
	var dialed atomic.Bool
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dialed.Swap(true) {
			return nil, net.ErrClosed
		}
		return dial(ctx, network, addr)
	}
	options.MinIdleConns, options.MaxRetries, options.DialerRetries = 0, -1, 1
	return redis.NewClient(&options), nil
}
