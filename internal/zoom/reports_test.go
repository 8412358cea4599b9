package zoom

import (
	"testing"
	"time"

	"zoomql/internal/zoom/types"
)

// The fields next to the items of a page survive encoding and decoding by the cache.
func TestPage_beside(t *testing.T) {
	spec := &Spec{Pattern: "GET /report/users", Array: "users", Beside: []string{"from", "total_meetings"}}
	body := `{"from":"2026-03-01","page_size":30,"total_meetings":34,"users":[{"id":"u1"}],"next_page_token":"t"}`
	for _, way := range []string{"from Zoom", "from a store"} {
		page := &Page[types.HostActivity]{}
		if err := decodeAnswer(spec, []byte(body), page, nil); err != nil {
			t.Fatal(err)
		}
		sums := &types.HostActivityTotals{}
		if err := types.Unmarshal(page.Beside, sums); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if sums.From.String() != "2026-03-01" || sums.Meetings.N != 34 || len(page.Items) != 1 || page.Next != "t" {
			t.Errorf("%s: %+v, %d items, next %q", way, sums, len(page.Items), page.Next)
		}
		raw, err := types.Marshal(page)
		if err != nil {
			t.Fatal(err)
		}
		body = string(raw)
	}
}

// A past range no longer changes, except for its last days.
func TestRangeLife(t *testing.T) {
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	for _, c := range []struct {
		why, query string
		want       Life
	}{
		{"today", "to=" + day(0), Slow},
		{"the day before yesterday may still change", "to=" + day(2), Slow},
		{"long over", "to=" + day(5), Closed},
		{"to come", "to=" + day(-20), Slow},
		{"no range", "", Slow},
	} {
		if got := rangeLife(&Request{Query: c.query}, nil); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
	}
}

// Results arrive shortly after an instance; those of a survey for weeks.
func TestAnswersLife(t *testing.T) {
	at := func(days int) types.Time { return types.Time{Time: time.Now().AddDate(0, 0, -days)} }
	for _, c := range []struct {
		why, instance string
		answer        any
		want          Life
	}{
		{"right after the instance", "u1==", &types.PollResults{StartTime: at(0)}, Slow},
		{"later", "u1==", &types.PollResults{StartTime: at(3)}, Closed},
		{"the latest instance is another one tomorrow", "123456789", &types.QaResults{StartTime: at(3)}, Scheduled},
		{"a survey is answered for weeks", "u1==", &types.MeetingSurveyResults{StartTime: at(10)}, Slow},
		{"and not for ever", "u1==", &types.MeetingSurveyResults{StartTime: at(40)}, Closed},
	} {
		if got := answersLife(&Request{Vars: map[string]string{"meetingId": c.instance}}, c.answer); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
	}
}

// A filter's days are in the query with its other fields.
func TestDays_inFilters(t *testing.T) {
	day := func(s string) types.Date {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return types.Date{Time: at}
	}
	filter := HostFilter{Days: Days{From: day("2026-03-01"), To: day("2026-03-16")}, Type: types.HostActivityTypeInactive}
	req, err := ListHostActivity.request(anyone, ListHostActivity.input(filter, Paging{Size: 30}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "from=2026-03-01&page_size=30&to=2026-03-16&type=inactive"; req.Query != want {
		t.Errorf("%s, want %s", req.Query, want)
	}
}
