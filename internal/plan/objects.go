package plan

import (
	"slices"
	"strings"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// one adds the calls of an edge that leads to one object, and goes through that object.
func (w *walk) one(e *edge) {
	at := w.below(e, e.target())
	if len(e.field.Selections) == 0 {
		w.edgeCalls(e, &at, nil)
		return
	}
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	w.edgeCalls(e, &at, want)
	w.objects(&at, e.field.Selections)
}

// edgeCalls adds the calls of an edge: those of its @zoom, for its object and for the objects that
// name it, and those of parentOps.
func (w *walk) edgeCalls(e *edge, at *place, want *selection.Needs) {
	t, own := targets[at.def.Name], e.info.All()
	for _, name := range own {
		op := w.opIn(at.account, name)
		switch {
		case op.Method() != "GET" || op.Pattern == t.one || isListOf(own, name):
		case t.one == zoom.GetPastMeeting.Pattern && op == zoom.GetMeetingReport.Spec: // for sub accounts
		case op.Pattern == w.patternIn(e.account, targets[e.def.Name].one):
			w.parentCall(e, at, op, needsParent(e))
		case slices.Contains(parentOps[e.name()], name): // parentCalls adds it
		case t.one == "":
			likely, other := e.likely, isOfOtherKind(op, own, e.read)
			if other {
				likely = 0
			}
			s := w.step(e.place, op, e.path, e.most, likely, each(e.most, "only this call returns it"))
			if w.addToPool(op, s, want); other {
				continue
			}
			s.requiredFor(e)
			at.step, at.read, at.trips = s, op.Pattern, e.trips+1
		default:
			w.parentCall(e, at, op, false)
		}
	}
	w.parentCalls(e, at)
	if t.one == "" || !slices.Contains(own, t.one) {
		return
	}
	w.object(e, at, want, t)
}

// object adds the call for an object that an edge leads to.
func (w *walk) object(e *edge, at *place, want *selection.Needs, t target) {
	op, most, likely := w.opIn(at.account, t.one), at.most, at.likely
	if t.keyed && want.KeyOnly() {
		likely = 0
		if !byNumber[e.name()] || !want.Key {
			at.read = ""
			return // its edges need only its key
		}
	}
	why := each(most, "only this call returns the selected fields")
	var lookup *Lookup
	if of := e.owners; e.field.Name == "host" && of.likely > 0 && likely > 0 {
		// A user's list has the meetings that this user hosts.
		switch likely = min(likely, of.likely); {
		case of.read != "" && !want.Lacks(of.read) && !want.Secrets:
			likely = 0
		case of.key != "" && e.account == "":
			lookup = &Lookup{Users: []string{of.key}, Whole: want.LacksInAll(zoom.ListUsers.Pattern)}
		}
	}
	s := w.step(at, op, e.path, most, likely, why)
	if s.Lookup = lookup; likely > 0 {
		s.requiredFor(e)
	}
	w.addToPool(op, s, want)
	at.step, at.read = s, op.Pattern
	if likely > 0 {
		at.trips++
	}
	w.noteTrips(at.trips)
}

// parentCall adds, once for all edges of a place, a call for the objects that have the edge. If
// expected is set, the call is expected for objects of which only the key is known.
func (w *walk) parentCall(e *edge, at *place, op *zoom.Spec, expected bool) {
	if e.read == op.Pattern || slices.Contains(e.noted, op.Pattern) || e.parentSuffices() {
		return
	}
	e.noted = append(e.noted, op.Pattern)
	likely := 0
	if expected && e.read == "" {
		likely = e.likely
		at.trips = e.trips + 1
	}
	n := e.most
	if ofInstance[e.name()] {
		n = e.parents
	}
	s := w.step(e.place, op, e.path, n, likely, "if the known fields of the object do not suffice")
	if likely > 0 {
		at.step = s
	}
}

// parentCalls adds the calls of parentOps.
func (w *walk) parentCalls(e *edge, at *place) {
	for _, name := range parentOps[e.name()] {
		w.parentCall(e, at, w.opIn(e.account, name), needsParent(e))
	}
}

// isOfOtherKind reports whether an operation of an edge, which has some for meetings and some for
// webinars, is for another kind than the operation that read the object.
func isOfOtherKind(op *zoom.Spec, own []string, read string) bool {
	return slices.ContainsFunc(own, isOfWebinar) && slices.ContainsFunc(own, isOfMeeting) && read != "" && isOfWebinar(op.Pattern) != isOfWebinar(read)
}

// isOfWebinar and isOfMeeting report what the path of an operation names.
func isOfWebinar(name string) bool {
	return strings.Contains(name, "/webinars/") || strings.Contains(name, "/past_webinars/")
}

func isOfMeeting(name string) bool {
	return strings.Contains(name, "/meetings/") || strings.Contains(name, "/past_meetings/")
}
