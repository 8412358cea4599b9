package stream

import (
	"context"
	_ "embed"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrExpired is the error of a cursor behind which messages may have been dropped, and of a
// cursor that is not of this stream.
var ErrExpired = errors.New("stream: the cursor has expired")

// Entry is a stored message.
type Entry struct {
	// Cursor is the position of the message. It is valid for [MaxAge], or until the message
	// is dropped because there are too many.
	Cursor string
	// Body is nil if this process has no key that decrypts it.
	Body []byte
}

const (
	// maxRead bounds the messages of one read.
	maxRead = 500
	// waitFor is how long Wait waits for a message. It is shorter than the idle timeout of
	// proxies in front of Redis.
	waitFor = 5 * time.Second
)

var (
	//go:embed scripts/now.lua
	nowSource string
	//go:embed scripts/after.lua
	afterSource string
	//go:embed scripts/renew.lua
	renewSource string

	nowScript   = redis.NewScript(nowSource)
	afterScript = redis.NewScript(afterSource)
	renewScript = redis.NewScript(renewSource)
)

// Now returns the cursor of the last message, or that of the present moment if there is no
// message.
func (r *Redis) Now(ctx context.Context) (cursor string, err error) {
	return nowScript.Run(ctx, r.client, []string{r.stream}).Text()
}

// Oldest is the cursor before the oldest stored message.
const Oldest = "0-0"

// After returns at most 500 messages after a cursor, the oldest first, and none if there are
// none yet. The error is [ErrExpired] if messages after the cursor may have been dropped.
func (r *Redis) After(ctx context.Context, cursor string) ([]Entry, error) {
	reply, err := afterScript.Run(ctx, r.client, []string{r.stream}, cursor, maxRead, MaxAge.Milliseconds(), maxMessages).Slice()
	if errors.Is(err, redis.Nil) {
		return nil, ErrExpired
	}
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(reply))
	for _, each := range reply {
		pair, _ := each.([]any)
		if len(pair) != 2 {
			return nil, errBadReply
		}
		id, isText := pair[0].(string)
		sealed, isBody := pair[1].(string)
		if !isText || !isBody {
			return nil, errBadReply
		}
		entries = append(entries, r.entry(id, sealed))
	}
	return entries, nil
}

var errBadReply = errors.New("stream: the reply of Redis is not a list of messages")

// entry returns a message. One that this process cannot decrypt has no body, but its cursor
// counts.
func (r *Redis) entry(id, sealed string) Entry {
	body, ok := r.keys.Open([]byte(sealed), r.stream)
	if !ok {
		body = nil
	}
	return Entry{id, body}
}

// Wait returns the messages after a cursor as soon as there are any, at most 500, or none
// after five seconds. Unlike After, it does not detect that messages after the cursor were
// dropped.
func (r *Redis) Wait(ctx context.Context, cursor string) ([]Entry, error) {
	streams, err := r.client.XRead(ctx, &redis.XReadArgs{Streams: []string{r.stream, xreadID(cursor)}, Count: maxRead, Block: waitFor}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, s := range streams {
		for _, m := range s.Messages {
			sealed, _ := m.Values[bodyField].(string)
			entries = append(entries, r.entry(m.ID, sealed))
		}
	}
	return entries, nil
}

// Renew returns a cursor that is valid for [MaxAge] from now on, if there is no message after the given
// one. Otherwise it returns that.
func (r *Redis) Renew(ctx context.Context, cursor string) (string, error) {
	return renewScript.Run(ctx, r.client, []string{r.stream}, cursor, maxMessages).Text()
}

// xreadID returns the id behind which XREAD reads. The cursor of a moment precedes all
// messages of that millisecond, so its id is the last possible one of the millisecond before.
func xreadID(cursor string) string {
	if at, ok := strings.CutPrefix(cursor, "@"); ok {
		if ms, err := strconv.ParseUint(at, 10, 63); err == nil && ms > 0 {
			return strconv.FormatUint(ms-1, 10) + "-" + strconv.FormatUint(math.MaxUint64, 10)
		}
	}
	return cursor
}

// Before reports whether cursor a precedes cursor b of the same stream.
func Before(a, b string) bool {
	a1, a2 := positionOf(a)
	b1, b2 := positionOf(b)
	return a1 < b1 || a1 == b1 && a2 < b2
}

// positionOf returns the position of a cursor. That of a moment precedes the messages of its
// millisecond, and an invalid one precedes all.
func positionOf(cursor string) (major, minor uint64) {
	if at, ok := strings.CutPrefix(cursor, "@"); ok {
		major, _ = strconv.ParseUint(at, 10, 64)
		return major, 0
	}
	if first, second, ok := strings.Cut(cursor, "-"); ok {
		major, _ = strconv.ParseUint(first, 10, 64)
		minor, _ = strconv.ParseUint(second, 10, 63)
		return major, minor + 1
	}
	number, _ := numberOf(cursor)
	return 0, number
}
