package zoom

import "zoomql/internal/zoom/types"

// RegistrationForm changes the questions of a registration form.
type RegistrationForm struct {
	MeetingID types.MeetingNumber          `path:"meetingId"`
	Form      *types.RegistrationFormInput `body:""`
}

// The operations on registration forms.
var (
	GetRegistrationQuestions = op[MeetingKey, types.RegistrationQuestions](Spec{
		Pattern: "GET /meetings/{meetingId}/registrants/questions", Rate: Light, Life: Scheduled, Unset: true,
		Scopes: meetingRead + "meeting:read:list_registration_questions meeting:read:list_registration_questions:admin",
		Tags:   ofMeeting("questions"),
	})
	UpdateRegistrationQuestions = op[RegistrationForm, struct{}](Spec{
		Pattern: "PATCH /meetings/{meetingId}/registrants/questions", Rate: Light,
		Scopes: meetingWrite + "meeting:update:registration_question meeting:update:registration_question:admin",
		Evicts: []string{"meeting:{meetingId}:questions"},
	})
)
