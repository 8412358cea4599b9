package zoom

import (
	"net/url"
	"time"

	"zoomql/internal/zoom/types"
)

// ParticipantReportFilter selects the participants of one instance from its report.
type ParticipantReportFilter struct {
	MeetingID string `path:"meetingId"`
	// IncludeFields is "registrant_id" or "".
	IncludeFields string `query:"include_fields"`
}

// Days is the range of a report, both ends included. Zoom accepts a month at most.
type Days struct {
	From types.Date `query:"from"`
	To   types.Date `query:"to"`
}

// Range returns the range of a filter in which Days is embedded.
func (d *Days) Range() *Days { return d }

// PastMeetingFilter selects the instances that a user hosted.
type PastMeetingFilter struct {
	UserID string `path:"userId"`
	Days
	Type types.PastMeetingType `query:"type"`
}

// ActivityFilter selects the days on which users signed in and out.
type ActivityFilter struct{ Days }

// HostFilter selects users who held meetings, or held none.
type HostFilter struct {
	Days
	Type    types.HostActivityType `query:"type"`
	GroupID string                 `query:"group_id"`
}

// OperationLogFilter selects changes that administrators and users made.
type OperationLogFilter struct {
	Days
	Category types.OperationLogCategory `query:"category_type"`
}

// TelephoneFilter selects legs of phone calls.
type TelephoneFilter struct {
	Days
	Type types.TelephoneReportType `query:"type"`
	By   types.TelephoneTime       `query:"query_date_type"`
}

// UpcomingEventFilter selects scheduled meetings and webinars.
type UpcomingEventFilter struct {
	Days
	Type    types.UpcomingEventType `query:"type"`
	GroupID string                  `query:"group_id"`
}

// CloudRecordingFilter selects days of the report on storage.
type CloudRecordingFilter struct {
	Days
	GroupID string `query:"group_id"`
}

// BillingKey names the billing report of one period.
type BillingKey struct {
	BillingID string `query:"billing_id"`
}

// MonthKey names a month; the zero value is the current one.
type MonthKey struct {
	Year  int `query:"year"`
	Month int `query:"month"`
}

const reportRead = "report:read:admin "

// reportMonths is for how many months Zoom keeps the data of most reports.
//
// Source: GET /report/users and similar operations.
const reportMonths = 6

// settled is how long after a day its figures may still change: calls are billed and reports
// are computed hours later.
const settled = 48 * time.Hour

// rangeLife returns the life of a report on a range of days: past days do not change any more.
func rangeLife(req *Request, _ any) Life {
	to, err := time.Parse(time.DateOnly, asks(req, "to"))
	if err != nil || time.Since(to) < settled+24*time.Hour {
		return Slow
	}
	return Closed
}

// asks returns a parameter of the query; "" if it is not set.
func asks(req *Request, name string) string {
	query, err := url.ParseQuery(req.Query)
	if err != nil {
		return ""
	}
	return query.Get(name)
}

// The operations on reports.
var (
	GetMeetingReport = op[InstanceKey, types.MeetingReport](Spec{
		Pattern: "GET /report/meetings/{meetingId}", Rate: Heavy, Life: Closed, LifeOf: pastLife, Late: true, AcceptsUUID: true,
		Scopes: reportRead + "report:read:meeting:admin",
		Tags:   instanceTags,
	})
	ListReportParticipants = list(Spec{
		Pattern: "GET /report/meetings/{meetingId}/participants", Rate: Heavy, Life: Closed, LifeOf: pastLife, Late: true, AcceptsUUID: true, Array: "participants", MaxPage: 300,
		Scopes: reportRead + "report:read:list_meeting_participants:admin",
		Tags:   instanceTags,
	}, func(in ParticipantReportFilter, p *types.Participant) { p.Run = in.MeetingID })
	ListPastMeetings = list[PastMeetingFilter, types.PastMeeting](Spec{
		Pattern: "GET /report/users/{userId}/meetings", Rate: Heavy, Life: Closed, LifeOf: rangeLife, Array: "meetings", MaxPage: 300, Months: reportMonths,
		Scopes: reportRead + "report:read:user:admin",
		Tags:   []string{"user:{userId}:past_meetings"},
	})
	GetDailyReport = op[MonthKey, types.DailyReport](Spec{
		Pattern: "GET /report/daily", Rate: Heavy, Life: Slow, Months: reportMonths, Key: []string{"dates"},
		Scopes: reportRead,
		Tags:   []string{"report:daily"},
	})
	// Zoom documents no largest page here; 300 is that of similar operations.
	ListActivities = list[ActivityFilter, types.SignInActivity](Spec{
		Pattern: "GET /report/activities", Rate: Heavy, Life: Closed, LifeOf: rangeLife, Array: "activity_logs", MaxPage: 300, Months: reportMonths,
		Scopes: reportRead + "report:read:user_activities:admin",
		Tags:   []string{"report:activities"},
	})
	ListHostActivity = list(Spec{
		Pattern: "GET /report/users", Rate: Heavy, Life: Closed, LifeOf: rangeLife, Array: "users", MaxPage: 300, Months: reportMonths,
		Beside: []string{"from", "to", "total_meetings", "total_participants", "total_meeting_minutes"},
		Scopes: reportRead + "report:read:list_users:admin",
		Tags:   []string{"report:users"},
	}, func(in HostFilter, h *types.HostActivity) { h.From, h.To = in.From, in.To })
	ListOperationLogs = list[OperationLogFilter, types.OperationLog](Spec{
		Pattern: "GET /report/operationlogs", Rate: Heavy, Life: Closed, LifeOf: rangeLife, Array: "operation_logs", MaxPage: 300,
		Scopes: reportRead + "report:read:operation_logs:admin",
		Tags:   []string{"report:operationlogs"},
	})
	ListTelephoneCalls = list[TelephoneFilter, types.TelephoneCall](Spec{
		Pattern: "GET /report/telephone", Rate: Heavy, Life: Closed, LifeOf: rangeLife, Array: "telephony_usage", MaxPage: 300,
		Scopes: reportRead + "report:read:telephone:admin",
		Tags:   []string{"report:telephone"},
	})
	ListUpcomingEvents = list[UpcomingEventFilter, types.UpcomingEvent](Spec{
		Pattern: "GET /report/upcoming_events", Rate: Heavy, Life: Scheduled, Array: "upcoming_events", MaxPage: 300, Months: reportMonths, Ahead: true,
		Scopes: reportRead + "report:read:upcoming_meetings_webinars:admin",
		Tags:   []string{"report:upcoming_events"},
	})
	ListCloudRecordingUsage = list[CloudRecordingFilter, types.CloudRecordingUsage](Spec{
		Pattern: "GET /report/cloud_recording", Rate: Heavy, Life: Closed, LifeOf: rangeLife, Array: "cloud_recording_storage", Months: reportMonths,
		Scopes: reportRead,
		Tags:   []string{"report:cloud_recording"},
	})
	GetBillingReports = op[struct{}, types.BillingReports](Spec{
		Pattern: "GET /report/billing", Rate: Heavy, Life: Slow, Key: []string{"billing_reports"},
		Scopes: reportRead + "report:read:billing:admin",
		Tags:   []string{"report:billing"},
	})
	GetBillingInvoices = op[BillingKey, types.BillingInvoices](Spec{
		Pattern: "GET /report/billing/invoices", Rate: Heavy, Life: Slow, Key: []string{"invoices"},
		Scopes: reportRead + "report:read:billing_invoice:admin",
		Tags:   []string{"report:billing"},
	})
)
