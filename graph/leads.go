package graph

import (
	"cmp"
	"context"
	"strings"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// What a level of siblings costs hangs on how many of them are asked for together:
// many users are one page of a list, a few are a call each. The executor resolves
// the siblings one by one, in an order and at a pace of its own. So the edges that
// lead on to such objects are followed where the objects that they begin at were
// read: by then it is known which there are and, of all selections on them in any
// wording, what is asked for. The resolvers of the edges find the answer under way.

// lead is an edge to objects of which many are found in another way than few.
type lead struct {
	to string // their type
	// begin asks for what the edges of objects lead to, and does not wait for it.
	begin func(ctx context.Context, from any, want *asked)
}

// leads are the edges by the name of the type that they begin at and their own.
var leads = map[string]map[string]lead{
	"ChatChannel":             {"user": toUser(func(c *types.ChatChannel) types.Text { return types.Text(c.User) })},
	"ChatMention":             {"user": toUser(func(m *types.ChatMention) types.Text { return m.UserZoomID })},
	"ChatMessage":             {"sender": toUser(func(m *types.ChatMessage) types.Text { return m.SenderEmail })},
	"ChatReactionSender":      {"user": toUser(func(s *types.ChatReactionSender) types.Text { return s.UserZoomID })},
	"ChatUsage":               {"user": toPerson(func(c *types.ChatUsage) (id, email types.Text) { return c.UserZoomID, c.Email })},
	"ClientFeedbackEntry":     {"user": toPerson(func(e *types.ClientFeedbackEntry) (id, email types.Text) { return "", e.Email })},
	"DashboardParticipant":    {"user": toPerson(dashboardPerson), "registrant": toRegistrant(dashboardRegistration), "qos": {"ParticipantQos", beginQos}},
	"HostActivity":            {"user": toPerson(func(a *types.HostActivity) (id, email types.Text) { return a.ZoomID, a.Email })},
	"Meeting":                 {"host": toUser(func(m *types.Meeting) types.Text { return m.HostZoomID })},
	"MeetingInstance":         {"host": {"User", beginHosts}},
	"MeetingRecordings":       {"host": toUser(func(r *types.MeetingRecordings) types.Text { return r.HostZoomID })},
	"MeetingReport":           {"host": toPerson(reportHost)},
	"MeetingSummary":          {"host": toUser(summaryHost), "modifier": toUser(summaryModifier)},
	"MeetingSurveyRespondent": {"user": toPerson(func(r *types.MeetingSurveyRespondent) (id, email types.Text) { return "", r.Email })},
	"OperationLog":            {"operator": toPerson(func(l *types.OperationLog) (id, email types.Text) { return "", l.OperatorEmail })},
	"Participant":             {"user": toUser(participantName), "registrant": toRegistrant(participantRegistration)},
	"ParticipantFeedback":     {"user": toPerson(func(f *types.ParticipantFeedback) (id, email types.Text) { return f.UserZoomID, f.Email })},
	"ParticipantQos":          {"user": toPerson(func(q *types.ParticipantQos) (id, email types.Text) { return q.ZoomID, q.Email }), "participant": {"DashboardParticipant", beginStays}},
	"ParticipantSharing":      {"user": toPerson(func(p *types.ParticipantSharing) (id, email types.Text) { return p.ZoomID, "" })},
	"PhoneRecording":          {"user": toUser(func(r *types.PhoneRecording) types.Text { return types.Text(r.User) })},
	"PollRespondent":          {"user": toPerson(func(r *types.PollRespondent) (id, email types.Text) { return "", r.Email })},
	"QaAnswer":                {"user": toPerson(func(a *types.QaAnswer) (id, email types.Text) { return a.ZoomID, a.Email })},
	"QaAsker":                 {"user": toPerson(func(a *types.QaAsker) (id, email types.Text) { return a.ZoomID, a.Email })},
	"Registrant":              {"user": toUser(func(r *types.Registrant) types.Text { return r.Email })},
	"RoleMember":              {"user": toUser(func(m *types.RoleMember) types.Text { return cmp.Or(m.ZoomID, m.Email) })},
	"SignInActivity":          {"user": toPerson(func(a *types.SignInActivity) (id, email types.Text) { return "", a.Email })},
	"SurveyAnswer":            {"user": toUser(func(a *types.SurveyAnswer) types.Text { return a.Email })},
	"TelephoneCall":           {"host": toPerson(func(c *types.TelephoneCall) (id, email types.Text) { return c.HostZoomID, c.HostEmail })},
	"User":                    {"role": {"Role", beginRoles}},
	"Webinar":                 {"host": toUser(func(w *types.Webinar) types.Text { return w.HostZoomID })},
	"WebinarReportParticipant": {
		"user": toPerson(func(p *types.WebinarReportParticipant) (id, email types.Text) {
			return cmp.Or(p.ParticipantUserID, p.ZoomID), p.Email
		}),
		"registrant": toRegistrant(reportRegistration),
	},
}

func summaryHost(m *types.MeetingSummary) types.Text { return cmp.Or(m.HostZoomID, m.HostEmail) }

func summaryModifier(m *types.MeetingSummary) types.Text {
	return cmp.Or(m.ModifierZoomID, m.ModifierEmail)
}

func reportHost(r *types.MeetingReport) (id, email types.Text) {
	if r.Op == zoom.ListPastMeetings.Pattern {
		return r.HostZoomID, "" // the address is that of the user whose list it is
	}
	return r.HostZoomID, r.UserEmail
}

func dashboardPerson(p *types.DashboardParticipant) (id, email types.Text) {
	return cmp.Or(p.ParticipantUserID, p.ZoomID), p.Email
}

// toUser leads to users by a name.
func toUser[T any, P sourced[T]](name func(P) types.Text) lead {
	return lead{"User", func(ctx context.Context, from any, want *asked) {
		each := inScopes(ctx, itemsOf[T](from), func(item *T) (*scope, string, bool) {
			return of(ctx, P(item)), string(name(item)), true
		})
		for s, names := range each {
			s.beginUsers(ctx, names, want)
		}
	}}
}

// toPerson leads to users as reports name them: by id and e-mail address.
func toPerson[T any, P sourced[T]](names func(P) (id, email types.Text)) lead {
	l := toUser(func(item P) types.Text { return person(names(item)) })
	return lead{l.to, func(ctx context.Context, from any, want *asked) {
		for _, item := range itemsOf[T](from) {
			if item != nil {
				of(ctx, P(item)).same(names(item))
			}
		}
		l.begin(ctx, from, want)
	}}
}

// person is the name to ask for a user by whom a report names by id and e-mail
// address; none where a name that is no address stands in the address's place.
func person(id, email types.Text) types.Text {
	if id != "" || strings.Contains(string(email), "@") {
		return cmp.Or(id, email)
	}
	return ""
}

// toRegistrant leads to registrations.
func toRegistrant[T any, P sourced[T]](registration func(context.Context, *scope, P) (zoom.RegistrantsOf, types.Text)) lead {
	return lead{"Registrant", func(ctx context.Context, from any, want *asked) {
		each := inScopes(ctx, itemsOf[T](from), func(item *T) (*scope, registrantKey, bool) {
			s := of(ctx, P(item))
			of, id := registration(ctx, s, item)
			return s, registrantKey{of, string(id), want.secrets}, of.Number != 0 && id != ""
		})
		for s, keys := range each {
			s.registrants().begin(ctx, keys)
		}
	}}
}

func participantRegistration(ctx context.Context, s *scope, p *types.Participant) (of zoom.RegistrantsOf, id types.Text) {
	if p.RegistrantID == "" {
		return of, ""
	}
	number, _ := s.numberOf(ctx, p.Run)
	return zoom.RegistrantsOf{Number: number, Webinar: p.OfWebinar}, p.RegistrantID
}

func dashboardRegistration(ctx context.Context, s *scope, p *types.DashboardParticipant) (of zoom.RegistrantsOf, id types.Text) {
	if p.RegistrantID == "" {
		return of, ""
	}
	number := s.numberOfRun
	if p.Run.Webinar {
		number = s.webinarOfRun
	}
	of.Number, _ = number(ctx, p.Run)
	of.Webinar = p.Run.Webinar
	return of, p.RegistrantID
}

func reportRegistration(ctx context.Context, s *scope, p *types.WebinarReportParticipant) (of zoom.RegistrantsOf, id types.Text) {
	if p.RegistrantID == "" {
		return of, ""
	}
	number, _ := s.webinarOf(ctx, &types.WebinarReport{Run: p.Run})
	return ofWebinar(number), p.RegistrantID
}

// beginHosts asks for the hosts of runs. Where several runs are known by their keys
// alone, the runs come first.
func beginHosts(ctx context.Context, from any, want *asked) {
	unknown := func(i *types.MeetingInstance) bool { return i.HostZoomID == "" && i.HostEmail == "" }
	items := itemsOf[types.MeetingInstance](from)
	lacking := inScopes(ctx, items, func(i *types.MeetingInstance) (*scope, string, bool) {
		return of(ctx, i), string(i.UUID), unknown(i) && i.Op != getPastMeeting
	})
	hosts := map[*scope][]string{}
	for s, runs := range lacking {
		if len(items) == 1 {
			return // the edge itself will do
		}
		for _, f := range s.instances().LoadMany(ctx, runs) {
			if f.Err == nil {
				hosts[s] = append(hosts[s], string(cmp.Or(f.Object.HostZoomID, f.Object.HostEmail)))
			}
		}
	}
	for s, names := range inScopes(ctx, items, func(i *types.MeetingInstance) (*scope, string, bool) {
		return of(ctx, i), string(cmp.Or(i.HostZoomID, i.HostEmail)), !unknown(i)
	}) {
		hosts[s] = append(hosts[s], names...)
	}
	for s, names := range hosts {
		s.beginUsers(ctx, names, want)
	}
}

// beginRoles asks for the roles of users.
func beginRoles(ctx context.Context, from any, want *asked) {
	if want.keyOnly() {
		return
	}
	whole := want.lacks(zoom.ListRoles.Pattern)
	for s, keys := range inScopes(ctx, itemsOf[types.User](from), func(u *types.User) (*scope, roleKey, bool) {
		return of(ctx, u), roleKey{string(u.RoleID), whole}, u.RoleID != ""
	}) {
		s.roles().begin(ctx, keys)
	}
}

// beginQos asks for the figures of stays.
func beginQos(ctx context.Context, from any, want *asked) {
	lacks := want.lacks(zoom.MeetingRuns.QosList.Pattern)
	for s, keys := range inScopes(ctx, itemsOf[types.DashboardParticipant](from), func(p *types.DashboardParticipant) (*scope, qosKey, bool) {
		return of(ctx, p), qosKey{p.Run, string(p.InMeetingID), !p.Run.Webinar && lacks}, p.InMeetingID != ""
	}) {
		loaderOf(s, s.findQos).begin(ctx, keys)
	}
}

// beginStays asks for the stays that figures are of.
func beginStays(ctx context.Context, from any, want *asked) {
	registrant := want.names["registrantId"] || want.names["registrant"]
	for s, keys := range inScopes(ctx, itemsOf[types.ParticipantQos](from), func(q *types.ParticipantQos) (*scope, qosKey, bool) {
		return of(ctx, q), qosKey{q.Run, string(q.InMeetingID), registrant}, q.InMeetingID != ""
	}) {
		loaderOf(s, s.findStays).begin(ctx, keys)
	}
}

// itemsOf returns the objects in what a resolver returned.
func itemsOf[T any](from any) []*T {
	switch from := from.(type) {
	case *T:
		return []*T{from}
	case []*T:
		return from
	case interface{ Nodes() []*T }:
		return from.Nodes()
	}
	return nil
}

// inScopes returns the keys of objects by the account that they are in.
func inScopes[T, K any](ctx context.Context, items []*T, key func(*T) (*scope, K, bool)) map[*scope][]K {
	keys := map[*scope][]K{}
	for _, item := range items {
		if item == nil || ctx.Err() != nil {
			continue
		}
		if s, k, ok := key(item); ok {
			keys[s] = append(keys[s], k)
		}
	}
	return keys
}

// follow asks for what the objects that a field's resolver returned lead to.
func (q *request) follow(ctx context.Context, res any) {
	fc := graphql.GetFieldContext(ctx)
	switch {
	case strings.HasSuffix(fc.Object, "Connection"), strings.HasSuffix(fc.Object, "Edge"):
		return // where the connection was read, they were followed
	case q.spent.ended(ctx) != nil:
		return // no more edges are told
	}
	for _, l := range q.leadsOf(graphql.GetOperationContext(ctx), fc.Field) {
		l.begin(ctx, res, l.want)
	}
}

// followed is a lead, and what all edges of its kind together ask for.
type followed struct {
	lead
	want *asked
}

// leadsOf returns what the selections on the objects of a field lead to. It is
// worked out once an operation: directives may hang on variables.
func (q *request) leadsOf(opCtx *graphql.OperationContext, field graphql.CollectedField) []followed {
	key := followedKey{unsafe.SliceData(field.Selections), len(field.Selections), field.Definition}
	if known, ok := q.leads.Load(key); ok {
		return known.([]followed)
	}
	typeName, sets := objectsOf(opCtx, field)
	var list []followed
	if own := leads[typeName]; own != nil {
		list = newFollowed(opCtx, own, typeName, sets)
	}
	q.leads.Store(key, list)
	return list
}

type followedKey struct {
	first  *ast.Selection
	length int
	field  *ast.FieldDefinition
}

// objectsOf returns the type of the objects that a field holds, and what is selected
// on them: on itself, or in a connection, of which a query can see the objects in
// two ways.
func objectsOf(opCtx *graphql.OperationContext, field graphql.CollectedField) (typeName string, sets []ast.SelectionSet) {
	typeName = field.Definition.Type.Name()
	if !strings.HasSuffix(typeName, "Connection") {
		return typeName, []ast.SelectionSet{field.Selections}
	}
	for _, f := range graphql.CollectFields(opCtx, field.Selections, nil) {
		switch f.Name {
		case "nodes":
			typeName, sets = f.Definition.Type.Name(), append(sets, f.Selections)
		case "edges":
			for _, f := range graphql.CollectFields(opCtx, f.Selections, nil) {
				if f.Name == "node" {
					typeName, sets = f.Definition.Type.Name(), append(sets, f.Selections)
				}
			}
		}
	}
	return typeName, sets
}

// newFollowed collects the leads of a type in what is selected on its objects. What
// leads to one type asks for the same of it: whoever is one host and another's
// deputy is read once.
func newFollowed(opCtx *graphql.OperationContext, own map[string]lead, typeName string, sets []ast.SelectionSet) []followed {
	var list []followed
	places := map[string]int{} // in the list, by the edge's name
	wants := map[string]*asked{}
	for _, set := range sets {
		for _, f := range graphql.CollectFields(opCtx, set, []string{typeName, "Node"}) {
			l, ok := own[f.Name]
			if !ok {
				continue
			}
			want := wants[l.to]
			if want == nil {
				want = &asked{}
				wants[l.to] = want
			}
			want.collect(opCtx, f.Selections, l.to, nil)
			if _, there := places[f.Name]; !there {
				places[f.Name] = len(list)
				list = append(list, followed{l, want})
			}
		}
	}
	return list
}
