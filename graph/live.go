package graph

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"zoomql/graph/argument"
	"zoomql/graph/directory"
	"zoomql/graph/endpoint"
	"zoomql/graph/errs"
	"zoomql/graph/rosters"
	"zoomql/internal/events"
	"zoomql/internal/identity"
	"zoomql/internal/roster"
	"zoomql/internal/stream"
	"zoomql/internal/zoom/types"
)

const (
	// maxEventNames bounds the names of a subscription to events.
	maxEventNames = 200
	// maxQueued bounds the events that wait for a slow client.
	maxQueued = 64
)

// errNoEvents refuses fields that need Zoom's events if the gateway receives none.
var errNoEvents = &errs.InputError{Code: types.ErrorCodeNotEnabled, Message: "The gateway receives no events of this account. Set ZOOM_WEBHOOK_SECRETS, and have Zoom deliver the app's events to /webhooks/zoom; or set ZOOM_EVENTS_URL."}

// errExpired refuses a cursor that is invalid or too old, and ends a subscription that may have lost
// events.
var errExpired = &errs.InputError{Code: types.ErrorCodeCursorExpired, Message: "Events after this cursor may be lost: cursors are valid for an hour. Read the data again, then subscribe without the argument after."}

// streamError returns the error that callers receive for one of the event stream.
func streamError(err error) error {
	if errors.Is(err, stream.ErrExpired) {
		return errExpired
	}
	return err
}

// withEvents returns open if the gateway receives events, and else a function that refuses.
func (r *Resolver) withEvents(open func() (endpoint.Source, error)) func() (endpoint.Source, error) {
	if r.Bus == nil {
		return func() (endpoint.Source, error) { return nil, errNoEvents }
	}
	return open
}

// readMeeting reads a meeting and returns it with its scope. For a meeting that the caller may not
// read, the error is that of a query for it.
func readMeeting(ctx context.Context, by types.MeetingBy) (*scope, *types.Meeting, error) {
	number, err := argument.Number("meeting", by)
	if err != nil {
		return nil, nil, err
	}
	s := in(ctx, by.ID)
	m, err := s.wholeMeeting(ctx, number, false)
	return s, m, err
}

// readWebinar is readMeeting for a webinar.
func readWebinar(ctx context.Context, by types.WebinarBy) (*scope, *types.Webinar, error) {
	number, err := argument.Number("webinar", by)
	if err != nil {
		return nil, nil, err
	}
	s := in(ctx, by.ID)
	w, err := s.webinars().Load(ctx, webinarKey{number: number})
	return s, w, err
}

// accountID returns Zoom's id of the account of a scope.
func (s *scope) accountID() string { return s.client.AccountID() }

// eventsFilter returns the filter of a subscription to events, or an error if it names an object
// that the caller may not read.
func (r *Resolver) eventsFilter(ctx context.Context, names []string, meeting *types.MeetingBy, webinar *types.WebinarBy, user *types.UserBy) (events.Filter, error) {
	f := events.Filter{Served: r.Client.AccountID(), Names: names, Gaps: events.AllGaps}
	if len(names) > maxEventNames {
		return f, errs.Invalid(fmt.Sprintf("names: %d are more than %d", len(names), maxEventNames))
	}
	for i, name := range names {
		if !events.IsKnown(name) {
			return f, errs.Invalid(fmt.Sprintf("names: item %d is no event that Zoom documents; zoomql events lists them", i+1))
		}
	}
	if who := identity.From(ctx); who != nil && (who.User != "" || who.Scopes != nil) && meeting == nil && webinar == nil {
		return f, &errs.InputError{Code: types.ErrorCodeForbidden, Message: "The credential may not see all events of the account. Name a meeting or webinar."}
	}
	switch {
	case meeting != nil && webinar != nil:
		return f, errs.Invalid("webinar: an event names a meeting or a webinar, not both")
	case webinar != nil:
		s, w, err := readWebinar(ctx, *webinar)
		if err != nil {
			return f, err
		}
		f.Account, f.Meeting = s.accountID(), w.Number.String()
	case meeting != nil:
		s, m, err := readMeeting(ctx, *meeting)
		if err != nil {
			return f, err
		}
		f.Account, f.Meeting = s.accountID(), m.Number.String()
	}
	if user != nil {
		name, err := argument.Key("user", *user)
		if err != nil {
			return f, err
		}
		u, err := in(ctx, user.ID).users().Load(ctx, directory.KeyOf(name, false))
		if err != nil {
			return f, err
		}
		if f.User, err = idOf(u); err != nil {
			return f, err
		}
	}
	return f, nil
}

