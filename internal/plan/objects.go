package plan

import (
	"slices"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// one notes what an object costs that an edge leads to, and goes on with it.
func (w *walk) one(e *edge) {
	at := w.below(e, e.target())
	if len(e.field.Selections) == 0 {
		w.ask(e, &at, nil)
		return
	}
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	w.ask(e, &at, want)
	w.objects(&at, e.field.Selections)
}

// ask notes the calls that an edge names: that for its object, and those for what names
// it.
func (w *walk) ask(e *edge, at *place, want *selection.Needs) {
	t, own := targets[at.def.Name], e.info.All()
	for _, name := range own {
		op := w.in(at.account, name)
		switch {
		case op.Method() != "GET" || op.Pattern == t.one || isListOf(own, name):
		case t.one == zoom.GetPastMeeting.Pattern && op == zoom.GetMeetingReport.Spec: // of sub accounts
		case op.Pattern == w.pattern(e.account, targets[e.def.Name].one):
			w.lean(e, at, op, isKeyed(e))
		case t.one == "":
			s := w.step(e.place, op, e.path, e.most, e.likely, each(e.most, "nothing else tells it"))
			s.holds(e)
			at.under, at.read, at.trips = s, op.Pattern, e.trips+1
			w.pooled(op, s, want)
		default:
			w.lean(e, at, op, false)
		}
	}
	w.lent(e, at)
	if t.one == "" || !slices.Contains(own, t.one) {
		return
	}
	w.object(e, at, want, t)
}

// object notes the call for an object that an edge leads to.
func (w *walk) object(e *edge, at *place, want *selection.Needs, t target) {
	op, most, likely := w.in(at.account, t.one), at.most, at.likely
	if t.keyed && want.KeyOnly() {
		likely = 0
		if !latest[e.def.Name+"."+e.field.Name] || !want.Key {
			at.read = ""
			return // its edges are asked by its key
		}
	}
	why := each(most, "nothing else tells what is selected")
	var lookup *Lookup
	if of := e.owners; e.field.Name == "host" && of.likely > 0 && likely > 0 {
		// A user's list has the meetings that the user hosts.
		switch likely = min(likely, of.likely); {
		case of.read != "" && !want.Lacks(of.read) && !want.Secrets:
			likely = 0
		case of.key != "" && e.account == "":
			lookup = &Lookup{Users: []string{of.key}, Whole: want.Lacks(zoom.ListUsers.Pattern)}
		}
	}
	s := w.step(at, op, e.path, most, likely, why)
	if s.Lookup = lookup; likely > 0 {
		s.holds(e)
	}
	w.pooled(op, s, want)
	at.under, at.read = s, op.Pattern
	if likely > 0 {
		at.trips++
	}
	w.arrive(at.trips)
}

// lean notes a call for what an edge hangs on: the objects of its place themselves, once
// for all edges. It is expected where they are known by key alone.
func (w *walk) lean(e *edge, at *place, op *zoom.Spec, expected bool) {
	if e.read == op.Pattern || slices.Contains(e.asked, op.Pattern) || e.tells() {
		return
	}
	e.asked = append(e.asked, op.Pattern)
	likely := 0
	if expected && e.read == "" {
		likely = e.likely
		at.trips = e.trips + 1
	}
	n := e.most
	if ofRun[e.def.Name+"."+e.field.Name] {
		n = e.of
	}
	s := w.step(e.place, op, e.path, n, likely, "where what is known of the object does not tell it")
	if likely > 0 {
		at.under = s
	}
}

// lent notes the calls for what an edge hangs on that it does not name.
func (w *walk) lent(e *edge, at *place) {
	for _, name := range leans[e.def.Name+"."+e.field.Name] {
		w.lean(e, at, w.in(e.account, name), isKeyed(e))
	}
}
