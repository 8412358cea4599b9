package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zoomql/internal/attendancecsv"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom/types"
)

// gotAttendance is an attendance in an answer.
type gotAttendance struct {
	ReportState, Source string
	Complete            bool
	Missing             []string
	AsOf                *time.Time
	Totals              struct{ Attendees, Attended, Late int }
	Peak                *struct{ Count int }
	Attendees           struct {
		TotalCount *int
		Nodes      []gotAttendee
	}
	Absentees *struct{ TotalCount int }
}

type gotAttendee struct {
	Names                []string
	Email                *string
	FirstJoin, LastLeave *time.Time
	DurationSeconds      int
	Attended             bool
	Late, LeftEarly      *bool
	RegistrantID         *string
	Evidence             string
	Missing              []struct{ Field, Reason string }
}

const attendanceFields = `{ reportState source complete missing asOf totals { attendees attended } peak { count } attendees(first: 3000) { totalCount nodes {
	names email firstJoin lastLeave durationSeconds attended registrantId evidence missing { field reason }
} } }`

// attendanceIn reads the attendance in the data of an answer.
func attendanceIn(t *testing.T, data string) *gotAttendance {
	t.Helper()
	var said struct {
		Attendance      *gotAttendance
		MeetingInstance *struct{ Attendance *gotAttendance }
		Account         *struct {
			Reports struct {
				Webinar struct{ Attendance *gotAttendance }
			}
		}
	}
	if err := json.Unmarshal([]byte(data), &said); err != nil {
		t.Fatal(err, data)
	}
	switch {
	case said.MeetingInstance != nil:
		return said.MeetingInstance.Attendance
	case said.Account != nil:
		return said.Account.Reports.Webinar.Attendance
	}
	return said.Attendance
}

// until reads items until is accepts one, and returns that with the number of items read.
func (f *followed) until(what string, is func(*gotAttendance) bool) (a *gotAttendance, items int) {
	f.t.Helper()
	for range 100 {
		data, errs := f.next()
		if len(errs) > 0 {
			f.t.Fatal(errs)
		}
		items++
		if a = attendanceIn(f.t, data); is(a) {
			return a, items
		}
	}
	f.t.Fatalf("never: %s; at last %+v", what, a)
	return nil, 0
}

// completed fails the test unless the subscription completes without another item.
func (f *followed) completed() {
	f.t.Helper()
	rest, _ := io.ReadAll(f.from)
	if text := string(rest); !strings.Contains(text, "event: complete") || strings.Contains(text, "event: next") {
		f.t.Errorf("the subscription ends with %q", text)
	}
}

// person is the participant of an event of one who joins or leaves now.
func person(id, name, times string) string {
	return fmt.Sprintf(`,"participant":{"user_id":%q,"participant_uuid":"u-%s","user_name":%q,"email":"%s@example.com","registrant_id":"",%q:%q}`,
		id, id, name, strings.ToLower(name), times, time.Now().UTC().Format(time.RFC3339))
}

const (
	followInstance = `subscription { attendance(instance: {latestOf: "${MeetingNumber}"}) ` + attendanceFields + ` }`
	followWebinar  = `subscription { attendance(webinar: {number: "${WebinarNumber}"}) ` + attendanceFields + ` }`
	queryInstance  = `{ meetingInstance(by: {uuid: "run=="}) { attendance ` + attendanceFields + ` } }`
	queryWebinar   = `{ account { reports { webinar(by: {uuid: "run=="}) { attendance ` + attendanceFields + ` } } } }`
)

