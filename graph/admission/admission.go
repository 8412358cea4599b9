// Package admission controls what operations take at once of the memory of the process.
// Each bound is a pool that all operations of all accounts share, and where callers take
// turns.
package admission

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/internal/gate"
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
	// MaxUnsent bounds the bytes of items of subscriptions that clients have not taken yet.
	MaxUnsent = 64 << 20
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
	Unsent     *ratelimit.Pool // bytes of items that are being sent

	// long is the gate of all long operations; see LongBeside.
	long  *gate.Gate
	longs atomic.Int64
	short atomic.Pointer[[2]shortOperation] // of two callers, the last one first
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
		Unsent:     ratelimit.NewSharedPool(MaxUnsent),
		long:       gate.New(max(1, runtime.GOMAXPROCS(0)-1)),
	}
}

// The goroutine of a short operation begins when a processor is free: the scheduler of Go looks
// at connections when it has nothing to run, or after 10 ms, which is a hundred times what a
// short operation takes. So while callers have short operations, the long ones of others leave
// one processor free. Alone, a long operation has all of them.

// shortFor is how long a short operation tells that its caller may have another one.
const shortFor = time.Second

// shortOperation is the last short operation of a caller.
type shortOperation struct {
	caller string
	at     time.Time
}

// Short notes that a caller has had a short operation.
func (c *Control) Short(caller string) {
	if c.longs.Load() == 0 {
		return
	}
	now := [2]shortOperation{{caller, time.Now()}}
	if last := c.short.Load(); last != nil {
		if now[1] = last[0]; last[0].caller == caller {
			now[1] = last[1]
		}
	}
	c.short.Store(&now) // of two at once, one is enough
}

// Long notes that an operation is long. The caller MUST call end once, at its end.
func (c *Control) Long() (end func()) {
	c.longs.Add(1)
	return func() { c.longs.Add(-1) }
}

// LongBeside returns the gate of the long operations of a caller, in which there is a place for
// each processor but one; nil while no other caller has short operations.
func (c *Control) LongBeside(caller string) *gate.Gate {
	last := c.short.Load()
	if last == nil {
		return nil
	}
	other := last[0]
	if other.caller == caller {
		other = last[1]
	}
	if time.Since(other.at) > shortFor {
		return nil
	}
	return c.long
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
