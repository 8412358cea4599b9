// Package stream keeps messages in their order until they are too old or too many, in
// Redis for all replicas ([Redis]). A message is stored once, whoever sends it again, and
// what is still to be done about it is done by some replica, though the one that stored it
// has ended. Where there is one process, [Memory] stands in its place.
//
// The package knows neither Zoom nor GraphQL: a message is bytes.
package stream

import (
	"errors"
	"time"
)

const (
	// MaxAge is how long a message is kept, and maxMessages how many are.
	MaxAge      = time.Hour
	maxMessages = 100_000
	// seenFor is how long keys of messages are remembered, and maxSeen how many are.
	seenFor = 2 * time.Hour
	maxSeen = 100_000
	// MaxBody is how many bytes a message may have.
	MaxBody = 64 << 10
	// spansFor is how long marks are remembered after the last one.
	spansFor = 48 * time.Hour
)

// ErrTooLong is the error of a message of more than [MaxBody] bytes.
var ErrTooLong = errors.New("stream: the message is too long")

// Message is a message to store.
type Message struct {
	// Key names it: a message with the key of an earlier one is not stored again.
	Key string
	// Body is what it says.
	Body []byte
	// Pending tells that something is still to be done about it: some replica claims it,
	// until it says that this is done.
	Pending bool
	// Marks are noted with it, also when it is not stored again.
	Marks []Mark
}

// Mark is the name of something that recurs.
type Mark struct {
	Name string
	// Gap is how long it may stay away until it counts as begun anew; less than nothing has
	// it begin anew in any case. It is in whole milliseconds.
	Gap time.Duration
}

// Span tells of a mark since when it was noted without a gap, and when last. The zero
// value is of one that was not noted, or is forgotten.
type Span struct{ Since, Last time.Time }

// Claimed is a message that a replica is to finish.
type Claimed struct {
	ID   string
	Body []byte
}
