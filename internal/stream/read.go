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

// ErrExpired is the error of a cursor whose place is lost: messages that came after it are
// kept no more, or it is none of this stream's.
var ErrExpired = errors.New("stream: the cursor has expired")

// Entry is a message as it is read.
type Entry struct {
	// Cursor is the message's place. It is good for [MaxAge], unless so many messages
	// come that the stream has no room for them.
	Cursor string
	Body   []byte
}

const (
	// maxRead is how many messages are read at once.
	maxRead = 500
	// waitFor is how long a read waits for a message: shorter than a proxy before Redis
	// leaves a connection open that nothing comes by.
	waitFor = 5 * time.Second
)

var (
	//go:embed scripts/now.lua
	nowSource string
	//go:embed scripts/after.lua
	afterSource string

	nowScript   = redis.NewScript(nowSource)
	afterScript = redis.NewScript(afterSource)
)

// Now returns the cursor of the last message; where there is none, one of this moment.
func (r *Redis) Now(ctx context.Context) (cursor string, err error) {
	return nowScript.Run(ctx, r.client, []string{r.stream}).Text()
}

// Oldest is the cursor before the oldest message that is kept.
const Oldest = "0-0"

// After returns the messages after a cursor, the oldest first: some hundred at most, none
// where there are none yet. The error is [ErrExpired] where messages after it may be lost.
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

var errBadReply = errors.New("stream: Redis replies with something else than messages")

// entry returns a message. One that this process has no key for has no body: its place
// counts all the same.
func (r *Redis) entry(id, sealed string) Entry {
	body, ok := r.keys.Open([]byte(sealed), r.stream)
	if !ok {
		body = nil
	}
	return Entry{id, body}
}

// Wait returns the messages after a cursor as soon as there are any, and none after some
// seconds without. It does not see whether messages after the cursor are lost.
func (r *Redis) Wait(ctx context.Context, cursor string) ([]Entry, error) {
	streams, err := r.client.XRead(ctx, &redis.XReadArgs{Streams: []string{r.stream, begun(cursor)}, Count: maxRead, Block: waitFor}).Result()
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

// begun returns a cursor as XREAD takes it, which wants what was before the first message:
// a cursor of a moment is before all messages of that millisecond.
func begun(cursor string) string {
	if at, ok := strings.CutPrefix(cursor, "@"); ok {
		if ms, err := strconv.ParseUint(at, 10, 63); err == nil && ms > 0 {
			return strconv.FormatUint(ms-1, 10) + "-" + strconv.FormatUint(math.MaxUint64, 10)
		}
	}
	return cursor
}

// Before reports whether a cursor is before another one of the same stream.
func Before(a, b string) bool {
	a1, a2 := placeOf(a)
	b1, b2 := placeOf(b)
	return a1 < b1 || a1 == b1 && a2 < b2
}

// placeOf returns where a cursor is: that of a moment is before the messages of its
// millisecond. What is none is before all.
func placeOf(cursor string) (major, minor uint64) {
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
