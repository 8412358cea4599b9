package plan

import (
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// ParticipantSource returns the source of an instance's participants: the one that the caller chose,
// if it is not nil; otherwise the past meeting, which is MEDIUM and does not count against the pool of
// a day, or the report, which is HEAVY and does, if a field is selected that the past meeting lacks.
// Of sub accounts (sub) Zoom has only the report.
func ParticipantSource(chosen *types.ParticipantSource, sub bool, want *selection.Needs) types.ParticipantSource {
	switch {
	case chosen != nil:
		return *chosen
	case sub, want.NeverIn(zoom.ListPastParticipants.Pattern):
		return types.ParticipantSourceReport
	}
	return types.ParticipantSourcePastMeeting
}

// InstanceSource returns the source of polls or questions in an instance, by the rule of
// ParticipantSource. past is the operation on the past meeting, and wants are the needs of the
// selections on the objects of its answer.
func InstanceSource(chosen *types.InstanceSource, sub bool, past *zoom.Spec, wants ...*selection.Needs) types.InstanceSource {
	if chosen != nil {
		return *chosen
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
