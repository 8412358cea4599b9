package zoom

import (
	"testing"
	"time"

	"zoomql/internal/zoom/types"
)

// Stays without a length mean that Zoom is still computing them, shortly after an instance:
// later they belong to people who were not admitted, and are cached like all others.
func TestUnfinished(t *testing.T) {
	now := time.Now()
	stay := func(seconds int64, join, leave time.Duration) *types.Participant {
		at := func(ago time.Duration) types.Time {
			if ago == 0 {
				return types.Time{}
			}
			return types.Time{Time: now.Add(-ago)}
		}
		return &types.Participant{DurationSeconds: types.Int{N: seconds, Valid: true}, JoinTime: at(join), LeaveTime: at(leave)}
	}
	const hour, month = time.Hour, 30 * 24 * time.Hour
	for _, c := range []struct {
		why   string
		stays []*types.Participant
		want  bool
		life  Life
	}{
		{"nobody yet", nil, false, Scheduled},
		{"all have a length", []*types.Participant{stay(60, 2*time.Minute, time.Minute)}, false, Closed},
		{"just now, none has one", []*types.Participant{stay(0, 20*time.Minute, 10*time.Minute), stay(0, 20*time.Minute, 9*time.Minute)}, true, Scheduled},
		{"just now, one was not admitted, which is not certain yet", []*types.Participant{stay(0, 10*time.Minute, 10*time.Minute), stay(60, 20*time.Minute, 9*time.Minute)}, true, Scheduled},
		{"hours ago, one was not admitted", []*types.Participant{stay(0, 3*hour, 3*hour), stay(3600, 4*hour, 3*hour)}, false, Closed},
		{"hours ago, but the length does not go with the times", []*types.Participant{stay(0, 4*hour, 3*hour)}, true, Scheduled},
		{"a month ago, one was not admitted", []*types.Participant{stay(0, month, month), stay(3600, month+hour, month)}, false, Closed},
		{"a month ago, and the length does not go with the times", []*types.Participant{stay(0, month+hour, month)}, false, Closed},
		{"without times", []*types.Participant{stay(0, 0, 0)}, true, Scheduled},
	} {
		if got := Unfinished(c.stays); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
		req := &Request{Spec: ListPastParticipants.Spec, Vars: map[string]string{"meetingId": "a=="}}
		if got := pastLife(req, &Page[types.Participant]{Items: c.stays}); got != c.life {
			t.Errorf("%s: the life is %v", c.why, got)
		}
	}
}
