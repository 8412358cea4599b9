package graph

import (
	"cmp"
	"context"

	"zoomql/graph/attendees"
	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *attendanceResolver) Attendees(ctx context.Context, obj *types.Attendance, first int, after *string) (*types.AttendeeConnection, error) {
	return of(ctx, obj).attendees(ctx, obj, first, after)
}

func (r *attendanceResolver) Absentees(ctx context.Context, obj *types.Attendance, first int, after *string) (*types.Connection[types.Registrant], error) {
	return of(ctx, obj).absentees(ctx, obj, first, after)
}

func (r *attendanceResolver) AbsentPanelists(ctx context.Context, obj *types.Attendance) ([]*types.Panelist, error) {
	return of(ctx, obj).absentPanelists(ctx, obj)
}

func (r *attendanceResolver) Curve(ctx context.Context, obj *types.Attendance, points int) ([]*types.AttendancePoint, error) {
	return curve(obj, points)
}

func (r *attendedInstanceResolver) Instance(ctx context.Context, obj *types.AttendedInstance) (*types.MeetingInstance, error) {
	if obj.OfWebinar {
		return nil, nil
	}
	return of(ctx, obj).attendedInstance(ctx, obj.UUID, obj.StartTime)
}

func (r *attendedInstanceResolver) WebinarReport(ctx context.Context, obj *types.AttendedInstance) (*types.WebinarReport, error) {
	if !obj.OfWebinar {
		return nil, nil
	}
	return of(ctx, obj).attendedWebinar(ctx, obj.Number, obj.UUID, obj.StartTime)
}

func (r *attendeeResolver) User(ctx context.Context, obj *types.Attendee) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(attendeeName(obj))))
}

func (r *attendeeResolver) Registrant(ctx context.Context, obj *types.Attendee) (*types.Registrant, error) {
	return of(ctx, obj).attendeeRegistrant(ctx, obj)
}

func (r *instancePresenceResolver) Instance(ctx context.Context, obj *types.InstancePresence) (*types.MeetingInstance, error) {
	if obj.OfWebinar {
		return nil, nil
	}
	return of(ctx, obj).attendedInstance(ctx, obj.UUID, obj.StartTime)
}

func (r *instancePresenceResolver) WebinarReport(ctx context.Context, obj *types.InstancePresence) (*types.WebinarReport, error) {
	if !obj.OfWebinar {
		return nil, nil
	}
	return of(ctx, obj).attendedWebinar(ctx, obj.Number, obj.UUID, obj.StartTime)
}

func (r *meetingResolver) LatestInstance(ctx context.Context, obj *types.Meeting) (*types.MeetingInstance, error) {
	return orNil(of(ctx, obj).instance(ctx, obj.Number.String()))
}

func (r *meetingResolver) Attendance(ctx context.Context, obj *types.Meeting, from *types.Date, to *types.Date, rules types.AttendanceRules) (*types.MeetingAttendance, error) {
	return of(ctx, obj).attendanceOfMeeting(ctx, attendedMeeting{number: obj.Number, from: deref(from), to: deref(to), rules: rules})
}

func (r *meetingAttendanceResolver) Attendees(ctx context.Context, obj *types.MeetingAttendance, first int, after *string) (*types.Connection[types.MeetingAttendee], error) {
	return of(ctx, obj).meetingAttendees(ctx, obj, first, after)
}

func (r *meetingAttendanceResolver) Absentees(ctx context.Context, obj *types.MeetingAttendance, first int, after *string) (*types.Connection[types.Registrant], error) {
	return of(ctx, obj).meetingAbsentees(ctx, obj, first, after)
}

func (r *meetingAttendeeResolver) User(ctx context.Context, obj *types.MeetingAttendee) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(cmp.Or(obj.UserZoomID, obj.Email))))
}

func (r *meetingAttendeeResolver) Registrant(ctx context.Context, obj *types.MeetingAttendee) (*types.Registrant, error) {
	if obj.Registered == nil {
		return nil, nil
	}
	return of(ctx, obj).participantRegistrant(ctx, obj.Registered)
}

func (r *meetingInstanceResolver) Attendees(ctx context.Context, obj *types.MeetingInstance, first int, after *string, source *types.AttendanceSource, byName bool) (*types.AttendeeConnection, error) {
	s := of(ctx, obj)
	a, err := s.attendanceOf(ctx, s.heldMeeting(obj), attendees.UsualRules(byName), source)
	if err != nil {
		return nil, err
	}
	return s.attendees(ctx, a, first, after)
}

