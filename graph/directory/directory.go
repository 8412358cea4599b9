// Package directory finds users of an account for one response: by id or by e-mail address,
// each once, and at the least cost.
//
// Many objects name users, some by id and some by e-mail address, and some fields read lists
// of users. A [Directory] records both as fields are resolved. For a round of users it
// requests from Zoom only those that are missing: many from a list, few one by one.
package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/batch"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Me names the credential's user in Zoom's paths.
const Me = "me"

// Key names a user by id, e-mail address in lower case, or [Me].
type Key struct {
	Name string
	// Whole requests the fields that lists lack.
	Whole bool
}

// Directory holds the users of one account that a response has read, and finds others.
type Directory struct {
	// Client is the client of the account.
	Client *zoom.Client
	// Rounds are the response's rounds, and Kind is the kind of users in them.
	Rounds *batch.Rounds
	Kind   batch.Kind
	// Later returns how many users are requested whole after a search.
	Later zoom.Later

	loader batch.Loader[Key, types.User]

	mu     sync.Mutex
	seen   []seenPage
	other  map[string]otherName // of a user
	rounds []*round
}

// Users returns the loader of users.
func (d *Directory) Users() *batch.Loader[Key, types.User] {
	return d.loader.InRounds(d.Rounds, d.Kind, d.find)
}

// seenPage is a page of users that a field of this operation has read.
type seenPage struct {
	page  *zoom.Page[types.User]
	at    *graphql.FieldContext
	level int
}

// Saw returns a function that records the pages of users that the field of ctx reads: a user
// on one of them costs no call.
func (d *Directory) Saw(ctx context.Context) func(*zoom.Page[types.User]) {
	at := graphql.GetFieldContext(ctx)
	level := d.Rounds.Level(ctx)
	return func(page *zoom.Page[types.User]) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.seen = append(d.seen, seenPage{page, at, level})
	}
}

