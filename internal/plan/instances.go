package plan

import (
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// participants adds the steps of participants, from the source that [ParticipantSource] chooses.
func (w *walk) participants(e *edge) {
	var chosen *types.ParticipantSource
	if text, ok := e.args["source"].(string); ok {
		chosen = (*types.ParticipantSource)(&text)
	}
	want := w.index.Needs(w.opCtx, e.field.Selections, "Participant", "nodes", "edges.node")
	source := ParticipantSource(chosen, e.isSub(), want)
	op, why := zoom.ListPastParticipants.Spec, "the past meeting has all selected fields"
	switch source {
	case types.ParticipantSourceReport:
		op = zoom.ListReportParticipants.Spec
		if why = "the past meeting lacks " + lacking(want, zoom.ListPastParticipants.Pattern); e.isSub() {
			why = "for sub accounts Zoom has the report only"
		}
		w.noteChoice(e, op, string(types.ParticipantSourcePastMeeting), want, zoom.ListPastParticipants.Spec)
	case types.ParticipantSourcePastWebinar:
		op = zoom.ListWebinarParticipants.Spec
	}
	if chosen != nil {
		why = "the query chooses this source"
	}
	s := w.list(e, op)
	if s == nil {
		return
	}
	s.Why = why + ": " + s.Why
	if chosen == nil && source == types.ParticipantSourceReport && !e.isSub() && want.Lacks(op.Pattern) {
		at := w.below(e, e.target())
		w.search(&at, zoom.ListPastParticipants.Spec, e.most, 1, "the report lacks "+lacking(want, op.Pattern))
	}
	w.whyEmpty(e)
}

// webinarParticipants adds the steps of the participants of an instance of a webinar.
func (w *walk) webinarParticipants(e *edge) {
	if w.list(e, zoom.ListWebinarParticipants.Spec) != nil {
		w.whyEmpty(e)
	}
}

// whyEmpty adds the call that shows why Zoom returns no participants.
func (w *walk) whyEmpty(e *edge) {
	at := *e.place
	w.parentCall(e, &at, w.opIn(e.account, zoom.GetPastMeeting.Pattern), false)
}

// polls adds the steps of the results of polls. The report has fields that the past meeting may
// leave out.
func (w *walk) polls(e *edge) {
	want := w.index.Needs(w.opCtx, e.field.Selections, "PollRespondent", "respondents")
	chosen := chosenInstanceSource(e)
	source := InstanceSource(chosen, e.isSub(), zoom.GetPastPolls.Spec, want)
	ops := []*zoom.Spec{zoom.GetPastPolls.Spec}
	if source == types.InstanceSourceReport {
		ops[0] = zoom.GetReportPolls.Spec
		w.noteChoice(e, ops[0], string(types.InstanceSourcePastMeeting), want, zoom.GetPastPolls.Spec)
	} else if chosen == nil && want.Lacks(zoom.GetPastPolls.Pattern) {
		ops = append(ops, zoom.GetReportPolls.Spec)
	}
	w.results(e, ops)
}

// qa adds the steps of the questions and answers of an instance.
func (w *walk) qa(e *edge) {
	askers := w.index.Needs(w.opCtx, e.field.Selections, "QaAsker", "askers")
	questions := w.index.Needs(w.opCtx, e.field.Selections, "QaQuestion", "askers.questions")
	op := zoom.GetPastQa.Spec
	if InstanceSource(chosenInstanceSource(e), e.isSub(), op, askers, questions) == types.InstanceSourceReport {
		op = zoom.GetReportQa.Spec
		w.noteChoice(e, op, string(types.InstanceSourcePastMeeting), askers, zoom.GetPastQa.Spec)
	}
	w.results(e, []*zoom.Spec{op})
}

// chosenInstanceSource returns the argument source; nil if it is not set.
func chosenInstanceSource(e *edge) *types.InstanceSource {
	if text, ok := e.args["source"].(string); ok {
		return (*types.InstanceSource)(&text)
	}
	return nil
}

// results adds the operations that results are read from. The second one is called only if the answer
// of the first leaves something out.
func (w *walk) results(e *edge, ops []*zoom.Spec) {
	at := w.below(e, e.target())
	likely := e.likely
	for _, op := range ops {
		at.step = w.step(&at, op, e.path, e.most, likely, each(e.most, "it returns the selected fields"))
		if likely > 0 {
			at.step.requiredFor(e)
		}
		at.read, likely = op.Pattern, 0
	}
	w.whyEmpty(e)
	at.trips++
	w.objects(&at, e.field.Selections)
}

// report adds the step of the report on an instance, unless the row of a list has the selected
// fields.
func (w *walk) report(e *edge) {
	at := w.below(e, "MeetingReport")
	want := w.index.Needs(w.opCtx, e.field.Selections, at.def.Name)
	row := e.row
	if row == zoom.ListPastMeetings.Pattern && !want.Lacks(row) {
		at.read = row
	} else {
		at.step = w.step(e.place, zoom.GetMeetingReport.Spec, e.path, e.most, e.likely, each(e.most, "only this call returns "+reported(want.Lacks(row))))
		at.step.requiredFor(e)
		at.read, at.trips = zoom.GetMeetingReport.Pattern, e.trips+1
	}
	w.objects(&at, e.field.Selections)
}

func reported(lacks bool) string {
	if lacks {
		return "the selected fields of the report"
	}
	return "the report"
}

// reportHost adds the steps of the host of an instance in a report. The row of a user's list names
// that user, who may not be the host.
func (w *walk) reportHost(e *edge) {
	if e.read == zoom.ListPastMeetings.Pattern {
		at := *e.place
		at.read = ""
		hosted := *e
		hosted.place = &at
		at.step = w.step(e.place, zoom.GetMeetingReport.Spec, e.path, e.most, e.likely, each(e.most, "the list lacks the host"))
		at.trips++
		w.userOf(&hosted)
		return
	}
	w.userOf(e)
}

// userOf adds the step of a user that an object names.
func (w *walk) userOf(e *edge) {
	at := w.below(e, "User")
	w.object(e, &at, w.index.Needs(w.opCtx, e.field.Selections, "User"), targets["User"])
	w.objects(&at, e.field.Selections)
}

// qosParticipant adds the step of the participant of quality figures: the list of the instance is
// read until it is found.
func (w *walk) qosParticipant(e *edge) {
	at, instances := w.below(e, e.target()), e.parents
	for _, name := range e.info.All() {
		at.step = w.search(&at, zoom.Lookup(name), instances, 1, "the list of the instance has it")
	}
	at.read, at.trips = at.step.Op.Pattern, e.trips+1
	w.objects(&at, e.field.Selections)
}