// TestLiveAttendance reads the attendance of an instance in progress by a subscription, a query and a
// file. This costs only the call that checks access to the meeting. When the instance has ended, the
// subscription completes with the whole attendance, and queries ask Zoom.
func TestLiveAttendance(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		l.event("meeting.started", "")
		f := l.follow(followInstance)
		defer f.close()
		if a, _ := f.until("nobody", func(*gotAttendance) bool { return true }); a.Totals.Attendees != 0 || a.ReportState != "PENDING" || a.Source != "EVENTS" || a.Complete || len(a.Missing) > 0 || a.AsOf == nil {
			t.Errorf("%+v", a)
		}
		l.spends(1)
		l.event("meeting.participant_joined", person("1", "Ann", "join_time"))
		l.event("meeting.participant_joined", person("2", "Bob", "join_time"))
		time.Sleep(8 * time.Second)
		l.event("meeting.participant_left", person("1", "Ann", "leave_time"))
		followed, _ := f.until("Ann has left", func(a *gotAttendance) bool {
			return len(a.Attendees.Nodes) == 2 && a.Attendees.Nodes[0].LastLeave != nil
		})
		ann, bob := followed.Attendees.Nodes[0], followed.Attendees.Nodes[1]
		if ann.DurationSeconds != 10 || bob.DurationSeconds < 9 || bob.DurationSeconds > 11 || bob.LastLeave != nil || *ann.Email != "ann@example.com" || ann.Evidence != "EMAIL" ||
			followed.Peak.Count != 2 || *followed.Attendees.TotalCount != 2 {
			t.Errorf("%+v", followed)
		}
		l.spends(0)

		asked := attendanceIn(t, string(l.ask(queryInstance, nil).Data))
		if asked.Source != "EVENTS" || asked.Attendees.Nodes[0].DurationSeconds != 10 || asked.Attendees.Nodes[1].LastLeave != nil || asked.Complete || asked.AsOf == nil {
			t.Errorf("%+v", asked)
		}
		l.spends(0)
		status, name, lines := l.file("MeetingInstance", "run==")
		if status != http.StatusOK || len(lines) != 3 || !strings.Contains(name, "-until-2026-03-16T09") ||
			!strings.HasPrefix(lines[1], "Ann,ann@example.com,,,,true,") || !strings.Contains(lines[1], ",10,1,") || !strings.HasPrefix(lines[2], "Bob,bob@example.com,,,,true,") {
			t.Errorf("%d %s %q", status, name, lines)
		}
		l.spent() // the registrants

		l.event("meeting.participant_left", person("2", "Bob", "leave_time"))
		l.event("meeting.ended", "")
		last, _ := f.until("the end", func(a *gotAttendance) bool { return a.Complete })
		if last.ReportState != "READY" || last.AsOf != nil || len(last.Missing) > 0 || last.Totals.Attended != 2 {
			t.Errorf("%+v", last)
		}
		f.completed()
		l.spends(0)

		again := l.follow(strings.Replace(followInstance, `latestOf: "${MeetingNumber}"`, `uuid: "run=="`, 1))
		defer again.close()
		if a, items := again.until("the end", func(*gotAttendance) bool { return true }); !a.Complete || items != 1 {
			t.Errorf("%+v", a)
		}
		again.completed()
		l.spent()
		ended := l.ask(queryInstance, nil) // Zoom does not know the instance yet
		if a := attendanceIn(t, string(ended.Data)); a == nil || len(ended.Errors) > 0 || !a.Complete || a.Source != "EVENTS" || a.ReportState != "READY" {
			t.Errorf("once it has ended: %s", ended.body)
		}
		if calls := patterns(l.spent()); !slices.Contains(calls, "GET /past_meetings/{meetingId}/participants") {
			t.Errorf("once it has ended, a query asks for %v", calls)
		}
		byEvents := l.ask(strings.Replace(queryInstance, "attendance {", "attendance(source: EVENTS) {", 1), nil)
		if a := attendanceIn(t, string(byEvents.Data)); a == nil || !a.Complete || a.Source != "EVENTS" {
			t.Errorf("by its events, once it has ended: %s", byEvents.body)
		}
	})
}

