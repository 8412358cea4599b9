package graph

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/directory"
	"zoomql/graph/list"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// wholeInstances returns the way to what lists of instances lack.
func (s *scope) wholeInstances(ctx context.Context) func([]*types.MeetingInstance) []zoom.Found[types.MeetingInstance] {
	return func(lacking []*types.MeetingInstance) []zoom.Found[types.MeetingInstance] {
		keys := make([]string, len(lacking))
		for i, instance := range lacking {
			keys[i] = string(instance.UUID)
		}
		return s.instances().LoadMany(ctx, keys)
	}
}

// instance returns the instance of a UUID, or the latest of a meeting's number.
func (s *scope) instance(ctx context.Context, uuid string) (*types.MeetingInstance, error) {
	_, err := types.ParseMeetingNumber(uuid)
	latest := err == nil // by the meeting's number; what its UUID is, Zoom must tell
	if want := needsOf(ctx, "MeetingInstance"); want.KeyOnly() && (!latest || !want.Key) {
		return &types.MeetingInstance{Origin: s.origin(), UUID: types.UUID(uuid)}, nil
	}
	return s.instances().Load(ctx, uuid)
}

// wholeInstance returns an instance with the fields that its edges hang on.
func (s *scope) wholeInstance(ctx context.Context, i *types.MeetingInstance) (*types.MeetingInstance, error) {
	if i.Op == zoom.GetPastMeeting.Pattern {
		return i, nil
	}
	return s.instances().Load(ctx, string(i.UUID))
}

// participants reads who was in an instance, from the cheapest source that holds what
// is asked for. Data that are late or too old are a state, not an error.
func (s *scope) participants(ctx context.Context, instance *types.MeetingInstance, first int, after *string, source *types.ParticipantSource) (*types.ParticipantConnection, error) {
	chosen := plan.ParticipantSource(source, s.client.Sub() != "", needsOfNodes(ctx, "Participant"))
	page, err := s.readParticipants(ctx, instance, chosen, source == nil, first, after)
	state := stateOf(err)
	if after == nil && (errors.Is(err, zoom.ErrNotFound) || err == nil && len(page.Nodes()) == 0) {
		state, err = s.stateOfNone(ctx, instance)
	}
	if state == "" {
		return nil, err
	}
	if page == nil {
		page = types.NewConnection[types.Participant](nil, types.Int{}, false, false, nil)
	}
	directory.SameOf(ctx, s.directory(), page.Nodes(), func(p *types.Participant) (id, email types.Text) {
		return cmp.Or(p.ParticipantUserID, p.ZoomID), p.Email
	})
	if zoom.Unfinished(page.Nodes()) {
		state = types.ReportStatePending
	}
	return &types.ParticipantConnection{Connection: *page, Source: chosen, ReportState: state}, nil
}

// readParticipants reads who was in an instance. What a source does not tell is asked of
// another one where the caller did not choose the source.
func (s *scope) readParticipants(ctx context.Context, instance *types.MeetingInstance, source types.ParticipantSource, free bool, first int, after *string) (*types.Connection[types.Participant], error) {
	uuid := string(instance.UUID)
	switch source {
	case types.ParticipantSourcePastWebinar:
		l := list.List[zoom.WebinarRunKey, types.Participant]{Client: s.client, Op: zoom.ListWebinarParticipants, Windows: list.Uncut(zoom.WebinarRunKey{WebinarID: uuid}), First: first, After: after}
		return connectWhole(ctx, l, "Participant", nil)
	case types.ParticipantSourceReport:
		filter := zoom.ParticipantReportFilter{MeetingID: uuid, IncludeFields: "registrant_id"}
		l := list.List[zoom.ParticipantReportFilter, types.Participant]{Client: s.client, Op: zoom.ListReportParticipants, Windows: list.Unnamed(filter, zoom.ParticipantReportFilter{MeetingID: uuid}), First: first, After: after}
		var whole func([]*types.Participant) []zoom.Found[types.Participant]
		if free && s.client.Sub() == "" {
			whole = func(stays []*types.Participant) []zoom.Found[types.Participant] {
				return zoom.FindPastStays(ctx, s.client, zoom.InstanceKey{MeetingID: uuid}, stays)
			}
		}
		return connectWhole(ctx, l, "Participant", whole)
	}
	l := list.List[zoom.InstanceKey, types.Participant]{Client: s.client, Op: zoom.ListPastParticipants, Windows: list.Uncut(zoom.InstanceKey{MeetingID: uuid}), First: first, After: after}
	return connectWhole(ctx, l, "Participant", nil)
}

