package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// qosKey names a stay by its instance and its id there. whole asks for what lists do
// not hold.
type qosKey struct {
	instance types.DashboardRun
	id       string
	whole    bool
}

func (s *scope) dashboardMeetings() *batch.Loader[types.DashboardRun, types.DashboardMeeting] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, instance types.DashboardRun) (*types.DashboardMeeting, error) {
		return zoom.GetDashboardMeeting.Do(ctx, s.client, instanceKey(instance))
	}))
}

func (s *scope) dashboardWebinars() *batch.Loader[types.DashboardRun, types.DashboardWebinar] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, instance types.DashboardRun) (*types.DashboardWebinar, error) {
		return zoom.GetDashboardWebinar.Do(ctx, s.client, instanceKey(instance))
	}))
}

func instanceKey(instance types.DashboardRun) zoom.RunKey {
	return zoom.RunKey{Run: instance.Name, Type: instance.Kind}
}

// anyPastKey is instanceKey for the operations that know past and live alone.
func anyPastKey(instance types.DashboardRun) zoom.RunKey {
	if instance.Kind == types.DashboardMeetingTypePastOne {
		instance.Kind = types.DashboardMeetingTypePast
	}
	return instanceKey(instance)
}

// instanceFilter is what a list of instances is asked by.
type instanceFilter struct {
	kind             types.DashboardMeetingType
	from, to         *types.Date
	groups           []string
	withParticipants *bool
	dateType         *types.DashboardDateType
}

// windows returns the filters that together ask for the range. What goes on now
// has no range of the caller's; Zoom wants one all the same, and a meeting may
// have begun yesterday.
func (f instanceFilter) windows(ctx context.Context, op *zoom.Spec, after *string) (list.Windows[zoom.DashboardFilter], error) {
	groups, err := argument.Items("groupIds", f.groups)
	if err != nil {
		return list.Windows[zoom.DashboardFilter]{}, err
	}
	filter := zoom.DashboardFilter{
		Type: f.kind, GroupIDs: groups, WithParticipants: deref(f.withParticipants), DateType: deref(f.dateType),
	}
	if f.kind == types.DashboardMeetingTypeLive {
		if f.from != nil || f.to != nil || f.dateType != nil {
			return list.Windows[zoom.DashboardFilter]{}, errs.Invalid("from, to, dateType: they go with what is over; what is LIVE is live now")
		}
		begun := list.BegunOn(ctx, after)
		w := list.Windows[zoom.DashboardFilter]{Asked: filter, Day: list.DayOf(begun), Live: true}
		filter.Days = list.Days(begun.AddDate(0, 0, -1), begun)
		w.Cut = []zoom.DashboardFilter{filter}
		return w, nil
	}
	if f.from == nil || f.to == nil {
		return list.Windows[zoom.DashboardFilter]{}, errs.Invalid("from, to: both have to be there for what is over")
	}
	filter.Days = zoom.Days{From: *f.from, To: *f.to}
	return list.Monthly(ctx, op, filter, after)
}

func (s *scope) listDashboardMeetings(ctx context.Context, f instanceFilter, first int, after *string) (*types.Connection[types.DashboardMeeting], error) {
	filters, err := f.windows(ctx, zoom.ListDashboardMeetings.Spec, after)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.DashboardMeetingFilter, types.DashboardMeeting]{Client: s.client, Op: zoom.ListDashboardMeetings, First: first, After: after}
	include := ""
	if needsOfNodes(ctx, "DashboardMeeting").Names["trackingFields"] {
		include = "tracking_fields"
	}
	l.Windows.Asked.DashboardFilter, l.Windows.Day, l.Windows.Live = filters.Asked, filters.Day, filters.Live
	for _, filter := range filters.Cut {
		l.Windows.Cut = append(l.Windows.Cut, zoom.DashboardMeetingFilter{DashboardFilter: filter, IncludeFields: include})
	}
	return connectWhole(ctx, l, "DashboardMeeting", s.wholeDashboardMeetings(ctx))
}

func (s *scope) listDashboardWebinars(ctx context.Context, f instanceFilter, first int, after *string) (*types.Connection[types.DashboardWebinar], error) {
	filters, err := f.windows(ctx, zoom.ListDashboardWebinars.Spec, after)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.DashboardFilter, types.DashboardWebinar]{Client: s.client, Op: zoom.ListDashboardWebinars, Windows: filters, First: first, After: after}
	return connectWhole(ctx, l, "DashboardWebinar", func(lacking []*types.DashboardWebinar) []zoom.Found[types.DashboardWebinar] {
		keys := make([]types.DashboardRun, len(lacking))
		for i, w := range lacking {
			keys[i] = w.Run
		}
		return s.dashboardWebinars().LoadMany(ctx, keys)
	})
}

