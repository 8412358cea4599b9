package sandbox

import (
	"strings"
	"sync"
)

// locks are the objects that only one call may change at a time.
type locks struct {
	mu   sync.Mutex
	held map[string]bool
}

// exclude returns an error for a call on an object that another call is changing.
func (s *Sandbox) exclude(c *call) error {
	if c.route.lock == "" {
		return nil
	}
	key := strings.ToLower(c.path(c.route.lock))
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	if s.locks.held[key] {
		return tooMany(429, "Too many concurrent requests. A request to disassociate this user has already been made.")
	}
	if s.locks.held == nil {
		s.locks.held = map[string]bool{}
	}
	s.locks.held[key] = true
	c.locked = append(c.locked, key)
	return nil
}

// release releases the lock that exclude has taken.
func (c *call) release() {
	if len(c.locked) == 0 {
		return
	}
	c.locks.mu.Lock()
	defer c.locks.mu.Unlock()
	for _, key := range c.locked {
		delete(c.locks.held, key)
	}
}