// follow opens a source of the events of a filter, after a cursor or from now on. For a slow client,
// at most queued events wait. item returns the item of an event, before which skipped others were
// dropped.
func (r *Resolver) follow(ctx context.Context, f events.Filter, after *string, queued int, item func(e *events.Stored, skipped int) endpoint.Item) (endpoint.Source, error) {
	at := ""
	if after != nil {
		if at = decodeCursor(*after); at == "" {
			return nil, errExpired
		}
	}
	sub, err := r.Bus.Follow(ctx, f, at, queued)
	if err != nil {
		return nil, streamError(err)
	}
	return &busSource{sub, item}, nil
}

// busSource is a source of the events of a subscription to the bus.
type busSource struct {
	sub  *events.Subscription
	item func(e *events.Stored, skipped int) endpoint.Item
}

// Next implements [endpoint.Source].
func (s *busSource) Next(ctx context.Context) (endpoint.Item, error) {
	e, skipped, err := s.sub.Next(ctx)
	if err != nil {
		return endpoint.Item{}, streamError(err)
	}
	return s.item(e, skipped), nil
}

// Close implements [endpoint.Source].
func (s *busSource) Close() { s.sub.Close() }

// eventItem returns an event as an item.
func (r *Resolver) eventItem(e *events.Stored, skipped int) endpoint.Item {
	return endpoint.Item{
		Key:   "event " + e.Cursor + " " + strconv.Itoa(skipped),
		Value: func(context.Context) any { return r.eventOf(e, skipped) },
	}
}

func (r *Resolver) eventOf(e *events.Stored, skipped int) *types.Event {
	out := &types.Event{
		Name: types.Text(e.Name), Gap: gapOf(e.Gap), Time: types.Time{Time: e.Time}, Cursor: encodeCursor(e.Cursor), Skipped: skipped,
		InAccount: e.AccountID, Numbers: e.Meetings(), OfWebinar: e.OfWebinar(), UUIDs: e.Instances(), Hosts: e.Hosts(), Users: e.Users(),
	}
	out.Account = r.subOf(e.AccountID)
	kind, instance := "Meeting", "MeetingInstance"
	if out.OfWebinar {
		kind, instance = "Webinar", "WebinarReport"
	}
	out.Ids = []*types.NodeID{}
	for _, named := range []struct {
		kind string
		keys []string
	}{{kind, out.Numbers}, {instance, out.UUIDs}, {"User", out.Hosts}, {"User", out.Users}} {
		for _, key := range named.keys {
			id := types.NodeID{Account: out.Account, Type: named.kind, Key: key}
			if !slices.ContainsFunc(out.Ids, func(has *types.NodeID) bool { return *has == id }) {
				out.Ids = append(out.Ids, &id)
			}
		}
	}
	if e.Person != nil {
		out.Participant = eventParticipant(e, out.Account, numberIn(out.Numbers))
		out.Participant.OfWebinar = out.OfWebinar
	}
	return out
}

// gapOf returns a gap as a value of the schema; "" if there is none.
func gapOf(gap events.Gap) types.EventGap {
	switch gap {
	case events.GapBegan:
		return types.EventGapBegan
	case events.GapEnded:
		return types.EventGapEnded
	}
	return ""
}

// subOf returns the account of an object's origin: "" for the own account.
func (r *Resolver) subOf(accountID string) string {
	if accountID == r.Client.AccountID() {
		return ""
	}
	return accountID
}

