package cache

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Dial returns a client for the Redis at rawURL. Its scheme is redis, rediss or unix.
// With an addr in the query, host and addr are nodes of a cluster; with a master_name,
// they are Sentinels, and the client is one of the master that they name. An error
// means that rawURL is malformed: the client connects when it is first used. Each call
// ends with its context.
//
// Dial also silences the log of go-redis for the whole process, which has a line for
// each failed connection.
func Dial(rawURL string) (redis.UniversalClient, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(discardLogger{})

	// The client's own retries suit callers that depend on the store; here a caller
	// calls the origin instead.
	noNotifications := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if u.Query().Has("master_name") {
		return dialSentinel(rawURL)
	}
	if u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, err
		}
		o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
		o.MaintNotificationsConfig = noNotifications
		client := redis.NewClusterClient(o)
		client.AddHook(topologyReloader{client})
		return client, nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
	o.MaintNotificationsConfig = noNotifications
	return redis.NewClient(o), nil
}

// A topologyReloader reloads the topology of a cluster as soon as a node does not reply.
// A dead primary cannot redirect to its successor, and go-redis would not reload
// before its next interval (ClusterStateReloadInterval). go-redis makes sure that this
// is not done several times at once.
type topologyReloader struct{ client *redis.ClusterClient }

func (t topologyReloader) observe(err error) error {
	var reply redis.Error
	if err != nil && !errors.As(err, &reply) && !errors.Is(err, context.Canceled) {
		t.client.ReloadState(context.Background())
	}
	return err
}

// DialHook implements [redis.Hook].
func (topologyReloader) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (t topologyReloader) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return t.observe(next(ctx, cmd)) }
}

// ProcessPipelineHook implements [redis.Hook].
func (t topologyReloader) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return t.observe(next(ctx, cmds)) }
}

// discardLogger is a log for go-redis that drops all.
type discardLogger struct{}

func (discardLogger) Printf(context.Context, string, ...any) {}
