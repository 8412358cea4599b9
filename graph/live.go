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
	// maxEventNames is how many names a subscription to events may have.
	maxEventNames = 200
	// maxQueued is how many events wait for a client that reads slowly.
	maxQueued = 64
)

// errNoEvents is the refusal of what hangs on Zoom's events where none are taken.
var errNoEvents = &errs.InputError{Code: types.ErrorCodeNotEnabled, Message: "The gateway takes no events of this account. Set ZOOM_WEBHOOK_SECRETS, and have Zoom deliver the app's events to /webhooks/zoom; or set ZOOM_EVENTS_URL."}

// errExpired is the refusal of a cursor that is not good any more, and the end of a
// subscription that may have lost events.
var errExpired = &errs.InputError{Code: types.ErrorCodeCursorExpired, Message: "Events after this cursor may be lost: cursors are good for an hour. Read anew what you follow, then subscribe without the argument after."}

// streamError puts an error of the stream as callers are to see it.
func streamError(err error) error {
	if errors.Is(err, stream.ErrExpired) {
		return errExpired
	}
	return err
}

// following opens a source of what hangs on events, where these are taken.
func (r *Resolver) following(open func() (endpoint.Source, error)) func() (endpoint.Source, error) {
	if r.Bus == nil {
		return func() (endpoint.Source, error) { return nil, errNoEvents }
	}
	return open
}

// seenMeeting returns the scope and the number of a meeting, which the caller may see: the
// error is that of a query for it.
func seenMeeting(ctx context.Context, by types.MeetingBy) (*scope, *types.Meeting, error) {
	number, err := argument.Number("meeting", by)
	if err != nil {
		return nil, nil, err
	}
	s := in(ctx, by.ID)
	m, err := s.wholeMeeting(ctx, number, false)
	return s, m, err
}

// seenWebinar is seenMeeting for a webinar.
func seenWebinar(ctx context.Context, by types.WebinarBy) (*scope, *types.Webinar, error) {
	number, err := argument.Number("webinar", by)
	if err != nil {
		return nil, nil, err
	}
	s := in(ctx, by.ID)
	w, err := s.webinars().Load(ctx, webinarKey{number: number})
	return s, w, err
}

// accountID is Zoom's id of the account of a scope.
func (s *scope) accountID() string { return s.client.AccountID() }

// eventsFilter works out which events a subscription picks.
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
		s, w, err := seenWebinar(ctx, *webinar)
		if err != nil {
			return f, err
		}
		f.Account, f.Meeting = s.accountID(), w.Number.String()
	case meeting != nil:
		s, m, err := seenMeeting(ctx, *meeting)
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

// follow opens a source of what comes from the bus. item makes an item of an event.
func (r *Resolver) follow(ctx context.Context, f events.Filter, after *string, room int, item func(e *events.Stored, skipped int) endpoint.Item) (endpoint.Source, error) {
	at := ""
	if after != nil {
		if at = readCursor(*after); at == "" {
			return nil, errExpired
		}
	}
	sub, err := r.Bus.Follow(ctx, f, at, room)
	if err != nil {
		return nil, streamError(err)
	}
	return &busSource{sub, item}, nil
}

// busSource is items from the bus.
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

// eventItem is an event as an item.
func (r *Resolver) eventItem(e *events.Stored, skipped int) endpoint.Item {
	return endpoint.Item{
		Key:   "event " + e.Cursor + " " + strconv.Itoa(skipped),
		Value: func(context.Context) any { return r.eventOf(e, skipped) },
	}
}

func (r *Resolver) eventOf(e *events.Stored, skipped int) *types.Event {
	out := &types.Event{
		Name: types.Text(e.Name), Gap: gapOf(e.Gap), Time: types.Time{Time: e.Time}, Cursor: writeCursor(e.Cursor), Skipped: skipped,
		InAccount: e.AccountID, Numbers: e.Meetings(), OfWebinar: e.OfWebinar(), UUIDs: e.Instances(), Hosts: e.Hosts(), Users: e.Users(),
	}
	out.Account = r.subOf(e.AccountID)
	kind := "Meeting"
	if out.OfWebinar {
		kind = "Webinar"
	}
	out.Ids = []*types.NodeID{}
	for _, named := range []struct {
		kind string
		keys []string
	}{{kind, out.Numbers}, {"MeetingInstance", out.UUIDs}, {"User", out.Hosts}, {"User", out.Users}} {
		for _, key := range named.keys {
			id := types.NodeID{Account: out.Account, Type: named.kind, Key: key}
			if !slices.ContainsFunc(out.Ids, func(has *types.NodeID) bool { return *has == id }) {
				out.Ids = append(out.Ids, &id)
			}
		}
	}
	if e.Person != nil {
		out.Participant = eventParticipant(e, out.Account, numberIn(out.Numbers))
	}
	return out
}

// gapOf is a gap as the graph has it; "" where there is none.
func gapOf(gap events.Gap) types.EventGap {
	switch gap {
	case events.GapBegan:
		return types.EventGapBegan
	case events.GapEnded:
		return types.EventGapEnded
	}
	return ""
}

// subOf returns what an account is in the origin of objects: "" for the own one.
func (r *Resolver) subOf(accountID string) string {
	if accountID == r.Client.AccountID() {
		return ""
	}
	return accountID
}

func numberIn(numbers []string) types.MeetingNumber {
	if len(numbers) == 0 {
		return 0
	}
	number, _ := types.ParseMeetingNumber(numbers[0]) // 0 is none
	return number
}

