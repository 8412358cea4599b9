package events

import (
	"container/list"
	"sync"
)

// room bounds the memory of webhook deliveries, in bytes. Anyone can send one, slowly or without
// end, since the signature can be checked only when the body is complete. So when the room is
// full, the delivery that has been read for longest is refused in favor of a new one: Zoom's
// deliveries arrive within a round trip.
type room struct {
	size int64

	mu      sync.Mutex
	used    int64
	reading list.List // of *reservation, those that have been read for longest first
}

// reservation is the memory that a delivery has of a room.
type reservation struct {
	room    *room
	refuse  func() // ends the reading
	n       int64
	element *list.Element // nil once the delivery is complete or refused
	refused bool
}

// begin returns a reservation for a delivery that is read from now on. refuse ends the reading
// when another delivery needs the memory: it MUST NOT block. The caller releases the reservation.
func (r *room) begin(refuse func()) *reservation {
	p := &reservation{room: r, refuse: refuse}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.element = r.reading.PushBack(p)
	return p
}

// reserve reserves n more bytes, if necessary by refusing other deliveries that are being read.
// It reports false if this delivery is refused.
func (p *reservation) reserve(n int64) bool {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for !p.refused && r.used+n > r.size {
		oldest, _ := r.reading.Front().Value.(*reservation) // p itself is there
		oldest.refused = true
		r.remove(oldest)
		oldest.refuse()
	}
	if p.refused {
		return false
	}
	r.used += n
	p.n += n
	return true
}

// remove frees the bytes of a reservation. The caller holds the lock.
func (r *room) remove(p *reservation) {
	if p.element != nil {
		r.reading.Remove(p.element)
		p.element = nil
	}
	r.used -= p.n
	p.n = 0
}

// complete records that the body has arrived, so that the delivery cannot be refused any more. It
// reports false if it was refused before.
func (p *reservation) complete() bool {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.refused {
		return false
	}
	p.room.reading.Remove(p.element)
	p.element = nil
	return true
}

// release frees the reservation.
func (p *reservation) release() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.remove(p)
}
