// Package directory finds users of an account for one response: by id or by e-mail, each
// once, and at the least cost.
//
// Many objects name users, some by id and some by e-mail, and some lists hold users as they
// are read anyway. A [Directory] notes both as fields are resolved, and asks Zoom for a
// round of users only what is not known: from a list where many are asked for, and one by
// one where few are.
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

// Me is the user behind the credential, as Zoom names them in a path.
const Me = "me"

// Key names a user by id, e-mail in lower case, or [Me].
type Key struct {
	Name string
	// Whole asks for what lists do not hold.
	Whole bool
}

// Directory has the users of one account that a response has read, and finds others.
type Directory struct {
	// Client asks for the account's users.
	Client *zoom.Client
	// Rounds are the response's, and Kind is the kind that users are in them.
	Rounds *batch.Rounds
	Kind   batch.Kind

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

// Saw returns a function that notes the pages of users that the field of ctx reads: a user
// on one of them need not be asked for.
func (d *Directory) Saw(ctx context.Context) func(*zoom.Page[types.User]) {
	at := graphql.GetFieldContext(ctx)
	level := d.Rounds.Level(ctx)
	return func(page *zoom.Page[types.User]) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.seen = append(d.seen, seenPage{page, at, level})
	}
}

// seenAbove returns the user of a name from a list that the field of ctx has read, or one
// above it: such a user needs no round. Which of two fields beside each other comes first is
// chance; a round looks there.
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

// Listed returns the user of a key from a list that the field of ctx has read, or one above
// it, if the row has what is wanted.
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

// KeyOf returns the key to ask for a user by. Ids are case-sensitive, e-mail
// addresses are not.
func KeyOf(name string, whole bool) Key {
	if strings.Contains(name, "@") {
		name = strings.ToLower(name)
	}
	return Key{name, whole || name == Me}
}

// otherName is the id of a user whose e-mail is known, or the other way round. level
// is that of the first round that may go by it.
type otherName struct {
	name  string
	level int
}

// Same notes that an id and an e-mail are of one user.
func (d *Directory) Same(ctx context.Context, id, email types.Text) {
	SameOf(ctx, d, []types.Text{id}, func(id types.Text) (types.Text, types.Text) { return id, email })
}

// SameOf notes for each item of a list that an id and an e-mail are of one user. The rounds
// that wait for the field of ctx go by it, and no others do: whether these run before the
// list comes, or after it, is chance.
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

// alias notes the other name of a user. Of several, the first round's counts, whichever
// was noted first. The caller holds the lock.
func (d *Directory) alias(name string, other otherName) {
	known, there := d.other[name]
	if !there || other.level < known.level || other.level == known.level && other.name < known.name {
		d.other[name] = other
	}
}

// Person returns the name by which to ask for a user that a report names by id and by
// e-mail; "" where a name stands in the place of the address.
func Person(id, email types.Text) types.Text {
	if id != "" || strings.Contains(string(email), "@") {
		return cmp.Or(id, email)
	}
	return ""
}

