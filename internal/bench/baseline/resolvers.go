package baseline

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"zoomql/internal/bench/baseline/generated"
	"zoomql/internal/bench/baseline/model"
)

type resolver struct{ zoom *zoom }

type (
	query       struct{ *resolver }
	account     struct{ *resolver }
	dashboard   struct{ *resolver }
	liveRun     struct{ *resolver }
	user        struct{ *resolver }
	meeting     struct{ *resolver }
	instance    struct{ *resolver }
	registrant  struct{ *resolver }
	participant struct{ *resolver }
)

func (r *resolver) Query() generated.QueryResolver                       { return query{r} }
func (r *resolver) Account() generated.AccountResolver                   { return account{r} }
func (r *resolver) Dashboard() generated.DashboardResolver               { return dashboard{r} }
func (r *resolver) DashboardMeeting() generated.DashboardMeetingResolver { return liveRun{r} }
func (r *resolver) User() generated.UserResolver                         { return user{r} }
func (r *resolver) Meeting() generated.MeetingResolver                   { return meeting{r} }
func (r *resolver) MeetingInstance() generated.MeetingInstanceResolver   { return instance{r} }
func (r *resolver) Registrant() generated.RegistrantResolver             { return registrant{r} }
func (r *resolver) Participant() generated.ParticipantResolver           { return participant{r} }

func (query) Account(context.Context) (*model.Account, error) { return &model.Account{}, nil }

func (query) User(ctx context.Context, by model.UserBy) (*model.User, error) {
	if by.Email != nil {
		return loadUser(ctx, *by.Email)
	}
	return loadUser(ctx, deref(by.ZoomID))
}

func (q query) Meeting(ctx context.Context, by model.MeetingBy) (*model.Meeting, error) {
	return q.zoom.meeting(ctx, deref(by.Number))
}

func (q query) MeetingInstance(ctx context.Context, by model.MeetingInstanceBy) (*model.MeetingInstance, error) {
	return q.zoom.latestInstance(ctx, deref(by.LatestOf))
}

func (a account) Users(ctx context.Context, _ *model.Account, first int, status model.UserStatus, roleID *string) (*model.UserConnection, error) {
	filter := url.Values{"status": {strings.ToLower(string(status))}}
	if roleID != nil {
		filter.Set("role_id", *roleID)
	}
	users, err := list(ctx, a.zoom, "/users", filter, first, 2000, func(p *page) []*model.User { return p.Users })
	return &model.UserConnection{Nodes: users}, err
}

func (account) Dashboard(context.Context, *model.Account) (*model.Dashboard, error) {
	return &model.Dashboard{}, nil
}

func (dashboard) Meeting(_ context.Context, _ *model.Dashboard, by model.DashboardRunBy) (*model.DashboardMeeting, error) {
	return &model.DashboardMeeting{UUID: deref(by.UUID)}, nil
}

func (l liveRun) Participants(ctx context.Context, obj *model.DashboardMeeting, first int) (*model.DashboardParticipantConnection, error) {
	path := "/metrics/meetings/" + uuidPath(model.Text(obj.UUID)) + "/participants"
	// One page: those who watch a meeting of more than 300 people look at their number.
	var p struct {
		Participants []*model.DashboardParticipant `json:"participants"`
	}
	err := l.zoom.get(ctx, path, url.Values{"type": {"live"}, "page_size": {strconv.Itoa(min(first, 300))}}, &p)
	return &model.DashboardParticipantConnection{Nodes: p.Participants}, err
}

func (u user) Meetings(ctx context.Context, obj *model.User, first int, kind model.MeetingListType) (*model.MeetingConnection, error) {
	filter := url.Values{"type": {strings.ToLower(string(kind))}}
	path := "/users/" + url.PathEscape(string(obj.ZoomID)) + "/meetings"
	meetings, err := list(ctx, u.zoom, path, filter, first, 300, func(p *page) []*model.Meeting { return p.Meetings })
	return &model.MeetingConnection{Nodes: meetings}, err
}

func (meeting) Host(ctx context.Context, obj *model.Meeting) (*model.User, error) {
	return loadUser(ctx, obj.HostID)
}

func (m meeting) Registrants(ctx context.Context, obj *model.Meeting, first int, status model.RegistrantStatus) (*model.RegistrantConnection, error) {
	filter := url.Values{"status": {strings.ToLower(string(status))}}
	path := "/meetings/" + obj.Number.String() + "/registrants"
	people, err := list(ctx, m.zoom, path, filter, first, 300, func(p *page) []*model.Registrant { return p.Registrants })
	return &model.RegistrantConnection{Nodes: people}, err
}

func (i instance) Participants(ctx context.Context, obj *model.MeetingInstance, first int) (*model.ParticipantConnection, error) {
	path := "/past_meetings/" + uuidPath(obj.UUID) + "/participants"
	people, err := list(ctx, i.zoom, path, url.Values{}, first, 300, func(p *page) []*model.Participant { return p.Participants })
	return &model.ParticipantConnection{Nodes: people}, err
}

func (registrant) User(ctx context.Context, obj *model.Registrant) (*model.User, error) {
	return loadUser(ctx, string(obj.Email))
}

// User finds a participant who was signed in by id, and others by e-mail address.
func (participant) User(ctx context.Context, obj *model.Participant) (*model.User, error) {
	if obj.ZoomID != "" {
		return loadUser(ctx, string(obj.ZoomID))
	}
	return loadUser(ctx, string(obj.Email))
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
