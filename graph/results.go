package graph

import (
	"context"
	"errors"

	"zoomql/graph/list"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// polls reads the results of the polls of an instance.
func (s *scope) polls(ctx context.Context, instance *types.MeetingInstance, chosen *types.InstanceSource) (*types.PollResults, error) {
	want := needsOf(ctx, "PollRespondent", "respondents")
	source := plan.InstanceSource(chosen, s.client.Sub() != "", zoom.GetPastPolls.Spec, want)
	op := zoom.GetPastPolls
	if source == types.InstanceSourceReport {
		op = zoom.GetReportPolls
	}
	key := zoom.InstanceKey{MeetingID: string(instance.UUID)}
	out, err := op.Do(ctx, s.client, key)
	if err == nil && chosen == nil && source == types.InstanceSourcePastMeeting && lacksNames(want, out) {
		named, failed := zoom.GetReportPolls.Do(ctx, s.client, key)
		if failed == nil {
			return named, nil
		}
		for i, r := range out.Respondents {
			unavailable(ctx, want.LacksOf(r.Op, r), i, failed)
		}
	}
	if state := s.instanceState(ctx, instance, resultsKept, err); err != nil && state != "" {
		return &types.PollResults{Origin: s.origin(), Source: source, ReportState: state}, nil
	}
	return out, err
}

// lacksNames reports whether results lack a selected field of the respondents. If one respondent
// has it, the answer has it for all; an anonymous respondent has no name in any answer.
func lacksNames(want *selection.Needs, out *types.PollResults) bool {
	named := 0
	for _, r := range out.Respondents {
		if r.Name == anonymous {
			continue
		}
		if named++; want.LacksOf(r.Op, r) == nil {
			return false
		}
	}
	return named > 0
}

// anonymous is the name of respondents without a name.
const anonymous = "Anonymous Attendee"

// qa reads the questions and answers of an instance.
func (s *scope) qa(ctx context.Context, instance *types.MeetingInstance, chosen *types.InstanceSource) (*types.QaResults, error) {
	askers, questions := needsOf(ctx, "QaAsker", "askers"), needsOf(ctx, "QaQuestion", "askers.questions")
	source := plan.InstanceSource(chosen, s.client.Sub() != "", zoom.GetPastQa.Spec, askers, questions)
	op := zoom.GetPastQa
	if source == types.InstanceSourceReport {
		op = zoom.GetReportQa
	}
	out, err := op.Do(ctx, s.client, zoom.InstanceKey{MeetingID: string(instance.UUID)})
	if state := s.instanceState(ctx, instance, qaKept, err); err != nil && state != "" {
		return &types.QaResults{Origin: s.origin(), Source: source, ReportState: state}, nil
	}
	if err == nil && len(out.Askers) > 0 {
		notReturned(ctx, askers, out.Op)
		notReturned(ctx, questions, out.Op)
	}
	return out, err
}

// surveyResults reads the results of the survey after an instance.
func (s *scope) surveyResults(ctx context.Context, instance *types.MeetingInstance) (*types.MeetingSurveyResults, error) {
	out, err := zoom.GetReportSurvey.Do(ctx, s.client, zoom.InstanceKey{MeetingID: string(instance.UUID)})
	if state := s.instanceState(ctx, instance, resultsKept, err); err != nil && state != "" {
		return &types.MeetingSurveyResults{Origin: s.origin(), ReportState: state}, nil
	}
	return out, err
}

// webinarPolls reads the results of the polls of a webinar.
func (s *scope) webinarPolls(ctx context.Context, w *types.WebinarReport) (*types.PollResults, error) {
	out, err := zoom.GetWebinarPolls.Do(ctx, s.client, zoom.WebinarRunKey{WebinarID: webinarInstance(w)})
	if state := webinarState(ctx, w, resultsKept, err); err != nil && state != "" {
		return &types.PollResults{Origin: s.origin(), Source: types.InstanceSourceReport, ReportState: state}, nil
	}
	return out, err
}

// How long Zoom keeps data of an instance, in months.
//
// Source: each operation's description.
const (
	resultsKept             = 12 // polls and surveys
	qaKept                  = 15
	webinarParticipantsKept = 6
)

// instanceState is stateOf for data of an instance. Zoom answers "no such meeting" also for data
// that it does not have yet, no longer keeps, or never has. The age of the instance decides
// which, so an instance of which only the key is known is read.
func (s *scope) instanceState(ctx context.Context, instance *types.MeetingInstance, months int, err error) types.ReportState {
	if !absent(err) {
		return stateOf(err)
	}
	whole, gone := s.wholeInstance(ctx, instance)
	if gone != nil {
		return stateOf(gone)
	}
	return stateByAge(ctx, whole.StartTime, whole.EndTime, months)
}

func absent(err error) bool {
	return errors.Is(err, zoom.ErrNotFound) || errors.Is(err, zoom.ErrNotReady)
}

func stateByAge(ctx context.Context, began, ended types.Time, months int) types.ReportState {
	switch {
	case late(ctx, ended):
		return types.ReportStatePending
	case began.Before(list.Today(ctx).AddDate(0, -months, 0)):
		return types.ReportStateExpired
	}
	return types.ReportStateUnavailable
}

// webinarState is instanceState for an instance of a webinar. Reading it costs as much as the
// missing data, so for one that was not read, Zoom's error decides.
func webinarState(ctx context.Context, w *types.WebinarReport, months int, err error) types.ReportState {
	if absent(err) && w.Op != "" {
		ended := w.EndTime
		if ended.IsZero() { // of a row of the list of instances
			ended.Time = w.StartTime.Add(longestMeeting)
		}
		return stateByAge(ctx, w.StartTime, ended, months)
	}
	return stateOf(err)
}