// stateOf returns the state of the data that an error tells of, "" for an error
// that is one.
func stateOf(err error) types.ReportState {
	switch {
	case err == nil:
		return types.ReportStateReady
	case errors.Is(err, zoom.ErrNotReady):
		return types.ReportStatePending
	case errors.Is(err, zoom.ErrExpired):
		return types.ReportStateExpired
	case errors.Is(err, zoom.ErrPlanRequired):
		return types.ReportStateUnavailable
	}
	return ""
}

// late reports whether Zoom may still be at work on an instance that has ended.
func late(ctx context.Context, ended types.Time) bool {
	until := ended.Add(zoom.ReportLag)
	if !time.Now().Before(until) {
		return false
	}
	zoom.ValidUntil(ctx, until)
	return true
}

// stateOfNone returns why Zoom names no participants of an instance. There was one at
// least, the host: either it is too early, or too few came for Zoom to tell.
func (s *scope) stateOfNone(ctx context.Context, instance *types.MeetingInstance) (types.ReportState, error) {
	whole, err := s.instances().Load(ctx, string(instance.UUID))
	switch {
	case err != nil:
		return stateOf(err), err
	case late(ctx, whole.EndTime):
		return types.ReportStatePending, nil
	}
	return types.ReportStateUnavailable, nil
}

// participantUser returns the user behind a stay: by id for who was signed in,
// by e-mail for who is known by it, none for a guest.
func (s *scope) participantUser(ctx context.Context, p *types.Participant) (*types.User, error) {
	return orNil(s.user(ctx, string(participantName(p))))
}

func participantName(p *types.Participant) types.Text {
	return cmp.Or(p.ParticipantUserID, p.ZoomID, p.Email)
}

// participantRegistrant returns the registration that a stay came by. It is one
// of the meeting, whose number an instance that was named by UUID may not tell yet.
func (s *scope) participantRegistrant(ctx context.Context, p *types.Participant) (*types.Registrant, error) {
	if p.RegistrantID == "" {
		return nil, nil
	}
	number, err := s.numberOf(ctx, p.Run)
	if err != nil {
		return nil, err
	}
	return orNil(s.registrant(ctx, zoom.RegistrantsOf{Number: number, Webinar: p.OfWebinar}, string(p.RegistrantID)))
}

// known returns the number of the meeting or webinar that was run, as far as the name of
// the instance or an object above the field of ctx tells it. What the fields beside it have
// read does not count: which of two fields comes first is chance.
func known(ctx context.Context, instance string) (types.MeetingNumber, bool) {
	if number, err := types.ParseMeetingNumber(instance); err == nil {
		return number, true
	}
	for fc := graphql.GetFieldContext(ctx); fc != nil; fc = fc.Parent {
		if name, number := instanceIn(fc.Result); name == instance && number != 0 {
			return number, true
		}
	}
	return 0, false
}

