package graph

import (
	"context"

	"zoomql/graph/argument"
	"zoomql/graph/generated"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

func (r *accountReportsResolver) Daily(ctx context.Context, obj *types.AccountReports, year *int, month *int) (*types.DailyReport, error) {
	return of(ctx, obj).daily(ctx, year, month)
}

func (r *accountReportsResolver) SignInActivities(ctx context.Context, obj *types.AccountReports, first int, after *string, from types.Date, to types.Date) (*types.Connection[types.SignInActivity], error) {
	return reported(ctx, of(ctx, obj), zoom.ListActivities, zoom.ActivityFilter{Days: zoom.Days{From: from, To: to}}, first, after)
}

func (r *accountReportsResolver) Hosts(ctx context.Context, obj *types.AccountReports, first int, after *string, from types.Date, to types.Date, typeArg types.HostActivityType, groupID *string) (*types.HostActivityConnection, error) {
	if err := argument.Filled(map[string]*string{"groupId": groupID}); err != nil {
		return nil, err
	}
	filter := zoom.HostFilter{Days: zoom.Days{From: from, To: to}, Type: typeArg, GroupID: deref(groupID)}
	return of(ctx, obj).hostActivity(ctx, filter, first, after)
}

func (r *accountReportsResolver) OperationLogs(ctx context.Context, obj *types.AccountReports, first int, after *string, from types.Date, to types.Date, category types.OperationLogCategory) (*types.Connection[types.OperationLog], error) {
	filter := zoom.OperationLogFilter{Days: zoom.Days{From: from, To: to}, Category: category}
	return reported(ctx, of(ctx, obj), zoom.ListOperationLogs, filter, first, after)
}

func (r *accountReportsResolver) TelephoneCalls(ctx context.Context, obj *types.AccountReports, first int, after *string, from types.Date, to types.Date, typeArg types.TelephoneReportType, by types.TelephoneTime) (*types.Connection[types.TelephoneCall], error) {
	filter := zoom.TelephoneFilter{Days: zoom.Days{From: from, To: to}, Type: typeArg, By: by}
	return reported(ctx, of(ctx, obj), zoom.ListTelephoneCalls, filter, first, after)
}

func (r *accountReportsResolver) UpcomingEvents(ctx context.Context, obj *types.AccountReports, first int, after *string, from types.Date, to types.Date, typeArg types.UpcomingEventType, groupID *string) (*types.Connection[types.UpcomingEvent], error) {
	if err := argument.Filled(map[string]*string{"groupId": groupID}); err != nil {
		return nil, err
	}
	filter := zoom.UpcomingEventFilter{Days: zoom.Days{From: from, To: to}, Type: typeArg, GroupID: deref(groupID)}
	return of(ctx, obj).upcomingEvents(ctx, filter, first, after)
}

func (r *accountReportsResolver) CloudRecording(ctx context.Context, obj *types.AccountReports, first int, after *string, from types.Date, to types.Date, groupID *string) (*types.Connection[types.CloudRecordingUsage], error) {
	if err := argument.Filled(map[string]*string{"groupId": groupID}); err != nil {
		return nil, err
	}
	filter := zoom.CloudRecordingFilter{Days: zoom.Days{From: from, To: to}, GroupID: deref(groupID)}
	return of(ctx, obj).cloudRecording(ctx, filter, first, after)
}

func (r *accountReportsResolver) Billing(ctx context.Context, obj *types.AccountReports) (*types.BillingReports, error) {
	return zoom.GetBillingReports.Do(ctx, of(ctx, obj).client, struct{}{})
}

func (r *accountReportsResolver) BillingInvoices(ctx context.Context, obj *types.AccountReports, billingID string) (*types.BillingInvoices, error) {
	return orNil(of(ctx, obj).billingInvoices(ctx, billingID))
}

func (r *accountReportsResolver) Webinar(ctx context.Context, obj *types.AccountReports, by types.WebinarReportBy) (*types.WebinarReport, error) {
	run, err := argument.Key("by", by)
	if err != nil {
		return nil, err
	}
	s := of(ctx, obj)
	if err := s.holds("by", by.ID); err != nil {
		return nil, err
	}
	return orNil(s.webinarReport(ctx, run))
}

func (r *billingReportResolver) Invoices(ctx context.Context, obj *types.BillingReport) (*types.BillingInvoices, error) {
	return orNil(of(ctx, obj).billingInvoices(ctx, string(obj.ZoomID)))
}

func (r *hostActivityResolver) User(ctx context.Context, obj *types.HostActivity) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.ZoomID, obj.Email)
}

func (r *meetingReportResolver) Host(ctx context.Context, obj *types.MeetingReport) (*types.User, error) {
	return of(ctx, obj).reportHost(ctx, obj)
}

func (r *operationLogResolver) Operator(ctx context.Context, obj *types.OperationLog) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, "", obj.OperatorEmail)
}

func (r *signInActivityResolver) User(ctx context.Context, obj *types.SignInActivity) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, "", obj.Email)
}

func (r *telephoneCallResolver) Host(ctx context.Context, obj *types.TelephoneCall) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.HostZoomID, obj.HostEmail)
}

func (r *telephoneCallResolver) Meeting(ctx context.Context, obj *types.TelephoneCall) (*types.Meeting, error) {
	return orNil(of(ctx, obj).meeting(ctx, obj.MeetingNumber))
}

func (r *telephoneCallResolver) Instance(ctx context.Context, obj *types.TelephoneCall) (*types.MeetingInstance, error) {
	return of(ctx, obj).someInstance(ctx, obj.UUID)
}

func (r *upcomingEventResolver) Host(ctx context.Context, obj *types.UpcomingEvent) (*types.User, error) {
	return of(ctx, obj).userOf(ctx, obj.HostZoomID, "")
}

func (r *Resolver) AccountReports() generated.AccountReportsResolver {
	return &accountReportsResolver{r}
}

func (r *Resolver) BillingReport() generated.BillingReportResolver { return &billingReportResolver{r} }

func (r *Resolver) HostActivity() generated.HostActivityResolver { return &hostActivityResolver{r} }

func (r *Resolver) MeetingReport() generated.MeetingReportResolver { return &meetingReportResolver{r} }

func (r *Resolver) OperationLog() generated.OperationLogResolver { return &operationLogResolver{r} }

func (r *Resolver) SignInActivity() generated.SignInActivityResolver {
	return &signInActivityResolver{r}
}

func (r *Resolver) TelephoneCall() generated.TelephoneCallResolver { return &telephoneCallResolver{r} }

func (r *Resolver) UpcomingEvent() generated.UpcomingEventResolver { return &upcomingEventResolver{r} }

type (
	accountReportsResolver struct{ *Resolver }
	billingReportResolver  struct{ *Resolver }
	hostActivityResolver   struct{ *Resolver }
	meetingReportResolver  struct{ *Resolver }
	operationLogResolver   struct{ *Resolver }
	signInActivityResolver struct{ *Resolver }
	telephoneCallResolver  struct{ *Resolver }
	upcomingEventResolver  struct{ *Resolver }
)
