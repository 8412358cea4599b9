package graph

import (
	"context"
	"fmt"
	"zoomql/graph/generated"
	"zoomql/internal/zoom/types"
)

func (r *dashboardResolver) Meetings(ctx context.Context, obj *types.Dashboard, first int, after *string, typeArg types.DashboardMeetingType, from *types.Date, to *types.Date, groupIds []string, includeParticipantGroups *bool, dateType *types.DashboardDateType) (*types.Connection[types.DashboardMeeting], error) {
	panic(fmt.Errorf("not implemented: Meetings - meetings"))
}

func (r *dashboardResolver) Meeting(ctx context.Context, obj *types.Dashboard, by types.DashboardRunBy, typeArg types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	panic(fmt.Errorf("not implemented: Meeting - meeting"))
}

func (r *dashboardResolver) Webinars(ctx context.Context, obj *types.Dashboard, first int, after *string, typeArg types.DashboardWebinarType, from *types.Date, to *types.Date, groupIds []string, includeParticipantGroups *bool, dateType *types.DashboardDateType) (*types.Connection[types.DashboardWebinar], error) {
	panic(fmt.Errorf("not implemented: Webinars - webinars"))
}

func (r *dashboardResolver) Webinar(ctx context.Context, obj *types.Dashboard, by types.DashboardRunBy, typeArg types.DashboardWebinarType) (*types.DashboardWebinar, error) {
	panic(fmt.Errorf("not implemented: Webinar - webinar"))
}

func (r *dashboardResolver) ZoomRooms(ctx context.Context, obj *types.Dashboard, first int, after *string) (*types.Connection[types.DashboardZoomRoom], error) {
	panic(fmt.Errorf("not implemented: ZoomRooms - zoomRooms"))
}

func (r *dashboardResolver) ZoomRoom(ctx context.Context, obj *types.Dashboard, zoomID string) (*types.DashboardZoomRoom, error) {
	panic(fmt.Errorf("not implemented: ZoomRoom - zoomRoom"))
}

func (r *dashboardResolver) ZoomRoomIssues(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ZoomRoomIssue, error) {
	panic(fmt.Errorf("not implemented: ZoomRoomIssues - zoomRoomIssues"))
}

func (r *dashboardResolver) ZoomRoomsWithIssues(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ZoomRoomWithIssues, error) {
	panic(fmt.Errorf("not implemented: ZoomRoomsWithIssues - zoomRoomsWithIssues"))
}

func (r *dashboardResolver) Chat(ctx context.Context, obj *types.Dashboard, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ChatUsage], error) {
	panic(fmt.Errorf("not implemented: Chat - chat"))
}

func (r *dashboardResolver) ClientFeedback(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ClientFeedback, error) {
	panic(fmt.Errorf("not implemented: ClientFeedback - clientFeedback"))
}

func (r *dashboardResolver) ClientFeedbackEntries(ctx context.Context, obj *types.Dashboard, feedbackZoomID string, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.ClientFeedbackEntry], error) {
	panic(fmt.Errorf("not implemented: ClientFeedbackEntries - clientFeedbackEntries"))
}

func (r *dashboardResolver) ClientSatisfaction(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.ClientSatisfaction, error) {
	panic(fmt.Errorf("not implemented: ClientSatisfaction - clientSatisfaction"))
}

func (r *dashboardResolver) ClientVersions(ctx context.Context, obj *types.Dashboard) ([]*types.ClientVersion, error) {
	panic(fmt.Errorf("not implemented: ClientVersions - clientVersions"))
}

func (r *dashboardResolver) CrcPorts(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date) ([]*types.CrcPortDay, error) {
	panic(fmt.Errorf("not implemented: CrcPorts - crcPorts"))
}

func (r *dashboardResolver) Quality(ctx context.Context, obj *types.Dashboard, from types.Date, to types.Date, of types.QualitySubject) (*types.QualityScores, error) {
	panic(fmt.Errorf("not implemented: Quality - quality"))
}

func (r *dashboardMeetingResolver) Meeting(ctx context.Context, obj *types.DashboardMeeting) (*types.Meeting, error) {
	panic(fmt.Errorf("not implemented: Meeting - meeting"))
}

func (r *dashboardMeetingResolver) Instance(ctx context.Context, obj *types.DashboardMeeting) (*types.MeetingInstance, error) {
	panic(fmt.Errorf("not implemented: Instance - instance"))
}

func (r *dashboardMeetingResolver) Host(ctx context.Context, obj *types.DashboardMeeting) (*types.User, error) {
	panic(fmt.Errorf("not implemented: Host - host"))
}

func (r *dashboardMeetingResolver) Participants(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.DashboardParticipant], error) {
	panic(fmt.Errorf("not implemented: Participants - participants"))
}

func (r *dashboardMeetingResolver) ParticipantsQos(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.ParticipantQos], error) {
	panic(fmt.Errorf("not implemented: ParticipantsQos - participantsQos"))
}

func (r *dashboardMeetingResolver) Feedback(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.ParticipantFeedback], error) {
	panic(fmt.Errorf("not implemented: Feedback - feedback"))
}

func (r *dashboardMeetingResolver) Sharing(ctx context.Context, obj *types.DashboardMeeting, first int, after *string) (*types.Connection[types.ParticipantSharing], error) {
	panic(fmt.Errorf("not implemented: Sharing - sharing"))
}

func (r *dashboardWebinarResolver) Host(ctx context.Context, obj *types.DashboardWebinar) (*types.User, error) {
	panic(fmt.Errorf("not implemented: Host - host"))
}

func (r *dashboardWebinarResolver) Participants(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.DashboardParticipant], error) {
	panic(fmt.Errorf("not implemented: Participants - participants"))
}

func (r *dashboardWebinarResolver) ParticipantsQos(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.ParticipantQos], error) {
	panic(fmt.Errorf("not implemented: ParticipantsQos - participantsQos"))
}

func (r *dashboardWebinarResolver) Feedback(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.ParticipantFeedback], error) {
	panic(fmt.Errorf("not implemented: Feedback - feedback"))
}

func (r *dashboardWebinarResolver) Sharing(ctx context.Context, obj *types.DashboardWebinar, first int, after *string) (*types.Connection[types.ParticipantSharing], error) {
	panic(fmt.Errorf("not implemented: Sharing - sharing"))
}

func (r *meetingResolver) Dashboard(ctx context.Context, obj *types.Meeting, typeArg types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	panic(fmt.Errorf("not implemented: Dashboard - dashboard"))
}

func (r *meetingInstanceResolver) Dashboard(ctx context.Context, obj *types.MeetingInstance, typeArg types.DashboardMeetingType) (*types.DashboardMeeting, error) {
	panic(fmt.Errorf("not implemented: Dashboard - dashboard"))
}

func (r *meetingInstanceResolver) WebinarDashboard(ctx context.Context, obj *types.MeetingInstance, typeArg types.DashboardWebinarType) (*types.DashboardWebinar, error) {
	panic(fmt.Errorf("not implemented: WebinarDashboard - webinarDashboard"))
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
