package graph

import (
	"cmp"
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// qosKey names a stay by its instance and its id there. whole requests the fields that lists do
// not have.
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

// anyPastKey is instanceKey for the operations that have the types past and live only.
func anyPastKey(instance types.DashboardRun) zoom.RunKey {
	if instance.Kind == types.DashboardMeetingTypePastOne {
		instance.Kind = types.DashboardMeetingTypePast
	}
	return instanceKey(instance)
}

// instanceFilter is the filter of a list of instances.
type instanceFilter struct {
	kind             types.DashboardMeetingType
	from, to         *types.Date
	groups           []string
	withParticipants *bool
	dateType         *types.DashboardDateType
}

// windows returns the filters that together cover the range. Live instances have no range of
// the caller's, but Zoom requires one, and a live meeting may have begun yesterday.
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

// wholeDashboardMeetings returns a function that reads instances with the fields that lists lack.
func (s *scope) wholeDashboardMeetings(ctx context.Context) func([]*types.DashboardMeeting) []zoom.Found[types.DashboardMeeting] {
	return func(lacking []*types.DashboardMeeting) []zoom.Found[types.DashboardMeeting] {
		keys := make([]types.DashboardRun, len(lacking))
		for i, m := range lacking {
			keys[i] = m.Run
		}
		return s.dashboardMeetings().LoadMany(ctx, keys)
	}
}

// onKey reports whether an instance is not read, because only its UUID and edges are selected.
func onKey(ctx context.Context, instance types.DashboardRun, typeName string) bool {
	_, err := types.ParseMeetingNumber(instance.Name)
	want := needsOf(ctx, typeName)
	return want.KeyOnly() && (err != nil || !want.Key)
}

// uuidOf returns the UUID of an instance that is named by it; "" for one that is named by a
// number.
func uuidOf(instance types.DashboardRun) types.UUID {
	if _, err := types.ParseMeetingNumber(instance.Name); err == nil {
		return ""
	}
	return types.UUID(instance.Name)
}

// dashboardMeeting returns an instance with the fields that are selected.
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

// wholeDashboardMeeting returns an instance with the fields that its edges need.
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

// numberOfInstance returns the number of an instance's meeting; 0 if Zoom has none. It reads
// the past meeting of an instance that is over, which is cheaper than the dashboard.
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

// webinarOfInstance returns the number of an instance's webinar; 0 if Zoom has none.
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

// concat joins the lists of several answers.
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

// dashboardParticipants reads the participants of an instance. Zoom adds registrations on
// request, and only once the instance is over.
func (s *scope) dashboardParticipants(ctx context.Context, instance types.DashboardRun, first int, after *string) (*types.Connection[types.DashboardParticipant], error) {
	filter := zoom.RunParticipants{RunKey: instanceKey(instance)}
	want := needsOfNodes(ctx, "DashboardParticipant").Names
	if (want["registrantId"] || want["registrant"]) && instance.Kind != types.DashboardMeetingTypeLive {
		filter.IncludeFields = "registrant_id"
	}
	page, err := connect(ctx, list.List[zoom.RunParticipants, types.DashboardParticipant]{
		Client: s.client, Op: zoom.RunsOf(instance.Webinar).Participants, Windows: list.Unnamed(filter, zoom.RunParticipants{RunKey: filter.RunKey}), First: first, After: after,
	})
	if page != nil {
		directory.SameOf(ctx, s.directory(), page.Nodes(), func(p *types.DashboardParticipant) (id, email types.Text) {
			return cmp.Or(p.ParticipantUserID, p.ZoomID), p.Email
		})
	}
	return page, err
}

// qosList reads the connections of an instance. Fields that only the call for one participant
// has, which exists for meetings only, are read one by one.
func (s *scope) qosList(ctx context.Context, instance types.DashboardRun, first int, after *string) (*types.Connection[types.ParticipantQos], error) {
	l := list.List[zoom.RunKey, types.ParticipantQos]{
		Client: s.client, Op: zoom.RunsOf(instance.Webinar).QosList, Windows: list.Uncut(anyPastKey(instance)), First: first, After: after,
	}
	if instance.Webinar {
		return connect(ctx, l)
	}
	return connectWhole(ctx, l, "ParticipantQos", func(lacking []*types.ParticipantQos) []zoom.Found[types.ParticipantQos] {
		keys := make([]qosKey, len(lacking))
		for i, q := range lacking {
			keys[i] = qosKey{instance, string(q.InMeetingID), true}
		}
		return batchesOf(s, figures, s.findQos).LoadMany(ctx, keys)
	})
}

func (s *scope) feedback(ctx context.Context, instance types.DashboardRun, first int, after *string) (*types.Connection[types.ParticipantFeedback], error) {
	return connect(ctx, list.List[zoom.RunKey, types.ParticipantFeedback]{
		Client: s.client, Op: zoom.RunsOf(instance.Webinar).Feedback, Windows: list.Uncut(instanceKey(instance)), First: first, After: after,
	})
}

func (s *scope) sharing(ctx context.Context, instance types.DashboardRun, first int, after *string) (*types.Connection[types.ParticipantSharing], error) {
	return connect(ctx, list.List[zoom.RunKey, types.ParticipantSharing]{
		Client: s.client, Op: zoom.RunsOf(instance.Webinar).Sharing, Windows: list.Uncut(anyPastKey(instance)), First: first, After: after,
	})
}

// qosOf returns the quality figures of a stay by its id within the instance.
func (s *scope) qosOf(ctx context.Context, instance types.DashboardRun, id string) (*types.ParticipantQos, error) {
	if id == "" {
		return nil, nil
	}
	whole := !instance.Webinar && needsOf(ctx, "ParticipantQos").Lacks(zoom.MeetingRuns.QosList.Pattern)
	qos, err := orNil(batchesOf(s, figures, s.findQos).Load(ctx, qosKey{instance, id, whole}))
	return alone(ctx, qos, "ParticipantQos"), err
}

// qosParticipant returns the stay of quality figures.
func (s *scope) qosParticipant(ctx context.Context, q *types.ParticipantQos) (*types.DashboardParticipant, error) {
	if q.InMeetingID == "" {
		return nil, nil
	}
	want := needsOf(ctx, "DashboardParticipant").Names
	registrant := want["registrantId"] || want["registrant"]
	stay, err := orNil(batchesOf(s, stays, s.findStays).Load(ctx, qosKey{q.Run, string(q.InMeetingID), registrant}))
	return alone(ctx, stay, "DashboardParticipant"), err
}

// dashboardRegistrant returns the registration of a stay.
func (s *scope) dashboardRegistrant(ctx context.Context, p *types.DashboardParticipant) (*types.Registrant, error) {
	if p.RegistrantID == "" {
		return nil, nil
	}
	number := s.numberOfInstance
	if p.Run.Webinar {
		number = s.webinarOfInstance
	}
	of, err := number(ctx, p.Run)
	if err != nil {
		return nil, err
	}
	return orNil(s.registrant(ctx, zoom.RegistrantsOf{Number: of, Webinar: p.Run.Webinar}, string(p.RegistrantID)))
}

// findQos finds a batch, instance by instance.
func (s *scope) findQos(ctx context.Context, keys []qosKey) []zoom.Found[types.ParticipantQos] {
	return batch.Grouped(ctx, keys, qosKey.ofInstance, func(g qosKey, keys []qosKey) []zoom.Found[types.ParticipantQos] {
		return zoom.FindQos(ctx, s.client, anyPastKey(g.instance), g.instance.Webinar, stayIDs(keys), g.whole)
	})
}

// findStays finds a batch, instance by instance.
func (s *scope) findStays(ctx context.Context, keys []qosKey) []zoom.Found[types.DashboardParticipant] {
	return batch.Grouped(ctx, keys, qosKey.ofInstance, func(g qosKey, keys []qosKey) []zoom.Found[types.DashboardParticipant] {
		filter := zoom.RunParticipants{RunKey: instanceKey(g.instance)}
		if g.whole && g.instance.Kind != types.DashboardMeetingTypeLive { // with the registration
			filter.IncludeFields = "registrant_id"
		}
		return zoom.FindStays(ctx, s.client, filter, g.instance.Webinar, stayIDs(keys))
	})
}

// ofInstance is the key that all stays of an instance have in common.
func (k qosKey) ofInstance() qosKey {
	k.id = ""
	return k
}

func stayIDs(keys []qosKey) []string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.id
	}
	return ids
}

