package sandbox

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
)

// Behind executes a call as a change in Zoom's web portal: without a token, immediately, not
// counted against rate limits, and absent from the ledger. The answer is that of the
// operation, without faults. body is JSON, or nil; path begins with /v2.
func (s *Sandbox) Behind(method, path string, body []byte) (answer []byte, err error) {
	r, err := http.NewRequest(method, path, bytes.NewReader(body)) //nolint:noctx // nothing waits
	if err != nil {
		return nil, err
	}
	c := s.call(r)
	if c.route == nil || c.route.open {
		return nil, fmt.Errorf("sandbox: %s %s is no operation", method, path)
	}
	a := s.run(c)
	if a.status >= http.StatusBadRequest {
		return nil, fmt.Errorf("sandbox: %s %s: %v", method, path, a.body)
	}
	defer buffers.Put(a.buf)
	return slices.Clone(a.buf.Bytes()), nil
}

// Events returns the events of the meeting except that of its end, in their order, for a
// program that replaces [Held.Run] by its own clock.
func (h *Held) Events() []Event { return slices.Clone(h.events) }

// Finish ends the meeting if it is still in progress, and returns the event of its end.
func (h *Held) Finish() Event {
	w := h.s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.m.held == h.inst {
		w.end(h.m, h.s.opt.Now())
	}
	over := h.m.ended[0]
	return w.meetingEvent(over.kind()+".ended", over, over.end, map[string]any{"end_time": stamp(over.end), "host_email": w.email(over.m.host)})
}
