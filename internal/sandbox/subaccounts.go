package sandbox

import (
	"slices"
	"sync"
	"time"
)

// The seeded sub accounts, by index.
const (
	subAccount = iota
	resellerAccount
	_
	videoSDKAccount
	_
	thirdTierAccount
)

var seededAccounts = []struct {
	name, kind, domain string
	users, parent      int // parent is an index, or -1 for the master account
	reseller           bool
}{
	{"Northwind Branch", "Business", "northwind.example.com", 14, -1, false},
	{"Harbor Partners", "API Partner", "harbor.example.com", 8, -1, true},
	{"Lantern School", "Education", "lantern.example.com", 20, -1, false},
	{"Orchard Apps", "Zoom Video SDK", "orchard.example.com", 8, -1, false},
	{"Meadow Clinic", "Pro", "meadow.example.com", 10, -1, false},
	{"Harbor East", "Pro", "east.harbor.example.com", 8, resellerAccount, false},
	{"Harbor West", "Free", "west.harbor.example.com", 8, resellerAccount, false},
}

// person is the owner of a new account, as a call names them.
type person struct{ Email, FirstName, LastName string }

// subOf is a sub account. Its world is created by the first call to it.
type subOf struct {
	id, parent string // parent is "" for the master account
	name, kind string
	serial     int64
	reseller   bool
	phone      string
	created    time.Time
	options    accountOptions
	world      func() *world
}

// accounts are the sub accounts of the token's account. Each has its own world and its own
// lock, so that calls to one never wait for calls to another.
type accounts struct {
	own  *world
	mu   sync.RWMutex
	all  []*subOf
	made uint64
}

func (a *accounts) init(own *world) {
	a.own = own
	for i, s := range seededAccounts {
		sub := a.newSub(uint64(i), s.users, s.domain, nil)
		sub.name, sub.kind, sub.reseller = s.name, s.kind, s.reseller
		sub.created = own.start.AddDate(-2, 0, -17*i)
		if s.parent >= 0 {
			sub.parent = a.all[s.parent].id
		}
		a.all = append(a.all, sub)
	}
	a.made = uint64(len(a.all))
}

// seeded returns a seeded account. It may have been deleted.
func (a *accounts) seeded(i int) *subOf {
	s := seededAccounts[i]
	sub := a.newSub(uint64(i), s.users, s.domain, nil)
	if kept := a.find(sub.id); kept != nil {
		return kept
	}
	return sub
}

func (a *accounts) newSub(n uint64, users int, domain string, founder *person) *subOf {
	sub := &subOf{
		id: sealID(a.own.seed, sealOther, 1<<48|n), kind: "Pro", serial: 10_000_002 + int64(n),
		phone:   "+1202555" + string([]byte{'0', '1', byte('0' + n/10%10), byte('0' + n%10)}),
		options: accountOptions{PayMode: "master"},
	}
	sub.world = sync.OnceValue(func() *world {
		opt := a.own.opt
		opt.Seed, opt.Users, opt.Meetings, opt.Participants, opt.Registrants = mix(a.own.opt.Seed)+n+1, users, 4, 12, 12
		w := newWorld(opt)
		w.start, w.account, w.serial, w.domain, w.founder = a.own.start, sub.id, sub.serial, domain, founder
		return w
	})
	return sub
}

func (a *accounts) find(id string) *subOf {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, sub := range a.all {
		if sub.id == id {
			return sub
		}
	}
	return nil
}

// children returns the sub accounts of an account; "" is the master account.
func (a *accounts) children(parent string) []*subOf {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(a.all), func(s *subOf) bool { return s.parent != parent })
}

func (a *accounts) add(sub *subOf) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, sub)
}

func (a *accounts) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = slices.DeleteFunc(a.all, func(s *subOf) bool { return s.id == id || s.parent == id })
}

// next returns a number that no sub account has used.
func (a *accounts) next() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	return a.made - 1
}

// mailTaken reports whether a user of any account has an e-mail address. The caller holds the
// lock of the token's account, which is always taken first.
func (a *accounts) mailTaken(email string) bool {
	if a.own.hasEmail(email) {
		return true
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.ContainsFunc(a.all, func(s *subOf) bool {
		w := s.world()
		w.mu.RLock()
		defer w.mu.RUnlock()
		return w.hasEmail(email)
	})
}

func (w *world) hasEmail(email string) bool {
	i, ok := w.byEmail(email)
	if !ok {
		i, ok = w.byAddedEmail(email)
	}
	return ok && w.hasUser(i)
}

// worldOf returns the account that a path names: the token's account if the path has "me",
// its id or no account, and nil if the account does not exist.
func (s *Sandbox) worldOf(c *call) *world {
	if c.route == nil || !slices.Contains(c.route.vars, "accountId") {
		return s.world
	}
	id := c.path("accountId")
	if id == "me" || id == s.world.account {
		return s.world
	}
	if sub := s.subs.find(id); sub != nil {
		return sub.world()
	}
	return nil
}

// checkAccount returns an error for a call to an account that does not exist.
//
// Source: the responses of the operations; one has another status than the rest.
func checkAccount(c *call) error {
	switch {
	case c.world != nil:
		return nil
	case c.pattern() == "GET /accounts/{accountId}/lock_settings":
		return badRequest(2001, "Account does not exist: "+c.path("accountId"))
	}
	return noAccount(c.path("accountId"))
}

func noAccount(id string) error {
	return notFound(2001, "Account does not exist: "+id)
}
