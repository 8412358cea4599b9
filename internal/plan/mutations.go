package plan

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// mutation adds the steps of a mutation, and goes through its payload.
func (w *walk) mutation(e *edge) {
	input := e.args["input"]
	at := w.below(e, e.target())
	w.lookups(e, &at, input)
	w.registrants = len(listIn(input, "registrants"))
	for _, name := range w.opsOf(e, input) {
		op := zoom.Lookup(name)
		if op == nil {
			continue
		}
		w.change(e, &at, op, input)
	}
	w.objects(&at, e.field.Selections)
}

// opsOf returns the patterns of a mutation's operations. The input of zoomRequest names its own.
func (w *walk) opsOf(e *edge, input any) []string {
	if e.field.Name == "zoomRequest" {
		name, _ := memberOf(input, "operation").(string)
		return []string{name}
	}
	return e.info.All()
}

// change adds the step of one operation of a mutation.
func (w *walk) change(e *edge, at *place, op *zoom.Spec, input any) {
	switch {
	case op.Pattern == zoom.GetUser.Pattern || op.Pattern == zoom.ListUsers.Pattern:
		if e.field.Name == "zoomRequest" {
			at.step = w.step(at, op, e.path, 1, 1, "the query chooses it")
			at.step.requiredFor(e)
		}
	case op.Reads() && op.MaxPage > 0 && e.field.Name != "zoomRequest": // added by lookups
	case op.Reads():
		w.step(at, op, e.path, 1, 1, "what is there is read before it is changed").requiredFor(e)
	default:
		n := calls(op, input)
		at.step = w.step(at, op, e.path, n, n, "the change itself")
		at.step.requiredFor(e)
		at.read = op.Pattern
		at.trips += n
		for _, name := range e.info.Proofs { // no field is null without them
			proof := zoom.Lookup(name)
			w.step(at, proof, e.path, calls(proof, input), 1, "what was made is looked up if Zoom's answer does not name it")
		}
		w.repeat(e, at, input)
	}
	w.noteTrips(at.trips)
}

// calls returns the number of calls of an operation of a mutation: Zoom bounds the number of
// registrants or members in a call, and has a list of roles for each type.
func calls(op *zoom.Spec, input any) int {
	switch op.Pattern {
	case zoom.UpdateRegistrantStatus.Pattern:
		return ceil(len(listIn(input, "registrants")), zoom.MaxRegistrantsPerCall)
	case zoom.AddRoleMembers.Pattern, zoom.AddGroupMembers.Pattern:
		return ceil(len(listIn(input, "users")), zoom.MaxMembersPerCall)
	case zoom.ListRoles.Pattern:
		return len(zoom.RoleTypes)
	}
	return 1
}

// listIn returns a member of an input that is a list. A single value stands for a list of one, as
// GraphQL coerces inputs.
func listIn(input any, name string) []any {
	switch list := memberOf(input, name).(type) {
	case []any:
		return list
	case nil:
		return nil
	default:
		return []any{list}
	}
}

// lookups adds the calls for the users and registrants whom the input of a mutation names by e-mail
// address.
func (w *walk) lookups(e *edge, at *place, input any) {
	users := 0
	var emails, registrants []string
	for name, value := range membersOf(input) {
		switch {
		case addsMembers(e) || memberOf(value, "me") != nil:
		case w.isBy(e.field, name, "UserBy"):
			users++
			emails = append(emails, emailsIn(value)...)
		case w.isBy(e.field, name, "RegistrantBy"):
			registrants = append(registrants, emailsIn(value)...)
		}
	}
	own := e.account == "" // a Lookup is of the own account
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
		s := w.search(at, zoom.ListRegistrants.Spec, n, len(zoom.RegistrantStatuses), "registrants who are named by e-mail address are looked up")
		s.Expected = 1 // they are looked for in the same list
		at.trips++
		if number := w.meetingIn(memberOf(input, "meeting")); own && number != 0 {
			s.Lookup = &Lookup{Registrants: registrants, Meeting: number}
		}
	}
}

// addsMembers reports whether the body of a mutation's call names users as the caller does, by id or
// by e-mail address.
func addsMembers(e *edge) bool {
	ops := e.info.All()
	return slices.Contains(ops, zoom.AddRoleMembers.Pattern) || slices.Contains(ops, zoom.AddGroupMembers.Pattern)
}

// meetingIn returns the number of the meeting of the own account that an argument names; 0 if it
// names none.
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
	number, _ := types.ParseMeetingNumber(text)
	return number
}

// emailsIn returns the e-mail addresses, in lower case, by which a value or a list of values names
// users or registrants.
func emailsIn(value any) (emails []string) {
	for _, one := range listOf(value) {
		if email, ok := memberOf(one, "email").(string); ok {
			emails = append(emails, strings.ToLower(email))
		}
	}
	return emails
}

// isBy reports whether a member of the input of a mutation has a type such as UserBy.
func (w *walk) isBy(f graphql.CollectedField, member, by string) bool {
	arg := f.Definition.Arguments.ForName("input")
	if arg == nil {
		return false
	}
	field := w.index.Type(arg.Type.Name()).Fields.ForName(member)
	return field != nil && field.Type.Name() == by
}

func membersOf(input any) map[string]any {
	members, _ := input.(map[string]any)
	return members
}

// repeat adds the reads that answer a repeated create with the same idempotencyKey.
func (w *walk) repeat(e *edge, at *place, input any) {
	if memberOf(input, "idempotencyKey") == nil {
		return
	}
	for _, op := range repeats[e.field.Name] {
		w.step(at, op, e.path, 1, 0, "if a create with the same idempotencyKey has made it already")
	}
}

// repeats are the operations that read the object of a repeated create, by mutation.
var repeats = map[string][]*zoom.Spec{
	"addRegistrant":                  {zoom.GetMeeting.Spec, zoom.GetRegistrant.Spec},
	"addWebinarRegistrant":           {zoom.GetWebinar.Spec, zoom.GetWebinarRegistrant.Spec},
	"createGroup":                    {zoom.GetGroup.Spec},
	"createInformationBarrierPolicy": {zoom.GetPolicy.Spec},
	"createMeeting":                  {zoom.GetMeeting.Spec},
	"createMeetingTemplate":          {zoom.ListMeetingTemplates.Spec},
	"createPoll":                     {zoom.GetPoll.Spec},
	"createSubAccount":               {zoom.GetAccount.Spec},
	"createUser":                     {zoom.GetUser.Spec},
}
