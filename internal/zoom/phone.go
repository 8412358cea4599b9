package zoom

import "zoomql/internal/zoom/types"

// PhoneRecordingFilter selects recordings of one user's calls. The range is at
// most a month; without one it is the last 30 days.
type PhoneRecordingFilter struct {
	UserID string `path:"userId"`
	Days
}

// ListPhoneRecordings lists the recordings of a user's phone calls.
var ListPhoneRecordings = list(Spec{
	Pattern: "GET /phone/users/{userId}/recordings", Rate: Medium, Phone: true, Life: Scheduled, Array: "recordings", MaxPage: 300, Months: reportMonths, OwnOnly: true,
	Scopes: "phone:read phone:read:admin phone_recording:read phone_recording:read:admin phone:read:list_recordings phone:read:list_recordings:admin",
	Tags:   []string{"user:{userId}:phone_recordings"},
}, func(in PhoneRecordingFilter, r *types.PhoneRecording) { r.User = in.UserID })
