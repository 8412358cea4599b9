package plan

import (
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// participants are read from the source that [ParticipantSource] picks.
func (w *walk) participants(e *edge) {
	var wish *types.ParticipantSource
	if text, ok := e.args["source"].(string); ok {
		wish = (*types.ParticipantSource)(&text)
	}
	want := w.index.Needs(w.opCtx, e.field.Selections, "Participant", "nodes", "edges.node")
	source := ParticipantSource(wish, e.isSub(), want)
	op, why := zoom.ListPastParticipants.Spec, "the past meeting tells all that is selected"
	switch source {
	case types.ParticipantSourceReport:
		op = zoom.ListReportParticipants.Spec
		if why = "the past meeting does not tell " + lacking(want, zoom.ListPastParticipants.Pattern); e.isSub() {
			why = "of sub accounts Zoom has the report only"
		}
		w.chose(e, op, string(types.ParticipantSourcePastMeeting), want, zoom.ListPastParticipants.Spec)
	case types.ParticipantSourcePastWebinar:
		op = zoom.ListWebinarParticipants.Spec
	}
	if wish != nil {
		why = "the query names this source"
	}
	s := w.list(e, op)
	if s == nil {
		return
	}
	s.Why = why + ": " + s.Why
	if wish == nil && source == types.ParticipantSourceReport && !e.isSub() && want.Lacks(op.Pattern) {
		at := w.below(e, e.target())
		w.whole(&at, zoom.ListPastParticipants.Spec, e.most, 1, "the report does not tell "+lacking(want, op.Pattern))
	}
	w.none(e)
}

// webinarParticipants are those of an instance of a webinar.
func (w *walk) webinarParticipants(e *edge) {
	if w.list(e, zoom.ListWebinarParticipants.Spec) != nil {
		w.none(e)
	}
}

// none notes the call that tells why Zoom names no participants.
func (w *walk) none(e *edge) {
	at := *e.place
	w.lean(e, &at, w.in(e.account, zoom.GetPastMeeting.Pattern), false)
}

// polls are results of polls: the report has names that the past meeting may leave out.
func (w *walk) polls(e *edge) {
	want := w.index.Needs(w.opCtx, e.field.Selections, "PollRespondent", "respondents")
	wish := instanceWish(e)
	source := InstanceSource(wish, e.isSub(), zoom.GetPastPolls.Spec, want)
	ops := []*zoom.Spec{zoom.GetPastPolls.Spec}
	if source == types.InstanceSourceReport {
		ops[0] = zoom.GetReportPolls.Spec
		w.chose(e, ops[0], string(types.InstanceSourcePastMeeting), want, zoom.GetPastPolls.Spec)
	} else if wish == nil && want.Lacks(zoom.GetPastPolls.Pattern) {
		ops = append(ops, zoom.GetReportPolls.Spec)
	}
	w.results(e, ops)
}

// qa is what was asked in an instance.
func (w *walk) qa(e *edge) {
	askers := w.index.Needs(w.opCtx, e.field.Selections, "QaAsker", "askers")
	questions := w.index.Needs(w.opCtx, e.field.Selections, "QaQuestion", "askers.questions")
	op := zoom.GetPastQa.Spec
	if InstanceSource(instanceWish(e), e.isSub(), op, askers, questions) == types.InstanceSourceReport {
		op = zoom.GetReportQa.Spec
		w.chose(e, op, string(types.InstanceSourcePastMeeting), askers, zoom.GetPastQa.Spec)
	}
	w.results(e, []*zoom.Spec{op})
}

func instanceWish(e *edge) *types.InstanceSource {
	if text, ok := e.args["source"].(string); ok {
		return (*types.InstanceSource)(&text)
	}
	return nil
}

// results notes the operations that results are read from: the second one where the first
// leaves something out.
func (w *walk) results(e *edge, ops []*zoom.Spec) {
	at := w.below(e, e.target())
	likely := e.likely
	for _, op := range ops {
		at.under = w.step(&at, op, e.path, e.most, likely, each(e.most, "it tells what is selected"))
		if likely > 0 {
			at.under.holds(e)
		}
		at.read, likely = op.Pattern, 0
	}
	w.none(e)
	at.trips++
	w.objects(&at, e.field.Selections)
}

// report is the report on an instance: the row of a list, as far as it tells what is
// selected.
func (w *walk) report(e *edge) {
	at := w.below(e, "MeetingReport")
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	row := e.row
	if row == zoom.ListPastMeetings.Pattern && !want.Lacks(row) {
		at.read = row
	} else {
		at.under = w.step(e.place, zoom.GetMeetingReport.Spec, e.path, e.most, e.likely, each(e.most, "nothing else tells "+reported(want.Lacks(row))))
		at.under.holds(e)
		at.read, at.trips = zoom.GetMeetingReport.Pattern, e.trips+1
	}
	w.objects(&at, e.field.Selections)
}

func reported(lacks bool) string {
	if lacks {
		return "what is selected of the report"
	}
	return "the report"
}

// reportHost is who hosted the instance that a report is about: the row of a list names the
// user whose list it is.
func (w *walk) reportHost(e *edge) {
	if e.read == zoom.ListPastMeetings.Pattern {
		at := *e.place
		at.read = ""
		hosted := *e
		hosted.place = &at
		at.under = w.step(e.place, zoom.GetMeetingReport.Spec, e.path, e.most, e.likely, each(e.most, "the list does not tell who hosted"))
		at.trips++
		w.userOf(&hosted)
		return
	}
	w.userOf(e)
}

// userOf is a user whom an object names.
func (w *walk) userOf(e *edge) {
	at := w.below(e, "User")
	w.object(e, &at, w.index.Needs(w.opCtx, e.field.Selections, "User"), targets["User"])
	w.objects(&at, e.field.Selections)
}

// qosParticipant is the stay that figures are of: the list of an instance is read as far
// as need be.
func (w *walk) qosParticipant(e *edge) {
	at, of := w.below(e, e.target()), e.of
	for _, name := range e.info.All() {
		at.under = w.whole(&at, zoom.Lookup(name), of, 1, "the list of the instance tells it")
	}
	at.read, at.trips = at.under.Op.Pattern, e.trips+1
	w.objects(&at, e.field.Selections)
}
