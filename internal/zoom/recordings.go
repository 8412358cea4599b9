package zoom

import "zoomql/internal/zoom/types"

// The operations on the recordings and summaries of an instance. Both appear some time
// after its end and may be edited or deleted later.
var (
	GetRecordings = op[InstanceKey, types.MeetingRecordings](Spec{
		Pattern: "GET /meetings/{meetingId}/recordings", Rate: Light, Life: Scheduled, AcceptsUUID: true,
		Scopes: "recording:read phone_recording:read:admin " +
			"cloud_recording:read:list_recording_files cloud_recording:read:list_recording_files:admin cloud_recording:read:list_recording_files:master",
		Tags: []string{"instance:{meetingId}", "meeting:{meetingId}:recordings", "recordings"},
	})
	GetMeetingSummary = op[InstanceKey, types.MeetingSummary](Spec{
		Pattern: "GET /meetings/{meetingId}/meeting_summary", Rate: Light, Life: Scheduled, AcceptsUUID: true,
		Scopes: "meeting_summary:read meeting_summary:read:admin meeting:read:summary meeting:read:summary:admin",
		Tags:   []string{"instance:{meetingId}"},
	})
)