// TestLiveAttendance_shorterThanAVersion follows the next instance, which ends at once.
func TestLiveAttendance_shorterThanAVersion(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		l.event("meeting.started", "")
		l.event("meeting.ended", "")
		time.Sleep(time.Minute)
		f := l.follow(followInstance)
		defer f.close()
		time.Sleep(time.Minute)
		tell := func(name, more string) {
			l.deliver(fmt.Sprintf(`{"event":%q,"event_ts":%d,"payload":{"account_id":%q,"object":{"id":"%d","uuid":"next==","host_id":"h"%s}}}`, name, time.Now().UnixMilli(), sandbox.AccountID, l.MeetingNumber, more))
		}
		l.tell("meeting.participant_left", person("9", "Old", "leave_time")) // makes a version, so that the next one is a second away
		tell("meeting.started", "")
		tell("meeting.participant_joined", person("1", "Ann", "join_time"))
		tell("meeting.participant_left", person("1", "Ann", "leave_time"))
		tell("meeting.ended", "")
		if a, _ := f.until("the end", func(a *gotAttendance) bool { return a.Complete }); a.Totals.Attendees != 1 {
			t.Errorf("%+v", a)
		}
		f.completed()
	})
}

// TestLiveAttendance_webinar does the same for a webinar: by its number, by the UUID of its instance,
// and in a query.
func TestLiveAttendance_webinar(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		event := func(name, more string) { l.eventOf(l.WebinarNumber, name, more) }
		event("webinar.started", "")
		event("webinar.participant_joined", person("1", "Ann", "join_time"))
		byRun := strings.Replace(followWebinar, `webinar: {number: "${WebinarNumber}"}`, `instance: {uuid: "run=="}`, 1)
		followers := []*followed{l.follow(followWebinar), l.follow(byRun)}
		for _, f := range followers {
			defer f.close() //nolint:gocritic // there are two
			if a, _ := f.until("Ann", func(*gotAttendance) bool { return true }); a.Totals.Attendees != 1 || a.Source != "EVENTS" || a.ReportState != "PENDING" || a.Complete || len(a.Missing) > 0 {
				t.Errorf("%+v", a)
			}
		}
		if calls := patterns(l.spent()); !slices.Equal(calls, []string{"GET /webinars/{webinarId}"}) {
			t.Errorf("to begin, Zoom is asked for %v", calls)
		}
		event("webinar.participant_joined", person("2", "Bob", "join_time"))
		time.Sleep(8 * time.Second)
		event("webinar.participant_left", person("1", "Ann", "leave_time"))
		for _, query := range []string{queryWebinar, strings.Replace(queryWebinar, "attendance {", "attendance(source: EVENTS) {", 1)} {
			if a := attendanceIn(t, string(l.ask(query, nil).Data)); a == nil || a.Source != "EVENTS" || len(a.Attendees.Nodes) != 2 || a.Attendees.Nodes[0].DurationSeconds != 10 || a.Attendees.Nodes[1].LastLeave != nil {
				t.Errorf("asked, it is %+v", a)
			}
		}
		status, _, lines := l.file("WebinarReport", "run==")
		if status != http.StatusOK || len(lines) != 3 || !strings.HasPrefix(lines[1], "Ann,ann@example.com,") || !strings.Contains(lines[1], ",10,1,") {
			t.Errorf("%d %q", status, lines)
		}
		panel := l.ask(strings.Replace(queryWebinar, "totals", "absentPanelists { email } totals", 1), nil)
		if len(panel.Errors) > 0 || !strings.Contains(string(panel.Data), `"absentPanelists":[{`) {
			t.Errorf("%s", panel.body)
		}
		event("webinar.participant_left", person("2", "Bob", "leave_time"))
		event("webinar.ended", "")
		for _, f := range append(followers, l.follow(byRun)) {
			last, _ := f.until("the end", func(a *gotAttendance) bool { return a.Complete })
			if last.ReportState != "READY" || last.AsOf != nil || len(last.Missing) > 0 || last.Totals.Attended != 2 {
				t.Errorf("%+v", last)
			}
			f.completed()
			f.close()
		}
		for query, code := range map[string]string{
			`attendance { complete }`: "BAD_USER_INPUT", `attendance(webinar: {number: "99"}) { complete }`: "NOT_FOUND",
			`attendance(webinar: {number: "${WebinarNumber}"}, instance: {uuid: "run=="}) { complete }`: "BAD_USER_INPUT",
		} {
			f := l.follow(`subscription { ` + query + ` }`)
			if _, errs := f.next(); len(errs) != 1 || errs[0].code() != code {
				t.Errorf("%s: %v, want %s", query, errs, code)
			}
			f.close()
		}
	})
}

