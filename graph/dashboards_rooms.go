package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// rooms finds Zoom Rooms. Zoom wants days for what was held in the room; those
// who ask for the room alone get today's, so that asking for these too costs
// nothing more.
func (s *scope) rooms() *batch.Loader[string, zoom.ZoomRoom] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, id string) (*zoom.ZoomRoom, error) {
		return zoom.ZoomRoomOn(ctx, s.client, id, list.Days(list.Today(ctx), list.Today(ctx)))
	}))
}

// zoomRoom returns the room of an id, with what the field of ctx asks of it.
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
		notTold(ctx, needsOf(ctx, "DashboardMeeting", "liveMeeting"), room.LiveMeeting.Op)
	}
	return alone(ctx, &room.DashboardZoomRoom, "DashboardZoomRoom"), nil
}

// zoomRooms lists the rooms, each whole if more is asked for than lists hold.
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
				room.LocationZoomID = lacking[i].LocationZoomID // lists alone hold it
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
			notTold(ctx, needsOf(ctx, "DashboardMeeting", "nodes.liveMeeting", "edges.node.liveMeeting"), room.LiveMeeting.Op)
			break
		}
	}
	return page, err
}

// zoomRoomMeetings lists what was held in a room.
func (s *scope) zoomRoomMeetings(ctx context.Context, filter zoom.ZoomRoomFilter, first int, after *string) (*types.Connection[types.DashboardMeeting], error) {
	windows, err := list.Monthly(ctx, zoom.GetZoomRoom.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	l := list.List[zoom.ZoomRoomFilter, types.DashboardMeeting]{Client: s.client, Op: zoom.ListZoomRoomMeetings, Windows: windows, First: first, After: after}
	return connectWhole(ctx, l, "DashboardMeeting", s.wholeDashboardMeetings(ctx))
}