// round is what a round has asked for.
type round struct {
	slots  map[string]int // of all names
	places []int          // in keys, by slot; -1 is of one that is asked for by another name
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
	if len(r.slots) < len(keys) { // some have one name
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

// add asks for the name of a slot, whole or not, and returns its place.
func (r *round) add(slot int, name string, whole bool) int {
	if r.places[slot] < 0 {
		r.places[slot], r.keys = len(r.keys), append(r.keys, Key{Name: name})
	}
	at := r.places[slot]
	r.keys[at].Whole = r.keys[at].Whole || whole
	return at
}

// slotOf returns the slot of a name, and makes it where there is none.
func (r *round) slotOf(name string) int {
	slot, named := r.slots[name]
	if !named {
		slot = len(r.places)
		r.slots[name], r.places = slot, append(r.places, -1)
	}
	return slot
}

// get returns what the round has found for a name: the user, or that there is none.
func (r *round) get(name string, whole bool) (f zoom.Found[types.User], ok bool) {
	at := r.place(name)
	if at < 0 || whole && !r.keys[at].Whole {
		return f, false
	}
	f = r.found[at]
	return f, f.Err == nil || errors.Is(f.Err, zoom.ErrNotFound)
}

// find finds the users of a round. A user that is asked for by two names, or whole by one
// and not by the other, is found once.
func (d *Directory) find(ctx context.Context, keys []Key) []zoom.Found[types.User] {
	level := d.Rounds.Level(ctx)
	found, places, ask := d.foundBefore(keys, level)
	if len(ask.keys) == 0 {
		return found
	}
	ask.found = d.askForUsers(ctx, ask.keys)
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

// foundBefore returns the users that were found in rounds before, or stand in lists
// that were read on a level or before it, and what is to be asked for the others: their
// places in it are -1 where they are known. Of two names it is the one that was asked
// for before, and else the id.
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
			if _, now := ask.slots[other]; !d.askedFor(k.Name) && (d.askedFor(other) || now && strings.Contains(k.Name, "@")) {
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

// askedFor reports whether a round before has asked for a name. The caller holds the
// lock.
func (d *Directory) askedFor(name string) bool {
	return slices.ContainsFunc(d.rounds, func(r *round) bool { return r.place(name) >= 0 })
}

// foundAs returns what a round before has found of a key. The caller holds the lock.
func (d *Directory) foundAs(k Key) (f zoom.Found[types.User], ok bool) {
	for _, r := range d.rounds {
		if f, ok = r.get(k.Name, k.Whole); ok {
			return f, true
		}
	}
	return f, false
}

// onPages returns the user of a name from the lists that were read on a level or before
// it. The caller holds the lock.
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

// askForUsers finds users at the least cost. Users that are wanted whole are asked for by
// id, so that each has one name. An e-mail may be that of a stranger: it is looked up in
// lists first, unless calls cost nothing and that would only take longer.
func (d *Directory) askForUsers(ctx context.Context, keys []Key) []zoom.Found[types.User] {
	found := make([]zoom.Found[types.User], len(keys))
	free := d.Client.Plan() == zoom.NoLimits
	var rest, whole []int
	names := make([]string, len(keys)) // of those wanted whole
	for i, k := range keys {
		names[i] = k.Name
		if k.Whole && (free || !strings.Contains(k.Name, "@")) {
			whole = append(whole, i)
		} else {
			rest = append(rest, i)
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() { d.getUsers(ctx, names, whole, found) })
	wait.Go(func() {
		defer batch.Caught(ctx, &found[0].Err)
		d.getUsers(ctx, names, d.lookUp(ctx, keys, rest, names, found), found)
	})
	wait.Wait()
	return found
}

// lookUp finds users by the names in rest, and returns those of them that are
// still to be asked for whole, by the ids that it puts into names.
func (d *Directory) lookUp(ctx context.Context, keys []Key, rest []int, names []string, found []zoom.Found[types.User]) (whole []int) {
	wanted := make([]string, len(rest))
	for n, i := range rest {
		wanted[n] = keys[i].Name
	}
	for n, f := range zoom.FindUsers(ctx, d.Client, wanted) {
		i := rest[n]
		if f.Err == nil && keys[i].Whole && f.Object.Op != zoom.GetUser.Pattern {
			names[i], whole = f.Object.ID().Key, append(whole, i)
			continue
		}
		found[i] = f
	}
	return whole
}

// getUsers asks for users one by one.
func (d *Directory) getUsers(ctx context.Context, names []string, places []int, found []zoom.Found[types.User]) {
	d.Client.Each(len(places), func(n int) {
		i := places[n]
		defer batch.Caught(ctx, &found[i].Err)
		found[i].Object, found[i].Err = zoom.GetUser.Do(ctx, d.Client, zoom.UserKey{UserID: names[i]})
	})
}
