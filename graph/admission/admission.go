// Package admission controls what operations take at once of the memory of the process.
// Each bound is a pool that all operations of all accounts share, and where callers take
// turns.
package admission

import (
	"context"
	"runtime"
	"sync"

	"zoomql/internal/ratelimit"
)

const (
	// MaxOperations bounds the operations that are executed at once, whose goroutines
	// and answers take memory. One caller has half of them at most, and less where
	// others want some too.
	MaxOperations = 1_000
	// MaxBodies bounds the bytes of request bodies that are not short.
	MaxBodies = 48 << 20
	// MaxValues bounds the values in the variables of requests.
	MaxValues = 40_000
	// FewValues is how many values of a request need no admission.
	FewValues = 200
	// LongText is from how many bytes on a request is long: to decode, parse and validate
	// it takes milliseconds, in which the scheduler of Go would let others wait.
	LongText = 4 << 10
	// MaxItems bounds the open items of long lists; see [Items].
	MaxItems = 10_000
	// MaxObjects bounds the objects that operations have open which are not large, some
	// 3 KiB each.
	MaxObjects = 20_000
	// LongAnswer is how many bytes a long answer has.
	LongAnswer = 512 << 10
	// MaxLongAnswers bounds the long answers that are there at once, until they are
	// sent.
	MaxLongAnswers = 3
)

// Control has the pools. Handlers of several accounts may share one.
type Control struct {
	Operations *ratelimit.Pool // a unit each
	Bodies     *ratelimit.Pool // bytes
	Values     *ratelimit.Pool // values of variables
	Texts      *ratelimit.Pool // long requests that are being decoded, parsed and validated
	Items      *ratelimit.Pool // items of long lists
	Objects    *ratelimit.Pool // open objects
	Large      *ratelimit.Pool // the one operation that is large
	Answers    *ratelimit.Pool // long answers
}

// New returns the control of one process.
func New() *Control {
	return &Control{
		Operations: ratelimit.NewSharedPool(MaxOperations),
		Bodies:     ratelimit.NewSharedPool(MaxBodies),
		Values:     ratelimit.NewSharedPool(MaxValues),
		Texts:      ratelimit.NewPool(max(1, int64(runtime.GOMAXPROCS(0)/2))), // the other half is for short ones
		Items:      ratelimit.NewSharedPool(MaxItems),
		Objects:    ratelimit.NewSharedPool(MaxObjects),
		Large:      ratelimit.NewPool(1),
		Answers:    ratelimit.NewSharedPool(MaxLongAnswers),
	}
}

// LongList is the number of items from which on a list needs admission.
const LongList = 100

// Items admits the long lists of one operation. Each item of a list that waits for Zoom
// below an edge holds a stack and contexts, some 15 KiB, so an operation waits at its
// first long list until the pool has room. Short lists never wait, nor does an operation
// that was admitted once: no operation waits for another that waits for it.
type Items struct {
	// Pool is [Control.Items].
	Pool *ratelimit.Pool

	once    sync.Once
	release func() // nil where nothing is held
	err     error
}

// Acquire admits a list, at the first long list of an operation. The error is that of
// the context.
func (i *Items) Acquire(ctx context.Context, items int) error {
	if items < LongList {
		return nil
	}
	i.once.Do(func() {
		i.release, i.err = i.Pool.Acquire(ctx, int64(items))
	})
	return i.err
}

// Release gives the items back. It is called once, at the end of the operation.
func (i *Items) Release() {
	i.once.Do(func() {}) // no list is admitted any more
	if i.release != nil {
		i.release()
		i.release = nil
	}
}

// Response holds the place of a long answer in [Control.Answers] from its operation,
// which takes it, until the answer is sent. The zero value holds none.
type Response struct {
	mu      sync.Mutex
	release func()
}

type responseKey struct{}

// WithResponse returns a context for the operation that makes a response.
func WithResponse(ctx context.Context, r *Response) context.Context {
	return context.WithValue(ctx, responseKey{}, r)
}

// ResponseFrom returns the response that an operation makes, or nil.
func ResponseFrom(ctx context.Context) *Response {
	r, _ := ctx.Value(responseKey{}).(*Response)
	return r
}

// Hold holds a place, which release gives back.
func (r *Response) Hold(release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release = release
}

// Release gives the place back.
func (r *Response) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.release != nil {
		r.release()
		r.release = nil
	}
}
