package graph

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/errs"
	"zoomql/graph/generated"
	"zoomql/graph/pricing"
	"zoomql/graph/render"
	"zoomql/graph/session"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// response is one response of an operation, with the data that were read for it from each
// account, and the plans and buffers of its rendering.
type response struct {
	session.Response
	root *Resolver
	own  scope
	dry  bool // only the price is requested, and no field is resolved
	// preflight has the fields that cannot be read; nil if there are none.
	preflight *pricing.Preflight
	plan      func() *plan.Plan // of the operation

	mu      sync.Mutex
	other   map[string]*scope // of sub accounts, by Zoom's id
	plans   render.Plans
	buffers render.Buffers
}

// from returns the response that ctx belongs to. It is there below the handler of New.
func from(ctx context.Context) *response {
	r, _ := ctx.Value(session.Key{}).(*response)
	return r
}

// needsOf returns the needs of the field of ctx of objects of a type, see
// [session.Operation.Needs].
func needsOf(ctx context.Context, typeName string, ways ...string) *selection.Needs {
	return from(ctx).Needs(ctx, typeName, ways...)
}

// needsOfNodes is needsOf for the nodes of a connection.
func needsOfNodes(ctx context.Context, typeName string) *selection.Needs {
	return needsOf(ctx, typeName, "nodes", "edges.node")
}

// in returns the scope of an account; "" is the own one, which has other names too.
func (r *response) in(account string) *scope {
	if account == "" || account == directory.Me || account == r.own.client.AccountID() {
		return &r.own
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.other[account]
	if s == nil {
		if r.other == nil {
			r.other = map[string]*scope{}
		}
		s = &scope{client: r.own.client.In(account), rounds: &r.Rounds}
		r.other[account] = s
	}
	return s
}

// forget drops the objects that the operation has loaded, which a write may have changed. Those
// that the cache still has cost no call.
func (r *response) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own.forget()
	for _, s := range r.other {
		s.forget()
	}
}

// of returns the scope of the account that an object is in.
func of(ctx context.Context, obj interface{ GetOrigin() *types.Origin }) *scope {
	return from(ctx).in(obj.GetOrigin().Account)
}

// scope is one account within one response: its client, and the loaders that collect the keys
// of a level of siblings into one batch and share an answer among all fields that need it.
// Everything that is read by key, including roots, goes through them.
//
// A loader is made when it is first used: most operations need one or two.
type scope struct {
	client *zoom.Client
	rounds *batch.Rounds

	loaded atomic.Pointer[loaded]
}

// schemaIndex returns the schema with the costs of its fields. Instances and rooms on the
// dashboard have other key fields than those of the inputs.
var schemaIndex = sync.OnceValue(func() *selection.Index {
	return selection.NewIndex(generated.NewExecutableSchema(generated.Config{}).Schema(), map[string][]string{
		"DashboardMeeting": {"uuid"}, "DashboardWebinar": {"uuid"}, "DashboardZoomRoom": {"zoomId"},
	})
})

// The kinds of objects that are found in another way if they are many.
const (
	users batch.Kind = iota
	registrants
	roles
	groups
	figures // of the connection of a stay
	stays
)

// kindsOf returns the kinds of objects that fields of a type load.
func kindsOf(typeName string) []batch.Kind {
	switch strings.TrimSuffix(typeName, "Connection") { // a round looks into lists that were read before it
	case "User":
		return []batch.Kind{users}
	case "Registrant":
		return []batch.Kind{registrants}
	case "Group":
		return []batch.Kind{groups, users} // the groups of a user of which only the id is known
	case "Role":
		return []batch.Kind{roles, users} // the role of a user of which only the id is known
	case "ParticipantQos":
		return []batch.Kind{figures}
	case "DashboardParticipant":
		return []batch.Kind{stays}
	case "Node":
		return []batch.Kind{users, registrants, roles, groups}
	}
	return nil
}

// loaded has the objects that a scope has read since the operation's last write.
type loaded struct {
	directory    directory.Directory
	byMeeting    batch.Loader[meetingKey, types.Meeting]
	byInstance   batch.Loader[string, types.MeetingInstance]
	byRegistrant batch.Loader[registrantKey, types.Registrant]
	loaders      sync.Map // the other loaders, by kind of key: see loaderOf
}

// now returns the objects that the scope has read, to be read or added to.
func (s *scope) now() *loaded {
	if l := s.loaded.Load(); l != nil {
		return l
	}
	s.loaded.CompareAndSwap(nil, s.newLoaded())
	return s.loaded.Load()
}

func (s *scope) newLoaded() *loaded {
	return &loaded{directory: directory.Directory{Client: s.client, Rounds: s.rounds, Kind: users, Later: s.later(zoom.GetUser.Spec)}}
}

