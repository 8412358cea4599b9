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
	// bodyBudget bounds what is held of all answers that are being read, besides one
	// that may become as large as any.
	bodyBudget = 32 << 20
	// firstRead is how much memory an answer has to begin with.
	firstRead = 64 << 10
)

// errTooLarge says that an answer is larger than any of Zoom's.
var errTooLarge = errors.New("the answer is larger than 16 MiB")

// Bodies is the memory for answers while they are read and decoded. An answer has as
// much of it as came so far, not as it says is to come. It is safe for concurrent
// use.
//
// An answer that grows while nothing is left waits, and keeps what it has. So that
// not all of them wait for each other, there is memory besides for one that may grow
// to the end without asking again: those who wait take turns at being that one, and
// callers at waiting.
type Bodies struct {
	budget *ratelimit.Pool
	last   *ratelimit.Pool // of one: who may grow whatever is left
}

// NewBodies returns the memory for the answers of one client, or of several.
func NewBodies() *Bodies {
	return &Bodies{budget: ratelimit.NewPool(bodyBudget), last: ratelimit.NewPool(1)}
}

// read reads a body to its end. length is what it says to be long; -1 if it does
// not. release MUST be called when the bytes are needed no longer, also after an
// error.
func (b *Bodies) read(ctx context.Context, from io.Reader, length int64) (body []byte, release func(), err error) {
	held := &hold{of: b}
	for {
		if len(body) == cap(body) {
			size := max(2*cap(body), firstRead)
			size = min(size, maxAnswer+1)
			if n := int(length) + 1; length >= 0 && length < maxAnswer && size > n && len(body) < n {
				size = n // with one to see the end by
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

// hold is what one answer holds.
type hold struct {
	of   *Bodies
	size int64
	give []func()
	last bool
}

// grow sees that there is room for an answer of a size.
func (h *hold) grow(ctx context.Context, size int) error {
	if h.last {
		return nil
	}
	more := int64(size) - h.size
	give, ok := h.of.budget.TryAcquire(ctx, more)
	if !ok {
		var err error
		if give, err = h.of.last.Acquire(ctx, 1); err != nil {
			return err
		}
		h.last = true
	}
	h.size += more
	h.give = append(h.give, give)
	return nil
}

func (h *hold) release() {
	for _, give := range h.give {
		give()
	}
	h.give = nil
}