// instanceIn returns by which name an object that a field returned, or an item of its list,
// asks for an instance, and the number of what was run, as far as the object tells them.
func instanceIn(result any) (name string, number types.MeetingNumber) {
	switch of := result.(type) {
	case *types.Node:
		return instanceIn(*of)
	case **types.MeetingInstance:
		return instanceIn(*of)
	case **types.DashboardMeeting:
		return instanceIn(*of)
	case **types.DashboardWebinar:
		return instanceIn(*of)
	case **types.WebinarReport:
		return instanceIn(*of)
	case *types.MeetingInstance:
		if of != nil {
			return string(of.UUID), of.MeetingNumber
		}
	case *types.DashboardMeeting:
		if of != nil {
			return of.Run.Name, of.Number
		}
	case *types.DashboardWebinar:
		if of != nil {
			return of.Run.Name, of.Number
		}
	case *types.WebinarReport:
		if of != nil {
			return webinarInstance(of), of.WebinarNumber
		}
	}
	return "", 0
}

// numberOf returns the number of the meeting that was run.
func (s *scope) numberOf(ctx context.Context, instance string) (types.MeetingNumber, error) {
	if number, ok := known(ctx, instance); ok {
		return number, nil
	}
	whole, err := s.instances().Load(ctx, instance)
	if err != nil {
		return 0, err
	}
	return whole.MeetingNumber, nil
}

// someInstance returns the instance of a UUID, if there is one.
func (s *scope) someInstance(ctx context.Context, uuid types.UUID) (*types.MeetingInstance, error) {
	if uuid == "" {
		return nil, nil
	}
	return orNil(s.instance(ctx, string(uuid)))
}

// summary returns the summary of an instance. Zoom knows it by the instance's UUID only.
func (s *scope) summary(ctx context.Context, instance *types.MeetingInstance) (*types.MeetingSummary, error) {
	uuid := instance.UUID
	if _, err := types.ParseMeetingNumber(string(uuid)); err == nil {
		whole, err := s.instances().Load(ctx, string(uuid))
		if err != nil {
			return nil, err
		}
		uuid = whole.UUID
	}
	return orNil(zoom.GetMeetingSummary.Do(ctx, s.client, zoom.InstanceKey{MeetingID: string(uuid)}))
}

// instances reads the instances of a meeting, each whole if more than its UUID and
// time is asked for.
func (s *scope) instanceList(ctx context.Context, filter zoom.InstanceFilter) ([]*types.MeetingInstance, error) {
	if err := list.Ordered(filter.From, filter.To); err != nil {
		return nil, err
	}
	out, err := zoom.ListInstances.Do(ctx, s.client, filter)
	if err != nil {
		return nil, err
	}
	instances := list.AtOnce(ctx, zoom.ListInstances.Spec, out.Meetings, zoom.Counted{})
	return complete(ctx, instances, needsOf(ctx, "MeetingInstance"), s.wholeInstances(ctx)), nil
}

// webinarInstance returns what to ask for a webinar's instance by: its UUID where that is
// known, since "the latest instance" may be another one meanwhile.
func webinarInstance(w *types.WebinarReport) string {
	if w.UUID != "" {
		return string(w.UUID)
	}
	return w.Run
}

// pastMeetings reads the instances that a user hosted, month by month, newest first.
func (s *scope) pastMeetings(ctx context.Context, filter zoom.PastMeetingFilter, first int, after *string) (*types.Connection[types.MeetingInstance], error) {
	windows, err := list.Monthly(ctx, zoom.ListPastMeetings.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.PastMeetingFilter, types.PastMeeting]{Client: s.client, Op: zoom.ListPastMeetings, Windows: windows, First: first, After: after}
	part, err := readList(ctx, l)
	if part == nil {
		return nil, err
	}
	instances := make([]*types.MeetingInstance, len(part.Items))
	for i, row := range part.Items {
		instances[i] = &row.Instance
	}
	instances = complete(ctx, instances, needsOfNodes(ctx, "MeetingInstance"), s.wholeInstances(ctx))
	for i, row := range part.Items {
		if instances[i].Row == nil { // it was read anew, and the row told of its report
			whole := *instances[i]
			whole.Row = &row.Report
			instances[i] = &whole
		}
	}
	return list.Connection(ctx, l, part, err, instances), nil
}
