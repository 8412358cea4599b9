package plan

import "zoomql/internal/zoom"

// mutation notes the calls of a change, and goes on with its payload.
func (w *walk) mutation(e *edge) {
	input := e.args["input"]
	at := w.below(e, e.target())
	w.lookups(e, &at, input)
	w.changed = len(listIn(input, "registrants"))
	for _, name := range w.opsOf(e, input) {
		op := zoom.Lookup(name)
		if op == nil {
			continue
		}
		w.change(e, &at, op, input)
	}
	w.objects(&at, e.field.Selections)
}

// opsOf returns the operations of a change. A raw request names its own.
func (w *walk) opsOf(e *edge, input any) []string {
	if e.field.Name == "zoomRequest" {
		name, _ := memberOf(input, "operation").(string)
		return []string{name}
	}
	return e.info.All()
}

// change notes one operation of a change.
func (w *walk) change(e *edge, at *place, op *zoom.Spec, input any) {
	switch {
	case op.Pattern == zoom.GetUser.Pattern || op.Pattern == zoom.ListUsers.Pattern:
		if e.field.Name == "zoomRequest" {
			at.under = w.step(at, op, e.path, 1, 1, "the query names it")
		}
	case op.Reads() && op.MaxPage > 0 && e.field.Name != "zoomRequest": // looked up already
	case op.Reads():
		w.step(at, op, e.path, 1, 1, "what is there is read before it is changed")
	default:
		n := calls(op, input)
		at.under = w.step(at, op, e.path, n, n, "the change itself")
		at.read = op.Pattern
		at.trips += n
		w.again(e, at, input)
	}
	w.arrive(at.trips)
}

// calls returns how many calls a change takes: Zoom takes some lists in parts.
func calls(op *zoom.Spec, input any) int {
	switch op.Pattern {
	case zoom.UpdateRegistrantStatus.Pattern:
		return ceil(len(listIn(input, "registrants")), zoom.MaxRegistrantsPerCall)
	case zoom.AddRoleMembers.Pattern:
		return ceil(len(listIn(input, "users")), zoom.MaxRoleMembersPerCall)
	}
	return 1
}

func listIn(input any, name string) []any {
	switch list := memberOf(input, name).(type) {
	case []any:
		return list
	case nil:
		return nil
	default:
		return []any{list} // one stands for a list of one
	}
}

// lookups notes the calls for objects that a change names by something else than their id:
// users by e-mail address, and registrants.
func (w *walk) lookups(e *edge, at *place, input any) {
	users, registrants := 0, 0
	for name, value := range membersOf(input) {
		switch {
		case e.field.Name == "assignRole" || memberOf(value, "me") != nil:
		case w.isBy(e, name, "UserBy"):
			users++
		case w.isBy(e, name, "RegistrantBy"):
			registrants += count(value, "email")
		}
	}
	if users > 0 {
		s := w.step(at, zoom.GetUser.Spec, e.path, users, emails(input), "a user who is named by e-mail address is looked up")
		if s.Expected > 0 {
			at.trips++
		}
	}
	if registrants > 0 {
		w.whole(at, zoom.ListRegistrants.Spec, registrants, len(zoom.RegistrantStatuses), "registrants who are named by e-mail address are looked up")
		at.trips++
	}
}

// isBy reports whether a member of the input of a change names objects by an input type.
func (w *walk) isBy(e *edge, member, by string) bool {
	arg := e.field.Definition.Arguments.ForName("input")
	if arg == nil {
		return false
	}
	def := w.index.Type(arg.Type.Name())
	f := def.Fields.ForName(member)
	return f != nil && f.Type.Name() == by
}

func membersOf(input any) map[string]any {
	members, _ := input.(map[string]any)
	return members
}

// count returns how many of the objects in a value, which may be a list, have a member.
func count(value any, member string) (n int) {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			n += count(item, member)
		}
		return n
	}
	if memberOf(value, member) != nil {
		return 1
	}
	return 0
}

// emails returns how many members of an input name something by its e-mail address.
func emails(input any) (n int) {
	for name, value := range membersOf(input) {
		if name != "registrants" && name != "registrant" {
			n += count(value, "email")
		}
	}
	return n
}

// again notes the reads that answer a repeat of a create with the same idempotencyKey.
func (w *walk) again(e *edge, at *place, input any) {
	if memberOf(input, "idempotencyKey") == nil {
		return
	}
	for _, op := range repeats[e.field.Name] {
		w.step(at, op, e.path, 1, 0, "where a create with the same idempotencyKey has made it already")
	}
}

var repeats = map[string][]*zoom.Spec{
	"addRegistrant":                  {zoom.GetMeeting.Spec, zoom.GetRegistrant.Spec},
	"addWebinarRegistrant":           {zoom.GetWebinar.Spec, zoom.GetWebinarRegistrant.Spec},
	"createInformationBarrierPolicy": {zoom.GetPolicy.Spec},
	"createMeeting":                  {zoom.GetMeeting.Spec},
	"createMeetingTemplate":          {zoom.ListMeetingTemplates.Spec},
	"createPoll":                     {zoom.GetPoll.Spec},
	"createSubAccount":               {zoom.GetAccount.Spec},
	"createUser":                     {zoom.GetUser.Spec},
}
