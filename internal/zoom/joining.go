package zoom

import "zoomql/internal/zoom/types"

// MeetingToken is Zoom's answer with a meeting's token.
type MeetingToken struct {
	Token types.Secret `json:"token"`
}

// SipDialing requests an address that SIP room systems dial.
type SipDialing struct {
	MeetingID types.MeetingNumber `path:"meetingId"`
	Body      SipDialingBody      `body:""`
}

// SipDialingBody is the content of the address.
type SipDialingBody struct {
	Passcode *types.Secret `json:"passcode,omitzero"`
}

// PersonalAudioConferences is Zoom's answer with a user's accounts: it has no pages.
type PersonalAudioConferences struct {
	Accounts []*types.PersonalAudioConference `json:"pac_accounts"`
}

// The operations on joining a meeting. Invitations and tokens consist of secrets only:
// whatever their lives, they are requested with secrets and never stored.
var (
	GetMeetingInvitation = op[MeetingKey, types.MeetingInvitation](Spec{
		Pattern: "GET /meetings/{meetingId}/invitation", Rate: Light, Life: Scheduled, Key: []string{"invitation"},
		Scopes: meetingRead + "meeting:read:invitation meeting:read:invitation:admin",
		Tags:   []string{"meeting:{meetingId}"},
	})
	GetMeetingToken = op[MeetingKey, MeetingToken](Spec{
		Pattern: "GET /meetings/{meetingId}/token", Rate: Light, Life: Scheduled, Key: []string{"token"},
		Scopes: meetingRead + "meeting:read:token meeting:read:token:admin",
		Tags:   []string{"meeting:{meetingId}"},
	})
	CreateSipDialing = op[SipDialing, types.SipDialing](Spec{
		Pattern: "POST /meetings/{meetingId}/sip_dialing", Rate: Medium, OwnOnly: true, Key: []string{"sip_dialing"},
		Scopes: "meeting:write:sip_dialing meeting:write:admin:sip_dialing meeting:write:sip_dialing:admin",
	})
	ListPersonalAudioConferences = op[UserKey, PersonalAudioConferences](Spec{
		Pattern: "GET /users/{userId}/pac", Rate: Light, Life: Slow,
		Scopes: "pac:read pac:read:admin pac:read:list_pac_accounts pac:read:list_pac_accounts:admin",
		Tags:   []string{"user:{userId}"},
	})
)