// seenAbove returns the user of a name from a list that the field of ctx, or a field above
// it, has read: such a user needs no round. Lists of sibling fields are searched by a round
// only, because the order of siblings is not defined.
func (d *Directory) seenAbove(ctx context.Context, name string) *types.User {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, seen := range d.seen {
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

// Listed returns the user of a key from a list that the field of ctx, or a field above it,
// has read, if the list's item has the selected fields.
func (d *Directory) Listed(ctx context.Context, key Key, want *selection.Needs) *types.User {
	if want.NeverIn(zoom.ListUsers.Pattern) || key.Name == Me {
		return nil
	}
	u := d.seenAbove(ctx, key.Name)
	if u != nil && key.Whole && want.LacksOf(u.Op, u) != nil {
		return nil
	}
	return u
}

// KeyOf returns the key of a user's name. Ids are case-sensitive, e-mail
// addresses are not.
func KeyOf(name string, whole bool) Key {
	if strings.Contains(name, "@") {
		name = strings.ToLower(name)
	}
	return Key{name, whole || name == Me}
}

// otherName is the id for a user's e-mail address, or the other way round. level is that of
// the first round that may use it.
type otherName struct {
	name  string
	level int
}

// Same records that an id and an e-mail address are of one user.
func (d *Directory) Same(ctx context.Context, id, email types.Text) {
	SameOf(ctx, d, []types.Text{id}, func(id types.Text) (types.Text, types.Text) { return id, email })
}

// SameOf records for each item of a list that an id and an e-mail address are of one user.
// Only rounds that wait for the field of ctx use it: whether others run before or after the
// list arrives is not defined.
func SameOf[T any](ctx context.Context, d *Directory, list []T, names func(T) (id, email types.Text)) {
	level, waits := d.Rounds.AwaitedBy(ctx, d.Kind)
	if !waits {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.other == nil {
		d.other = make(map[string]otherName, 2*len(list))
	}
	for _, one := range list {
		id, email := names(one)
		if id == "" || email == "" {
			continue
		}
		mail := strings.ToLower(string(email))
		d.alias(string(id), otherName{mail, level})
		d.alias(mail, otherName{string(id), level})
	}
}

// alias records the other name of a user. Of several, that of the earliest round is used,
// independent of the order of calls. The caller holds the lock.
func (d *Directory) alias(name string, other otherName) {
	known, there := d.other[name]
	if !there || other.level < known.level || other.level == known.level && other.name < known.name {
		d.other[name] = other
	}
}

// Person returns the id or e-mail address of a user in a report; "" if the report has a
// display name in place of the address.
func Person(id, email types.Text) types.Text {
	if id != "" || strings.Contains(string(email), "@") {
		return cmp.Or(id, email)
	}
	return ""
}

// round holds the keys that a round has requested, and their users.
type round struct {
	slots  map[string]int // of all names
	places []int          // in keys, by slot; -1 for a name that is requested by another one
	keys   []Key
	found  []zoom.Found[types.User]
}

// newRound returns a round with slots for the names of keys, and the slot of each.
func newRound(keys []Key) (r *round, slots []int) {
	r = &round{slots: make(map[string]int, len(keys)), places: make([]int, len(keys)), keys: make([]Key, 0, len(keys))}
	slots = make([]int, len(keys))
	for i, k := range keys {
		r.places[i], slots[i], r.slots[k.Name] = -1, i, i
	}
	if len(r.slots) < len(keys) { // some keys have the same name
		for i, k := range keys {
			slots[i] = r.slots[k.Name]
		}
	}
	return r, slots
}

// place returns the place of a name in the keys, or -1.
func (r *round) place(name string) int {
	if slot, named := r.slots[name]; named {
		return r.places[slot]
	}
	return -1
}

// add adds the name of a slot to the keys, whole or not, and returns its place.
func (r *round) add(slot int, name string, whole bool) int {
	if r.places[slot] < 0 {
		r.places[slot], r.keys = len(r.keys), append(r.keys, Key{Name: name})
	}
	at := r.places[slot]
	r.keys[at].Whole = r.keys[at].Whole || whole
	return at
}

// slotOf returns the slot of a name, and adds one if there is none.
func (r *round) slotOf(name string) int {
	slot, named := r.slots[name]
	if !named {
		slot = len(r.places)
		r.slots[name], r.places = slot, append(r.places, -1)
	}
	return slot
}

// get returns the round's result for a name: the user, or ErrNotFound.
func (r *round) get(name string, whole bool) (f zoom.Found[types.User], ok bool) {
	at := r.place(name)
	if at < 0 || whole && !r.keys[at].Whole {
		return f, false
	}
	f = r.found[at]
	return f, f.Err == nil || errors.Is(f.Err, zoom.ErrNotFound)
}

// find finds the users of a round. A user that is requested by two names, or whole by one
// and not by the other, is read once.
func (d *Directory) find(ctx context.Context, keys []Key) []zoom.Found[types.User] {
	level := d.Rounds.Level(ctx)
	found, places, ask := d.foundBefore(keys, level)
	if len(ask.keys) == 0 {
		return found
	}
	ask.found = d.requestUsers(ctx, ask.keys)
	for i, at := range places {
		if at >= 0 {
			found[i] = ask.found[at]
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rounds = append(d.rounds, ask)
	return found
}

// foundBefore returns the users that earlier rounds have found, or that are in lists read
// on the level or an earlier one, and a round with the keys of the others: the places are
// -1 for the users that were found. Of two names, the round has the one that was requested
// before, or else the id.
func (d *Directory) foundBefore(keys []Key, level int) (found []zoom.Found[types.User], places []int, ask *round) {
	found, places = make([]zoom.Found[types.User], len(keys)), make([]int, len(keys))
	ask, slots := newRound(keys)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, k := range keys {
		places[i] = -1
		slot := slots[i]
		if o, there := d.other[k.Name]; there && o.level <= level {
			other := o.name
			if _, now := ask.slots[other]; !d.requested(k.Name) && (d.requested(other) || now && strings.Contains(k.Name, "@")) {
				k.Name, slot = other, -1
			}
		}
		if u := d.onPages(k.Name, level); u != nil {
			if !k.Whole {
				found[i].Object = u
				continue
			}
			k.Name, slot = u.ID().Key, -1
		}
		if f, known := d.foundAs(k); known {
			found[i] = f
			continue
		}
		if slot < 0 {
			slot = ask.slotOf(k.Name)
		}
		places[i] = ask.add(slot, k.Name, k.Whole)
	}
	return found, places, ask
}

// requested reports whether an earlier round has requested a name. The caller holds the
// lock.
func (d *Directory) requested(name string) bool {
	return slices.ContainsFunc(d.rounds, func(r *round) bool { return r.place(name) >= 0 })
}

// foundAs returns the result of an earlier round for a key. The caller holds the lock.
func (d *Directory) foundAs(k Key) (f zoom.Found[types.User], ok bool) {
	for _, r := range d.rounds {
		if f, ok = r.get(k.Name, k.Whole); ok {
			return f, true
		}
	}
	return f, false
}

// onPages returns the user of a name from the lists that were read on a level or an earlier
// one. The caller holds the lock.
func (d *Directory) onPages(name string, level int) *types.User {
	for _, seen := range d.seen {
		if seen.level > level {
			continue
		}
		if u := zoom.UserIn(seen.page, name); u != nil {
			return u
		}
	}
	return nil
}

// requestUsers finds users at the least cost. Whole users are requested by id, so that each
// has one name. An e-mail address may be of no user of the account: it is searched in lists
// first, unless the plan has no limits, when that would only take longer.
func (d *Directory) requestUsers(ctx context.Context, keys []Key) []zoom.Found[types.User] {
	found := make([]zoom.Found[types.User], len(keys))
	free := d.Client.Plan() == zoom.NoLimits
	var rest, whole []int
	names := make([]string, len(keys)) // of the whole ones
	for i, k := range keys {
		names[i] = k.Name
		if k.Whole && (free || !strings.Contains(k.Name, "@")) {
			whole = append(whole, i)
		} else {
			rest = append(rest, i)
		}
	}
	var wait sync.WaitGroup
	read := make(chan struct{})
	wait.Go(func() {
		defer close(read)
		d.getUsers(ctx, names, whole, found)
	})
	wait.Go(func() {
		defer batch.Caught(ctx, &found[0].Err)
		d.getUsers(ctx, names, d.lookUp(ctx, keys, rest, names, found, read), found)
	})
	wait.Wait()
	return found
}

// lookUp finds users by the names in rest, and returns those that still have to be read
// whole, by the ids that it puts into names. The users whom the round requests by id may be
// among them: read is closed when these were read, and the second step of a search begins after
// it, so that what it finds in the cache does not depend on timing.
func (d *Directory) lookUp(ctx context.Context, keys []Key, rest []int, names []string, found []zoom.Found[types.User], read <-chan struct{}) (whole []int) {
	searched := false
	search := func(wholes bool, find func(context.Context, *zoom.Client, []string) []zoom.Found[types.User]) {
		var places []int
		var sought []string
		for _, i := range rest {
			if keys[i].Whole == wholes {
				places, sought = append(places, i), append(sought, keys[i].Name)
			}
		}
		if len(places) == 0 {
			return
		}
		if searched {
			<-read
		}
		searched = true
		for n, f := range find(ctx, d.Client, sought) {
			i := places[n]
			if f.Err == nil && wholes && f.Object.Op != zoom.GetUser.Pattern {
				names[i], whole = f.Object.ID().Key, append(whole, i)
				continue
			}
			found[i] = f
		}
	}
	// The pages that this search reads serve the next one.
	search(false, func(ctx context.Context, c *zoom.Client, names []string) []zoom.Found[types.User] {
		return zoom.FindUsers(ctx, c, names, d.Later)
	})
	search(true, func(ctx context.Context, c *zoom.Client, emails []string) []zoom.Found[types.User] {
		return zoom.FindUsersWhole(ctx, c, emails, read)
	})
	return whole
}

// getUsers reads users one by one.
func (d *Directory) getUsers(ctx context.Context, names []string, places []int, found []zoom.Found[types.User]) {
	d.Client.Each(len(places), func(n int) {
		i := places[n]
		defer batch.Caught(ctx, &found[i].Err)
		found[i].Object, found[i].Err = zoom.GetUser.Do(ctx, d.Client, zoom.UserKey{UserID: names[i]})
	})
}
