package graph

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/batch"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// scope is what one operation asks of one account: its client, and the loaders
// that collect what a level of siblings wants into one batch, and let one
// answer do for all who want the same. Everything fetched by key goes through
// them, roots as well.
//
// A loader is made when it is first used: most operations need one or two.
type scope struct {
	client *zoom.Client
	rounds *batch.Rounds

	loaded atomic.Pointer[loaded]
}

// The kinds of objects of which many are found in another way than few.
const (
	users batch.Kind = iota
	registrants
	roles
	figures // of the connection of a stay
	stays
)

// kindsOf are the kinds of objects that fields of a type ask for.
func kindsOf(typeName string) []batch.Kind {
	switch strings.TrimSuffix(typeName, "Connection") { // a round looks into lists that were read before it
	case "User":
		return []batch.Kind{users}
	case "Registrant":
		return []batch.Kind{registrants}
	case "Role":
		return []batch.Kind{roles, users} // of a user who is known by his id alone
	case "ParticipantQos":
		return []batch.Kind{figures}
	case "DashboardParticipant":
		return []batch.Kind{stays}
	case "Node":
		return []batch.Kind{users, registrants, roles}
	}
	return nil
}

// loaded is what a scope has read since the operation's last write.
type loaded struct {
	byUser       batch.Loader[userKey, types.User]
	byMeeting    batch.Loader[meetingKey, types.Meeting]
	byInstance   batch.Loader[string, types.MeetingInstance]
	byRegistrant batch.Loader[registrantKey, types.Registrant]
	loaders      sync.Map // the other loaders, by kind of key: see loaderOf

	mu     sync.Mutex
	seen   []seenUsers
	other  map[string]otherName // of a user
	rounds []*userRound
}

// now returns what the scope has read, to be read or added to.
func (s *scope) now() *loaded {
	if l := s.loaded.Load(); l != nil {
		return l
	}
	s.loaded.CompareAndSwap(nil, new(loaded))
	return s.loaded.Load()
}

// forget begins anew. Who still waits for a loader gets what it brings.
func (s *scope) forget() { s.loaded.Store(new(loaded)) }

func (s *scope) users() *batch.Loader[userKey, types.User] {
	return s.now().byUser.InRounds(s.rounds, users, s.findUsers)
}

func (s *scope) meetings() *batch.Loader[meetingKey, types.Meeting] {
	return s.now().byMeeting.AtOnce(batch.Each(s.client, func(ctx context.Context, k meetingKey) (*types.Meeting, error) {
		return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingKey{MeetingID: k.number}, zoom.Secrets(k.secrets))
	}))
}

func (s *scope) instances() *batch.Loader[string, types.MeetingInstance] {
	return s.now().byInstance.AtOnce(batch.Each(s.client, s.getInstance))
}

// getInstance asks for a run. Of sub accounts Zoom has its report only, which does
// not tell all.
func (s *scope) getInstance(ctx context.Context, uuid string) (*types.MeetingInstance, error) {
	key := zoom.InstanceKey{MeetingID: uuid}
	if s.client.Sub() == "" {
		return zoom.GetPastMeeting.Do(ctx, s.client, key)
	}
	report, err := zoom.GetMeetingReport.Do(ctx, s.client, key)
	if err != nil {
		return nil, err
	}
	return types.InstanceOf(report)
}

func (s *scope) registrants() *batch.Loader[registrantKey, types.Registrant] {
	return s.now().byRegistrant.InRounds(s.rounds, registrants, s.findRegistrants)
}

// userKey names a user by id, e-mail in lower case, or "me". whole asks for
// what lists do not hold.
type userKey struct {
	name  string
	whole bool
}

type meetingKey struct {
	number  types.MeetingNumber
	secrets bool
}

type registrantKey struct {
	of      zoom.RegistrantsOf
	id      string
	secrets bool
}

// loaderOf returns the scope's loader of a type of objects that a type of keys
// names, and makes it when it is first used, so a domain needs no field in scope.
func loaderOf[K comparable, T any](s *scope, find func(context.Context, []K) []zoom.Found[T]) *batch.Loader[K, T] {
	return loaderIn[K, T](s).AtOnce(find)
}

