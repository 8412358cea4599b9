package cache

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Dial returns a client for the Redis at rawURL (redis:, rediss: or unix:; a
// cluster where the query has an addr; the master that Sentinels name, of whom host
// and addr are some, where it has a master_name) that gives up as soon as its caller
// does. It connects when it is first used. It also silences the log of go-redis
// for the whole process: a line for each failed connection, beside our one.
func Dial(rawURL string) (redis.UniversalClient, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(silence{})

	// The client's own patience is for long outages of a store one cannot do
	// without; ours has a caller who would rather ask the origin.
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if u.Query().Has("master_name") {
		return dialSentinel(rawURL)
	}
	if u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, err
		}
		o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
		o.MaintNotificationsConfig = quiet
		client := redis.NewClusterClient(o)
		client.AddHook(searcher{client})
		return client, nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
	o.MaintNotificationsConfig = quiet
	return redis.NewClient(o), nil
}

// A searcher asks a cluster who holds what as soon as a node does not answer. A
// primary that died says nothing of its successor, and go-redis would not ask
// before its next turn (ClusterStateReloadInterval). It sees to it that this is not
// done several times at once.
type searcher struct{ client *redis.ClusterClient }

func (s searcher) saw(err error) error {
	var reply redis.Error
	if err != nil && !errors.As(err, &reply) && !errors.Is(err, context.Canceled) {
		s.client.ReloadState(context.Background())
	}
	return err
}

// DialHook implements [redis.Hook].
func (searcher) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (s searcher) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return s.saw(next(ctx, cmd)) }
}

// ProcessPipelineHook implements [redis.Hook].
func (s searcher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return s.saw(next(ctx, cmds)) }
}

// silence is a log for go-redis that drops all.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