func (r *meetingInstanceResolver) Attendance(ctx context.Context, obj *types.MeetingInstance, rules types.AttendanceRules, source *types.AttendanceSource) (*types.Attendance, error) {
	s := of(ctx, obj)
	a, err := s.attendanceOf(ctx, s.heldMeeting(obj), rules, source)
	return withGaps(ctx, a), err
}

func (r *registrantResolver) Attendance(ctx context.Context, obj *types.Registrant, from *types.Date, to *types.Date, rules types.AttendanceRules) ([]*types.InstancePresence, error) {
	return of(ctx, obj).registrantAttendance(ctx, obj, attendedMeeting{from: deref(from), to: deref(to), rules: rules})
}

func (r *userResolver) Attended(ctx context.Context, obj *types.User, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.UserAttendance], error) {
	return of(ctx, obj).attended(ctx, obj, zoom.Days{From: from, To: to}, first, after)
}

func (r *userAttendanceResolver) Instance(ctx context.Context, obj *types.UserAttendance) (*types.MeetingInstance, error) {
	return of(ctx, obj).userInstance(ctx, obj)
}

func (r *userAttendanceResolver) WebinarReport(ctx context.Context, obj *types.UserAttendance) (*types.WebinarReport, error) {
	if !isWebinar(obj) {
		return nil, nil
	}
	return of(ctx, obj).attendedWebinar(ctx, obj.MeetingNumber, obj.UUID, obj.StartTime)
}

func (r *userAttendanceResolver) Presence(ctx context.Context, obj *types.UserAttendance, rules types.AttendanceRules) (*types.InstancePresence, error) {
	return of(ctx, obj).userPresence(ctx, obj, rules)
}

func (r *webinarResolver) Attendance(ctx context.Context, obj *types.Webinar, from *types.Date, to *types.Date, rules types.AttendanceRules) (*types.MeetingAttendance, error) {
	return of(ctx, obj).attendanceOfMeeting(ctx, attendedMeeting{number: obj.Number, webinar: true, from: deref(from), to: deref(to), rules: rules})
}

func (r *webinarReportResolver) Attendees(ctx context.Context, obj *types.WebinarReport, first int, after *string, source *types.AttendanceSource, byName bool) (*types.AttendeeConnection, error) {
	s := of(ctx, obj)
	a, err := s.attendanceOf(ctx, s.heldWebinar(obj), attendees.UsualRules(byName), source)
	if err != nil {
		return nil, err
	}
	return s.attendees(ctx, a, first, after)
}

func (r *webinarReportResolver) Attendance(ctx context.Context, obj *types.WebinarReport, rules types.AttendanceRules, source *types.AttendanceSource) (*types.Attendance, error) {
	s := of(ctx, obj)
	a, err := s.attendanceOf(ctx, s.heldWebinar(obj), rules, source)
	return withGaps(ctx, a), err
}

func (r *Resolver) Attendance() generated.AttendanceResolver { return &attendanceResolver{r} }

func (r *Resolver) AttendedInstance() generated.AttendedInstanceResolver {
	return &attendedInstanceResolver{r}
}

func (r *Resolver) Attendee() generated.AttendeeResolver { return &attendeeResolver{r} }

func (r *Resolver) InstancePresence() generated.InstancePresenceResolver {
	return &instancePresenceResolver{r}
}

func (r *Resolver) MeetingAttendance() generated.MeetingAttendanceResolver {
	return &meetingAttendanceResolver{r}
}

func (r *Resolver) MeetingAttendee() generated.MeetingAttendeeResolver {
	return &meetingAttendeeResolver{r}
}

func (r *Resolver) UserAttendance() generated.UserAttendanceResolver {
	return &userAttendanceResolver{r}
}

type (
	attendanceResolver        struct{ *Resolver }
	attendedInstanceResolver  struct{ *Resolver }
	attendeeResolver          struct{ *Resolver }
	instancePresenceResolver  struct{ *Resolver }
	meetingAttendanceResolver struct{ *Resolver }
	meetingAttendeeResolver   struct{ *Resolver }
	userAttendanceResolver    struct{ *Resolver }
)
