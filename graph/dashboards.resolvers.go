package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/graph/list"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountResolver) Dashboard(ctx context.Context, obj *types.Account) (*types.Dashboard, error) {
	return &types.Dashboard{Origin: of(ctx, obj).origin()}, nil
}

func (r *dashboardResolver) Meetings(ctx context.Context, obj *types.Dashboard, first int, after *string, typeArg types.DashboardMeetingType, from *types.Date, to *types.Date, groupIds []string, includeParticipantGroups *bool, dateType *types.DashboardDateType) (*types.Connection[types.DashboardMeeting], error) {
	return of(ctx, obj).listDashboardMeetings(ctx, instanceFilter{typeArg, from, to, groupIds, includeParticipantGroups, dateType}, first, after)
}

func (r *dashboardResolver) Meeting(ctx context.Context, obj *types.Dashboard, by types.DashboardRunBy, typeArg types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	name, err := argument.Key("", by)
	if err != nil {
		return nil, err
	}
	return of(ctx, obj).dashboardMeeting(ctx, name, typeArg)
}

func (r *dashboardResolver) Webinars(ctx context.Context, obj *types.Dashboard, first int, after *string, typeArg types.DashboardWebinarType, from *types.Date, to *types.Date, groupIds []string, includeParticipantGroups *bool, dateType *types.DashboardDateType) (*types.Connection[types.DashboardWebinar], error) {
	return of(ctx, obj).listDashboardWebinars(ctx, instanceFilter{types.DashboardMeetingType(typeArg), from, to, groupIds, includeParticipantGroups, dateType}, first, after)
}

func (r *dashboardResolver) Webinar(ctx context.Context, obj *types.Dashboard, by types.DashboardRunBy, typeArg types.DashboardWebinarType) (*types.DashboardWebinar, error) {
	name, err := argument.Key("", by)
	if err != nil {
		return nil, err
	}
	return of(ctx, obj).dashboardWebinar(ctx, name, typeArg)
}

func (r *dashboardResolver) ZoomRooms(ctx context.Context, obj *types.Dashboard, first int, after *string) (*types.Connection[types.DashboardZoomRoom], error) {
	return of(ctx, obj).zoomRooms(ctx, first, after)
}

func (r *dashboardResolver) ZoomRoom(ctx context.Context, obj *types.Dashboard, zoomID string) (*types.DashboardZoomRoom, error) {
	return of(ctx, obj).zoomRoom(ctx, zoomID)
}

func (r *dashboardResolver) ZoomRoomIssues(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ZoomRoomIssue, error) {
	out, err := list.InMonth(ctx, of(ctx, obj).client, zoom.GetZoomRoomIssues, zoom.Days{From: from, To: to})
	if err != nil {
		return nil, err
	}
	return out.Issues, nil
}

func (r *dashboardResolver) ZoomRoomsWithIssues(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ZoomRoomWithIssues, error) {
	out, err := list.InMonth(ctx, of(ctx, obj).client, zoom.GetZoomRoomsWithIssues, zoom.Days{From: from, To: to})
	if err != nil {
		return nil, err
	}
	return out.Rooms, nil
}

func (r *dashboardResolver) Chat(ctx context.Context, obj *types.Dashboard, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ChatUsage], error) {
	days := zoom.Days{From: from, To: to}
	if err := list.OneMonth(ctx, zoom.ListChatUsage.Spec, &days); err != nil {
		return nil, err
	}
	windows := list.Unnamed(days, zoom.Days{From: from, To: to})
	windows.Sums = true
	return connect(ctx, list.List[zoom.Days, types.ChatUsage]{
		Client: of(ctx, obj).client, Op: zoom.ListChatUsage, Windows: windows, First: first, After: after,
		Saw: list.TellShortened[types.ChatUsage](ctx, zoom.ListChatUsage.Spec, days),
	})
}

func (r *dashboardResolver) ClientFeedback(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ClientFeedback, error) {
	out, err := list.InMonth(ctx, of(ctx, obj).client, zoom.GetClientFeedback, zoom.Days{From: from, To: to})
	if err != nil {
		return nil, err
	}
	return out.Answers, nil
}

func (r *dashboardResolver) ClientFeedbackEntries(ctx context.Context, obj *types.Dashboard, feedbackZoomID string, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ClientFeedbackEntry], error) {
	if err := argument.Filled(map[string]*string{"feedbackZoomId": &feedbackZoomID}); err != nil {
		return nil, err
	}
	return reported(ctx, of(ctx, obj), zoom.ListClientFeedback, zoom.ClientFeedbackFilter{FeedbackID: feedbackZoomID, Days: zoom.Days{From: from, To: to}}, first, after)
}

func (r *dashboardResolver) ClientSatisfaction(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ClientSatisfaction, error) {
	answers, err := list.ByMonth(ctx, of(ctx, obj).client, zoom.GetClientSatisfaction, zoom.Days{From: from, To: to})
	return concat(answers, err, func(a *zoom.ClientSatisfactions) []*types.ClientSatisfaction { return a.Days })
}

func (r *dashboardResolver) ClientVersions(ctx context.Context, obj *types.Dashboard) ([]*types.ClientVersion, error) {
	out, err := zoom.GetClientVersions.Do(ctx, of(ctx, obj).client, struct{}{})
	if err != nil {
		return nil, err
	}
	return out.Versions, nil
}

func (r *dashboardResolver) CrcPorts(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.CrcPortDay, error) {
	answers, err := list.ByMonth(ctx, of(ctx, obj).client, zoom.GetCrcPorts, zoom.Days{From: from, To: to})
	return concat(answers, err, func(a *zoom.CrcPorts) []*types.CrcPortDay { return a.Days })
}

