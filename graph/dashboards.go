package graph

import (
	"cmp"
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/graph-gophers/dataloader/v7"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// dashboards are the loaders of what the dashboard tells one by one.
type dashboards struct {
	byMeeting lazy[types.DashboardRun, types.DashboardMeeting]
	byWebinar lazy[types.DashboardRun, types.DashboardWebinar]
	byRoom    lazy[string, zoom.ZoomRoom]
	byQos     lazy[qosKey, types.ParticipantQos]
	byStay    lazy[qosKey, types.DashboardParticipant]
}

// qosKey names a stay by its run and its id there. whole asks for what lists do
// not hold.
type qosKey struct {
	run   types.DashboardRun
	id    string
	whole bool
}

func (s *scope) dashboardMeetings() *dataloader.Loader[types.DashboardRun, *types.DashboardMeeting] {
	return s.dashboards.byMeeting.get(each(func(ctx context.Context, run types.DashboardRun) (*types.DashboardMeeting, error) {
		return zoom.GetDashboardMeeting.Do(ctx, s.client, runKey(run))
	}))
}

func (s *scope) dashboardWebinars() *dataloader.Loader[types.DashboardRun, *types.DashboardWebinar] {
	return s.dashboards.byWebinar.get(each(func(ctx context.Context, run types.DashboardRun) (*types.DashboardWebinar, error) {
		return zoom.GetDashboardWebinar.Do(ctx, s.client, runKey(run))
	}))
}

func runKey(run types.DashboardRun) zoom.RunKey { return zoom.RunKey{Run: run.Name, Type: run.Kind} }

// anyPastKey is runKey for the operations that know past and live alone.
func anyPastKey(run types.DashboardRun) zoom.RunKey {
	if run.Kind == types.DashboardMeetingTypePastOne {
		run.Kind = types.DashboardMeetingTypePast
	}
	return runKey(run)
}

// dashboardMonths is how far back the dashboard goes.
//
// Source: GET /metrics/meetings.
const dashboardMonths = 6

func thisDay() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// kept returns the part of a range that Zoom still keeps, if that is some
// months. What it keeps no more is told as an error: alone, or beside the rest.
func kept(ctx context.Context, op string, from, to types.Date) (span, error) {
	if err := ordered(from, to); err != nil {
		return span{}, err
	}
	days, oldest := span{from.Time, to.Time}, thisDay().AddDate(0, -dashboardMonths, 0)
	expired := &zoom.Error{Op: op, Kind: zoom.ErrExpired}
	if days.to.Before(oldest) {
		return span{}, expired
	}
	if days.from.Before(oldest) {
		graphql.AddError(ctx, expired)
		days.from = oldest
	}
	return days, nil
}

// month is kept for figures that Zoom adds up, for a month at most: two months'
// sums do not make one.
func month(ctx context.Context, op string, from, to types.Date) (zoom.DashboardDays, error) {
	if err := ordered(from, to); err != nil {
		return zoom.DashboardDays{}, err
	}
	if to.After(from.AddDate(0, 1, 0)) {
		return zoom.DashboardDays{}, invalid("from, to: Zoom adds up a month at most")
	}
	kept, err := kept(ctx, op, from, to)
	return kept.days(), err
}

// inMonth asks for figures that Zoom adds up.
func inMonth[Out any](ctx context.Context, op zoom.Op[zoom.DashboardDays, Out], s *scope, from, to types.Date) (*Out, error) {
	days, err := month(ctx, op.Pattern, from, to)
	if err != nil {
		return nil, err
	}
	return op.Do(ctx, s.client, days)
}

func (s span) days() zoom.DashboardDays {
	return zoom.DashboardDays{From: types.Date{Time: s.from}, To: types.Date{Time: s.to}}
}

// windows cuts a range that is longer than Zoom takes at once into months.
func windows(s span) []zoom.DashboardDays {
	spans := []span{s}
	if s.to.After(s.from.AddDate(0, 1, 0)) {
		spans = months(s.from, s.to)
	}
	all := make([]zoom.DashboardDays, len(spans))
	for i, one := range spans {
		all[i] = one.days()
	}
	return all
}

// byMonth asks about a range month by month, all at once, and returns the
// answers oldest first. One that fails fails all.
func byMonth[Out any](ctx context.Context, op zoom.Op[zoom.DashboardDays, Out], s *scope, from, to types.Date) ([]*Out, error) {
	days, err := kept(ctx, op.Pattern, from, to)
	if err != nil {
		return nil, err
	}
	all := windows(days)
	found := each(func(ctx context.Context, days zoom.DashboardDays) (*Out, error) { return op.Do(ctx, s.client, days) })(ctx, all)
	answers := make([]*Out, len(found))
	for i, f := range found {
		if f.Err != nil {
			return nil, f.Err
		}
		answers[len(found)-1-i] = f.Object
	}
	return answers, nil
}

// runFilter is what a list of runs is asked by.
type runFilter struct {
	kind             types.DashboardMeetingType
	from, to         *types.Date
	groups           []string
	withParticipants *bool
	dateType         *types.DashboardDateType
}

// windows returns the filters that together ask for the range. What goes on now
// has no range of the caller's; Zoom wants one all the same, and a meeting may
// have begun yesterday.
func (f runFilter) windows(ctx context.Context, op, includeFields string) ([]zoom.DashboardFilter, error) {
	filter := zoom.DashboardFilter{
		Type: f.kind, GroupIDs: f.groups, WithParticipants: deref(f.withParticipants),
		DateType: deref(f.dateType), IncludeFields: includeFields,
	}
	if f.kind == types.DashboardMeetingTypeLive {
		if f.from != nil || f.to != nil || f.dateType != nil {
			return nil, invalid("from, to, dateType: they go with what is over; what is LIVE is live now")
		}
		filter.DashboardDays = span{thisDay().AddDate(0, 0, -1), thisDay()}.days()
		return []zoom.DashboardFilter{filter}, nil
	}
	if f.from == nil || f.to == nil {
		return nil, invalid("from, to: both have to be there for what is over")
	}
	days, err := kept(ctx, op, *f.from, *f.to)
	if err != nil {
		return nil, err
	}
	var all []zoom.DashboardFilter
	for _, filter.DashboardDays = range windows(days) {
		all = append(all, filter)
	}
	return all, nil
}

func (s *scope) listDashboardMeetings(ctx context.Context, f runFilter, first int, after *string) (*types.Connection[types.DashboardMeeting], error) {
	include := ""
	if askedOfList(ctx, "DashboardMeeting").names["trackingFields"] {
		include = "tracking_fields"
	}
	filters, err := f.windows(ctx, zoom.ListDashboardMeetings.Pattern, include)
	if err != nil {
		return nil, err
	}
	l := list[zoom.DashboardFilter, types.DashboardMeeting]{in: s, op: zoom.ListDashboardMeetings, windows: filters, first: first, after: after}
	return connectWhole(ctx, l, "DashboardMeeting", s.wholeDashboardMeetings(ctx))
}

func (s *scope) listDashboardWebinars(ctx context.Context, f runFilter, first int, after *string) (*types.Connection[types.DashboardWebinar], error) {
	filters, err := f.windows(ctx, zoom.ListDashboardWebinars.Pattern, "")
	if err != nil {
		return nil, err
	}
	l := list[zoom.DashboardFilter, types.DashboardWebinar]{in: s, op: zoom.ListDashboardWebinars, windows: filters, first: first, after: after}
	return connectWhole(ctx, l, "DashboardWebinar", func(lacking []*types.DashboardWebinar) []zoom.Found[types.DashboardWebinar] {
		keys := make([]types.DashboardRun, len(lacking))
		for i, w := range lacking {
			keys[i] = w.Run
		}
		return loadMany(s.dashboardWebinars().LoadMany(ctx, keys))
	})
}

// connectWhole is connect for objects that lists do not hold whole.
func connectWhole[In, T any, P sourced[T]](ctx context.Context, l list[In, T], typeName string, whole func([]*T) []zoom.Found[T]) (*types.Connection[T], error) {
	part, err := l.read(ctx)
	if part == nil {
		return nil, err
	}
	return connection(ctx, l, part, err, complete[T, P](ctx, part.items, askedOfList(ctx, typeName), whole)), nil
}

// wholeDashboardMeetings returns the way to what lists of runs lack. What only
// lists hold is kept.
func (s *scope) wholeDashboardMeetings(ctx context.Context) func([]*types.DashboardMeeting) []zoom.Found[types.DashboardMeeting] {
	return func(lacking []*types.DashboardMeeting) []zoom.Found[types.DashboardMeeting] {
		keys := make([]types.DashboardRun, len(lacking))
		for i, m := range lacking {
			keys[i] = m.Run
		}
		found := loadMany(s.dashboardMeetings().LoadMany(ctx, keys))
		for i, f := range found {
			if f.Object != nil {
				found[i].Object = joined(lacking[i], f.Object)
			}
		}
		return found
	}
}

func joined(listed, whole *types.DashboardMeeting) *types.DashboardMeeting {
	m := *whole
	m.AudioQuality, m.VideoQuality, m.ScreenShareQuality = listed.AudioQuality, listed.VideoQuality, listed.ScreenShareQuality
	m.SessionKey, m.TrackingFields = listed.SessionKey, listed.TrackingFields
	return &m
}

func runName(by types.DashboardRunBy) string {
	if by.UUID != nil {
		return string(*by.UUID)
	}
	return by.Number.String()
}

// onKey reports whether a run needs no reading, because nothing but its UUID and
// its edges are asked for.
func onKey(ctx context.Context, run types.DashboardRun, typeName string) bool {
	_, err := types.ParseMeetingNumber(run.Name)
	want := askedOf(ctx, typeName)
	return want.keyOnly() && (err != nil || !want.key)
}

// uuidOf returns the UUID that a run is named by, if it is.
func uuidOf(run types.DashboardRun) types.UUID {
	if _, err := types.ParseMeetingNumber(run.Name); err == nil {
		return ""
	}
	return types.UUID(run.Name)
}

// dashboardMeeting returns a run, with what the field of ctx asks of it.
func (s *scope) dashboardMeeting(ctx context.Context, name string, kind types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	run := types.DashboardRun{Name: name, Kind: kind}
	if onKey(ctx, run, "DashboardMeeting") {
		return &types.DashboardMeeting{Origin: s.origin(), Run: run, UUID: uuidOf(run)}, nil
	}
	return orNil(s.dashboardMeetings().Load(ctx, run)())
}

// dashboardWebinar is dashboardMeeting for webinars.
func (s *scope) dashboardWebinar(ctx context.Context, name string, kind types.DashboardWebinarType) (*types.DashboardWebinar, error) {
	run := types.DashboardRun{Name: name, Kind: types.DashboardMeetingType(kind), Webinar: true}
	if onKey(ctx, run, "DashboardWebinar") {
		return &types.DashboardWebinar{Origin: s.origin(), Run: run, UUID: uuidOf(run)}, nil
	}
	return orNil(s.dashboardWebinars().Load(ctx, run)())
}

// wholeDashboardMeeting returns a run with the fields that its edges hang on.
func (s *scope) wholeDashboardMeeting(ctx context.Context, m *types.DashboardMeeting) (*types.DashboardMeeting, error) {
	if m.Origin.Op != "" {
		return m, nil
	}
	return s.dashboardMeetings().Load(ctx, m.Run)()
}

// wholeDashboardWebinar is wholeDashboardMeeting for webinars.
func (s *scope) wholeDashboardWebinar(ctx context.Context, w *types.DashboardWebinar) (*types.DashboardWebinar, error) {
	if w.Origin.Op != "" {
		return w, nil
	}
	return s.dashboardWebinars().Load(ctx, w.Run)()
}

// knows notes which meeting's run a run is, for the registrations of those who
// were there.
func (s *scope) knows(run string, number types.MeetingNumber) {
	if number != 0 {
		s.runs.Store(run, number)
	}
}

// numberOfRun returns the number of the meeting that is or was run; 0 where that
// is not known to Zoom. Of a run that is over, the past meeting tells it, which
// is cheaper than the dashboard.
func (s *scope) numberOfRun(ctx context.Context, run types.DashboardRun) (types.MeetingNumber, error) {
	if run.Kind != types.DashboardMeetingTypeLive {
		return s.numberOf(ctx, run.Name)
	}
	if number, err := types.ParseMeetingNumber(run.Name); err == nil {
		return number, nil
	}
	m, err := orNil(s.dashboardMeetings().Load(ctx, run)())
	if m == nil {
		return 0, err
	}
	return m.Number, nil
}

// namedUser returns the user of the first name that is one, nobody for a guest.
func (s *scope) namedUser(ctx context.Context, names ...types.Text) (*types.User, error) {
	return orNil(s.user(ctx, string(cmp.Or(names...))))
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
