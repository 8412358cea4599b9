package graph

import (
	"context"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *meetingResolver) Invitation(ctx context.Context, obj *types.Meeting) (*types.MeetingInvitation, error) {
	return orNil(zoom.GetMeetingInvitation.Do(ctx, of(ctx, obj).client, zoom.MeetingKey{MeetingID: obj.Number}, zoom.Secrets(needsOf(ctx, "MeetingInvitation").Secrets)))
}

func (r *meetingResolver) CaptionToken(ctx context.Context, obj *types.Meeting) (*types.Secret, error) {
	out, err := orNil(zoom.GetMeetingToken.Do(ctx, of(ctx, obj).client, zoom.MeetingKey{MeetingID: obj.Number}, zoom.WithSecrets))
	if out == nil {
		return nil, err
	}
	return &out.Token, nil
}

func (r *mutationResolver) CreateSipDialing(ctx context.Context, input types.CreateSipDialingInput) (*types.CreateSipDialingPayload, error) {
	at, number, err := meetingTarget(ctx, input.Meeting)
	return write(ctx, at, err, func(p *types.CreateSipDialingPayload) (err error) {
		p.SipDialing, err = zoom.CreateSipDialing.Do(ctx, at.client, zoom.SipDialing{MeetingID: number, Body: zoom.SipDialingBody{Passcode: input.Passcode}})
		return err
	})
}

func (r *userResolver) PersonalAudioConferences(ctx context.Context, obj *types.User) ([]*types.PersonalAudioConference, error) {
	out, err := zoom.ListPersonalAudioConferences.Do(ctx, of(ctx, obj).client, zoom.UserKey{UserID: obj.ID().Key}, zoom.Secrets(needsOf(ctx, "PersonalAudioConference").Secrets))
	if err != nil {
		return nil, err
	}
	return out.Accounts, nil
}