// TestLiveAttendance_webinarSeeded follows a webinar without any event: the dashboard has its
// participants.
func TestLiveAttendance_webinarSeeded(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		if _, err := l.Hold(l.WebinarNumber, 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		l.spent()
		f := l.follow(followWebinar)
		defer f.close()
		if a, _ := f.until("who is there", func(*gotAttendance) bool { return true }); a.Totals.Attendees == 0 || len(a.Missing) > 0 {
			t.Errorf("%+v", a)
		}
		if calls := patterns(l.spent()); !slices.Contains(calls, "GET /metrics/webinars/{webinarId}/participants") {
			t.Errorf("to begin, Zoom is asked for %v", calls)
		}
	})
}

// file reads the attendance as CSV.
func (l *live) file(kind, key string) (status int, name string, lines []string) {
	l.t.Helper()
	h := &attendancecsv.Handler{Tenant: types.TenantOf(sandbox.AccountID), Places: attendancecsv.NewPlaces(), Graph: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "gateway.test"
		resp, err := l.http.Do(r)
		if err != nil {
			l.t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, attendancecsv.Path+l.id(kind, key)+".csv?absentees=false", nil))
	return w.Code, w.Header().Get("Content-Disposition"), strings.Split(strings.TrimSuffix(w.Body.String(), "\r\n"), "\r\n")
}

// TestLiveAttendance_unproven checks the gaps of an attendance: participants who joined before the
// first event, and names where they are not stored.
func TestLiveAttendance_unproven(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		l.event("meeting.participant_joined", person("1", "Ann", "join_time"))
		a := attendanceIn(t, string(l.ask(strings.Replace(queryInstance, "totals", "absentees { totalCount } totals", 1), nil).Data))
		if !slices.Equal(a.Missing, []string{"EARLIER_STAYS"}) || a.Absentees != nil || a.Attendees.TotalCount != nil || len(a.Attendees.Nodes) != 1 {
			t.Errorf("%+v", a)
		}
		for _, call := range patterns(l.spent()) {
			if strings.Contains(call, "/metrics/") || strings.Contains(call, "/report/") {
				t.Errorf("a query has made the HEAVY call %s", call)
			}
		}
		l.event("meeting.participant_left", person("1", "Ann", "leave_time"))
		l.event("meeting.ended", "")
		f := l.follow(strings.Replace(followInstance, `latestOf: "${MeetingNumber}"`, `uuid: "run=="`, 1))
		defer f.close()
		if a, _ := f.until("the end", func(*gotAttendance) bool { return true }); a.Complete || a.ReportState != "PENDING" || !slices.Contains(a.Missing, "EARLIER_STAYS") {
			t.Errorf("%+v", a)
		}
		f.completed()
	})
	inLive(t, setup{nameless: true}, func(l *live) {
		l.event("meeting.started", "")
		l.event("meeting.participant_joined", person("1", "Ann", "join_time"))
		a := attendanceIn(t, string(l.ask(queryInstance, nil).Data))
		if !slices.Equal(a.Missing, []string{"NAMES"}) || len(a.Attendees.Nodes) != 1 || len(a.Attendees.Nodes[0].Names) > 0 {
			t.Errorf("%+v", a)
		}
		var why []string
		for _, m := range a.Attendees.Nodes[0].Missing {
			if m.Reason == "NOT_IN_SOURCE" {
				why = append(why, m.Field)
			}
		}
		if !slices.Equal(why, []string{"email", "customerKey", "phones", "devices"}) {
			t.Errorf("not in the source: %v", why)
		}
	})
}

