package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

const (
	// shortBody is the largest body that is read without admission, in bytes.
	shortBody = 64 << 10
	// maxReused is the largest buffer that is reused, in bytes. One that has held a short body is
	// smaller.
	maxReused = 96 << 10
)

// admitted calls next when the pool admits the request. The wait and next together take at most timeout.
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
	failWith(w, q.Media, http.StatusServiceUnavailable, types.ErrorCodeTimeout, busy)
}

// busy is the message of an operation that waited too long for admission.
const busy = "The gateway is overloaded: the operation waited until its time limit."

// errTooManyBodies reports that the pool has no memory for a body.
var errTooManyBodies = errors.New("endpoint: no memory for the body")

func tooManyBodies(w http.ResponseWriter) (int, string) {
	w.Header().Set("Retry-After", "1")
	return http.StatusServiceUnavailable, "too many large requests are under way"
}

// errTooManyValues reports that a body has more values than a request may have.
var errTooManyValues = errors.New("endpoint: too many values in the body")

// bodyReader reads a body into buf, which grows with the bytes read, not with Content-Length.
type bodyReader struct {
	pool *ratelimit.Pool
	buf  *bytes.Buffer
	most int // values
}

// read reads n bytes, or up to the end of the body if n is negative. A body longer than shortBody needs
// admission, which the caller ends by release. Its values are counted as it arrives. Once there are
// too many, the rest is read and discarded, since the client may not read the refusal before it has
// sent everything. The values of shorter bodies are not counted: values is 0.
func (r bodyReader) read(ctx context.Context, body io.Reader, n int) (release func(), values int, err error) {
	release = func() {}
	buf, begun, admitted := r.buf, r.buf.Len(), false
	var counted valueCounter
	for n != 0 {
		step := max(buf.Len()-begun, 8<<10)
		if n > 0 {
			step = min(step, n)
		}
		if buf.Len()-begun+step > shortBody && !admitted {
			if counted.add(buf.Bytes()[begun:]); counted.n > r.most {
				return release, counted.n, r.refuse(body, begun, n)
			}
			acquired, ok := r.pool.TryAcquire(ctx, maxBody)
			if !ok {
				return release, 0, errTooManyBodies
			}
			release, admitted = acquired, true
		}
		buf.Grow(step)
		into := buf.AvailableBuffer()[:step]
		m, err := io.ReadFull(body, into)
		buf.Write(into[:m])
		switch {
		case n < 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
			n = 0
		case err != nil:
			return release, 0, err
		case n > 0:
			n -= m
		}
		if !admitted {
			continue
		}
		if counted.add(into[:m]); counted.n > r.most {
			release()
			return func() {}, counted.n, r.refuse(body, begun, n)
		}
	}
	return release, counted.n, nil
}

// refuse discards the body of too many values: what buf has of it, and the rest.
func (r bodyReader) refuse(body io.Reader, begun, n int) error {
	r.buf.Truncate(begun)
	r.buf.Grow(shortBody / 2)
	return cmp.Or(drain(body, r.buf.AvailableBuffer()[:shortBody/2], n), errTooManyValues)
}

// drain discards n bytes, or up to the end of the body if n is negative. It reads them into the same
// memory.
func drain(body io.Reader, into []byte, n int) error {
	for n != 0 {
		m, err := body.Read(into)
		if n > 0 {
			n -= m
		}
		switch {
		case n > 0 && errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}
