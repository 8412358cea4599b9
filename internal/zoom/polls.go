package zoom

import "zoomql/internal/zoom/types"

// PollKey names a poll of a meeting.
type PollKey struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	PollID    string              `path:"pollId"`
}

// PollFilter selects polls of one meeting: all, the anonymous ones or the others.
type PollFilter struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	Anonymous *bool               `query:"anonymous"`
}

// Polls is Zoom's answer to PollFilter: it has no pages.
type Polls struct {
	Polls []*types.Poll `json:"polls"`
	Counted
}

// NewPoll is a poll to be created for a meeting.
type NewPoll struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	Content   *types.PollContent  `body:""`
}

// PollChange replaces the content of a poll.
type PollChange struct {
	PollKey
	Content *types.PollContent `body:""`
}

var pollsOfMeeting = []string{"meeting:{meetingId}:polls"}

// The operations on polls.
var (
	ListPolls = op(Spec{
		Pattern: "GET /meetings/{meetingId}/polls", Rate: Light, Life: Scheduled,
		Scopes: meetingRead + "meeting:read:list_polls meeting:read:list_polls:admin",
		Tags:   ofMeeting("polls"),
	}, func(in PollFilter, out *Polls) {
		for _, p := range out.Polls {
			p.Meeting = in.MeetingID
		}
	})
	GetPoll = op(Spec{
		Pattern: "GET /meetings/{meetingId}/polls/{pollId}", Rate: Light, Life: Scheduled,
		Scopes: meetingRead + "meeting:read:poll meeting:read:poll:admin",
		Tags:   ofMeeting("polls"),
	}, func(in PollKey, p *types.Poll) { p.Meeting = in.MeetingID })
	CreatePoll = op(Spec{
		Pattern: "POST /meetings/{meetingId}/polls", Rate: Light,
		Scopes: meetingWrite + "meeting:write:poll meeting:write:poll:admin",
		Evicts: pollsOfMeeting,
	}, func(in NewPoll, p *types.Poll) { p.Meeting = in.MeetingID })
	UpdatePoll = op[PollChange, struct{}](Spec{
		Pattern: "PUT /meetings/{meetingId}/polls/{pollId}", Rate: Light,
		Scopes: meetingWrite + "meeting:update:poll meeting:update:poll:admin",
		Evicts: pollsOfMeeting,
	})
	DeletePoll = op[PollKey, struct{}](Spec{
		Pattern: "DELETE /meetings/{meetingId}/polls/{pollId}", Rate: Light,
		Scopes: meetingWrite + "meeting:delete:poll meeting:delete:poll:admin",
		Evicts: pollsOfMeeting,
	})
)

// ofMeeting returns the tags of an object that belongs to a meeting: it is evicted with the
// meeting, and when it changes itself.
func ofMeeting(what string) []string {
	return []string{"meeting:{meetingId}", "meeting:{meetingId}:" + what}
}
