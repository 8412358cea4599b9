// Package stream stores messages in their order, for [MaxAge], in Redis for all replicas
// ([Redis]) or in one process ([Memory]). Redis stores a message once, however often it is
// appended, and keeps a pending message until some replica has finished it: if the replica
// that appended it has ended, another one claims it.
//
// The package also keeps marks, which record since when something recurs ([Mark]), and
// leases, each of which one of several replicas holds ([Redis.Hold]).
//
// It depends on neither Zoom nor GraphQL: a message is bytes.
package stream

import (
	"errors"
	"time"
)

const (
	// MaxAge bounds the age of stored messages, and maxMessages their number.
	MaxAge      = time.Hour
	maxMessages = 100_000
	// seenFor bounds the age of the keys by which repeated messages are recognized, and
	// maxSeen their number.
	seenFor = 2 * time.Hour
	maxSeen = 100_000
	// MaxBody bounds the body of a message, in bytes.
	MaxBody = 64 << 10
	// spansFor is how long a span is kept after its mark was last noted.
	spansFor = 48 * time.Hour
)

// ErrTooLong is the error of a message of more than [MaxBody] bytes.
var ErrTooLong = errors.New("stream: the message is too long")

// Message is a message to store.
type Message struct {
	// Key identifies the message: a second one with the same key is not stored.
	Key string
	// Body is the content.
	Body []byte
	// Pending marks a message that a replica has to finish: replicas claim it until one of
	// them reports it as done.
	Pending bool
	// Marks are noted with the message, even if it is not stored again.
	Marks []Mark
}

// Mark notes that something with this name has happened again. The times of its notes form
// spans: see [Span].
type Mark struct {
	Name string
	// Gap is the longest time between two notes of one span, in whole milliseconds. A
	// negative Gap begins a new span in any case.
	Gap time.Duration
}

// Span is the current span of a mark: Since is its first note, and Last its latest. The zero
// value means that the mark was not noted, or was removed.
type Span struct{ Since, Last time.Time }

// Claimed is a pending message that this replica has to finish.
type Claimed struct {
	ID   string
	Body []byte
}
