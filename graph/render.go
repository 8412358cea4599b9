package graph

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/batch"
	"zoomql/graph/directory"
	"zoomql/graph/render"
	"zoomql/graph/session"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// rendered is a field middleware: it replaces plain objects by their bytes.
func rendered(ctx context.Context, next graphql.Resolver) (any, error) {
	res, err := next(ctx)
	fc := graphql.GetFieldContext(ctx)
	if err != nil || res == nil {
		return res, err
	}
	if len(fc.Field.Selections) == 0 {
		return render.Leaf(ctx, fc.Field.Definition, res)
	}
	resp := from(ctx)
	if resp == nil {
		return res, nil
	}
	v, n := reflect.ValueOf(res), 1
	list := v.Kind() == reflect.Slice
	if list {
		n = v.Len()
	}
	if p := resp.plans.Of(schemaIndex(), graphql.GetOperationContext(ctx), fc.Field, list); p != nil {
		if objects, ok := render.Objects(v); ok {
			if text, err := resp.render(ctx, p, objects, list); text != nil || err != nil {
				return text, err
			}
		}
	}
	switch err := resp.Spent.Work(ctx, n); {
	case errors.Is(err, session.ErrStopped):
		return graphql.Null, nil
	case err != nil:
		return nil, err
	}
	return res, nil
}

// render writes objects by a plan. It returns nil if the executor is to write them.
func (r *response) render(ctx context.Context, p *render.Plan, objects []types.Object, list bool) (graphql.Marshaler, error) {
	n := len(objects)
	if !r.Spent.Count(n * p.Objects) {
		return graphql.Null, nil
	}
	if err := r.Spent.Lengthen(ctx, n*p.Length); err != nil {
		return nil, err
	}
	users, ok := r.wantAll(ctx, p, objects)
	if !ok || !users.found() {
		return nil, nil
	}
	w := r.buffers.Lend()
	w.Tenant = types.TenantFrom(ctx)
	if list {
		w.Buf = append(w.Buf, '[')
	}
	item := 0
	w.Follow = func(f *types.SelectedField) types.Object { return users.of(f, item) }
	counted := 0 // in addition to those counted above
	for ; item < n; item++ {
		if item > 0 {
			w.Buf = append(w.Buf, ',')
		}
		if !w.Object(objects[item], p.Fields) {
			return nil, nil
		}
		if more := w.Objects - (item+1)*p.Objects - counted; more > 0 {
			counted += more
			if !r.Spent.Count(more) {
				return graphql.Null, nil
			}
		}
		if item == 0 {
			w.Buf = slices.Grow(w.Buf, n*(len(w.Buf)+len(w.Buf)/8)+1)
		}
	}
	if list {
		w.Buf = append(w.Buf, ']')
	}
	if !r.Spent.Write(len(w.Buf)) {
		return graphql.Null, nil
	}
	return r.buffers.Ready(w), nil
}

// wantedUsers are the users that the items of a list lead to, edge by edge.
type wantedUsers []*edgeUsers

// edgeUsers are the users of one edge of a list's items.
type edgeUsers struct {
	at       *types.SelectedField
	ctx      context.Context //nolint:containedctx // of the edge
	in       *scope          // nil if there is no item
	users    []*types.User   // by item; nil if not known
	places   []int           // the items of the other users
	promises []*batch.Promise[types.User]
}

// wantAll requests the users that the items of a list lead to; ok is false if one batch cannot
// have them all.
func (r *response) wantAll(ctx context.Context, p *render.Plan, items []types.Object) (wanted wantedUsers, ok bool) {
	for _, edge := range p.Users {
		users, ok := r.want(ctx, edge, items)
		if !ok {
			return nil, false
		}
		wanted = append(wanted, users)
	}
	return wanted, true
}

