package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/directory"
	"zoomql/graph/list"
	"zoomql/internal/plan"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// wholeInstances returns a function that reads instances with the fields that lists lack.
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
	latest := err == nil // by the meeting's number; only Zoom has its UUID
	if want := needsOf(ctx, "MeetingInstance"); want.KeyOnly() && (!latest || !want.Key) {
		return &types.MeetingInstance{Origin: s.origin(), UUID: types.UUID(uuid)}, nil
	}
	return s.instances().Load(ctx, uuid)
}

// wholeInstance returns an instance with the fields that its edges need.
func (s *scope) wholeInstance(ctx context.Context, i *types.MeetingInstance) (*types.MeetingInstance, error) {
	if i.Op == zoom.GetPastMeeting.Pattern {
		return i, nil
	}
	return s.instances().Load(ctx, string(i.UUID))
}

// participants reads the participants of an instance from the cheapest source that has the
// selected fields. Data that are late or too old are a state, not an error.
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

// readParticipants reads the participants of an instance from a source. Fields that the source
// lacks are read from another one if free: the caller did not choose the source.
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

// stateOf returns the state that an error stands for; "" for any other error.
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

// late reports whether Zoom may not have the data yet of an instance that has ended.
func late(ctx context.Context, ended types.Time) bool {
	until := ended.Add(zoom.ReportLag)
	if !time.Now().Before(until) {
		return false
	}
	zoom.ValidUntil(ctx, until)
	return true
}

// stateOfNone returns why Zoom has no participants of an instance, although the host was one:
// it is too early, or Zoom has no list of so few.
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

// participantUser returns the user of a stay: by id if the person was signed in, or else by
// e-mail address; none for a guest.
func (s *scope) participantUser(ctx context.Context, p *types.Participant) (*types.User, error) {
	return orNil(s.user(ctx, string(participantName(p))))
}

func instanceHost(i *types.MeetingInstance) types.Text { return cmp.Or(i.HostZoomID, i.HostEmail) }

func participantName(p *types.Participant) types.Text {
	return cmp.Or(p.ParticipantUserID, p.ZoomID, p.Email)
}

// participantRegistrant returns the registration of a stay. It is one of the meeting, whose
// number is read if the instance was named by its UUID.
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

// known returns the number of an instance's meeting or webinar if the name of the instance or
// an object above the field of ctx has it. It ignores objects that sibling fields have read,
// since their order varies.
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

// instanceIn returns the name of the instance of an object, which a field returned or which is
// an item of its list, and the number of its meeting or webinar, as far as the object has them.
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

// numberOf returns the number of an instance's meeting.
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

// summary returns the summary of an instance. Zoom accepts only the instance's UUID for it.
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

// instanceList returns a page of the instances of a meeting, newest first, each whole if more
// than its UUID and time is selected. Zoom returns all at once, in no documented order.
func (s *scope) instanceList(ctx context.Context, filter zoom.InstanceFilter, first int, after *string) (*types.Connection[types.MeetingInstance], error) {
	if err := list.Sized(first); err != nil {
		return nil, err
	}
	if err := list.Ordered(filter.From, filter.To); err != nil {
		return nil, err
	}
	instances, of, err := s.instancesOf(ctx, filter)
	if err != nil {
		return nil, err
	}
	newestFirst(instances, func(i *types.MeetingInstance) types.Time { return i.StartTime })
	question := fmt.Sprint("instances of ", filter.MeetingID, filter.From, filter.To)
	return list.CutAs(ctx, instances, of, first, after, list.FingerprintOf(s.client.Tenant(), question), func(page []*types.MeetingInstance) []*types.MeetingInstance {
		return complete(ctx, page, needsOfNodes(ctx, "MeetingInstance"), s.wholeInstances(ctx))
	})
}

// newestFirst sorts instances by their start. One without a start keeps its place.
func newestFirst[T any](runs []*T, began func(*T) types.Time) {
	timed := slices.DeleteFunc(slices.Clone(runs), func(run *T) bool { return began(run).IsZero() })
	slices.SortStableFunc(timed, func(a, b *T) int { return began(b).Compare(began(a).Time) })
	for i, run := range runs {
		if !began(run).IsZero() {
			runs[i], timed = timed[0], timed[1:]
		}
	}
}

// instancesOf reads the instances of a meeting. The list is the caller's own.
func (s *scope) instancesOf(ctx context.Context, filter zoom.InstanceFilter) ([]*types.MeetingInstance, types.Completeness, error) {
	return list.List[zoom.InstanceFilter, types.MeetingInstance]{Client: s.client, Op: zoom.ListInstances, Windows: list.Uncut(filter)}.Whole(ctx, list.MaxFirst)
}

// webinarInstancesOf is instancesOf for a webinar.
func (s *scope) webinarInstancesOf(ctx context.Context, number types.MeetingNumber) ([]*types.WebinarReport, types.Completeness, error) {
	key := zoom.WebinarKey{WebinarID: number}
	return list.List[zoom.WebinarKey, types.WebinarReport]{Client: s.client, Op: zoom.ListWebinarInstances, Windows: list.Uncut(key)}.Whole(ctx, list.MaxFirst)
}

// webinarInstance returns the name of a webinar's instance: its UUID if that is known, since
// another one may have become the latest.
func webinarInstance(w *types.WebinarReport) string {
	if w.UUID != "" {
		return string(w.UUID)
	}
	return w.Run
}

// pastMeetingRows reads a page of the report on a user, month by month, newest first: the
// list, and the part of it, which is nil if none was read.
func (s *scope) pastMeetingRows(ctx context.Context, filter zoom.PastMeetingFilter, first int, after *string) (l list.List[zoom.PastMeetingFilter, types.PastMeeting], part *list.Slice[types.PastMeeting], err error) {
	l = list.List[zoom.PastMeetingFilter, types.PastMeeting]{Client: s.client, Op: zoom.ListPastMeetings, First: first, After: after}
	if l.Windows, err = list.Monthly(ctx, l.Op.Spec, filter, after); err != nil {
		return l, nil, err
	}
	part, err = readList(ctx, l)
	return l, part, err
}

// pastMeetings reads the instances that a user hosted, month by month, newest first.
func (s *scope) pastMeetings(ctx context.Context, filter zoom.PastMeetingFilter, first int, after *string) (*types.Connection[types.MeetingInstance], error) {
	l, part, err := s.pastMeetingRows(ctx, filter, first, after)
	if part == nil {
		return nil, err
	}
	instances := make([]*types.MeetingInstance, len(part.Items))
	for i, row := range part.Items {
		instances[i] = &row.Instance
	}
	instances = complete(ctx, instances, needsOfNodes(ctx, "MeetingInstance"), s.wholeInstances(ctx))
	for i, row := range part.Items {
		if instances[i].Row == nil { // it was read again, and only the row has the report
			whole := *instances[i]
			whole.Row = &row.Report
			instances[i] = &whole
		}
	}
	return list.Connection(ctx, l, part, err, instances), nil
}
