package cache

import (
	"context"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// reloadEvery is how often a client that is used asks a cluster who holds what.
// A primary that died says nothing of its successor, so nothing else would tell.
const reloadEvery = time.Second

// Dial returns a client for the Redis at rawURL (redis:, rediss: or unix:; a
// cluster where the query has an addr, a Sentinel's primary where it has a
// master_name) that gives up as soon as its caller
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
		o, err := redis.ParseFailoverURL(rawURL)
		if err != nil {
			return nil, err
		}
		o.ContextTimeoutEnabled, o.DialTimeout = true, time.Second
		return redis.NewFailoverClient(o), nil
	}
	if u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, err
		}
		o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
		o.ClusterStateReloadInterval = reloadEvery
		o.MaintNotificationsConfig = quiet
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled, o.DialTimeout, o.DialerRetries = true, time.Second, 1
	o.MaintNotificationsConfig = quiet
	return redis.NewClient(o), nil
}

// silence is a log for go-redis that drops all.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
