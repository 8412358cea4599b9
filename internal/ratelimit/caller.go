package ratelimit

import "context"

// A Priority says whose calls go first.
type Priority uint8

// The priorities, the first to go first. None starves those below it: see
// patience.
const (
	Interactive Priority = iota // someone waits for the answer
	Refresh                     // an answer that is at hand is made new
	priorities
)

// patience is how many calls of other priorities start while one of this
// priority waits, until it is its turn whoever else waits.
var patience = [priorities]int{Interactive: 0, Refresh: 32}

type (
	callerKey   struct{}
	priorityKey struct{}
)

// WithCaller returns a context below which calls are made in the name of a
// caller: an API key, say. Callers have equal parts of a budget that is short.
// Calls without a name are one caller's.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// CallerFrom returns the name that calls below ctx are made in, "" for none.
func CallerFrom(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// WithPriority returns a context below which calls have a priority other than
// Interactive.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, min(p, priorities-1))
}

// PriorityFrom returns the priority of calls below ctx.
func PriorityFrom(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}
