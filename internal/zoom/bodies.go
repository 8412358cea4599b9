package zoom

import (
	"context"
	"errors"
	"io"

	"zoomql/internal/ratelimit"
)

const (
	// maxAnswer bounds one answer, unpacked. The largest that Zoom documents, 2,000
	// users, is about 3 MiB.
	maxAnswer = 16 << 20
	// bodyBudget bounds the memory of all answers that are being read, except for one
	// that may grow to maxAnswer.
	bodyBudget = 32 << 20
	// firstRead is the first allocation for an answer.
	firstRead = 64 << 10
)

// errTooLarge reports an answer larger than maxAnswer.
var errTooLarge = errors.New("the answer is larger than 16 MiB")

// Bodies bounds the memory of answers while they are read and decoded. An answer takes memory
// as its bytes arrive, not by its Content-Length. It is safe for concurrent use.
//
// An answer that grows while the budget is used up waits, and retains what it has. So that
// waiting answers do not deadlock, there is extra memory for one of them, which may grow to
// its end without acquiring more. Waiting answers get it one after the other, callers by
// turns.
type Bodies struct {
	budget   *ratelimit.Pool
	overflow *ratelimit.Pool // of one: its holder may grow beyond the budget
}

// NewBodies returns the memory for the answers of one client, or of several.
func NewBodies() *Bodies {
	return &Bodies{budget: ratelimit.NewPool(bodyBudget), overflow: ratelimit.NewPool(1)}
}

// read reads a body to its end. length is its Content-Length; -1 if unknown. The caller MUST
// call release when it no longer needs the bytes, also after an error.
func (b *Bodies) read(ctx context.Context, from io.Reader, length int64) (body []byte, release func(), err error) {
	held := &hold{of: b}
	for {
		if len(body) == cap(body) {
			size := max(2*cap(body), firstRead)
			size = min(size, maxAnswer+1)
			if n := int(length) + 1; length >= 0 && length < maxAnswer && size > n && len(body) < n {
				size = n // one more byte than the length, for the read that returns io.EOF
			}
			if err := held.grow(ctx, size); err != nil {
				return nil, held.release, err
			}
			larger := make([]byte, len(body), size)
			copy(larger, body)
			body = larger
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > maxAnswer:
			return nil, held.release, errTooLarge
		case errors.Is(err, io.EOF):
			return body, held.release, nil
		case err != nil:
			return nil, held.release, err
		}
	}
}

// hold is the memory that one answer has acquired.
type hold struct {
	of        *Bodies
	size      int64
	releases  []func()
	unbounded bool // it holds the overflow
}

// grow acquires memory up to size bytes in all.
func (h *hold) grow(ctx context.Context, size int) error {
	if h.unbounded {
		return nil
	}
	more := int64(size) - h.size
	release, ok := h.of.budget.TryAcquire(ctx, more)
	if !ok {
		var err error
		if release, err = h.of.overflow.Acquire(ctx, 1); err != nil {
			return err
		}
		h.unbounded = true
	}
	h.size += more
	h.releases = append(h.releases, release)
	return nil
}

func (h *hold) release() {
	for _, release := range h.releases {
		release()
	}
	h.releases = nil
}
