package graph

import (
	"context"

	"github.com/graph-gophers/dataloader/v7"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// rooms finds Zoom Rooms. Zoom wants days for what was held in the room; those
// who ask for the room alone get today's, so that asking for these too costs
// nothing more.
func (s *scope) rooms() *dataloader.Loader[string, *zoom.ZoomRoom] {
	return s.dashboards.byRoom.get(each(func(ctx context.Context, id string) (*zoom.ZoomRoom, error) {
		return zoom.ZoomRoomOn(ctx, s.client, id, span{thisDay(), thisDay()}.days())
	}))
}

// zoomRoom returns the room of an id, with what the field of ctx asks of it.
func (s *scope) zoomRoom(ctx context.Context, id string) (*types.DashboardZoomRoom, error) {
	id, err := nonEmpty("zoomId", id)
	if err != nil {
		return nil, err
	}
	if askedOf(ctx, "DashboardZoomRoom").keyOnly() {
		return &types.DashboardZoomRoom{Origin: s.origin(), ZoomID: types.Text(id)}, nil
	}
	room, err := orNil(s.rooms().Load(ctx, id)())
	if room == nil {
		return nil, err
	}
	return &room.DashboardZoomRoom, nil
}

// zoomRooms lists the rooms, each whole if more is asked for than lists hold.
func (s *scope) zoomRooms(ctx context.Context, first int, after *string) (*types.Connection[types.DashboardZoomRoom], error) {
	l := list[struct{}, types.DashboardZoomRoom]{in: s, op: zoom.ListZoomRooms, windows: make([]struct{}, 1), first: first, after: after}
	return connectWhole(ctx, l, "DashboardZoomRoom", func(lacking []*types.DashboardZoomRoom) []zoom.Found[types.DashboardZoomRoom] {
		keys := make([]string, len(lacking))
		for i, r := range lacking {
			keys[i] = string(r.ZoomID)
		}
		found := make([]zoom.Found[types.DashboardZoomRoom], len(lacking))
		for i, f := range loadMany(s.rooms().LoadMany(ctx, keys)) {
			if found[i].Err = f.Err; f.Object != nil {
				room := f.Object.DashboardZoomRoom
				room.LocationZoomID = lacking[i].LocationZoomID // lists alone hold it
				found[i].Object = &room
			}
		}
		return found
	})
}

// zoomRoomMeetings lists what was held in a room.
func (s *scope) zoomRoomMeetings(ctx context.Context, room string, from, to types.Date, first int, after *string) (*types.Connection[types.DashboardMeeting], error) {
	filters, err := roomWindows(ctx, zoom.GetZoomRoom.Pattern, room, from, to)
	if err != nil {
		return nil, err
	}
	l := list[zoom.ZoomRoomFilter, types.DashboardMeeting]{in: s, op: zoom.ListZoomRoomMeetings, windows: filters, first: first, after: after}
	return connectWhole(ctx, l, "DashboardMeeting", s.wholeDashboardMeetings(ctx))
}

// zoomRoomIssueEvents lists what went wrong with a room.
func (s *scope) zoomRoomIssueEvents(ctx context.Context, room string, from, to types.Date, first int, after *string) (*types.Connection[types.ZoomRoomIssueEvent], error) {
	filters, err := roomWindows(ctx, zoom.ListZoomRoomIssueEvents.Pattern, room, from, to)
	if err != nil {
		return nil, err
	}
	return connect(ctx, list[zoom.ZoomRoomFilter, types.ZoomRoomIssueEvent]{in: s, op: zoom.ListZoomRoomIssueEvents, windows: filters, first: first, after: after})
}

func roomWindows(ctx context.Context, op, room string, from, to types.Date) ([]zoom.ZoomRoomFilter, error) {
	days, err := kept(ctx, op, from, to)
	if err != nil {
		return nil, err
	}
	var filters []zoom.ZoomRoomFilter
	for _, window := range windows(days) {
		filters = append(filters, zoom.ZoomRoomFilter{RoomID: room, DashboardDays: window})
	}
	return filters, nil
}

// feedbackEntries lists who ticked an answer.
func (s *scope) feedbackEntries(ctx context.Context, id string, from, to types.Date, first int, after *string) (*types.Connection[types.ClientFeedbackEntry], error) {
	days, err := kept(ctx, zoom.ListClientFeedback.Pattern, from, to)
	if err != nil {
		return nil, err
	}
	l := list[zoom.ClientFeedbackFilter, types.ClientFeedbackEntry]{in: s, op: zoom.ListClientFeedback, first: first, after: after}
	for _, window := range windows(days) {
		l.windows = append(l.windows, zoom.ClientFeedbackFilter{FeedbackID: id, DashboardDays: window})
	}
	return connect(ctx, l)
}