// rooms finds Zoom Rooms. Zoom requires days for the meetings held in the room. A selection of
// the room alone reads today's, so that selecting these too costs no other call.
func (s *scope) rooms() *batch.Loader[string, zoom.ZoomRoom] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, id string) (*zoom.ZoomRoom, error) {
		return zoom.ZoomRoomOn(ctx, s.client, id, list.Days(list.Today(ctx), list.Today(ctx)))
	}))
}

// zoomRoom returns the room of an id with the fields that are selected.
func (s *scope) zoomRoom(ctx context.Context, id string) (*types.DashboardZoomRoom, error) {
	id, err := argument.NonEmpty("zoomId", id)
	if err != nil {
		return nil, err
	}
	if needsOf(ctx, "DashboardZoomRoom").KeyOnly() {
		return &types.DashboardZoomRoom{Origin: s.origin(), ZoomID: types.Text(id)}, nil
	}
	room, err := orNil(s.rooms().Load(ctx, id))
	if room == nil {
		return nil, err
	}
	if room.LiveMeeting != nil {
		notReturned(ctx, needsOf(ctx, "DashboardMeeting", "liveMeeting"), room.LiveMeeting.Op)
	}
	return alone(ctx, &room.DashboardZoomRoom, "DashboardZoomRoom"), nil
}