func firstOf(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

// changeItem is a change of a meeting as an item. What the event has made stale, or may have been
// made stale by those that are missing before a gap's end, is so here before the meeting is read.
func (r *Resolver) changeItem(s *scope, number types.MeetingNumber) func(e *events.Stored, skipped int) endpoint.Item {
	client, sub := s.client, s.client.Sub()
	return func(e *events.Stored, skipped int) endpoint.Item {
		stale, name := e.Stale(), e.Cursor
		if e.Gap != "" {
			stale, name = events.StaleAfterGap(number.String()), e.Cursor+" "+number.String()
		}
		r.evicted.do(name, func() { client.EvictHere(context.Background(), stale...) })
		return endpoint.Item{
			Key: "change " + e.Cursor + " " + strconv.Itoa(skipped),
			Value: func(context.Context) any {
				out := &types.MeetingChange{Event: types.Text(e.Name), Time: types.Time{Time: e.Time}, Cursor: writeCursor(e.Cursor), Skipped: skipped, Number: number}
				out.Account = sub
				return out
			},
		}
	}
}

// evictedOnce remembers which events, and which gaps for a meeting, have evicted here. The zero
// value is ready.
type evictedOnce struct {
	mu    sync.Mutex
	done  map[string]struct{}
	order []string
}

// maxEvicted is how many events it remembers: one that is forgotten evicts again.
const maxEvicted = 1000

// do does what is to be done for an event, unless it was done. Who comes second waits.
func (o *evictedOnce) do(name string, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, has := o.done[name]; has {
		return
	}
	f()
	if o.done == nil {
		o.done = map[string]struct{}{}
	}
	o.done[name] = struct{}{}
	if o.order = append(o.order, name); len(o.order) > maxEvicted {
		delete(o.done, o.order[0])
		o.order = slices.Delete(o.order, 0, 1)
	}
}

// cursorMark begins the cursors of events, before they are encoded.
const cursorMark = "event:"

// writeCursor makes a place in the stream of events a cursor, which is opaque.
func writeCursor(place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorMark + place))
}

// maxCursor is how long a cursor of events is at most.
const maxCursor = 200

// readCursor returns the place of a cursor; "" where it is no cursor of events.
func readCursor(cursor string) string {
	if len(cursor) > maxCursor {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	place, ok := strings.CutPrefix(string(text), cursorMark)
	if err != nil || !ok {
		return ""
	}
	return place
}

// roster opens the roster of a meeting.
func (r *Resolver) roster(ctx context.Context, by types.MeetingBy) (endpoint.Source, error) {
	s, m, err := seenMeeting(ctx, by)
	if err != nil {
		return nil, err
	}
	return &rosterSource{Resolver: r, shared: r.rosters.Follow(ctx, s.client, rosters.Key{Account: s.accountID(), Number: m.Number}, rosters.MayBeLive(m)), sub: s.client.Sub()}, nil
}

// rosterSource is a roster whenever it has changed.
type rosterSource struct {
	*Resolver
	shared *rosters.Roster
	sub    string // the account, where it is a sub account
	last   int    // version; 0 is none
}

// Next implements [endpoint.Source].
func (s *rosterSource) Next(ctx context.Context) (endpoint.Item, error) {
	if err := s.shared.Await(ctx); err != nil {
		return endpoint.Item{}, streamError(err)
	}
	for first := s.last == 0; ; {
		now, changed := s.shared.Room().Now()
		if first || now.Version != s.last {
			after := s.last
			if s.last = now.Version; s.last == 0 {
				s.last = -1 // nothing has come yet
			}
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

func (s *rosterSource) item(after int, now *roster.Snapshot, first bool) endpoint.Item {
	if first {
		after = now.Version
	}
	after = max(after, 0)
	return endpoint.Item{
		Key:   "roster " + strconv.Itoa(s.shared.Serial) + " " + strconv.Itoa(after) + " " + strconv.Itoa(now.Version),
		Value: func(context.Context) any { return s.rosterOf(after, now) },
	}
}

func (s *rosterSource) rosterOf(after int, now *roster.Snapshot) *types.Roster {
	number := s.shared.Key.Number
	out := &types.Roster{
		Cursor: writeCursor(now.Cursor), AsOf: types.Time{Time: now.AsOf}, Number: number, UUID: types.UUID(now.UUID),
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

// rosterParticipant is a participant of a roster as the graph has it.
func rosterParticipant(p *roster.Participant, account string, number types.MeetingNumber) *types.LiveParticipant {
	out := personOf(&p.Person, account, number)
	out.JoinTime, out.LeaveTime, out.InWaitingRoom = types.Time{Time: p.Joined}, types.Time{Time: p.Left}, p.Waiting
	return out
}

// eventParticipant is the participant that an event tells of.
func eventParticipant(e *events.Stored, account string, number types.MeetingNumber) *types.LiveParticipant {
	p := e.Person
	out := personOf(p, account, number)
	_, what, _ := strings.Cut(e.Name, ".")
	out.InWaitingRoom = strings.HasSuffix(what, "waiting_room") && what != "participant_left_waiting_room"
	switch {
	case strings.HasPrefix(what, "participant_joined"), what == "participant_put_in_waiting_room":
		out.JoinTime = types.Time{Time: p.At}
	case strings.HasPrefix(what, "participant_left"):
		out.LeaveTime = types.Time{Time: p.At}
	}
	return out
}

func personOf(p *events.Person, account string, number types.MeetingNumber) *types.LiveParticipant {
	out := &types.LiveParticipant{
		InMeetingID: p.StayID, ParticipantUUID: types.Text(p.UUID), Name: types.Text(p.Name), Email: types.Text(p.Email), Phone: types.Text(p.Phone),
		UserZoomID: types.Text(p.UserID), RegistrantID: types.Text(p.RegistrantID), CustomerKey: types.Text(p.CustomerKey),
		BreakoutRoomUUID: types.Text(p.Room), Number: number,
	}
	out.Account = account
	return out
}