// later returns how many objects of the account an operation reads one by one after a search.
func (s *scope) later(one *zoom.Spec) zoom.Later {
	return func(ctx context.Context) int {
		return from(ctx).plan().WholeBelow(one, s.client.Sub(), s.rounds.Level(ctx))
	}
}

// forget drops all loaded objects. A caller that still waits for a loader gets its result.
func (s *scope) forget() { s.loaded.Store(s.newLoaded()) }

// directory returns the known users of the account.
func (s *scope) directory() *directory.Directory { return &s.now().directory }

func (s *scope) users() *batch.Loader[directory.Key, types.User] { return s.directory().Users() }

func (s *scope) meetings() *batch.Loader[meetingKey, types.Meeting] {
	return s.now().byMeeting.AtOnce(batch.Each(s.client, func(ctx context.Context, k meetingKey) (*types.Meeting, error) {
		return zoom.GetMeeting.Do(ctx, s.client, zoom.MeetingQuery{MeetingID: k.number}, zoom.Secrets(k.secrets))
	}))
}

func (s *scope) instances() *batch.Loader[string, types.MeetingInstance] {
	return s.now().byInstance.AtOnce(batch.Each(s.client, s.getInstance))
}

// getInstance reads an instance. For sub accounts Zoom has only the report, which lacks some
// fields.
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

type meetingKey struct {
	number  types.MeetingNumber
	secrets bool
}

type registrantKey struct {
	of      zoom.RegistrantsOf
	id      string
	secrets bool
	// whole requests the fields that lists lack: reading a list would be useless.
	whole bool
}

// loaderOf returns the scope's loader for a type of keys and a type of objects. It makes the
// loader at its first use, so a domain needs no field in scope.
func loaderOf[K comparable, T any](s *scope, find func(context.Context, []K) []zoom.Found[T]) *batch.Loader[K, T] {
	return loaderIn[K, T](s).AtOnce(find)
}

// batchesOf is loaderOf for keys that cost less in one batch.
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

// findRegistrants finds a batch, meeting by meeting and webinar by webinar; registrants with
// selected credentials, or fields that lists lack, are read one by one.
func (s *scope) findRegistrants(ctx context.Context, keys []registrantKey) []zoom.Found[types.Registrant] {
	wholes := map[registrantKey]bool{}
	for _, k := range keys {
		if k.whole {
			wholes[registrantKey{of: k.of, id: k.id}] = true
		}
	}
	group := func(k registrantKey) registrantKey {
		if k.whole = wholes[registrantKey{of: k.of, id: k.id}]; !k.secrets && !k.whole {
			k.id = ""
		}
		return k
	}
	return batch.Grouped(ctx, keys, group, func(g registrantKey, keys []registrantKey) []zoom.Found[types.Registrant] {
		if g.secrets || g.whole {
			reg, err := g.of.Get(ctx, s.client, g.id, zoom.Secrets(g.secrets))
			return slices.Repeat([]zoom.Found[types.Registrant]{{Object: reg, Err: err}}, len(keys))
		}
		ids := make([]string, len(keys))
		for i, k := range keys {
			ids[i] = k.id
		}
		return zoom.FindRegistrants(ctx, s.client, g.of, ids, s.later(g.of.One()))
	})
}

// accountBy returns the scope of the account that a caller names; nil names the own one.
func accountBy(ctx context.Context, by *types.AccountBy) (*scope, error) {
	if by == nil {
		return from(ctx).in(""), nil
	}
	id, err := argument.Key("account", *by)
	return from(ctx).in(id), err
}

// accountFor returns the scope of the account that a write names, or else of the account in the
// global id of its object.
func accountFor(ctx context.Context, by *types.AccountBy, id *types.NodeID) (*scope, error) {
	if by == nil {
		return in(ctx, id), nil
	}
	s, err := accountBy(ctx, by)
	if err == nil {
		err = s.holds("account", id)
	}
	return s, err
}

// holds refuses the global id of an object of another account; nil stands for an object that is
// named in another way.
func (s *scope) holds(where string, id *types.NodeID) error {
	if id != nil && id.Account != s.client.Sub() {
		return errs.Invalid(where + ": the id is of another account's object")
	}
	return nil
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// in returns the scope of the account of a global id; nil stands for the own account.
func in(ctx context.Context, id *types.NodeID) *scope {
	if id == nil {
		return from(ctx).in("")
	}
	return from(ctx).in(id.Account)
}

// origin returns the origin of an object of which only the key is known.
func (s *scope) origin() types.Origin { return types.Origin{Account: s.client.Sub()} }

// orNil converts "not found" to null, for the end of an edge.
func orNil[T any](obj *T, err error) (*T, error) {
	if errors.Is(err, zoom.ErrNotFound) {
		return nil, nil
	}
	return obj, err
}