// zoomRooms lists the rooms, each whole if fields are selected that lists do not have.
func (s *scope) zoomRooms(ctx context.Context, first int, after *string) (*types.Connection[types.DashboardZoomRoom], error) {
	l := list.List[struct{}, types.DashboardZoomRoom]{Client: s.client, Op: zoom.ListZoomRooms, Windows: list.Uncut(struct{}{}), First: first, After: after}
	page, err := connectWhole(ctx, l, "DashboardZoomRoom", func(lacking []*types.DashboardZoomRoom) []zoom.Found[types.DashboardZoomRoom] {
		keys := make([]string, len(lacking))
		for i, r := range lacking {
			keys[i] = string(r.ZoomID)
		}
		found := make([]zoom.Found[types.DashboardZoomRoom], len(lacking))
		for i, f := range s.rooms().LoadMany(ctx, keys) {
			if found[i].Err = f.Err; f.Object != nil {
				room := f.Object.DashboardZoomRoom
				room.LocationZoomID = lacking[i].LocationZoomID // only lists have it
				found[i].Object = &room
			}
		}
		return found
	})
	if page == nil {
		return nil, err
	}
	for _, room := range page.Nodes() {
		if room.LiveMeeting != nil {
			notReturned(ctx, needsOf(ctx, "DashboardMeeting", "nodes.liveMeeting", "edges.node.liveMeeting"), room.LiveMeeting.Op)
			break
		}
	}
	return page, err
}

// zoomRoomMeetings lists the meetings that were held in a room.
func (s *scope) zoomRoomMeetings(ctx context.Context, filter zoom.ZoomRoomFilter, first int, after *string) (*types.Connection[types.DashboardMeeting], error) {
	windows, err := list.Monthly(ctx, zoom.GetZoomRoom.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.ZoomRoomFilter, types.DashboardMeeting]{Client: s.client, Op: zoom.ListZoomRoomMeetings, Windows: windows, First: first, After: after}
	return connectWhole(ctx, l, "DashboardMeeting", s.wholeDashboardMeetings(ctx))
}
