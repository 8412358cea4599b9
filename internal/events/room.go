package events

import (
	"container/list"
	"sync"
)

// room bounds the bytes of deliveries that are being read. Anybody can send one, slowly or without
// an end, since the signature is known only at the end. So when the room is full, the delivery
// that has been read for longest is refused in favor of a new one: those of Zoom arrive whole
// within a round trip.
type room struct {
	size int64

	mu      sync.Mutex
	used    int64
	reading list.List // of *place, those that have been read for longest first
}

// place is the part of a room that a delivery takes.
type place struct {
	room    *room
	refuse  func() // ends the reading
	n       int64
	element *list.Element // nil once the delivery is whole or refused
	refused bool
}

// enter returns a place for a delivery that is read from now on. refuse ends its reading when
// another one needs the room; it must not block.
func (r *room) enter(refuse func()) *place {
	p := &place{room: r, refuse: refuse}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.element = r.reading.PushBack(p)
	return p
}

// take takes n more bytes, and reports whether it could.
func (p *place) take(n int64) bool {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for !p.refused && r.used+n > r.size {
		oldest, _ := r.reading.Front().Value.(*place) // p itself is there
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

// remove frees the bytes of a place.
func (r *room) remove(p *place) {
	if p.element != nil {
		r.reading.Remove(p.element)
		p.element = nil
	}
	r.used -= p.n
	p.n = 0
}

// whole notes that the delivery has arrived, so that it is no longer refused, and reports whether
// it was not refused before.
func (p *place) whole() bool {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.refused {
		return false
	}
	p.room.reading.Remove(p.element)
	p.element = nil
	return true
}

// leave frees the place.
func (p *place) leave() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.remove(p)
}