// batchesOf is loaderOf for keys that cost less together.
func batchesOf[K comparable, T any](s *scope, of batch.Kind, find func(context.Context, []K) []zoom.Found[T]) *batch.Loader[K, T] {
	return loaderIn[K, T](s).InRounds(s.rounds, of, find)
}

func loaderIn[K comparable, T any](s *scope) *batch.Loader[K, T] {
	type kind struct {
		_ *K
		_ *T
	}
	loaders := &s.now().loaders
	l, ok := loaders.Load(kind{})
	if !ok {
		l, _ = loaders.LoadOrStore(kind{}, new(batch.Loader[K, T]))
	}
	return l.(*batch.Loader[K, T])
}

// seenUsers is a page of users that a field of this operation has read.
type seenUsers struct {
	page  *zoom.Page[types.User]
	at    *graphql.FieldContext
	level int
}

// saw returns what notes the pages of users that the field of ctx reads: whoever
// stands on one need not be asked for.
func (s *scope) saw(ctx context.Context) func(*zoom.Page[types.User]) {
	at := graphql.GetFieldContext(ctx)
	level := s.rounds.Level(ctx)
	return func(page *zoom.Page[types.User]) {
		l := s.now()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen = append(l.seen, seenUsers{page, at, level})
	}
}

// seenAbove returns the user of a name if he stands in a list that was read by the
// field of ctx or by one above: such a user needs no round. Beside the field, which of
// two fields comes first is chance; a round looks there.
func (l *loaded) seenAbove(ctx context.Context, name string) *types.User {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, seen := range l.seen {
		for fc := graphql.GetFieldContext(ctx); fc != nil; fc = fc.Parent {
			if fc != seen.at {
				continue
			}
			if u := zoom.UserIn(seen.page, name); u != nil {
				return u
			}
			break
		}
	}
	return nil
}

// listed returns the user of a key if he stands in a list that was read by the field of
// ctx or by one above, in a row that has what is wanted.
func (s *scope) listed(ctx context.Context, key userKey, want *selection.Needs) *types.User {
	if want.NeverIn(zoom.ListUsers.Pattern) || key.name == me {
		return nil
	}
	u := s.now().seenAbove(ctx, key.name)
	if u != nil && key.whole && want.LacksOf(u.Op, u) != nil {
		return nil
	}
	return u
}

// userKeyOf returns the key to ask for a user by. Ids are case-sensitive, e-mail
// addresses are not.
func userKeyOf(name string, whole bool) userKey {
	if strings.Contains(name, "@") {
		name = strings.ToLower(name)
	}
	return userKey{name, whole || name == me}
}

// otherName is the id of a user whose e-mail is known, or the other way round. level
// is that of the first round that may go by it.
type otherName struct {
	name  string
	level int
}

// same notes that an id and an e-mail are of one user.
func (s *scope) same(ctx context.Context, id, email types.Text) {
	sameOf(ctx, s, []types.Text{id}, func(id types.Text) (types.Text, types.Text) { return id, email })
}

// sameOf notes of each in a list that his id and his e-mail are of one user. It is for
// the rounds that wait for the field of ctx, and for none before them or where none
// does: whether these run before the list comes, or after it, is chance.
func sameOf[T any](ctx context.Context, s *scope, list []T, names func(T) (id, email types.Text)) {
	level, waits := s.rounds.AwaitedBy(ctx, users)
	if !waits {
		return
	}
	l := s.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.other == nil {
		l.other = make(map[string]otherName, 2*len(list))
	}
	for _, one := range list {
		id, email := names(one)
		if id == "" || email == "" {
			continue
		}
		mail := strings.ToLower(string(email))
		l.alias(string(id), otherName{mail, level})
		l.alias(mail, otherName{string(id), level})
	}
}

// alias notes the other name of a user. Of several, the first round's counts, whichever
// was noted first. The caller holds the lock.
func (l *loaded) alias(name string, other otherName) {
	known, there := l.other[name]
	if !there || other.level < known.level || other.level == known.level && other.name < known.name {
		l.other[name] = other
	}
}

