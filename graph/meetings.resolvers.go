package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *endMeetingPayloadResolver) Meeting(ctx context.Context, obj *types.EndMeetingPayload) (*types.Meeting, error) {
	return of(ctx, obj).meeting(ctx, numberOf(obj.Target))
}

func (r *meetingResolver) Host(ctx context.Context, obj *types.Meeting) (*types.User, error) {
	if obj.HostZoomID == "" {
		whole, err := of(ctx, obj).wholeMeeting(ctx, obj.Number, false)
		if err != nil {
			return nil, err
		}
		obj = whole
	}
	return orNil(of(ctx, obj).user(ctx, string(obj.HostZoomID)))
}

func (r *meetingResolver) Registrants(ctx context.Context, obj *types.Meeting, first int, after *string, status types.RegistrantStatus, occurrenceID *string) (*types.Connection[types.Registrant], error) {
	if err := argument.Filled(map[string]*string{"occurrenceId": occurrenceID}); err != nil {
		return nil, err
	}
	filter := zoom.RegistrantFilter{MeetingID: obj.Number, Status: status, OccurrenceID: deref(occurrenceID)}
	return connect(ctx, list.List[zoom.RegistrantFilter, types.Registrant]{
		Client: of(ctx, obj).client, Op: zoom.ListRegistrants, Windows: list.Uncut(filter), First: first, After: after,
		Options: []zoom.Option{zoom.Secrets(needsOfNodes(ctx, "Registrant").Secrets)},
	})
}

func (r *meetingResolver) Registrant(ctx context.Context, obj *types.Meeting, by types.RegistrantBy) (*types.Registrant, error) {
	return of(ctx, obj).oneRegistrant(ctx, ofMeeting(obj.Number), by)
}

func (r *meetingResolver) Instances(ctx context.Context, obj *types.Meeting, first int, after *string, from *types.Date, to *types.Date) (*types.Connection[types.MeetingInstance], error) {
	filter := zoom.InstanceFilter{MeetingID: obj.Number, From: deref(from), To: deref(to)}
	return of(ctx, obj).instanceList(ctx, filter, first, after)
}

func (r *mutationResolver) CreateMeeting(ctx context.Context, input types.CreateMeetingInput) (*types.CreateMeetingPayload, error) {
	at, host, err := userTarget(ctx, nil, "host", input.Host)
	return write(ctx, at, err, func(p *types.CreateMeetingPayload) (err error) {
		p.Meeting, err = r.createMeeting(ctx, at, host, input)
		return err
	})
}

func (r *mutationResolver) UpdateMeeting(ctx context.Context, input types.UpdateMeetingInput) (*types.UpdateMeetingPayload, error) {
	at, m, err := occurrenceTarget(ctx, input.Meeting, input.OccurrenceID)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		return only(zoom.UpdateMeeting.Do(ctx, at.client, zoom.MeetingPatch{MeetingID: m.number, OccurrenceID: m.id, Patch: input.Patch}))
	})
}

func (r *mutationResolver) DeleteMeeting(ctx context.Context, input types.DeleteMeetingInput) (*types.DeleteMeetingPayload, error) {
	at, m, err := occurrenceTarget(ctx, input.Meeting, input.OccurrenceID)
	return write(ctx, at, err, func(*types.DeleteMeetingPayload) error {
		return only(zoom.DeleteMeeting.Do(ctx, at.client, zoom.MeetingRemoval{
			MeetingID: m.number, OccurrenceID: m.id,
			ScheduleForReminder: input.NotifyHosts, CancelMeetingReminder: input.NotifyRegistrants,
		}))
	})
}

func (r *mutationResolver) EndMeeting(ctx context.Context, input types.EndMeetingInput) (*types.EndMeetingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.EndMeetingPayload) error {
		return only(zoom.UpdateMeetingStatus.Do(ctx, at.client, zoom.MeetingAction{MeetingID: number, Body: zoom.MeetingActionBody{Action: "end"}}))
	})
}

func (r *mutationResolver) RecoverMeeting(ctx context.Context, input types.RecoverMeetingInput) (*types.UpdateMeetingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(*types.UpdateMeetingPayload) error {
		return only(zoom.UpdateMeetingStatus.Do(ctx, at.client, zoom.MeetingAction{MeetingID: number, Body: zoom.MeetingActionBody{Action: "recover"}}))
	})
}

func (r *queryResolver) Meeting(ctx context.Context, by types.MeetingBy) (*types.Meeting, error) {
	number, err := argument.Number("meeting", by)
	if err != nil {
		return nil, err
	}
	return orNil(in(ctx, by.ID).meeting(ctx, number))
}

func (r *updateMeetingPayloadResolver) Meeting(ctx context.Context, obj *types.UpdateMeetingPayload) (*types.Meeting, error) {
	return of(ctx, obj).meeting(ctx, numberOf(obj.Target))
}

func (r *Resolver) EndMeetingPayload() generated.EndMeetingPayloadResolver {
	return &endMeetingPayloadResolver{r}
}

func (r *Resolver) Meeting() generated.MeetingResolver { return &meetingResolver{r} }

func (r *Resolver) UpdateMeetingPayload() generated.UpdateMeetingPayloadResolver {
	return &updateMeetingPayloadResolver{r}
}

type (
	endMeetingPayloadResolver    struct{ *Resolver }
	meetingResolver              struct{ *Resolver }
	updateMeetingPayloadResolver struct{ *Resolver }
)
