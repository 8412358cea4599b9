package plan

import (
	"strings"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

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
			at.under.holds(e)
		}
	case op.Reads() && op.MaxPage > 0 && e.field.Name != "zoomRequest": // looked up already
	case op.Reads():
		w.step(at, op, e.path, 1, 1, "what is there is read before it is changed").holds(e)
	default:
		n := calls(op, input)
		at.under = w.step(at, op, e.path, n, n, "the change itself")
		at.under.holds(e)
		at.read = op.Pattern
		at.trips += n
		for _, name := range e.info.Proofs { // the change is carried out without them, too
			proof := zoom.Lookup(name)
			w.step(at, proof, e.path, calls(proof, input), 1, "what was made is looked for, where Zoom does not tell it")
		}
		w.again(e, at, input)
	}
	w.arrive(at.trips)
}

// calls returns how many calls a change or its proof takes: Zoom takes some lists in parts, and
// has a list of roles for each type.
func calls(op *zoom.Spec, input any) int {
	switch op.Pattern {
	case zoom.UpdateRegistrantStatus.Pattern:
		return ceil(len(listIn(input, "registrants")), zoom.MaxRegistrantsPerCall)
	case zoom.AddRoleMembers.Pattern:
		return ceil(len(listIn(input, "users")), zoom.MaxRoleMembersPerCall)
	case zoom.ListRoles.Pattern:
		return len(zoom.RoleTypes)
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
	users := 0
	var emails, registrants []string
	for name, value := range membersOf(input) {
		switch {
		case e.field.Name == "assignRole" || memberOf(value, "me") != nil:
		case w.isBy(e, name, "UserBy"):
			users++
			emails = append(emails, emailsIn(value)...)
		case w.isBy(e, name, "RegistrantBy"):
			registrants = append(registrants, emailsIn(value)...)
		}
	}
	own := memberOf(input, "account") == nil // of which the cache can be asked
	if users > 0 {
		s := w.step(at, zoom.GetUser.Spec, e.path, users, len(emails), "a user who is named by e-mail address is looked up")
		if s.Expected > 0 {
			at.trips++
		}
		if own && len(emails) > 0 {
			s.Lookup = &Lookup{Users: emails}
		}
	}
	if n := len(registrants); n > 0 {
		s := w.whole(at, zoom.ListRegistrants.Spec, n, len(zoom.RegistrantStatuses), "registrants who are named by e-mail address are looked up")
		s.Expected = 1 // they are looked for in the same list
		at.trips++
		if number := w.meetingIn(memberOf(input, "meeting")); own && number != 0 {
			s.Lookup = &Lookup{Registrants: registrants, Meeting: number}
		}
	}
}

// meetingIn returns the number of a meeting of the own account that an argument names; 0 where
// it names none.
func (w *walk) meetingIn(by any) types.MeetingNumber {
	text, _ := memberOf(by, "number").(string)
	if latest, ok := memberOf(by, "latestOf").(string); ok {
		text = latest
	}
	if id := memberOf(by, "id"); id != nil {
		node, ok := w.node(id)
		if !ok || node.Account != "" {
			return 0
		}
		text = node.Key
	}
	number, _ := types.ParseMeetingNumber(text) // 0 is none
	return number
}

// emailsIn returns the e-mail addresses by which a value, which may be a list, names users or
// registrants.
func emailsIn(value any) (emails []string) {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			emails = append(emails, emailsIn(item)...)
		}
		return emails
	}
	if email, ok := memberOf(value, "email").(string); ok {
		emails = append(emails, strings.ToLower(email))
	}
	return emails
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