// wholeDashboardMeetings returns the way to what lists of instances lack.
func (s *scope) wholeDashboardMeetings(ctx context.Context) func([]*types.DashboardMeeting) []zoom.Found[types.DashboardMeeting] {
	return func(lacking []*types.DashboardMeeting) []zoom.Found[types.DashboardMeeting] {
		keys := make([]types.DashboardRun, len(lacking))
		for i, m := range lacking {
			keys[i] = m.Run
		}
		return s.dashboardMeetings().LoadMany(ctx, keys)
	}
}

// onKey reports whether an instance needs no reading, because nothing but its UUID and
// its edges are asked for.
func onKey(ctx context.Context, instance types.DashboardRun, typeName string) bool {
	_, err := types.ParseMeetingNumber(instance.Name)
	want := needsOf(ctx, typeName)
	return want.KeyOnly() && (err != nil || !want.Key)
}

// uuidOf returns the UUID that an instance is named by, if it is.
func uuidOf(instance types.DashboardRun) types.UUID {
	if _, err := types.ParseMeetingNumber(instance.Name); err == nil {
		return ""
	}
	return types.UUID(instance.Name)
}

// dashboardMeeting returns an instance, with what the field of ctx asks of it.
func (s *scope) dashboardMeeting(ctx context.Context, name string, kind types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	instance := types.DashboardRun{Name: name, Kind: kind}
	if onKey(ctx, instance, "DashboardMeeting") {
		return &types.DashboardMeeting{Origin: s.origin(), Run: instance, UUID: uuidOf(instance)}, nil
	}
	m, err := orNil(s.dashboardMeetings().Load(ctx, instance))
	return alone(ctx, m, "DashboardMeeting"), err
}

// dashboardWebinar is dashboardMeeting for webinars.
func (s *scope) dashboardWebinar(ctx context.Context, name string, kind types.DashboardWebinarType) (*types.DashboardWebinar, error) {
	instance := types.DashboardRun{Name: name, Kind: types.DashboardMeetingType(kind), Webinar: true}
	if onKey(ctx, instance, "DashboardWebinar") {
		return &types.DashboardWebinar{Origin: s.origin(), Run: instance, UUID: uuidOf(instance)}, nil
	}
	w, err := orNil(s.dashboardWebinars().Load(ctx, instance))
	return alone(ctx, w, "DashboardWebinar"), err
}

// wholeDashboardMeeting returns an instance with the fields that its edges hang on.
func (s *scope) wholeDashboardMeeting(ctx context.Context, m *types.DashboardMeeting) (*types.DashboardMeeting, error) {
	if m.Op != "" {
		return m, nil
	}
	return s.dashboardMeetings().Load(ctx, m.Run)
}

// wholeDashboardWebinar is wholeDashboardMeeting for webinars.
func (s *scope) wholeDashboardWebinar(ctx context.Context, w *types.DashboardWebinar) (*types.DashboardWebinar, error) {
	if w.Op != "" {
		return w, nil
	}
	return s.dashboardWebinars().Load(ctx, w.Run)
}

// numberOfInstance returns the number of the meeting that is or was run; 0 where that
// is not known to Zoom. Of an instance that is over, the past meeting tells it, which
// is cheaper than the dashboard.
func (s *scope) numberOfInstance(ctx context.Context, instance types.DashboardRun) (types.MeetingNumber, error) {
	if instance.Kind != types.DashboardMeetingTypeLive {
		return s.numberOf(ctx, instance.Name)
	}
	if number, err := types.ParseMeetingNumber(instance.Name); err == nil {
		return number, nil
	}
	m, err := orNil(s.dashboardMeetings().Load(ctx, instance))
	if m == nil {
		return 0, err
	}
	return m.Number, nil
}

// webinarOfInstance returns the number of the webinar that is or was run; 0 where that
// is not known to Zoom.
func (s *scope) webinarOfInstance(ctx context.Context, instance types.DashboardRun) (types.MeetingNumber, error) {
	if number, ok := known(ctx, instance.Name); ok {
		return number, nil
	}
	w, err := orNil(s.dashboardWebinars().Load(ctx, instance))
	if w == nil {
		return 0, err
	}
	return w.Number, nil
}

// concat puts what several answers list into one list.
func concat[Out, T any](answers []*Out, err error, days func(*Out) []*T) ([]*T, error) {
	if err != nil {
		return nil, err
	}
	all := []*T{}
	for _, a := range answers {
		all = append(all, days(a)...)
	}
	return all, nil
}
