package graph

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// stragglers is how long a batch waits for the rest of a level of siblings.
const stragglers = time.Millisecond

// scope is what one operation asks of one account: its client, and the loaders
// that collect what a level of siblings wants into one batch, and let one
// answer do for all who want the same. Everything fetched by key goes through
// them, roots as well.
//
// A loader is made when it is first used: most operations need one or two.
type scope struct {
	client *zoom.Client
	runs   sync.Map // UUID of a run → types.MeetingNumber, as far as known

	byUser       lazy[userKey, types.User]
	byMeeting    lazy[meetingKey, types.Meeting]
	byInstance   lazy[string, types.MeetingInstance]
	byRegistrant lazy[registrantKey, types.Registrant]
	loaders      sync.Map // the other loaders, by kind of key: see loaderOf

	mu    sync.Mutex
	seen  []*zoom.Page[types.User] // lists that this operation has read
	other map[string]string        // a user's id by e-mail, and the other way round
	asked map[string]bool          // names by which users were asked for
}

// lazy is a loader that is not made yet.
type lazy[K comparable, T any] struct {
	once   sync.Once
	loader *dataloader.Loader[K, *T]
}

func (z *lazy[K, T]) get(find func(context.Context, []K) []zoom.Found[T]) *dataloader.Loader[K, *T] {
	z.once.Do(func() { z.loader = load(find) })
	return z.loader
}

func (s *scope) users() *dataloader.Loader[userKey, *types.User] { return s.byUser.get(s.findUsers) }

func (s *scope) meetings() *dataloader.Loader[meetingKey, *types.Meeting] {
	return s.byMeeting.get(each(func(ctx context.Context, k meetingKey) (*types.Meeting, error) {
		return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingKey{MeetingID: k.number}, zoom.Secrets(k.secrets))
	}))
}

func (s *scope) instances() *dataloader.Loader[string, *types.MeetingInstance] {
	return s.byInstance.get(each(func(ctx context.Context, uuid string) (*types.MeetingInstance, error) {
		return zoom.GetPastMeeting.Do(ctx, s.client, zoom.InstanceKey{MeetingID: uuid})
	}))
}

func (s *scope) registrants() *dataloader.Loader[registrantKey, *types.Registrant] {
	return s.byRegistrant.get(s.findRegistrants)
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

// loaderOf returns the scope's loader of the objects that a kind of key names,
// and makes it when it is first used. Each kind of object has a key type of its
// own, so a domain needs no field in scope.
func loaderOf[K comparable, T any](s *scope, find func(context.Context, []K) []zoom.Found[T]) *dataloader.Loader[K, *T] {
	type kind struct{ _ *K }
	if l, ok := s.loaders.Load(kind{}); ok {
		return l.(*dataloader.Loader[K, *T])
	}
	l, _ := s.loaders.LoadOrStore(kind{}, load(find))
	return l.(*dataloader.Loader[K, *T])
}

// load returns a loader whose batches are found together.
func load[K comparable, T any](find func(context.Context, []K) []zoom.Found[T]) *dataloader.Loader[K, *T] {
	batch := func(ctx context.Context, keys []K) []*dataloader.Result[*T] {
		results := make([]*dataloader.Result[*T], len(keys))
		for i, f := range find(ctx, keys) {
			results[i] = &dataloader.Result[*T]{Data: f.Object, Error: f.Err}
		}
		return results
	}
	return dataloader.NewBatchedLoader(batch, dataloader.WithWait[K, *T](stragglers))
}

// each finds by one call a key, all at once.
func each[K comparable, T any](get func(context.Context, K) (*T, error)) func(context.Context, []K) []zoom.Found[T] {
	return func(ctx context.Context, keys []K) []zoom.Found[T] {
		found := make([]zoom.Found[T], len(keys))
		var wait sync.WaitGroup
		for i, key := range keys {
			wait.Go(func() { found[i].Object, found[i].Err = get(ctx, key) })
		}
		wait.Wait()
		return found
	}
}

// saw notes a list of users that this operation has read: whoever stands in it
// need not be asked for.
func (s *scope) saw(page *zoom.Page[types.User]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, page)
}

func (s *scope) listed(name string) *types.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, page := range s.seen {
		if u := zoom.UserIn(page, name); u != nil {
			return u
		}
	}
	return nil
}

// same notes that an id and an e-mail are of one user.
func (s *scope) same(id, email types.Text) {
	if id == "" || email == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.other == nil {
		s.other = map[string]string{}
	}
	mail := strings.ToLower(string(email))
	s.other[string(id)], s.other[mail] = mail, string(id)
}

// name returns the name to ask for a user by: the one by which this operation
// has asked for him already, if he is known by two.
func (s *scope) name(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.other[name]; other != "" && s.asked[other] {
		return other
	}
	if s.asked == nil {
		s.asked = map[string]bool{}
	}
	s.asked[name] = true
	return name
}

// findUsers finds a batch where this operation has seen them, and else at the
// least cost. Who is wanted whole is asked for by id, if only to have one name:
// for e-mails, which may be strangers', lists are looked into first.
func (s *scope) findUsers(ctx context.Context, keys []userKey) []zoom.Found[types.User] {
	found := make([]zoom.Found[types.User], len(keys))
	var rest []int
	var wait sync.WaitGroup
	whole := func(i int, name string) {
		wait.Go(func() {
			found[i].Object, found[i].Err = zoom.GetUser.Do(ctx, s.client, zoom.UserKey{UserID: name})
		})
	}
	for i, k := range keys {
		switch u := s.listed(k.name); {
		case u != nil && k.whole:
			whole(i, string(u.ZoomID))
		case u != nil:
			found[i].Object = u
		case k.whole && !strings.Contains(k.name, "@"):
			whole(i, k.name)
		default:
			rest = append(rest, i)
		}
	}
	names := make([]string, len(rest))
	for n, i := range rest {
		names[n] = keys[i].name
	}
	for n, f := range zoom.FindUsers(ctx, s.client, names) {
		i := rest[n]
		if f.Err == nil && keys[i].whole && f.Object.Origin.Op != zoom.GetUser.Pattern {
			whole(i, string(f.Object.ZoomID))
			continue
		}
		found[i] = f
	}
	wait.Wait()
	return found
}

// findRegistrants finds a batch, meeting by meeting and webinar by webinar.
func (s *scope) findRegistrants(ctx context.Context, keys []registrantKey) []zoom.Found[types.Registrant] {
	found := make([]zoom.Found[types.Registrant], len(keys))
	byMeeting := map[zoom.RegistrantsOf][]int{}
	var wait sync.WaitGroup
	for i, k := range keys {
		if !k.secrets {
			byMeeting[k.of] = append(byMeeting[k.of], i)
			continue
		}
		wait.Go(func() {
			found[i].Object, found[i].Err = k.of.Get(ctx, s.client, k.id, zoom.WithSecrets)
		})
	}
	for of, places := range byMeeting {
		wait.Go(func() {
			ids := make([]string, len(places))
			for n, i := range places {
				ids[n] = keys[i].id
			}
			for n, f := range zoom.FindRegistrants(ctx, s.client, of, ids) {
				found[places[n]] = f
			}
		})
	}
	wait.Wait()
	return found
}
