package zoom

import (
	"strings"

	"github.com/maypok86/otter/v2"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// hosts maps meetings to their hosts, from the answers that the same credential has read: a
// write names only the meeting, but makes the lists of its host stale.
type hosts struct {
	of *otter.Cache[string, string] // by credential and meeting
}

func newHosts() *hosts {
	return &hosts{otter.Must(&otter.Options[string, string]{
		MaximumWeight: maxHosts, InitialCapacity: 64, Executor: inline,
		Weigher: func(meeting, host string) uint32 { return uint32(hostOverhead + len(meeting) + len(host)) },
	})}
}

const (
	// maxHosts bounds the memory of hosts, in bytes: some 50,000 meetings.
	maxHosts = 8 << 20
	// hostOverhead is the memory of an entry besides its texts, in bytes.
	hostOverhead = 120
)

// bounded returns a map of so many entries at most, which evicts rarely used ones (W-TinyLFU). It
// starts no goroutine.
func bounded[V any](entries int) *otter.Cache[string, V] {
	return otter.Must(&otter.Options[string, V]{MaximumSize: entries, InitialCapacity: 16, Executor: inline})
}

// inline runs maintenance in the goroutine that causes it.
func inline(tidy func()) { tidy() }

// learn records the hosts of the meetings in an answer.
func (h *hosts) learn(told *identity.Credential, answer any) {
	switch a := answer.(type) {
	case *types.Meeting:
		h.note(told, a)
	case *Page[types.Meeting]:
		for _, m := range a.Items {
			h.note(told, m)
		}
	}
}

func (h *hosts) note(told *identity.Credential, m *types.Meeting) {
	if m.Number != 0 && m.HostZoomID != "" && len(m.HostZoomID) <= MaxID {
		h.of.Set(hostKey(told, m.Number.String()), string(m.HostZoomID))
	}
}

// hostKey returns the key of a meeting for a credential.
func hostKey(told *identity.Credential, meeting string) string { return told.ID() + meeting }

// host returns the host of a meeting, if the credential has read an answer with it.
func (h *hosts) host(told *identity.Credential, meeting string) (string, bool) {
	return h.of.GetIfPresent(hostKey(told, meeting))
}

// resolve replaces "host-of:7:meetings", the lists of the host of meeting 7, by
// "user:u1:meetings" if the host is known, and by "meetings", the lists of all
// hosts, if not.
func (h *hosts) resolve(told *identity.Credential, tags []cache.Tag) []cache.Tag {
	for i, tag := range tags {
		meeting, ok := strings.CutPrefix(string(tag), "host-of:")
		if !ok {
			continue
		}
		meeting, list, _ := strings.Cut(meeting, ":")
		if host, ok := h.host(told, meeting); ok {
			tags[i] = cache.NewTag("user", host, list)
		} else {
			tags[i] = cache.NewTag(list)
		}
	}
	return tags
}

// hostVar is the variable that names a host.
const hostVar = "userId"

// owner returns the name that a write to a meeting is counted by: its host, or, if that is not
// known, the meeting.
func (h *hosts) owner(told *identity.Credential, vars map[string]string) string {
	meeting := vars["meetingId"]
	if h != nil {
		if host, ok := h.host(told, meeting); ok {
			return host
		}
	}
	return "meeting " + meeting
}
