package stream

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache"
	"zoomql/internal/redisname"
)

const (
	keyPrefix = "zoomql:v1:"
	// group is the consumer group of pending messages, and consumer its only consumer: all
	// replicas claim under one name, since it does not matter which of them does, and a
	// replica that has ended leaves no consumer behind.
	group    = "pending"
	consumer = "replicas"
	// claimAfter is how long a replica has to finish a message before another one may claim
	// it.
	claimAfter = 5 * time.Second
	// maxClaim bounds the messages of one claim.
	maxClaim = 100
)

// Redis is a stream that replicas share: a Redis stream, whose pending messages are in the
// pending entries list of a consumer group. All its keys are in one slot of a cluster. Its
// errors are those of the client: after one, it is unknown whether Redis has executed the
// command.
type Redis struct {
	client     redis.UniversalClient
	names      redisname.Hasher
	keys       cache.Keys
	claimAfter time.Duration

	stream, seen, spans string // keys
	held                string // prefix of the keys of leases
}

// Option changes how a [Redis] works.
type Option func(*Redis)

// WithNames hashes the names of keys and marks with h, which MUST be the same for all
// replicas.
func WithNames(h redisname.Hasher) Option { return func(r *Redis) { r.names = h } }

// WithKeys encrypts messages. All replicas SHOULD have the same keys: a replica does not see
// messages that it cannot decrypt.
func WithKeys(k cache.Keys) Option { return func(r *Redis) { r.keys = k } }

// WithClaimAfter sets how long a replica has to finish a message before another one may
// claim it: 5 seconds, except in tests.
func WithClaimAfter(d time.Duration) Option { return func(r *Redis) { r.claimAfter = d } }

// NewRedis returns the stream with that name in the Redis that client is connected to. The
// caller closes the client, whose calls MUST end with their context, as those of a client of
// [cache.Dial] do.
func NewRedis(client redis.UniversalClient, name string, options ...Option) *Redis {
	r := &Redis{client: client, claimAfter: claimAfter}
	for _, set := range options {
		set(r)
	}
	prefix := keyPrefix + "{" + r.names.Name(name) + "}:"
	r.stream, r.seen, r.spans = prefix+"stream", prefix+"seen", prefix+"spans"
	r.held = prefix + "held:"
	return r
}

// The scripts take the time from Redis, so that replicas need not agree on it.
var (
	//go:embed scripts/append.lua
	appendSource string
	//go:embed scripts/note.lua
	noteSource string
	//go:embed scripts/hold.lua
	holdSource string
	//go:embed scripts/release.lua
	releaseSource string

	appendScript  = redis.NewScript(appendSource)
	noteScript    = redis.NewScript(noteSource)
	holdScript    = redis.NewScript(holdSource)
	releaseScript = redis.NewScript(releaseSource)
)

// Append stores messages, except those whose keys are stored already, and notes the marks of
// all of them, in one step and one round trip. The error is [ErrTooLong], and then nothing
// is stored, or that of the client.
func (r *Redis) Append(ctx context.Context, messages ...*Message) error {
	args := make([]any, 0, 8+8*len(messages))
	args = append(args, maxMessages, MaxAge.Milliseconds(), maxSeen, seenFor.Milliseconds(), group, consumer, spansFor.Milliseconds())
	for _, m := range messages {
		if len(m.Body) > MaxBody {
			return ErrTooLong
		}
		pending := 0
		if m.Pending {
			pending = 1
		}
		args = append(args, r.names.Name(m.Key), r.keys.Seal(m.Body, r.stream), pending, len(m.Marks))
		for _, mark := range m.Marks {
			args = append(args, r.names.Name(mark.Name), mark.Gap.Milliseconds())
		}
	}
	if len(messages) == 0 {
		return nil
	}
	return appendScript.Run(ctx, r.client, []string{r.stream, r.seen, r.spans}, args...).Err()
}

// Note notes a mark without a message, and returns its span, followed by those of the marks
// with these names, by the clock of this process. Replicas share the marks.
func (r *Redis) Note(ctx context.Context, mark Mark, names ...string) ([]Span, error) {
	names = append([]string{mark.Name}, names...)
	args := []any{mark.Gap.Milliseconds(), spansFor.Milliseconds()}
	for _, name := range names {
		args = append(args, r.names.Name(name))
	}
	ages, err := noteScript.Run(ctx, r.client, []string{r.spans}, args...).Int64Slice()
	switch {
	case err != nil:
		return nil, err
	case len(ages) != 2*len(names):
		return nil, errNoSpans
	}
	now, spans := time.Now(), make([]Span, len(names))
	for i := range spans {
		if since, last := ages[2*i], ages[2*i+1]; last >= 0 {
			spans[i] = Span{now.Add(-time.Duration(since) * time.Millisecond), now.Add(-time.Duration(last) * time.Millisecond)}
		}
	}
	return spans, nil
}

// Forget removes the marks with these names.
func (r *Redis) Forget(ctx context.Context, names ...string) error {
	hashed := make([]string, len(names))
	for i, name := range names {
		hashed[i] = r.names.Name(name)
	}
	if len(names) == 0 {
		return nil
	}
	return r.client.HDel(ctx, r.spans, hashed...).Err()
}

// Hold acquires the lease of a name for holder, or extends it, so that it ends after life.
// It reports false while another holder has it. Unlike a lease of package cache, it lasts as
// long as it is extended, and no caller waits for it.
func (r *Redis) Hold(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	n, err := holdScript.Run(ctx, r.client, []string{r.held + r.names.Name(name)}, holder, life.Milliseconds()).Int()
	return n == 1, err
}

// Release ends the lease of a name if holder has it.
func (r *Redis) Release(ctx context.Context, name, holder string) error {
	err := releaseScript.Run(ctx, r.client, []string{r.held + r.names.Name(name)}, holder).Err()
	if errors.Is(err, redis.Nil) {
		return nil // the script has no reply
	}
	return err
}

// Claim returns at most 100 pending messages, each to one replica at a time: five seconds
// after it was appended or last claimed, unless Done was called for it.
func (r *Redis) Claim(ctx context.Context) ([]Claimed, error) {
	entries, _, err := r.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: r.stream, Group: group, Consumer: consumer, MinIdle: r.claimAfter, Start: "0-0", Count: maxClaim,
	}).Result()
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return nil, nil // no message was ever pending
	}
	var all []Claimed
	for _, e := range entries {
		sealed, _ := e.Values[bodyField].(string)
		if body, ok := r.keys.Open([]byte(sealed), r.stream); ok {
			all = append(all, Claimed{e.ID, body})
		}
	}
	return all, err
}

var errNoSpans = errors.New("stream: the reply of Redis lacks spans")

// bodyField is the field with the body of an entry.
const bodyField = "b"

// Done marks claimed messages, by their ids, as finished.
func (r *Redis) Done(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	return r.client.XAck(ctx, r.stream, group, ids...).Err()
}
