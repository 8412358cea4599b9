package ratelimit

import "context"

// A Priority determines which calls start first.
type Priority uint8

// The priorities, the highest first. None starves those below it: see maxPassed.
const (
	Interactive Priority = iota // a person or a program waits for the answer
	Refresh                     // a cached answer is refreshed
	priorities
)

// maxPassed is how many waiters of other priorities are served at most while one of
// this priority waits (aging).
var maxPassed = [priorities]int{Interactive: 0, Refresh: 32}

type (
	callerKey   struct{}
	priorityKey struct{}
)

// WithCaller returns a context whose calls are made for a caller, such as an API key.
// Callers have equal parts of a budget that is short. Calls without a name have one
// part together.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// CallerFrom returns the caller that calls under ctx are made for, "" if it has no
// name.
func CallerFrom(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// WithPriority returns a context whose calls have a priority other than
// Interactive.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, min(p, priorities-1))
}

// PriorityFrom returns the priority of calls under ctx.
func PriorityFrom(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}
