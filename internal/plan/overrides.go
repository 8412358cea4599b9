package plan

import (
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

const day = 24 * time.Hour

// overrides are the functions of fields whose calls do not follow from the schema's directives.
var overrides map[string]func(*walk, *edge)

func init() { // because the functions refer to the map
	overrides = map[string]func(*walk, *edge){
		"Query.rateLimit": func(*walk, *edge) {},
		"Query.account":   (*walk).accountOf,
		"Query.node":      (*walk).nodesBy,
		"Query.nodes":     (*walk).nodesBy,
		"Query.user":      (*walk).userBy,
		"Account.user":    (*walk).userBy,
		"Viewer.user":     func(*walk, *edge) {}, // null: an app acts for no user

		"Viewer.account":                  (*walk).account,
		"User.account":                    (*walk).account,
		"AccountPayload.account":          (*walk).account,
		"CreateSubAccountPayload.account": (*walk).account,
		"Account.subAccounts":             (*walk).subAccounts,

		"Account.informationBarrierPolicy":             (*walk).policy,
		"UpdateInformationBarrierPolicyPayload.policy": (*walk).policy,

		"User.groups": (*walk).groupsOf,

		"Meeting.registrant":     (*walk).registrantBy,
		"Webinar.registrant":     (*walk).registrantBy,
		"CreateRolePayload.role": (*walk).one,

		"UpdateRegistrantStatusPayload.registrants": (*walk).updatedRegistrants,

		"Roster.meeting": (*walk).rosterMeeting,

		"MeetingInstance.attendees":   (*walk).attended,
		"MeetingInstance.attendance":  (*walk).attended,
		"Subscription.attendance":     (*walk).attended,
		"WebinarReport.attendees":     (*walk).attended,
		"WebinarReport.attendance":    (*walk).attended,
		"Meeting.attendance":          (*walk).attendedAll,
		"Webinar.attendance":          (*walk).attendedAll,
		"Registrant.attendance":       (*walk).attendedAll,
		"UserAttendance.instance":     (*walk).userInstance,
		"UserAttendance.presence":     (*walk).userPresence,
		"Attendance.attendees":        (*walk).attendeePage,
		"MeetingAttendance.attendees": (*walk).attendeePage,
		"Attendance.absentees":        (*walk).absentees,
		"MeetingAttendance.absentees": (*walk).absentees,
		"Attendance.absentPanelists":  (*walk).absentPanelists,
		"WebinarReport.absentees":     (*walk).webinarAbsentees,
		"Meeting.instances":           (*walk).instances,
		"Webinar.instances":           (*walk).instances,

		"MeetingInstance.participants": (*walk).participants,
		"MeetingInstance.polls":        (*walk).polls,
		"MeetingInstance.qa":           (*walk).qa,
		"MeetingInstance.report":       (*walk).report,
		"MeetingReport.host":           (*walk).reportHost,
		"Webinar.participants":         (*walk).webinarParticipants,
		"ParticipantQos.participant":   (*walk).qosParticipant,
	}
}

// accountOf goes through the account that the caller names.
func (w *walk) accountOf(e *edge) {
	at := *e.place
	var ok bool
	if at.account, ok = w.accountBy(e.args["by"]); ok {
		w.accountAt(e, at)
	}
}

// accountBy returns the account that an argument names, "" for the own one. ok is false if the argument
// is rejected.
func (w *walk) accountBy(by any) (name string, ok bool) {
	name, _ = memberOf(by, "zoomId").(string)
	if id := memberOf(by, "id"); id != nil {
		node, ok := w.node(id)
		if !ok {
			return "", false
		}
		name = node.Key
	}
	if name == w.Account {
		name = ""
	}
	return name, true
}

// account goes through the account of an object.
func (w *walk) account(e *edge) { w.accountAt(e, *e.place) }

// accountAt adds the call for an account if its own fields are selected, and goes through it.
func (w *walk) accountAt(e *edge, at place) {
	at.def, at.path, at.parents, at.row, at.noted, at.read = w.index.Type("Account"), e.path, e.most, "", nil, ""
	want := w.index.Needs(w.opCtx, e.field.Selections, "Account")
	alone := at.isSub() && !want.Edges && !want.Plain
	if want.Lacks("") || alone {
		at.step = w.step(&at, zoom.GetAccount.Spec, e.path, at.most, at.likely, each(at.most, "the account's own fields"))
		if at.step.Fields, at.step.Listed = fieldsNeverIn(e.path, want, ""), e.listed; alone {
			at.step.requiredFor(e)
		}
		at.read = zoom.GetAccount.Pattern
		at.trips++
	}
	w.objects(&at, e.field.Selections)
}

// subAccounts adds the steps of the list of sub accounts. What is below an item is called for that
// account.
func (w *walk) subAccounts(e *edge) {
	sub := *e
	sub.into = "*"
	w.list(&sub, zoom.ListSubAccounts.Spec)
}

// userBy adds the steps of the user that the caller names. The user is not read if only the key and
// edges are selected and the id is known.
func (w *walk) userBy(e *edge) {
	by := e.args["by"]
	if memberOf(by, "me") != nil {
		return
	}
	at := *e.place
	if id := memberOf(by, "id"); id != nil {
		node, ok := w.node(id)
		if !ok {
			return
		}
		at.account = node.Account
	}
	w.user(e, at, w.userIn(by))
}

// user adds the call for a user, and goes through it. One who is named by an e-mail address, for whom id
// may be empty, is looked up also if only edges are selected.
func (w *walk) user(e *edge, at place, id string) {
	at.def, at.path, at.parents, at.row, at.noted, at.read = w.index.Type("User"), e.path, e.most, "", nil, ""
	at.key = id
	want := w.index.Needs(w.opCtx, e.field.Selections, "User")
	if id == "" || strings.Contains(id, "@") || !want.KeyOnly() {
		w.object(e, &at, want, targets["User"])
	}
	w.objects(&at, e.field.Selections)
}

// userIn returns the id of the user that an argument names by id; "" if it does not.
func (w *walk) userIn(by any) string {
	if id := memberOf(by, "id"); id != nil {
		node, _ := w.node(id)
		return node.Key
	}
	id, _ := memberOf(by, "zoomId").(string)
	return id
}

// nodesBy adds the steps of objects by their global ids, which contain their types.
func (w *walk) nodesBy(e *edge) {
	for _, id := range append(listOf(e.args["ids"]), listOf(e.args["id"])...) {
		node, ok := w.node(id)
		def := w.index.Type(node.Type)
		if !ok || def == nil || def.Kind != ast.Object {
			continue
		}
		at := w.below(e, node.Type)
		at.account, at.read = node.Account, ""
		w.nodeOf(e, at, node)
	}
}

// nodeOf adds the call for an object with a global id, and goes through it.
func (w *walk) nodeOf(e *edge, at place, node types.NodeID) {
	switch at.def.Name {
	case "Account":
		if at.account = node.Key; at.account == w.Account {
			at.account = ""
		}
		w.accountAt(e, at)
		return
	case "User":
		w.user(e, at, node.Key)
		return
	case "InformationBarrierPolicy":
		w.policyAt(e, at)
		return
	}
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	t := targets[at.def.Name]
	if t.one == "" {
		t.one = nodeOps[at.def.Name]
	}
	if at.def.Name == "Registrant" {
		w.registrant(e, &at, want)
	} else if t.one != "" {
		w.object(e, &at, want, t)
	}
	w.objects(&at, e.field.Selections)
}

// nodeOps are the operations that return objects of types without a target.
var nodeOps = map[string]string{"Poll": zoom.GetPoll.Pattern}

// registrant adds the calls for a registrant, who may be of a meeting or of a webinar.
func (w *walk) registrant(e *edge, at *place, want *selection.Needs) {
	for _, op := range []*zoom.Spec{zoom.GetRegistrant.Spec, zoom.GetWebinarRegistrant.Spec} {
		s := w.step(e.place, op, e.path, at.most, at.likely, "by its id")
		w.addToPool(op, s, want)
		at.step, at.read = s, op.Pattern
	}
	at.trips++
}

// policy adds the step of an information barrier policy. Some of its fields are only in the list.
func (w *walk) policy(e *edge) { w.policyAt(e, w.below(e, "InformationBarrierPolicy")) }

func (w *walk) policyAt(e *edge, at place) {
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	if want.Lacks(zoom.GetPolicy.Pattern) {
		at.step = w.search(&at, zoom.ListPolicies.Spec, at.most, 1, "only the list has "+lacking(want, zoom.GetPolicy.Pattern))
	} else {
		at.step = w.step(&at, zoom.GetPolicy.Spec, e.path, e.most, e.likely, each(e.most, "only this call returns it"))
	}
	at.read, at.trips = at.step.Op.Pattern, e.trips+1
	w.objects(&at, e.field.Selections)
}

// groupsOf adds the steps of the groups of users, by id. An account has at most [zoom.MaxGroups], and
// each is read once, however many users are in it.
func (w *walk) groupsOf(e *edge) {
	at := w.below(e, "Group")
	objects := w.times(e.most, zoom.MaxGroups)
	most := zoom.MaxGroups
	if e.accounts != nil {
		most = w.times(e.accounts.most, most)
	}
	at.parents, at.most, at.listed = e.most, min(objects, most), true
	at.likely = min(w.times(e.likely, Listed), at.most)
	w.edgeCalls(e, &at, w.index.Needs(w.opCtx, e.field.Selections, at.def.Name))
	w.plan.Objects = min(w.plan.Objects+objects-at.most, w.Objects)
	w.objects(&at, e.field.Selections)
}

// search adds the reading of lists until something is found, at most to their ends: n times, so many
// lists each.
func (w *walk) search(of *place, op *zoom.Spec, n, lists int, why string) *Step {
	at := *of
	at.open = true
	return w.step(&at, op, at.path, w.times(n, ceil(w.Objects, op.MaxPage)+lists), n, why)
}

// registrantBy adds the steps of the registrant that the caller names. An e-mail address is looked up
// in the lists of registrants of each status.
func (w *walk) registrantBy(e *edge) {
	one, list := zoom.GetRegistrant.Spec, zoom.ListRegistrants.Spec
	if e.def.Name == "Webinar" {
		one, list = zoom.GetWebinarRegistrant.Spec, zoom.ListWebinarRegistrants.Spec
	}
	at := w.below(e, "Registrant")
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	likely := e.likely
	if memberOf(e.args["by"], "email") != nil {
		at.step = w.search(&at, list, e.most, len(zoom.RegistrantStatuses), "an e-mail address is looked for in the lists")
		at.trips++
		if !want.Secrets && (one == zoom.GetRegistrant.Spec || !want.Lacks(list.Pattern)) {
			likely = 0
		}
	}
	s := w.step(&at, one, e.path, e.most, likely, each(e.most, "by its id"))
	w.addToPool(one, s, want)
	if likely > 0 {
		s.requiredFor(e)
		at.step, at.trips = s, at.trips+1
	}
	at.read = one.Pattern
	w.objects(&at, e.field.Selections)
}

// updatedRegistrants adds the steps of the registrants whose status was changed, by id.
func (w *walk) updatedRegistrants(e *edge) {
	at, n := w.below(e, "Registrant"), max(1, w.registrants)
	at.most, at.likely = w.times(e.most, n), w.times(e.likely, n)
	s := w.step(&at, zoom.GetRegistrant.Spec, e.path, at.most, at.likely, "each: as it is after the change")
	w.addToPool(zoom.GetRegistrant.Spec, s, w.index.Needs(w.opCtx, e.field.Selections, "Registrant"))
	at.step, at.read, at.trips = s, zoom.GetRegistrant.Pattern, at.trips+1
	w.objects(&at, e.field.Selections)
}

// rosterMeeting adds the step of the meeting of a roster, which was read when the subscription began.
func (w *walk) rosterMeeting(e *edge) {
	at := w.below(e, e.target())
	at.step = w.step(e.place, zoom.GetMeeting.Spec, e.path, e.most, 0, "where it has changed since the subscription began")
	at.read = zoom.GetMeeting.Pattern
	w.objects(&at, e.field.Selections)
}
