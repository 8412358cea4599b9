package graph

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/argument"
	"zoomql/graph/batch"
	"zoomql/graph/errs"
	"zoomql/graph/list"
	"zoomql/internal/plan"
	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// report returns the report on an instance: the row of a list if it has the selected fields, or
// else the report itself.
func (s *scope) report(ctx context.Context, instance *types.MeetingInstance) (*types.MeetingReport, error) {
	want := needsOf(ctx, "MeetingReport")
	row := instance.Row
	var lacking []selection.Need
	if row != nil {
		if lacking = want.LacksOf(row.Op, row); lacking == nil {
			return row, nil
		}
	}
	if row != nil && row.Op == zoom.GetMeetingReport.Pattern { // an instance of a sub account, which was read from the report
		return alone(ctx, row, "MeetingReport"), nil
	}
	whole, err := zoom.GetMeetingReport.Do(ctx, s.client, zoom.InstanceKey{MeetingID: string(instance.UUID)})
	switch {
	case row == nil:
		whole, err = orNil(whole, err)
		return alone(ctx, whole, "MeetingReport"), err
	case err != nil:
		unavailable(ctx, lacking, -1, err)
		return row, nil
	}
	return merged(row, whole), nil
}

// reportHost returns the host of a report's instance. The row of a list has the user of that
// list instead, which may have been a guest.
func (s *scope) reportHost(ctx context.Context, r *types.MeetingReport) (*types.User, error) {
	if r.HostZoomID == "" && r.Op == zoom.ListPastMeetings.Pattern {
		whole, err := zoom.GetMeetingReport.Do(ctx, s.client, zoom.InstanceKey{MeetingID: string(r.UUID)})
		if err != nil {
			return orNil[types.User](nil, err)
		}
		r = whole
	}
	return s.userOf(ctx, r.HostZoomID, r.UserEmail)
}