func (r *response) want(ctx context.Context, edge render.Edge, items []types.Object) (wanted *edgeUsers, ok bool) {
	wanted = &edgeUsers{
		at: edge.At, ctx: graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: edge.Field}),
		users: make([]*types.User, len(items)),
	}
	want := needsOf(wanted.ctx, "User")
	whole := want.LacksInAll(zoom.ListUsers.Pattern)
	keys, named := make([]directory.Key, 0, len(items)), userEdges[edge.Name]
	wanted.places = make([]int, 0, len(items))
	for i, item := range items {
		account, name, ok := userBy(named, item)
		if !ok || name == directory.Me {
			return nil, false
		}
		s := r.in(account)
		wanted.in = cmp.Or(wanted.in, s)
		if s != wanted.in {
			return nil, false
		}
		if name == "" {
			continue
		}
		key := directory.KeyOf(name, whole)
		if wanted.users[i] = s.directory().Listed(wanted.ctx, key, want); wanted.users[i] != nil {
			continue
		}
		keys, wanted.places = append(keys, key), append(wanted.places, i)
	}
	if len(keys) > 0 {
		wanted.promises = wanted.in.users().Begin(wanted.ctx, keys)
	}
	return wanted, true
}

// userEdges has, for each edge to a user that the item of a list names, that name: the users of
// all items are one batch, and the writer follows the edge. The resolver of the edge has the same
// name, and also reads an item that must be read first.
var userEdges = map[string]userName{
	"Attendee.user":          always(attendeeName),
	"GroupMember.user":       always(groupMemberName),
	"Meeting.host":           ifNamed(func(m *types.Meeting) types.Text { return m.HostZoomID }),
	"MeetingInstance.host":   ifNamed(instanceHost),
	"MeetingRecordings.host": always(func(r *types.MeetingRecordings) types.Text { return r.HostZoomID }),
	"Participant.user":       always(participantName),
	"Registrant.user":        always(func(r *types.Registrant) types.Text { return r.Email }),
	"RoleMember.user":        always(roleMemberName),
	"Webinar.host":           ifNamed(func(w *types.Webinar) types.Text { return w.HostZoomID }),
}

// userName returns the name of the user that an item leads to; "" if there is none. ok is false if
// the item must be read first.
type userName func(item types.Object) (name types.Text, ok bool)

// always is for edges of items that name the user or have none.
func always[T any](name func(*T) types.Text) userName {
	return func(item types.Object) (types.Text, bool) {
		of, ok := any(item).(*T)
		if !ok {
			return "", false
		}
		return name(of), true
	}
}

// ifNamed is for edges of items that must be read if they do not name the user.
func ifNamed[T any](name func(*T) types.Text) userName {
	named := always(name)
	return func(item types.Object) (types.Text, bool) {
		user, ok := named(item)
		return user, ok && user != ""
	}
}

// followsToUser reports whether an edge is one of userEdges.
func followsToUser(edge string) bool { return userEdges[edge] != nil }

// userBy returns the account and the name of the user that an object, or the node of an edge,
// leads to; the name is "" if there is none.
func userBy(named userName, item types.Object) (account, name string, ok bool) {
	if around, is := item.(interface{ Item() types.Object }); is {
		item = around.Item()
	}
	of, is := item.(interface{ GetOrigin() *types.Origin })
	if !is {
		return "", "", false
	}
	user, ok := named(item)
	return of.GetOrigin().Account, string(user), ok
}

// found waits for the users, and reports whether all of them could be read.
func (w wantedUsers) found() bool {
	for _, edge := range w {
		if len(edge.promises) == 0 {
			continue
		}
		for n, f := range edge.in.users().Await(edge.ctx, edge.promises) {
			if f.Err != nil && !errors.Is(f.Err, zoom.ErrNotFound) {
				return false
			}
			if f.Err == nil {
				edge.users[edge.places[n]] = f.Object
			}
		}
	}
	return true
}

// of returns the user that item i leads to by an edge, or nil.
func (w wantedUsers) of(f *types.SelectedField, i int) types.Object {
	for _, edge := range w {
		if edge.at == f && edge.users[i] != nil {
			return edge.users[i]
		}
	}
	return nil
}
