package graph

import (
	"context"

	"zoomql/graph/endpoint"
	"zoomql/graph/generated"
	"zoomql/internal/events"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *eventResolver) Account(ctx context.Context, obj *types.Event) (*types.Account, error) {
	return orNil(of(ctx, obj).rootAccount(ctx))
}

func (r *eventResolver) Meeting(ctx context.Context, obj *types.Event) (*types.Meeting, error) {
	if obj.OfWebinar {
		return nil, nil
	}
	return orNil(of(ctx, obj).meeting(ctx, numberIn(obj.Numbers)))
}

func (r *eventResolver) Webinar(ctx context.Context, obj *types.Event) (*types.Webinar, error) {
	if !obj.OfWebinar || len(obj.Numbers) == 0 {
		return nil, nil
	}
	return orNil(of(ctx, obj).webinar(ctx, numberIn(obj.Numbers)))
}

func (r *eventResolver) Instance(ctx context.Context, obj *types.Event) (*types.MeetingInstance, error) {
	if obj.OfWebinar || len(obj.UUIDs) == 0 {
		return nil, nil
	}
	return orNil(of(ctx, obj).instance(ctx, obj.UUIDs[0]))
}

func (r *eventResolver) Host(ctx context.Context, obj *types.Event) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, firstOf(obj.Hosts)))
}

func (r *eventResolver) User(ctx context.Context, obj *types.Event) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, firstOf(obj.Users)))
}

func (r *liveParticipantResolver) User(ctx context.Context, obj *types.LiveParticipant) (*types.User, error) {
	return orNil(of(ctx, obj).user(ctx, string(obj.UserZoomID)))
}

func (r *liveParticipantResolver) Registrant(ctx context.Context, obj *types.LiveParticipant) (*types.Registrant, error) {
	if obj.RegistrantID == "" || obj.Number == 0 {
		return nil, nil
	}
	return orNil(of(ctx, obj).registrant(ctx, zoom.RegistrantsOf{Number: obj.Number, Webinar: obj.OfWebinar}, string(obj.RegistrantID)))
}

func (r *meetingChangeResolver) Meeting(ctx context.Context, obj *types.MeetingChange) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.Number))
}

func (r *rosterResolver) Meeting(ctx context.Context, obj *types.Roster) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.Number))
}

func (r *subscriptionResolver) Events(ctx context.Context, names []string, meeting *types.MeetingBy, webinar *types.WebinarBy, user *types.UserBy, after *string) (<-chan *types.Event, error) {
	return endpoint.Stream[*types.Event](ctx, r.withEvents(func() (endpoint.Source, error) {
		filter, err := r.eventsFilter(ctx, names, meeting, webinar, user)
		if err != nil {
			return nil, err
		}
		return r.follow(ctx, filter, after, maxQueued, r.eventItem)
	}))
}

func (r *subscriptionResolver) MeetingChanged(ctx context.Context, meeting types.MeetingBy, after *string) (<-chan *types.MeetingChange, error) {
	return endpoint.Stream[*types.MeetingChange](ctx, r.withEvents(func() (endpoint.Source, error) {
		s, m, err := readMeeting(ctx, meeting)
		if err != nil {
			return nil, err
		}
		filter := events.Filter{Served: r.Client.AccountID(), Account: s.accountID(), Meeting: m.Number.String(), Names: events.OfMeetings, Gaps: []events.Gap{events.GapEnded}}
		return r.follow(ctx, filter, after, 1, r.changeItem(s, m.Number))
	}))
}

func (r *subscriptionResolver) Participants(ctx context.Context, meeting types.MeetingBy) (<-chan *types.Roster, error) {
	return endpoint.Stream[*types.Roster](ctx, r.withEvents(func() (endpoint.Source, error) { return r.roster(ctx, meeting) }))
}

func (r *subscriptionResolver) Attendance(ctx context.Context, instance *types.MeetingInstanceBy, webinar *types.WebinarBy, rules types.AttendanceRules) (<-chan *types.Attendance, error) {
	return endpoint.Stream[*types.Attendance](ctx, r.withEvents(func() (endpoint.Source, error) { return r.followAttendance(ctx, instance, webinar, rules) }))
}

func (r *subscriptionResolver) RateLimitChanged(ctx context.Context) (<-chan *types.RateLimit, error) {
	return endpoint.Stream[*types.RateLimit](ctx, func() (endpoint.Source, error) { return r.followBudget(from(ctx).in("").client), nil })
}

func (r *Resolver) Event() generated.EventResolver { return &eventResolver{r} }

func (r *Resolver) LiveParticipant() generated.LiveParticipantResolver {
	return &liveParticipantResolver{r}
}

func (r *Resolver) MeetingChange() generated.MeetingChangeResolver { return &meetingChangeResolver{r} }

func (r *Resolver) Roster() generated.RosterResolver { return &rosterResolver{r} }

func (r *Resolver) Subscription() generated.SubscriptionResolver { return &subscriptionResolver{r} }

type (
	eventResolver           struct{ *Resolver }
	liveParticipantResolver struct{ *Resolver }
	meetingChangeResolver   struct{ *Resolver }
	rosterResolver          struct{ *Resolver }
	subscriptionResolver    struct{ *Resolver }
)