// person is the name to ask for a user by whom a report names by id and e-mail
// address; none where a name that is no address stands in the address's place.
func person(id, email types.Text) types.Text {
	if id != "" || strings.Contains(string(email), "@") {
		return cmp.Or(id, email)
	}
	return ""
}

// userRound is what a round has asked for.
type userRound struct {
	slots  map[string]int // of all names
	places []int          // in keys, by slot; -1 is of one that is asked for by another name
	keys   []userKey
	found  []zoom.Found[types.User]
}

// newUserRound returns a round with slots for the names of keys, and the slot of each.
func newUserRound(keys []userKey) (r *userRound, slots []int) {
	r = &userRound{slots: make(map[string]int, len(keys)), places: make([]int, len(keys)), keys: make([]userKey, 0, len(keys))}
	slots = make([]int, len(keys))
	for i, k := range keys {
		r.places[i], slots[i], r.slots[k.name] = -1, i, i
	}
	if len(r.slots) < len(keys) { // some have one name
		for i, k := range keys {
			slots[i] = r.slots[k.name]
		}
	}
	return r, slots
}

// place returns the place of a name in the keys, or -1.
func (r *userRound) place(name string) int {
	if slot, named := r.slots[name]; named {
		return r.places[slot]
	}
	return -1
}

// add asks for the name of a slot, whole or not, and returns its place.
func (r *userRound) add(slot int, name string, whole bool) int {
	if r.places[slot] < 0 {
		r.places[slot], r.keys = len(r.keys), append(r.keys, userKey{name: name})
	}
	at := r.places[slot]
	r.keys[at].whole = r.keys[at].whole || whole
	return at
}

// slotOf returns the slot of a name, and makes it where there is none.
func (r *userRound) slotOf(name string) int {
	slot, named := r.slots[name]
	if !named {
		slot = len(r.places)
		r.slots[name], r.places = slot, append(r.places, -1)
	}
	return slot
}

// get returns the user of a name, if the round has found him, or that there is none.
func (r *userRound) get(name string, whole bool) (f zoom.Found[types.User], ok bool) {
	at := r.place(name)
	if at < 0 || whole && !r.keys[at].whole {
		return f, false
	}
	f = r.found[at]
	return f, f.Err == nil || errors.Is(f.Err, zoom.ErrNotFound)
}

