package plan

import (
	"cmp"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// listOf returns the operation that reads the list of a connection; nil where there is
// none.
func (w *walk) listOf(e *edge) *zoom.Spec {
	for _, name := range e.info.All() {
		if op := zoom.Lookup(name); op.MaxPage > 0 {
			return op
		}
	}
	return w.firstOf(e)
}

func (w *walk) firstOf(e *edge) *zoom.Spec {
	if all := e.info.All(); len(all) > 0 {
		return zoom.Lookup(all[0])
	}
	return nil
}

// list notes a list with pages, and goes on with its items.
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
	s.holds(e)
	w.plan.lists = append(w.plan.lists, listAt{e.path, first})
	if l.windows == 1 {
		s.Pages = l.likely()
	}
	at := place{
		path: e.path, most: w.times(e.most, first), likely: w.times(e.likely, first), of: e.most,
		read: op.Pattern, row: op.Pattern, account: cmp.Or(e.into, e.account), under: s, trips: e.trips + l.likely(), open: e.open,
	}
	if ofHosts[op.Pattern] {
		at.owners = owners{e.likely, e.read, e.key}
	}
	w.arrive(at.trips)
	w.connection(e, op, &at)
	return s
}

// listing returns how a list is read, or that it is refused.
func (w *walk) listing(e *edge, op *zoom.Spec, first int) (l listing, refused bool) {
	largest := op.MaxPage
	if largest == 0 {
		largest = unpaged
	}
	l = listing{first: first, size: PageSize(first, largest), windows: w.windows(e, op), counted: op.Numbered}
	after, given := e.args["after"].(string)
	if given && w.Cursor != nil {
		size, behind, ok := w.Cursor(after)
		if !ok || size > largest {
			return l, true
		}
		l.size, l.after, l.behind = size, true, behind
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

// first returns how many items of a list are asked for, or that the list is refused.
func (e *edge) first() (n int, refused bool) {
	n = intOf(e.args["first"])
	return n, n < 1 || n > MaxFirst
}

// connection goes through the selection on a list with pages that an operation has.
func (w *walk) connection(e *edge, op *zoom.Spec, items *place) {
	nodes := w.index.Type(e.target()).Fields.ForName("nodes")
	if nodes == nil {
		return
	}
	items.def = w.index.Type(nodes.Type.Name())
	want := w.index.Needs(w.opCtx, e.field.Selections, items.def.Name, "nodes", "edges.node")
	w.complete(items, op, want, items.path, e.args["status"] == "PENDING")
	beside := *e.place
	beside.read, beside.under, beside.trips = op.Pattern, items.under, items.trips
	w.page(e, &beside, items)
}

// page goes through the selection on a page of a list: its items, and what stands beside
// them, in a place of its own.
func (w *walk) page(e *edge, beside, items *place) {
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
			at := *beside
			at.def, at.path = def, e.path
			w.field(&at, f)
		}
	}
}

// nodes goes on with the items of a list.
func (w *walk) nodes(items *place, f graphql.CollectedField) {
	at := *items
	at.path, at.asked, at.listed = join(items.path, f.Alias), nil, true
	w.objects(&at, f.Selections)
}

// complete notes the calls for items of a list that lack what is asked for. Users who are
// invited have no id yet, so that they are looked for in lists.
func (w *walk) complete(items *place, list *zoom.Spec, want *selection.Needs, path string, invited bool) {
	whole := wholes[list.Pattern]
	if whole == "" || !want.Lacks(list.Pattern) {
		return
	}
	op := w.in(items.account, whole)
	likely := items.likely
	if !want.NeverIn(list.Pattern) {
		likely /= 2 // some items have it
	}
	s := w.step(items, op, path, items.most, likely, each(items.most, "the list does not tell "+lacking(want, list.Pattern)))
	if list != zoom.ListUsers.Spec || invited {
		w.pooled(op, s, want)
	}
	if want.NeverIn(list.Pattern) {
		items.read, s.Fields, s.Listed = op.Pattern, untold(path, want, list.Pattern), true
	}
	if likely > 0 {
		items.trips++
	}
	items.under = s
	w.arrive(items.trips)
}

// items notes a list without pages, and goes on with its items.
func (w *walk) items(e *edge, op *zoom.Spec) {
	at := w.below(e, e.target())
	if op != nil {
		n := w.windows(e, op)
		if n == 0 {
			return
		}
		at.under = w.step(e.place, op, e.path, w.times(e.most, n), w.times(e.likely, n), each(e.most, "the list has no pages"))
		at.under.holds(e)
		at.read, at.row, at.trips = op.Pattern, op.Pattern, e.trips+1
	}
	at = w.many(at)
	if op != nil && len(e.field.Selections) > 0 {
		w.complete(&at, op, w.index.Needs(w.opCtx, e.field.Selections, at.def.Name), e.path, false)
	}
	w.objects(&at, e.field.Selections)
}