// hostActivity reads the meetings that users held, with the sums of the months that it reads.
func (s *scope) hostActivity(ctx context.Context, filter zoom.HostFilter, first int, after *string) (*types.HostActivityConnection, error) {
	windows, err := list.Monthly(ctx, zoom.ListHostActivity.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	totals := []*types.HostActivityTotals{}
	page, err := connect(ctx, list.List[zoom.HostFilter, types.HostActivity]{
		Client: s.client, Op: zoom.ListHostActivity, Windows: windows, First: first, After: after,
		Saw: func(p *zoom.Page[types.HostActivity]) { totals = withTotals(totals, p) },
	})
	if page == nil {
		return nil, err
	}
	return &types.HostActivityConnection{Connection: *page, Totals: totals}, err
}

// withTotals adds the sums of a page's month, which each page of the month has.
func withTotals(totals []*types.HostActivityTotals, p *zoom.Page[types.HostActivity]) []*types.HostActivityTotals {
	sums := &types.HostActivityTotals{}
	if types.Unmarshal(p.Beside, sums) != nil {
		return totals // Zoom left them out
	}
	known := func(t *types.HostActivityTotals) bool { return t.From == sums.From }
	if slices.ContainsFunc(totals, known) {
		return totals
	}
	return append(totals, sums)
}

// upcomingEvents reads the scheduled events, the earliest month first.
func (s *scope) upcomingEvents(ctx context.Context, filter zoom.UpcomingEventFilter, first int, after *string) (*types.Connection[types.UpcomingEvent], error) {
	windows, err := list.Monthly(ctx, zoom.ListUpcomingEvents.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	slices.Reverse(windows.Cut)
	return connect(ctx, list.List[zoom.UpcomingEventFilter, types.UpcomingEvent]{Client: s.client, Op: zoom.ListUpcomingEvents, Windows: windows, First: first, After: after})
}

// cloudRecording reads the storage of each day, in the order of the calendar, as Zoom has the
// days of a month. Zoom has them up to yesterday; later days have an error, next to the rest.
func (s *scope) cloudRecording(ctx context.Context, filter zoom.CloudRecordingFilter, first int, after *string) (*types.Connection[types.CloudRecordingUsage], error) {
	if err := list.Ordered(filter.From, filter.To); err != nil {
		return nil, err
	}
	asked := filter
	if yesterday := list.BegunOn(ctx, after).AddDate(0, 0, -1); filter.To.After(yesterday) {
		late := &zoom.Error{Op: zoom.ListCloudRecordingUsage.Pattern, Kind: zoom.ErrNotReady}
		if filter.From.After(yesterday) {
			return nil, late
		}
		graphql.AddError(ctx, late)
		filter.To.Time = yesterday
	}
	windows, err := list.Monthly(ctx, zoom.ListCloudRecordingUsage.Spec, filter, after)
	if err != nil {
		return nil, err
	}
	slices.Reverse(windows.Cut)
	windows.Asked = asked
	return connect(ctx, list.List[zoom.CloudRecordingFilter, types.CloudRecordingUsage]{Client: s.client, Op: zoom.ListCloudRecordingUsage, Windows: windows, First: first, After: after})
}

func (s *scope) billingInvoices(ctx context.Context, id string) (*types.BillingInvoices, error) {
	id, err := argument.NonEmpty("billingId", id)
	if err != nil {
		return nil, err
	}
	return zoom.GetBillingInvoices.Do(ctx, s.client, zoom.BillingKey{BillingID: id})
}

// webinarReport returns an instance of a webinar: that of a UUID, or the latest one of a
// webinar's number. It sends no request if only edges are selected.
func (s *scope) webinarReport(ctx context.Context, run string) (*types.WebinarReport, error) {
	w := &types.WebinarReport{Origin: s.origin(), Run: run}
	if _, err := types.ParseMeetingNumber(run); err != nil { // only Zoom has the UUID of the latest one
		w.UUID = types.UUID(run)
	}
	want := needsOf(ctx, "WebinarReport")
	if want.KeyOnly() && (!want.Key || w.UUID != "") {
		return w, nil
	}
	whole, err := s.wholeWebinarReport(ctx, w)
	return alone(ctx, whole, "WebinarReport"), err
}

// wholeWebinarReport returns an instance of a webinar with the fields of the report.
func (s *scope) wholeWebinarReport(ctx context.Context, w *types.WebinarReport) (*types.WebinarReport, error) {
	if w.Op == zoom.GetWebinarReport.Pattern {
		return w, nil
	}
	return s.webinarRuns().Load(ctx, webinarRun(w.Run))
}

// webinarRun names an instance of a webinar by its UUID, or the latest one by the webinar's
// number.
type webinarRun string

func (s *scope) webinarRuns() *batch.Loader[webinarRun, types.WebinarReport] {
	return loaderOf(s, batch.Each(s.client, func(ctx context.Context, run webinarRun) (*types.WebinarReport, error) {
		return zoom.GetWebinarReport.Do(ctx, s.client, zoom.WebinarRunKey{WebinarID: string(run)})
	}))
}

// webinarInstances returns a page of the instances of a webinar, newest first, each with its
// report if more than its UUID and time is selected. Zoom returns all at once, in no documented
// order.
func (s *scope) webinarInstances(ctx context.Context, number types.MeetingNumber, first int, after *string) (*types.Connection[types.WebinarReport], error) {
	if err := list.Sized(first); err != nil {
		return nil, err
	}
	runs, of, err := s.webinarInstancesOf(ctx, number)
	if err != nil {
		return nil, err
	}
	newestFirst(runs, func(w *types.WebinarReport) types.Time { return w.StartTime })
	question := fmt.Sprint("instances of webinar ", number)
	return list.CutAs(ctx, runs, of, first, after, list.FingerprintOf(s.client.Tenant(), question), func(page []*types.WebinarReport) []*types.WebinarReport {
		return complete(ctx, page, needsOfNodes(ctx, "WebinarReport"), func(lacking []*types.WebinarReport) []zoom.Found[types.WebinarReport] {
			keys := make([]webinarRun, len(lacking))
			for i, w := range lacking {
				keys[i] = webinarRun(w.Run)
			}
			return s.webinarRuns().LoadMany(ctx, keys)
		})
	})
}

// panelists returns the panelists of a webinar.
func (s *scope) panelists(ctx context.Context, number types.MeetingNumber) ([]*types.Panelist, error) {
	out, err := zoom.ListPanelists.Do(ctx, s.client, zoom.WebinarKey{WebinarID: number}, zoom.Secrets(needsOf(ctx, "Panelist").Secrets))
	if err != nil {
		return nil, err
	}
	return list.AtOnce(ctx, zoom.ListPanelists.Spec, out.Panelists, out.Counted), nil
}

// webinarAbsentees returns a page of Zoom's list of registrants that were not in an instance of
// a webinar. A registrant is one of the webinar's number.
func (s *scope) webinarAbsentees(ctx context.Context, w *types.WebinarReport, first int, after *string) (*types.Connection[types.Registrant], error) {
	if err := list.Sized(first); err != nil {
		return nil, err
	}
	number, err := s.webinarOf(ctx, w)
	if err != nil {
		return nil, err
	}
	filter := zoom.AbsenteeFilter{WebinarID: webinarInstance(w), Number: number}
	return connect(ctx, list.List[zoom.AbsenteeFilter, types.Registrant]{
		Client: s.client, Op: zoom.ListAbsentees, Windows: list.Uncut(filter), First: first, After: after,
		Options: []zoom.Option{zoom.Secrets(needsOfNodes(ctx, "Registrant").Secrets)},
	})
}

// webinarOf returns the number of an instance's webinar.
func (s *scope) webinarOf(ctx context.Context, w *types.WebinarReport) (types.MeetingNumber, error) {
	if w.WebinarNumber != 0 {
		return w.WebinarNumber, nil
	}
	if number, ok := known(ctx, w.Run); ok {
		return number, nil
	}
	whole, err := s.wholeWebinarReport(ctx, w)
	if err != nil {
		return 0, err
	}
	return whole.WebinarNumber, nil
}

// webinarReportRegistrant returns the registration of a stay.
func (s *scope) webinarReportRegistrant(ctx context.Context, p *types.WebinarReportParticipant) (*types.Registrant, error) {
	if p.RegistrantID == "" {
		return nil, nil
	}
	number, err := s.webinarOf(ctx, &types.WebinarReport{Run: p.Run})
	if err != nil {
		return nil, err
	}
	return orNil(s.registrant(ctx, ofWebinar(number), string(p.RegistrantID)))
}

// webinarReportParticipants reads the participants of an instance of a webinar.
func (s *scope) webinarReportParticipants(ctx context.Context, w *types.WebinarReport, first int, after *string) (*types.WebinarReportParticipantConnection, error) {
	filter := zoom.WebinarParticipantFilter{WebinarID: webinarInstance(w), IncludeFields: "registrant_id"}
	page, err := connect(ctx, list.List[zoom.WebinarParticipantFilter, types.WebinarReportParticipant]{
		Client: s.client, Op: zoom.ListWebinarReportParticipants, Windows: list.Unnamed(filter, zoom.WebinarParticipantFilter{WebinarID: filter.WebinarID}), First: first, After: after,
	})
	state := webinarState(ctx, w, webinarParticipantsKept, err)
	if state == "" {
		return nil, err
	}
	if page == nil {
		page = types.NewConnection[types.WebinarReportParticipant](nil, types.Int{}, false, false, nil)
	}
	return &types.WebinarReportParticipantConnection{Connection: *page, ReportState: state}, nil
}

// daily reads the usage of a month that Zoom still has.
func (s *scope) daily(ctx context.Context, year, month *int) (*types.DailyReport, error) {
	now := list.Today(ctx)
	key := zoom.MonthKey{Year: now.Year(), Month: int(now.Month())}
	if year != nil {
		key.Year = *year
	}
	if month != nil {
		key.Month = *month
	}
	if key.Month < 1 || key.Month > 12 {
		return nil, errs.Invalid("month: it is not between 1 and 12")
	}
	age := (now.Year()-key.Year)*12 + int(now.Month()) - key.Month
	switch {
	case age < 0:
		return nil, errs.Invalid("year, month: it has not begun yet")
	case age > zoom.GetDailyReport.Months:
		return nil, &zoom.Error{Op: zoom.GetDailyReport.Pattern, Kind: zoom.ErrExpired}
	}
	report, err := zoom.GetDailyReport.Do(ctx, s.client, key)
	if err != nil {
		return nil, err
	}
	if other := report.Month.Valid && report.Month.N != int64(key.Month) || report.Year.Valid && report.Year.N != int64(key.Year); other {
		first := time.Date(key.Year, time.Month(key.Month), 1, 0, 0, 0, 0, time.UTC)
		graphql.AddError(ctx, &zoom.IncompleteError{Op: zoom.GetDailyReport.Pattern, Missing: list.Days(first, plan.EndOfMonth(first))})
	}
	return report, nil
}
