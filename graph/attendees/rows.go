// Package attendees converts the stays of any source to the schema's types of attendance.
// Package attendance finds the persons; this package adds their roles, their evidence and the
// reasons of null fields. It reads nothing.
package attendees

import (
	"cmp"
	"time"

	"zoomql/internal/attendance"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Row is a stay, with fields that only the dashboard and events have.
type Row struct {
	*types.Participant
	// Phone is the number that the person called from, Device the kind of device, and UUID
	// identifies the person until the connection ends; "" if the source has none.
	Phone, Device, UUID string
	// Role is the role by the dashboard; "" with another source.
	Role types.ParticipantRole
}

// Rows are the stays of an instance.
type Rows struct {
	// Stays has a row for each stay.
	Stays []Row
	// Source is the source of the rows.
	Source types.AttendanceSource
	// Of says whether all stays were read.
	Of types.Completeness
	// Refused are the sources that were tried before, and that the account's plan does not include.
	Refused []types.AttendanceSource
	// Named says that the events, if they are the source, have the names of people.
	Named bool
}

// Participants returns the stays without the fields of [Row].
func (r *Rows) Participants() []*types.Participant {
	out := make([]*types.Participant, len(r.Stays))
	for i, row := range r.Stays {
		out[i] = row.Participant
	}
	return out
}

// OfWebinarReport returns the row of a stay in the report on a webinar, which has the fields of the
// report on a meeting.
func OfWebinarReport(p *types.WebinarReportParticipant) Row {
	origin := p.Origin
	origin.Op = zoom.ListReportParticipants.Pattern
	return Row{Participant: &types.Participant{
		Origin: origin, Run: p.Run, OfWebinar: true,
		ZoomID: p.ZoomID, ParticipantUserID: p.ParticipantUserID, InMeetingID: p.InMeetingID, RegistrantID: p.RegistrantID,
		CustomerKey: p.CustomerKey, BreakoutRoomID: p.BreakoutRoomID, Name: p.Name, Email: p.Email,
		JoinTime: p.JoinTime, LeaveTime: p.LeaveTime, DurationSeconds: p.DurationSeconds, Status: p.Status, Failover: p.Failover,
	}}
}

// OfDashboard returns the row of a stay on the dashboard.
func OfDashboard(p *types.DashboardParticipant) Row {
	row := Row{Device: string(p.DeviceText()), UUID: string(p.ParticipantUUID), Role: p.Role, Participant: &types.Participant{
		Origin: p.Origin, Run: p.Run.Name, OfWebinar: p.Run.Webinar,
		ZoomID: p.ZoomID, ParticipantUserID: p.ParticipantUserID, InMeetingID: p.InMeetingID, RegistrantID: p.RegistrantID,
		CustomerKey: p.CustomerKey, BreakoutRoomID: p.BreakoutRoomID, Name: p.Name, Email: p.Email,
		JoinTime: p.JoinTime, LeaveTime: p.LeaveTime, Status: p.Status,
	}}
	if !p.JoinTime.IsZero() && p.LeaveTime.After(p.JoinTime.Time) {
		row.DurationSeconds = types.Int{N: int64(p.LeaveTime.Sub(p.JoinTime.Time) / time.Second), Valid: true}
	}
	for _, call := range p.AudioCalls {
		row.Phone = cmp.Or(row.Phone, string(call.CallNumber))
	}
	return row
}

// Stay returns the row as a stay of package attendance.
func (r Row) Stay() attendance.Stay {
	return attendance.Stay{
		RegistrantID: string(r.RegistrantID), CustomerKey: string(r.CustomerKey), UserID: string(cmp.Or(r.ParticipantUserID, r.ZoomID)),
		Email: string(r.Email), Phone: r.Phone, ParticipantUUID: r.UUID, Name: string(r.Name),
		Join: r.JoinTime.Time, Leave: r.LeaveTime.Time, Seconds: int(min(r.DurationSeconds.N, LongestRule)),
		Waiting: r.Status == types.ParticipantStatusInWaitingRoom,
	}
}

// Meeting returns the times of the instance as of now: from the first join to the last leave of its
// rows, which needs no call.
func (r *Rows) Meeting(rules attendance.Rules) attendance.Meeting {
	m := attendance.Meeting{AsOf: time.Now()}
	for _, row := range r.Stays {
		s := row.Stay()
		if s.Waiting && !rules.CountWaiting {
			continue
		}
		if !s.Join.IsZero() && (m.Start.IsZero() || s.Join.Before(m.Start)) {
			m.Start = s.Join
		}
		if s.Leave.After(m.End) {
			m.End = s.Leave
		}
	}
	return m
}
