package endpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// shortBody is how many bytes a body has at most that is read without admission.
const shortBody = 64 << 10

// admitted executes an operation when it is its caller's turn. The wait counts: all in
// all the operation has no more than timeout.
func admitted(pool *ratelimit.Pool, timeout time.Duration, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		release, err := pool.Acquire(ctx, 1)
		if err != nil {
			q, _ := ctx.Value(requestKey{}).(*request)
			tooBusy(w, q)
			return
		}
		defer release()
		next(w, r.WithContext(ctx))
	}
}

func tooBusy(w http.ResponseWriter, q *request) {
	w.Header().Set("Retry-After", "1")
	failWith(w, q.Media, http.StatusServiceUnavailable, types.ErrorCodeTimeout, "The gateway has too much to do: the operation waited for as long as it may take.")
}

// errTooManyBodies says that there is no memory for a body.
var errTooManyBodies = errors.New("endpoint: no memory for the body")

func tooManyBodies(w http.ResponseWriter) (int, string) {
	w.Header().Set("Retry-After", "1")
	return http.StatusServiceUnavailable, "too many large requests are under way"
}

// readBody reads a body into buf: n bytes, or up to its end where n is negative. buf
// grows with what came and not with Content-Length, and a body that is not short needs
// admission, which release gives back.
func readBody(ctx context.Context, pool *ratelimit.Pool, body io.Reader, buf *bytes.Buffer, n int) (release func(), err error) {
	release = func() {}
	begun, asked := buf.Len(), false
	for n != 0 {
		step := max(buf.Len()-begun, 8<<10)
		if n > 0 {
			step = min(step, n)
		}
		if buf.Len()-begun+step > shortBody && !asked {
			given, ok := pool.TryAcquire(ctx, maxBody)
			if !ok {
				return release, errTooManyBodies
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