// numberIn returns the first number; 0 if there is none.
func numberIn(numbers []string) types.MeetingNumber {
	if len(numbers) == 0 {
		return 0
	}
	number, _ := types.ParseMeetingNumber(numbers[0]) // 0 with an error
	return number
}

func firstOf(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

// changeItem returns the items of the changes of a meeting. For each item, it first evicts the answers
// that the event makes stale from this process: the replica that received the event evicts them
// everywhere, but its message may arrive later. After a gap, it evicts the answers that any event of
// the meeting makes stale.
func (r *Resolver) changeItem(s *scope, number types.MeetingNumber) func(e *events.Stored, skipped int) endpoint.Item {
	client, sub := s.client, s.client.Sub()
	return func(e *events.Stored, skipped int) endpoint.Item {
		stale, key := e.Stale(), e.Cursor
		if e.Gap != "" {
			stale, key = events.StaleAfterGap(number.String()), e.Cursor+" "+number.String()
		}
		r.evicted.do(key, func() { client.EvictHere(context.Background(), stale...) })
		return endpoint.Item{
			Key: "change " + e.Cursor + " " + strconv.Itoa(skipped),
			Value: func(context.Context) any {
				out := &types.MeetingChange{Event: types.Text(e.Name), Time: types.Time{Time: e.Time}, Cursor: encodeCursor(e.Cursor), Skipped: skipped, Number: number}
				out.Account = sub
				return out
			},
		}
	}
}

// evictedOnce runs the eviction of each event once for all subscriptions, and that of each gap once
// for each meeting. The zero value is ready.
type evictedOnce struct {
	mu    sync.Mutex
	done  map[string]struct{}
	order []string // the oldest first
}

// maxEvicted bounds the remembered events. The eviction of an older one would be repeated.
const maxEvicted = 1000

// do calls f unless it was called for the key. Concurrent callers wait until f has returned.
func (o *evictedOnce) do(key string, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, has := o.done[key]; has {
		return
	}
	f()
	if o.done == nil {
		o.done = map[string]struct{}{}
	}
	o.done[key] = struct{}{}
	if o.order = append(o.order, key); len(o.order) > maxEvicted {
		delete(o.done, o.order[0])
		o.order = slices.Delete(o.order, 0, 1)
	}
}

// cursorPrefix begins the decoded cursors of events.
const cursorPrefix = "event:"

// encodeCursor returns the opaque cursor of a position in the event stream.
func encodeCursor(position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + position))
}

// maxCursor bounds a cursor of events, in bytes.
const maxCursor = 200