// findUsers finds the users of a round. Whoever is asked for by two names, or whole
// by one and not by another, is found once.
func (s *scope) findUsers(ctx context.Context, keys []userKey) []zoom.Found[types.User] {
	l := s.now()
	level := s.rounds.Level(ctx)
	found, places, ask := l.foundBefore(keys, level)
	if len(ask.keys) == 0 {
		return found
	}
	ask.found = s.askForUsers(ctx, ask.keys)
	for i, at := range places {
		if at >= 0 {
			found[i] = ask.found[at]
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rounds = append(l.rounds, ask)
	return found
}

// foundBefore returns the users who were found in rounds before, or stand in lists
// that were read on a level or before it, and what is to be asked for the others: their
// places in it are -1 where they are known. Of two names it is the one that was asked
// for before, and else the id.
func (l *loaded) foundBefore(keys []userKey, level int) (found []zoom.Found[types.User], places []int, ask *userRound) {
	found, places = make([]zoom.Found[types.User], len(keys)), make([]int, len(keys))
	ask, slots := newUserRound(keys)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, k := range keys {
		places[i] = -1
		slot := slots[i]
		if o, there := l.other[k.name]; there && o.level <= level {
			other := o.name
			if _, now := ask.slots[other]; !l.askedFor(k.name) && (l.askedFor(other) || now && strings.Contains(k.name, "@")) {
				k.name, slot = other, -1
			}
		}
		if u := l.onPages(k.name, level); u != nil {
			if !k.whole {
				found[i].Object = u
				continue
			}
			k.name, slot = u.ID().Key, -1
		}
		if f, known := l.foundAs(k); known {
			found[i] = f
			continue
		}
		if slot < 0 {
			slot = ask.slotOf(k.name)
		}
		places[i] = ask.add(slot, k.name, k.whole)
	}
	return found, places, ask
}

// askedFor reports whether a round before has asked for a name. The caller holds the
// lock.
func (l *loaded) askedFor(name string) bool {
	return slices.ContainsFunc(l.rounds, func(r *userRound) bool { return r.place(name) >= 0 })
}

// foundAs returns what a round before has found of a key. The caller holds the lock.
func (l *loaded) foundAs(k userKey) (f zoom.Found[types.User], ok bool) {
	for _, r := range l.rounds {
		if f, ok = r.get(k.name, k.whole); ok {
			return f, true
		}
	}
	return f, false
}

// onPages returns the user of a name from the lists that were read on a level or before
// it. The caller holds the lock.
func (l *loaded) onPages(name string, level int) *types.User {
	for _, seen := range l.seen {
		if seen.level > level {
			continue
		}
		if u := zoom.UserIn(seen.page, name); u != nil {
			return u
		}
	}
	return nil
}

// askForUsers finds users at the least cost. Who is wanted whole is asked for by id, if
// only to have one name: for e-mails, which may be strangers', lists are looked into
// first, unless calls cost nothing, when that would only take longer.
func (s *scope) askForUsers(ctx context.Context, keys []userKey) []zoom.Found[types.User] {
	found := make([]zoom.Found[types.User], len(keys))
	free := s.client.Plan() == zoom.NoLimits
	var rest, whole []int
	names := make([]string, len(keys)) // of those wanted whole
	for i, k := range keys {
		names[i] = k.name
		if k.whole && (free || !strings.Contains(k.name, "@")) {
			whole = append(whole, i)
		} else {
			rest = append(rest, i)
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() { s.getUsers(ctx, names, whole, found) })
	wait.Go(func() {
		defer batch.Caught(ctx, &found[0].Err)
		s.getUsers(ctx, names, s.lookUp(ctx, keys, rest, names, found), found)
	})
	wait.Wait()
	return found
}

// lookUp finds users by the names in rest, and returns those of them who are
// still to be asked for whole, by the ids that it puts into names.
func (s *scope) lookUp(ctx context.Context, keys []userKey, rest []int, names []string, found []zoom.Found[types.User]) (whole []int) {
	wanted := make([]string, len(rest))
	for n, i := range rest {
		wanted[n] = keys[i].name
	}
	for n, f := range zoom.FindUsers(ctx, s.client, wanted) {
		i := rest[n]
		if f.Err == nil && keys[i].whole && f.Object.Op != zoom.GetUser.Pattern {
			names[i], whole = f.Object.ID().Key, append(whole, i)
			continue
		}
		found[i] = f
	}
	return whole
}

// getUsers asks for users one by one.
func (s *scope) getUsers(ctx context.Context, names []string, places []int, found []zoom.Found[types.User]) {
	s.client.Each(len(places), func(n int) {
		i := places[n]
		defer batch.Caught(ctx, &found[i].Err)
		found[i].Object, found[i].Err = zoom.GetUser.Do(ctx, s.client, zoom.UserKey{UserID: names[i]})
	})
}

// findRegistrants finds a batch, meeting by meeting and webinar by webinar; one
// whose credentials are wanted, by himself.
func (s *scope) findRegistrants(ctx context.Context, keys []registrantKey) []zoom.Found[types.Registrant] {
	group := func(k registrantKey) registrantKey {
		if !k.secrets {
			k.id = ""
		}
		return k
	}
	return batch.Grouped(ctx, keys, group, func(g registrantKey, keys []registrantKey) []zoom.Found[types.Registrant] {
		if g.secrets {
			reg, err := g.of.Get(ctx, s.client, g.id, zoom.WithSecrets)
			return []zoom.Found[types.Registrant]{{Object: reg, Err: err}}
		}
		ids := make([]string, len(keys))
		for i, k := range keys {
			ids[i] = k.id
		}
		return zoom.FindRegistrants(ctx, s.client, g.of, ids)
	})
}