func (r *dashboardResolver) Quality(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date, typeArg types.QualitySubject) (*types.QualityScores, error) {
	return list.InMonth(ctx, of(ctx, obj).client, zoom.GetQuality, zoom.QualityFilter{Days: zoom.Days{From: from, To: to}, Type: typeArg})
}

func (r *dashboardMeetingResolver) Meeting(ctx context.Context, obj *types.DashboardMeeting) (*types.Meeting, error) {
	number := obj.Number
	if number == 0 {
		var err error
		if number, err = of(ctx, obj).numberOfInstance(ctx, obj.Run); err != nil {
			return nil, err
		}
	}
	return orNil(of(ctx, obj).meeting(ctx, number))
}

func (r *dashboardMeetingResolver) Instance(ctx context.Context, obj *types.DashboardMeeting) (*types.MeetingInstance, error) {
	whole, err := of(ctx, obj).wholeDashboardMeeting(ctx, obj)
	if err != nil {
		return nil, err
	}
	return orNil(of(ctx, obj).instance(ctx, string(whole.UUID)))
}

func (r *dashboardMeetingResolver) Host(ctx context.Context, obj *types.DashboardMeeting) (*types.User, error) {
	whole, err := of(ctx, obj).wholeDashboardMeeting(ctx, obj)
	if err != nil {
		return nil, err
	}
	return of(ctx, obj).userOf(ctx, "", whole.HostEmail)
}

func (r *dashboardMeetingResolver) Participants(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.DashboardParticipant], error) {
	return of(ctx, obj).dashboardParticipants(ctx, obj.Run, first, after)
}

func (r *dashboardMeetingResolver) ParticipantsQos(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.ParticipantQos], error) {
	return of(ctx, obj).qosList(ctx, obj.Run, first, after)
}

func (r *dashboardMeetingResolver) ParticipantQos(ctx context.Context, obj *types.DashboardMeeting, inMeetingID string) (*types.ParticipantQos, error) {
	return of(ctx, obj).qosOf(ctx, obj.Run, inMeetingID)
}

func (r *dashboardMeetingResolver) Feedback(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.ParticipantFeedback], error) {
	return of(ctx, obj).feedback(ctx, obj.Run, first, after)
}

func (r *dashboardMeetingResolver) Sharing(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.ParticipantSharing], error) {
	return of(ctx, obj).sharing(ctx, obj.Run, first, after)
}

func (r *dashboardWebinarResolver) Webinar(ctx context.Context, obj *types.DashboardWebinar) (*types.Webinar, error) {
	number := obj.Number
	if number == 0 {
		var err error
		if number, err = of(ctx, obj).webinarOfInstance(ctx, obj.Run); err != nil {
			return nil, err
		}
	}
	return orNil(of(ctx, obj).webinar(ctx, number))
}

func (r *dashboardWebinarResolver) Host(ctx context.Context, obj *types.DashboardWebinar) (*types.User, error) {
	whole, err := of(ctx, obj).wholeDashboardWebinar(ctx, obj)
	if err != nil {
		return nil, err
	}
	return of(ctx, obj).userOf(ctx, "", whole.HostEmail)
}

func (r *dashboardWebinarResolver) Participants(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.DashboardParticipant], error) {
	return of(ctx, obj).dashboardParticipants(ctx, obj.Run, first, after)
}

func (r *dashboardWebinarResolver) ParticipantsQos(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.ParticipantQos], error) {
	return of(ctx, obj).qosList(ctx, obj.Run, first, after)
}

func (r *dashboardWebinarResolver) ParticipantQos(ctx context.Context, obj *types.DashboardWebinar, inMeetingID string) (*types.ParticipantQos, error) {
	return of(ctx, obj).qosOf(ctx, obj.Run, inMeetingID)
}

func (r *dashboardWebinarResolver) Feedback(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.ParticipantFeedback], error) {
	return of(ctx, obj).feedback(ctx, obj.Run, first, after)
}

func (r *dashboardWebinarResolver) Sharing(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.ParticipantSharing], error) {
	return of(ctx, obj).sharing(ctx, obj.Run, first, after)
}

func (r *meetingResolver) Dashboard(ctx context.Context, obj *types.Meeting, typeArg types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	return of(ctx, obj).dashboardMeeting(ctx, obj.Number.String(), typeArg)
}

func (r *meetingInstanceResolver) Dashboard(ctx context.Context, obj *types.MeetingInstance, typeArg types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	return of(ctx, obj).dashboardMeeting(ctx, string(obj.UUID), typeArg)
}

func (r *meetingInstanceResolver) WebinarDashboard(ctx context.Context, obj *types.MeetingInstance, typeArg types.DashboardWebinarType) (*types.DashboardWebinar, error) {
	return of(ctx, obj).dashboardWebinar(ctx, string(obj.UUID), typeArg)
}

func (r *Resolver) Dashboard() generated.DashboardResolver { return &dashboardResolver{r} }

func (r *Resolver) DashboardMeeting() generated.DashboardMeetingResolver {
	return &dashboardMeetingResolver{r}
}

func (r *Resolver) DashboardWebinar() generated.DashboardWebinarResolver {
	return &dashboardWebinarResolver{r}
}

type (
	dashboardResolver        struct{ *Resolver }
	dashboardMeetingResolver struct{ *Resolver }
	dashboardWebinarResolver struct{ *Resolver }
)