// decodeCursor returns the position of a cursor; "" if it is no cursor of events.
func decodeCursor(cursor string) string {
	if len(cursor) > maxCursor {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	position, ok := strings.CutPrefix(string(text), cursorPrefix)
	if err != nil || !ok {
		return ""
	}
	return position
}

// roster opens a source of the roster of a meeting.
func (r *Resolver) roster(ctx context.Context, by types.MeetingBy) (endpoint.Source, error) {
	s, m, err := readMeeting(ctx, by)
	if err != nil {
		return nil, err
	}
	return &rosterSource{Resolver: r, shared: r.rosters.Follow(ctx, s.client, rosters.Key{Account: s.accountID(), Number: m.Number}, rosters.MayBeLive(m)), sub: s.client.Sub()}, nil
}

// rosterSource is a source of the versions of a roster. A slow client gets the latest only.
type rosterSource struct {
	*Resolver
	shared *rosters.Roster
	sub    string // the account's id; "" for the own account
	began  bool   // there was an item
	last   int    // the version of the last item
}

// Next implements [endpoint.Source].
func (s *rosterSource) Next(ctx context.Context) (endpoint.Item, error) {
	if err := s.shared.Await(ctx); err != nil {
		return endpoint.Item{}, streamError(err)
	}
	for {
		now, changed := s.shared.Room().Now()
		if first := !s.began; first || now.Version != s.last {
			after := s.last
			s.began, s.last = true, now.Version
			return s.item(after, now, first), nil
		}
		select {
		case <-changed:
		case <-s.shared.Lost():
			s.rosters.Drop(s.shared)
			return endpoint.Item{}, errExpired
		case <-ctx.Done():
			return endpoint.Item{}, ctx.Err()
		}
	}
}

// Close implements [endpoint.Source].
func (s *rosterSource) Close() { s.rosters.Leave(s.shared) }

// item returns the item of a version, with the changes after an earlier one; the first item has no
// changes.
func (s *rosterSource) item(after int, now *roster.Snapshot, first bool) endpoint.Item {
	if first {
		after = now.Version
	}
	return endpoint.Item{
		Key:   "roster " + strconv.Itoa(s.shared.Serial) + " " + strconv.Itoa(after) + " " + strconv.Itoa(now.Version),
		Value: func(context.Context) any { return s.rosterOf(after, now) },
	}
}

func (s *rosterSource) rosterOf(after int, now *roster.Snapshot) *types.Roster {
	number := s.shared.Key.Number
	out := &types.Roster{
		Cursor: encodeCursor(now.Cursor), AsOf: types.Time{Time: now.AsOf}, Number: number, UUID: types.UUID(now.UUID),
		Live: types.Bool{Value: now.State == roster.Live, Valid: now.State != roster.Unknown}, Count: now.People, Waiting: now.Waiting,
		Complete: now.Complete, Source: types.RosterSourceEvents, Missing: []types.Text{},
	}
	out.Account = s.sub
	if now.Seeded {
		out.Source = types.RosterSourceDashboard
	}
	out.ComparedAt = types.Time{Time: now.Compared}
	if !s.Names {
		for _, name := range events.NamesOfPerson {
			out.Missing = append(out.Missing, types.Text(name))
		}
	}
	joined, left, ok := s.shared.Room().Between(after, now.Version)
	if !ok {
		out.Skipped = now.Version - after
	}
	participants := func(list []*roster.Participant) []*types.LiveParticipant {
		all := make([]*types.LiveParticipant, len(list))
		for i, p := range list {
			all[i] = rosterParticipant(p, s.sub, number)
		}
		return all
	}
	out.Participants, out.Joined, out.Left = participants(now.Participants), participants(joined), participants(left)
	return out
}

// rosterParticipant returns a participant of a roster as a type of the schema.
func rosterParticipant(p *roster.Participant, account string, number types.MeetingNumber) *types.LiveParticipant {
	out := personOf(&p.Person, account, number)
	out.JoinTime, out.LeaveTime, out.InWaitingRoom = types.Time{Time: p.Joined}, types.Time{Time: p.Left}, p.Waiting
	return out
}

// eventParticipant returns the participant of an event as a type of the schema.
func eventParticipant(e *events.Stored, account string, number types.MeetingNumber) *types.LiveParticipant {
	p := e.Person
	out := personOf(p, account, number)
	_, action, _ := strings.Cut(e.Name, ".")
	out.InWaitingRoom = strings.HasSuffix(action, "waiting_room") && action != "participant_left_waiting_room"
	switch {
	case strings.HasPrefix(action, "participant_joined"), action == "participant_put_in_waiting_room":
		out.JoinTime = types.Time{Time: p.At}
	case strings.HasPrefix(action, "participant_left"):
		out.LeaveTime = types.Time{Time: p.At}
	}
	return out
}

// personOf returns a person without times as a type of the schema.
func personOf(p *events.Person, account string, number types.MeetingNumber) *types.LiveParticipant {
	out := &types.LiveParticipant{
		InMeetingID: p.StayID, ParticipantUUID: types.Text(p.UUID), Name: types.Text(p.Name), Email: types.Text(p.Email), Phone: types.Text(p.Phone),
		UserZoomID: types.Text(p.UserID), RegistrantID: types.Text(p.RegistrantID), CustomerKey: types.Text(p.CustomerKey),
		BreakoutRoomUUID: types.Text(p.Room), Number: number,
	}
	out.Account = account
	return out
}
