package plan

import (
	"cmp"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// listOf returns the operation that lists the items of a connection; nil if the edge has none.
func (w *walk) listOf(e *edge) *zoom.Spec {
	for _, name := range e.info.All() {
		if op := zoom.Lookup(name); op.MaxPage > 0 {
			return op
		}
	}
	return w.firstOp(e)
}

// firstOp returns the first operation of an edge's @zoom; nil if it has none.
func (w *walk) firstOp(e *edge) *zoom.Spec {
	if all := e.info.All(); len(all) > 0 {
		return zoom.Lookup(all[0])
	}
	return nil
}

// list adds the step of a list with pages, and goes through its items. It returns nil if the list is
// rejected.
func (w *walk) list(e *edge, op *zoom.Spec) *Step {
	first, refused := e.first()
	if op == nil || refused {
		return nil
	}
	l, refused := w.listing(e, op, first)
	if refused {
		return nil
	}
	why := pagesWhy(l)
	s := w.step(e.place, op, e.path, w.times(e.most, l.most()), w.times(e.likely, l.likely()), why)
	s.requiredFor(e)
	w.plan.lists = append(w.plan.lists, listAt{e.path, first})
	if l.windows == 1 {
		s.Pages = l.likely()
	}
	at := place{
		path: e.path, most: w.times(e.most, first), likely: w.times(e.likely, first), parents: e.most,
		read: op.Pattern, row: op.Pattern, account: cmp.Or(e.into, e.account), step: s, trips: e.trips + l.likely(), open: e.open,
		accounts: e.accounts,
	}
	if e.into != "" {
		at.accounts = &at
	}
	if ofHosts[op.Pattern] {
		at.owners = owners{e.likely, e.read, e.key}
	}
	w.noteTrips(at.trips)
	w.connection(e, op, &at)
	return s
}

// listing returns how a list is read, and whether it is rejected.
func (w *walk) listing(e *edge, op *zoom.Spec, first int) (l listing, refused bool) {
	largest := op.MaxPage
	if largest == 0 {
		largest = unpaged
	}
	l = listing{first: first, size: PageSize(first, largest), windows: w.windows(e, op), counted: op.Numbered}
	after, given := e.args["after"].(string)
	if given && w.Cursor != nil {
		size, behind, onFirst, ok := w.Cursor(after)
		if !ok || size > largest {
			return l, true
		}
		l.size, l.after, l.behind = GrownSize(size, behind, first, largest, onFirst), true, behind
	}
	return l, l.windows == 0
}

func pagesWhy(l listing) string {
	switch {
	case l.windows > 1:
		return "a month at a time, in pages of " + number(l.size)
	case l.likely() > 1:
		return "in pages of " + number(l.size)
	}
	return "one page of " + number(l.size)
}

// first returns the argument "first" of a list, and whether it is rejected.
func (e *edge) first() (n int, refused bool) {
	n = intOf(e.args["first"])
	return n, n < 1 || n > MaxFirst
}

// connection goes through the selection on a connection whose items an operation lists.
func (w *walk) connection(e *edge, op *zoom.Spec, items *place) {
	nodes := w.index.Type(e.target()).Fields.ForName("nodes")
	if nodes == nil {
		return
	}
	items.def = w.index.Type(nodes.Type.Name())
	want := w.index.Needs(w.opCtx, e.field.Selections, items.def.Name, "nodes", "edges.node")
	w.complete(items, op, want, items.path, e.args["status"] == "PENDING")
	conn := *e.place
	conn.read, conn.step, conn.trips = op.Pattern, items.step, items.trips
	w.page(e, &conn, items)
}

// page goes through the selection on a connection: items is the place of its items, and conn that of
// its other fields.
func (w *walk) page(e *edge, conn, items *place) {
	def := w.index.Type(e.target())
	nodes := def.Fields.ForName("nodes")
	if nodes == nil {
		return
	}
	items.def = w.index.Type(nodes.Type.Name())
	for _, f := range graphql.CollectFields(w.opCtx, e.field.Selections, w.index.Conditions(def.Name)) {
		switch {
		case f.Definition == nil || len(f.Selections) == 0:
		case f.Name == "nodes":
			w.nodes(items, f)
		case f.Name == "edges":
			w.plan.Objects = min(w.plan.Objects+items.most, w.Objects)
			for _, node := range graphql.CollectFields(w.opCtx, f.Selections, nil) {
				if node.Name == "node" {
					below := *items
					below.path = join(items.path, f.Alias)
					w.nodes(&below, node)
				}
			}
		default:
			at := *conn
			at.def, at.path = def, e.path
			w.field(&at, f)
		}
	}
}

// nodes goes through the items of a list.
func (w *walk) nodes(items *place, f graphql.CollectedField) {
	at := *items
	at.path, at.noted, at.listed = join(items.path, f.Alias), nil, true
	w.objects(&at, f.Selections)
}

// complete adds the calls for items of a list that lack selected fields. Invited users have no id
// yet, so they are searched for in lists, too.
func (w *walk) complete(items *place, list *zoom.Spec, want *selection.Needs, path string, invited bool) {
	detail := detailOps[list.Pattern]
	if detail == "" || !want.Lacks(list.Pattern) {
		return
	}
	op := w.opIn(items.account, detail)
	likely := items.likely
	if !want.NeverIn(list.Pattern) {
		likely /= 2 // some items have the fields
	}
	s := w.step(items, op, path, items.most, likely, each(items.most, "the list lacks "+lacking(want, list.Pattern)))
	if list != zoom.ListUsers.Spec || invited {
		w.addToPool(op, s, want)
	} else {
		w.addWhole(s)
	}
	if want.NeverIn(list.Pattern) {
		items.read, s.Fields, s.Listed = op.Pattern, fieldsNeverIn(path, want, list.Pattern), true
	}
	if likely > 0 {
		items.trips++
	}
	items.step = s
	w.noteTrips(items.trips)
}

// items adds the step of a list without pages, and goes through its items.
func (w *walk) items(e *edge, op *zoom.Spec) {
	at := w.below(e, e.target())
	if op != nil {
		n := w.windows(e, op)
		if n == 0 {
			return
		}
		at.step = w.step(e.place, op, e.path, w.times(e.most, n), w.times(e.likely, n), each(e.most, "the list has no pages"))
		at.step.requiredFor(e)
		at.read, at.row, at.trips = op.Pattern, op.Pattern, e.trips+1
	}
	at = w.asLists(at)
	if op != nil && len(e.field.Selections) > 0 {
		w.complete(&at, op, w.index.Needs(w.opCtx, e.field.Selections, at.def.Name), e.path, false)
	}
	w.objects(&at, e.field.Selections)
}
