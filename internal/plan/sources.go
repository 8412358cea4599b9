package plan

import (
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// ParticipantSource picks where to read who was in an instance: the past meeting, which is
// MEDIUM and draws on no daily pool, unless a field is asked for that only the report has,
// which is HEAVY. Of sub accounts Zoom has the report only. What the caller wishes goes
// before; nil is no wish.
func ParticipantSource(wish *types.ParticipantSource, sub bool, want *selection.Needs) types.ParticipantSource {
	switch {
	case wish != nil:
		return *wish
	case sub, want.NeverIn(zoom.ListPastParticipants.Pattern):
		return types.ParticipantSourceReport
	}
	return types.ParticipantSourcePastMeeting
}

// InstanceSource picks where to read what people did in an instance, as ParticipantSource
// does: past is the operation on the past meeting, and wants are what is asked for of its
// answer.
func InstanceSource(wish *types.InstanceSource, sub bool, past *zoom.Spec, wants ...*selection.Needs) types.InstanceSource {
	if wish != nil {
		return *wish
	}
	if sub {
		return types.InstanceSourceReport
	}
	for _, want := range wants {
		if want.NeverIn(past.Pattern) {
			return types.InstanceSourceReport
		}
	}
	return types.InstanceSourcePastMeeting
}
