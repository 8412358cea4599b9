package zoom

import (
	"time"

	"zoomql/internal/zoom/types"
)

// surveyTime is how long after an instance participants may answer its survey; no document
// states it.
const surveyTime = 30 * 24 * time.Hour

// answersLife returns the life of results of polls, Q&A and surveys: shortly after an
// instance they may be incomplete.
func answersLife(req *Request, answer any) Life {
	life, start, open := pastLife(req, answer), time.Time{}, settled
	switch a := answer.(type) {
	case *types.PollResults:
		start = a.StartTime.Time
	case *types.QaResults:
		start = a.StartTime.Time
	case *types.MeetingSurveyResults:
		start, open = a.StartTime.Time, surveyTime
	}
	if life == Closed && (start.IsZero() || time.Since(start) < open) {
		return Slow
	}
	return life
}

// readyPolls completes results with their source, and with their state: Zoom answers only
// when the data is complete.
func readyPolls[In any](source types.InstanceSource) func(In, *types.PollResults) {
	return func(_ In, r *types.PollResults) { r.Source, r.ReportState = source, types.ReportStateReady }
}

func readyQa(source types.InstanceSource) func(InstanceKey, *types.QaResults) {
	return func(_ InstanceKey, r *types.QaResults) { r.Source, r.ReportState = source, types.ReportStateReady }
}

// The operations on the poll, Q&A and survey results of an instance.
var (
	GetPastPolls = op(Spec{
		Pattern: "GET /past_meetings/{meetingId}/polls", Rate: Medium, Life: Closed, LifeOf: answersLife, AcceptsUUID: true, OwnOnly: true,
		Scopes: meetingRead + "meeting:read:list_poll_results meeting:read:list_poll_results:admin",
		Tags:   instanceTags,
	}, readyPolls[InstanceKey](types.InstanceSourcePastMeeting))
	GetReportPolls = op(Spec{
		Pattern: "GET /report/meetings/{meetingId}/polls", Rate: Heavy, Life: Closed, LifeOf: answersLife, AcceptsUUID: true,
		Scopes: reportRead + "report:read:list_meeting_polls:admin",
		Tags:   instanceTags,
	}, readyPolls[InstanceKey](types.InstanceSourceReport))
	GetPastQa = op(Spec{
		Pattern: "GET /past_meetings/{meetingId}/qa", Rate: Medium, Life: Closed, LifeOf: answersLife, AcceptsUUID: true, OwnOnly: true,
		Scopes: meetingRead + "meeting:read:past_qa meeting:read:past_qa:admin",
		Tags:   instanceTags,
	}, readyQa(types.InstanceSourcePastMeeting))
	GetReportQa = op(Spec{
		Pattern: "GET /report/meetings/{meetingId}/qa", Rate: Heavy, Life: Closed, LifeOf: answersLife, AcceptsUUID: true,
		Scopes: reportRead + "report:read:meeting_qna:admin",
		Tags:   instanceTags,
	}, readyQa(types.InstanceSourceReport))
	GetReportSurvey = op(Spec{
		Pattern: "GET /report/meetings/{meetingId}/survey", Rate: Heavy, Life: Closed, LifeOf: answersLife, AcceptsUUID: true,
		Scopes: reportRead + "report:read:meeting_survey:admin",
		Tags:   instanceTags,
	}, func(_ InstanceKey, r *types.MeetingSurveyResults) { r.ReportState = types.ReportStateReady })
)