// TestLiveAttendance_neverJoined reads the attendance of somebody who leaves and whose join no event
// tells: nobody knows when the stay began, and so whether the person was late.
func TestLiveAttendance_neverJoined(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		l.event("meeting.started", "")
		time.Sleep(10 * time.Minute)
		l.event("meeting.participant_left", person("9", "Ghost", "leave_time"))
		query := strings.Replace(strings.Replace(queryInstance, "totals", "absentees { totalCount } totals", 1), "names email", "late names email", 1)
		a := attendanceIn(t, string(l.ask(query, nil).Data))
		if !slices.Equal(a.Missing, []string{"ROWS"}) || a.Absentees != nil || a.Attendees.TotalCount != nil || len(a.Attendees.Nodes) != 1 || a.Attendees.Nodes[0].Late != nil {
			t.Errorf("%+v", a)
		}
	})
}

// TestLiveAttendance_absentees lists the approved registrants who have not joined yet.
func TestLiveAttendance_absentees(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		var said struct {
			Meeting struct {
				Registrants struct {
					TotalCount int
					Nodes      []struct{ Email, ZoomID string }
				}
			}
		}
		if err := json.Unmarshal(l.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { registrants(first: 1, status: APPROVED) { totalCount nodes { email zoomId } } } }`, nil).Data, &said); err != nil {
			t.Fatal(err)
		}
		all, one := said.Meeting.Registrants.TotalCount, said.Meeting.Registrants.Nodes[0]
		query := strings.Replace(queryInstance, "totals", "absentees { totalCount } totals", 1)
		l.event("meeting.started", "")
		if a := attendanceIn(t, string(l.ask(query, nil).Data)); a.Absentees == nil || a.Absentees.TotalCount != all || all < 2 {
			t.Fatalf("%+v of %d", a, all)
		}
		l.event("meeting.participant_joined", strings.Replace(person("1", "Ann", "join_time"), `"registrant_id":""`, fmt.Sprintf(`"registrant_id":%q`, one.ZoomID), 1))
		if a := attendanceIn(t, string(l.ask(query, nil).Data)); a.Absentees == nil || a.Absentees.TotalCount != all-1 {
			t.Errorf("%+v of %d", a, all)
		}
	})
}

// TestLiveAttendance_paced has many participants join within seconds: the subscription sends a few
// items, and makes no call.
func TestLiveAttendance_paced(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		l.event("meeting.started", "")
		first, second := l.follow(followInstance), l.follow(followInstance)
		defer first.close()
		defer second.close()
		first.next()
		second.next()
		l.spent()
		const crowd = 300
		for i := range crowd {
			l.tell("meeting.participant_joined", person(strconv.Itoa(i), fmt.Sprint("P", i), "join_time"))
			time.Sleep(10 * time.Millisecond)
		}
		for _, f := range []*followed{first, second} {
			if _, items := f.until("all are there", func(a *gotAttendance) bool { return a.Totals.Attendees == crowd }); items > 5 {
				t.Errorf("%d items tell of who came in three seconds", items)
			}
		}
		l.spends(0)
	})
}

// TestLiveAttendance_lateIsReadOnce reads the scheduled date of an instance for the first item only.
func TestLiveAttendance_lateIsReadOnce(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		l.event("meeting.started", "")
		l.event("meeting.participant_joined", person("1", "Ann", "join_time"))
		f := l.follow(`subscription { attendance(instance: {latestOf: "${MeetingNumber}"}) { totals { attendees late } } }`)
		defer f.close()
		items := f.read() // also reads heartbeats, whose writes would block otherwise
		<-items
		l.spends(2) // the meeting, and its date
		for i := range 3 {
			time.Sleep(50 * time.Second)
			l.event("meeting.participant_joined", person(strconv.Itoa(i+2), "Bob", "join_time"))
			<-items
		}
		l.spends(0)
	})
}

// read reads items until the subscription ends.
func (f *followed) read() <-chan string {
	items := make(chan string, 100)
	go func() {
		defer close(items)
		for {
			line, err := f.from.ReadString('\n')
			if err != nil {
				return
			}
			if text, ok := strings.CutPrefix(line, "data: "); ok {
				items <- text
			}
		}
	}()
	return items
}

// TestLiveAttendance_asZoomTells holds random meetings and webinars, and compares their last
// attendance by events with that by the dashboard afterwards.
func TestLiveAttendance_asZoomTells(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 7; seed++ {
		inLive(t, setup{}, func(l *live) {
			number, follows, of := l.MeetingNumber, followInstance, `{ meetingInstance(by: {uuid: %q}) { attendance(source: DASHBOARD) %s } }`
			if seed > 5 {
				number, follows, of = l.WebinarNumber, followWebinar, `{ account { reports { webinar(by: {uuid: %q}) { attendance(source: DASHBOARD) %s } } } }`
			}
			held, err := l.HoldRandom(number, 10, seed)
			if err != nil {
				t.Fatal(err)
			}
			f := l.follow(follows)
			defer f.close()
			ran := make(chan struct{})
			go func() {
				defer close(ran)
				held.Run(l.t.Context(), func(e sandbox.Event) { l.deliver(string(e.Body)) })
			}()
			last, items := f.until("the end", func(a *gotAttendance) bool { return a.ReportState == "READY" })
			<-ran
			if items < 5 || !last.Complete {
				t.Errorf("seed %d: %d items, %+v", seed, items, last)
			}
			time.Sleep(2 * time.Hour)
			query := fmt.Sprintf(of, held.UUID, attendanceFields)
			past := attendanceIn(t, string(l.ask(query, nil).Data))
			if got, want := attendeeLines(last), attendeeLines(past); !slices.Equal(got, want) || len(want) < 5 || last.Peak.Count != past.Peak.Count {
				t.Errorf("seed %d: events tell\n%s\nZoom tells\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// attendeeLines returns the attendees as sorted lines.
func attendeeLines(a *gotAttendance) []string {
	if a == nil {
		return nil
	}
	var lines []string
	for _, p := range a.Attendees.Nodes {
		lines = append(lines, fmt.Sprint(p.Names, " ", p.FirstJoin, " ", p.LastLeave, " ", p.DurationSeconds, " ", p.Attended))
	}
	slices.Sort(lines)
	return lines
}

// TestLiveAttendance_refused refuses an unknown instance, by a subscription and by a query for the
// attendance by events, and the latter also without events.
func TestLiveAttendance_refused(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		f := l.follow(`subscription { attendance(instance: {uuid: "none=="}) { complete } }`)
		defer f.close()
		if _, errs := f.next(); len(errs) != 1 || errs[0].code() != "NOT_FOUND" {
			t.Errorf("%v", errs)
		}
		a := l.ask(`{ meetingInstance(by: {uuid: "none=="}) { attendance(source: EVENTS) { complete } } }`, nil)
		if len(a.Errors) != 1 || a.Errors[0].code() != "NOT_FOUND" {
			t.Errorf("%s", a.body)
		}
	})
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ meetingInstance(by: {uuid: "none=="}) { attendance(source: EVENTS) { complete } } }`, nil)
		if len(a.Errors) != 1 || a.Errors[0].code() != "NOT_ENABLED" {
			t.Errorf("%s", a.body)
		}
	})
}

// TestLiveAttendance_past follows an instance that has ended and that no event names: the subscription
// has one item.
func TestLiveAttendance_past(t *testing.T) {
	t.Parallel()
	inLive(t, setup{}, func(l *live) {
		var said struct {
			Meeting struct{ LatestInstance struct{ ID string } }
		}
		if err := json.Unmarshal(l.ask(`{ meeting(by: {number: "${MeetingNumber}"}) { latestInstance { id uuid } } }`, nil).Data, &said); err != nil {
			t.Fatal(err)
		}
		f := l.follow(fmt.Sprintf(`subscription { attendance(instance: {id: %q}) %s }`, said.Meeting.LatestInstance.ID, attendanceFields))
		defer f.close()
		if a, _ := f.until("who attended", func(*gotAttendance) bool { return true }); !a.Complete || a.Source != "PAST_MEETING" || len(a.Attendees.Nodes) == 0 {
			t.Errorf("%+v", a)
		}
		f.completed()
	})
}
