package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"zoomql/internal/ratelimit"
)

const (
	// maxOperations bounds the operations that are carried out at once, whose goroutines
	// and answers take memory. One caller has half of them at most, and less where
	// others want some too.
	maxOperations = 1_000
	// maxBodies bounds the memory for bodies of requests that are not short, in bytes.
	maxBodies = 48 << 20
	// shortBody is how long a body may be to be read without asking for room.
	shortBody = 64 << 10
)

// Room is what operations share: places to be carried out in, and memory for long
// lists and bodies, for the objects that they work on and for long answers. Callers
// take turns at it. Handlers of several accounts may share one.
type Room struct{ operations, bodies, items, objects, large, answers *ratelimit.Pool }

// NewRoom returns the room of one process.
func NewRoom() *Room {
	return &Room{
		operations: ratelimit.NewSharedPool(maxOperations),
		bodies:     ratelimit.NewSharedPool(maxBodies),
		items:      ratelimit.NewSharedPool(openItems),
		objects:    ratelimit.NewSharedPool(openObjects),
		large:      ratelimit.NewPool(1),
		answers:    ratelimit.NewSharedPool(longAnswers),
	}
}

// permitted carries an operation out when its caller's turn has come. The time that
// it waits is its own: all in all it has no more than timeout.
func permitted(room *ratelimit.Pool, timeout time.Duration, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		release, err := room.Acquire(ctx, 1)
		if err != nil {
			q, _ := ctx.Value(inquiryKey{}).(*inquiry)
			tooBusy(w, q)
			return
		}
		defer release()
		next(w, r.WithContext(ctx))
	}
}

func tooBusy(w http.ResponseWriter, q *inquiry) {
	w.Header().Set("Retry-After", "1")
	failWith(w, q.media, http.StatusServiceUnavailable, codeTimeout, "The gateway has too much to do: the operation waited for as long as it may take.")
}

// errNoRoom says that there is no memory for a body.
var errNoRoom = errors.New("graph: no room for the body")

func noRoom(w http.ResponseWriter) (int, string) {
	w.Header().Set("Retry-After", "1")
	return http.StatusServiceUnavailable, "too many large requests are under way"
}

// arrive reads a body into buf: n bytes, or up to its end where n is negative. buf
// grows with what came and not with what is promised, and asks for room when the
// body is not short; release gives the room back.
func arrive(ctx context.Context, room *ratelimit.Pool, body io.Reader, buf *bytes.Buffer, n int) (release func(), err error) {
	release = func() {}
	begun, asked := buf.Len(), false
	for n != 0 {
		step := max(buf.Len()-begun, 8<<10)
		if n > 0 {
			step = min(step, n)
		}
		if buf.Len()-begun+step > shortBody && !asked {
			given, ok := room.TryAcquire(ctx, maxBody)
			if !ok {
				return release, errNoRoom
			}
			release, asked = given, true
		}
		buf.Grow(step)
		into := buf.AvailableBuffer()[:step]
		m, err := io.ReadFull(body, into)
		buf.Write(into[:m])
		switch {
		case n < 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
			return release, nil
		case err != nil:
			return release, err
		case n > 0:
			n -= m
		}
	}
	return release, nil
}
