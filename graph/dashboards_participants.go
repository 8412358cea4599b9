package graph

import (
	"cmp"
	"context"

	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// dashboardParticipants reads who is or was in an instance. Zoom names registrations
// when it is asked to, and once the instance is over.
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

// qosList reads the connections of an instance. What only the call for one participant
// tells, and that of meetings alone, is asked for one by one.
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

// qosOf returns the figures of a stay by its id within the instance.
func (s *scope) qosOf(ctx context.Context, instance types.DashboardRun, id string) (*types.ParticipantQos, error) {
	if id == "" {
		return nil, nil
	}
	whole := !instance.Webinar && needsOf(ctx, "ParticipantQos").Lacks(zoom.MeetingRuns.QosList.Pattern)
	qos, err := orNil(batchesOf(s, figures, s.findQos).Load(ctx, qosKey{instance, id, whole}))
	return alone(ctx, qos, "ParticipantQos"), err
}

// qosParticipant returns the stay that figures are of.
func (s *scope) qosParticipant(ctx context.Context, q *types.ParticipantQos) (*types.DashboardParticipant, error) {
	if q.InMeetingID == "" {
		return nil, nil
	}
	want := needsOf(ctx, "DashboardParticipant").Names
	registrant := want["registrantId"] || want["registrant"]
	stay, err := orNil(batchesOf(s, stays, s.findStays).Load(ctx, qosKey{q.Run, string(q.InMeetingID), registrant}))
	return alone(ctx, stay, "DashboardParticipant"), err
}

// dashboardRegistrant returns the registration that a stay came by.
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
