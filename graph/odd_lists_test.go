package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zoomql/graph/list"
	"zoomql/internal/sandbox"
)

// oddly returns a handler that changes the sandbox's answers: change receives each answer that is
// an object, with its request.
func oddly(box **rig, change func(r *http.Request, body map[string]any)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if *box == nil || strings.HasPrefix(r.URL.Path, "/oauth") {
			return false
		}
		rec, asked := httptest.NewRecorder(), r.Clone(r.Context())
		if q := asked.URL.Query(); strings.HasPrefix(q.Get("next_page_token"), "odd ") { // not one of the sandbox's
			q.Del("next_page_token")
			asked.URL.RawQuery = q.Encode()
		}
		(*box).ServeHTTP(rec, asked)
		var body map[string]any
		dec := json.NewDecoder(rec.Body)
		dec.UseNumber()
		if rec.Code == http.StatusOK && dec.Decode(&body) == nil {
			change(r, body)
			changed, _ := json.Marshal(body)
			rec.Body.Reset()
			_, _ = rec.Body.Write(changed)
		}
		for name, values := range rec.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
		return true
	}
}

// listIn returns the page within an answer, with the name and the items of its list, or nil.
func listIn(body map[string]any) (page map[string]any, name string, items []any) {
	if within, ok := body["past_meetings"].(map[string]any); ok {
		body = within
	}
	for name, v := range body {
		_, paged := body["next_page_token"]
		if items, ok := v.([]any); ok && (paged || name == "webinars" || name == "meetings" && len(body) == 1 || name == "cloud_recording_storage") {
			return body, name, items
		}
	}
	return nil, "", nil
}

// above reports whether a list is on the path to the connection.
func above(connection, array string) bool {
	switch connection {
	case "SurveyInstance.answers":
		return array != "survey_answers"
	case "ChatChannel.messages":
		return array != "messages"
	case "Group.members":
		return array != "members"
	case "Attendance.absentees", "MeetingAttendance.absentees":
		return array != "registrants"
	}
	return false
}

// read is the result of a query for a connection.
type read struct {
	nodes int
	more  bool
	null  bool
	codes []string         // of the errors of the connection, or of what is in it
	lists []map[string]any // extensions.list of these errors
}

// readList reads a connection to its end.
func (r *rig) readList(question string) read {
	r.t.Helper()
	text := strings.Replace(strings.Replace(question, "PAGE", "first: 3000", 1), "CURSORS", "{ edges { cursor } pageInfo { hasNextPage } }", 1)
	if strings.Contains(text, "${FeedbackID}") {
		a := r.ask(`{ account { dashboard { clientFeedback(from: "2026-03-01", to: "2026-03-16") { zoomId } } } }`, nil)
		text = strings.Replace(text, "${FeedbackID}", a.at(r.t, "account.dashboard.clientFeedback.0.zoomId"), 1)
	}
	a := r.ask(text, nil)
	var data any
	if err := json.Unmarshal(a.Data, &data); err != nil {
		r.t.Fatalf("%s: %s", text, a.body)
	}
	var got read
	it, ok := firstNamed(data, "it").(map[string]any)
	got.null = !ok
	if ok {
		got.nodes = len(it["edges"].([]any))
		got.more = it["pageInfo"].(map[string]any)["hasNextPage"].(bool)
	}
	for _, e := range a.Errors {
		beside := e.code() == "NOT_READY" || e.code() == "EXPIRED" // they stand beside the whole list too
		if slices.Contains(e.Path, any("it")) && !beside {
			list, _ := e.Extensions["list"].(map[string]any)
			got.codes, got.lists = append(got.codes, e.code()), append(got.lists, list)
		}
	}
	return got
}

// noted counts events by name.
type noted struct {
	mu sync.Mutex
	of map[string]int
}

// add counts an event, and returns the count of its name.
func (n *noted) add(what string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[string]int{}
	}
	n.of[what]++
	return n.of[what]
}

// times returns the count of a name.
func (n *noted) times(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[name]
}

// names returns the counted names.
func (n *noted) names() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.of))
}

// eachConnection reads every connection of the schema twice: with the sandbox's answers, and with
// changed ones.
func eachConnection(t *testing.T, change func(name string, r *http.Request, body map[string]any), check func(name string, r *rig, whole, odd read)) {
	t.Helper()
	t.Run("connections", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(connections)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				whole := wholeList(t, name)
				var box *rig
				inRig(t, setup{before: oddly(&box, func(r *http.Request, body map[string]any) { change(name, r, body) })}, func(r *rig) {
					box = r
					check(name, r, whole, r.readList(connections[name]))
				})
			})
		}
	})
}

// wholeLists are the results of wholeList, by connection.
var wholeLists sync.Map

// wholeList returns the sandbox's list of a connection. It is read once for all tests.
func wholeList(t *testing.T, name string) read {
	t.Helper()
	if whole, ok := wholeLists.Load(name); ok {
		return whole.(read)
	}
	var whole read
	inRig(t, setup{}, func(r *rig) {
		if whole = r.readList(connections[name]); len(whole.codes) > 0 || whole.nodes == 0 || whole.more {
			r.t.Fatalf("the sandbox's own list: %+v", whole)
		}
	})
	wholeLists.Store(name, whole)
	return whole
}

// A list with fewer items than Zoom's count has an error in addition to its items.
func TestConnectionsThatEndEarly(t *testing.T) {
	t.Parallel()
	var told noted
	eachConnection(t, func(name string, _ *http.Request, body map[string]any) {
		page, array, _ := listIn(body)
		if n, ok := page["total_records"].(json.Number); ok && !above(name, array) {
			total, _ := n.Int64()
			page["total_records"] = total + 7
			told.add(name)
		}
	}, func(name string, r *rig, whole, odd read) {
		if odd.nodes != whole.nodes {
			r.t.Errorf("%d items came, want %d", odd.nodes, whole.nodes)
		}
		if told.times(name) == 0 {
			return // Zoom documents no count for it
		}
		if len(odd.codes) == 0 || !odd.more {
			r.t.Errorf("the list passes for whole: %+v", odd)
		}
		for i, code := range odd.codes {
			given, counted := odd.lists[i]["given"].(float64), odd.lists[i]["counted"].(float64)
			if code != "INCOMPLETE_LIST" || counted != given+7 {
				r.t.Errorf("the error is %s with %v", code, odd.lists[i])
			}
		}
	})
	if n := len(told.names()); n < 20 {
		t.Errorf("only %d connections are counted", n)
	}
}

// An invalid row is missing and reported; a duplicate row is returned once.
func TestConnectionsWithOddRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why   string
		odd   func(items []any) []any
		codes []string // of rows with ids
		lost  int      // of rows with ids
		plain []string // codes of rows without ids
		more  int      // of rows without ids
	}{
		{"null among the rows", func(items []any) []any { return append([]any{nil}, items...) }, []string{"BAD_ANSWER"}, 0, []string{"BAD_ANSWER"}, 0},
		{"a text among the rows", func(items []any) []any { return append([]any{"x"}, items...) }, []string{"BAD_ANSWER"}, 0, []string{"BAD_ANSWER"}, 0},
		{"a row without an id", func(items []any) []any {
			first, _ := items[0].(map[string]any)
			for _, name := range []string{"id", "uuid", "email", "user_email", "survey_id"} {
				delete(first, name)
			}
			return items
		}, []string{"BAD_ANSWER"}, 1, nil, 0},
		{"a row twice", func(items []any) []any { return append(items, items[len(items)-1]) }, nil, 0, nil, 1},
	} {
		t.Run(c.why, func(t *testing.T) {
			var done noted
			eachConnection(t, func(name string, r *http.Request, body map[string]any) {
				page, array, items := listIn(body)
				if len(items) == 0 || above(name, array) {
					return
				}
				if done.add(name) == 1 {
					page[array] = c.odd(items)
				}
			}, func(name string, r *rig, whole, odd read) {
				if name == "ClientFeedback.entries" || name == "SurveyInstance.answers" {
					return // there are several, each of which may be changed
				}
				if strings.HasSuffix(name, ".absentees") || strings.HasPrefix(name, "MeetingAttendance.") {
					return // the changed registrant may be a participant, and a changed stay lacks its user
				}
				want, nodes := c.plain, whole.nodes+c.more
				if withIDs[name] {
					want, nodes = c.codes, whole.nodes-c.lost
				} else if identified[name] {
					want, nodes = c.plain, whole.nodes
				}
				if odd.nodes != nodes || !slices.Equal(odd.codes, want) || odd.more {
					r.t.Errorf("%+v, want %d items and %v", odd, nodes, want)
				}
			})
		})
	}
}

// withIDs are the connections to objects that must have an id; identified are those of rows that
// can be distinguished without one.
var (
	withIDs = setOf("Account.subAccounts", "Account.users", "Account.informationBarrierPolicies", "Account.surveys", "Account.groups", "User.meetings", "User.pastMeetings",
		"User.webinars", "Webinar.registrants", "Meeting.registrants", "WebinarReport.absentees", "Meeting.instances", "Webinar.instances", "User.attended")
	identified = setOf("User.chatChannels", "User.chatMessages", "ChatChannel.messages", "User.phoneRecordings", "Group.members", "Role.members",
		"Dashboard.meetings", "Dashboard.webinars", "Dashboard.zoomRooms", "DashboardZoomRoom.pastMeetings",
		"Webinar.participants", "DashboardMeeting.participants", "MeetingInstance.participants", "DashboardWebinar.participants", "DashboardWebinar.participantsQos",
		"WebinarReport.participants", "DashboardMeeting.participantsQos", "AccountReports.hosts",
		"MeetingInstance.attendees", "WebinarReport.attendees", "Attendance.attendees", "Attendance.absentees",
		"MeetingAttendance.attendees", "MeetingAttendance.absentees")
)

func setOf(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// A repeated token ends the list at once, and so do ten empty pages.
func TestConnectionsThatNeverEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why   string
		odd   func(page map[string]any, array string, calls int)
		calls int // of the list
	}{
		{"the same token again", func(page map[string]any, _ string, _ int) { page["next_page_token"] = "odd same" }, 2},
		{"new tokens, and the same page", func(page map[string]any, _ string, n int) { page["next_page_token"] = fmt.Sprintf("odd %d", n) }, 2},
		{"new tokens, and nothing", func(page map[string]any, array string, n int) {
			page["next_page_token"] = fmt.Sprintf("odd %d", n)
			if n > 1 {
				page[array] = []any{}
			}
		}, 11},
	} {
		t.Run(c.why, func(t *testing.T) {
			var calls noted
			eachConnection(t, func(name string, r *http.Request, body map[string]any) {
				page, array, items := listIn(body)
				if page["next_page_token"] == nil || above(name, array) || name == "ClientFeedback.entries" {
					return // the last is several lists of one kind
				}
				if len(items) == 0 && r.URL.Query().Get("next_page_token") == "" {
					return
				}
				c.odd(page, array, calls.add(name))
			}, func(name string, r *rig, whole, odd read) {
				if calls.times(name) == 0 {
					return // it has no pages
				}
				if !slices.Equal(slices.Compact(odd.codes), []string{"BAD_ANSWER"}) || odd.nodes == 0 || odd.nodes > whole.nodes || !odd.more {
					r.t.Errorf("%+v of %d", odd, whole.nodes)
				}
				lists := max(len(odd.codes), 1) // there may be several of the kind, each with its error
				if n := calls.times(name); n > lists*c.calls {
					r.t.Errorf("%d pages of %d lists were asked for, want %d each", n, lists, c.calls)
				}
			})
		})
	}
}

// The days that Zoom omits from a range are requested.
func TestConnectionsOfShortenedRanges(t *testing.T) {
	t.Parallel()
	var shortened, rests noted
	eachConnection(t, func(name string, r *http.Request, body map[string]any) {
		q := r.URL.Query()
		asked, err := time.Parse(time.DateOnly, q.Get("from"))
		page, array, items := listIn(body)
		if page == nil {
			page = body // a list without pages
		}
		if err != nil || page["from"] == nil {
			return
		}
		to, _ := time.Parse(time.DateOnly, q.Get("to"))
		if today := monday.Truncate(24 * time.Hour); to.After(today) && array != "upcoming_events" {
			to = today
		}
		if to.Sub(asked) > 10*24*time.Hour {
			page["from"] = to.AddDate(0, 0, -9).Format(time.DateOnly)
			if items != nil { // the items are in the rest
				page[array], page["next_page_token"] = []any{}, ""
				delete(page, "total_records")
				delete(page, "page_count")
			}
			shortened.add(name + q.Get("to"))
			return
		}
		rests.add(name)
	}, func(name string, r *rig, whole, odd read) {
		if name == "Dashboard.chat" { // its sums do not state their days
			if !slices.Equal(odd.codes, []string{"INCOMPLETE_LIST"}) || rests.times(name) > 0 {
				r.t.Errorf("%+v of %d, and the rest was asked for %d times", odd, whole.nodes, rests.times(name))
			}
			return
		}
		if len(odd.codes) > 0 {
			r.t.Errorf("%+v of %d", odd, whole.nodes)
		}
		if rests.times(name) == 0 {
			for _, key := range shortened.names() {
				if strings.HasPrefix(key, name) {
					r.t.Error("the rest is not asked for")
				}
			}
		}
	})
	if n := len(rests.names()); n < 8 {
		t.Errorf("the rest was asked for in %d connections only", n)
	}
}

// zoomAnswers answers calls of a path instead of the sandbox; "" leaves them to it.
func zoomAnswers(path string, answer func(q url.Values) string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v2"+path {
			return false
		}
		body := answer(r.URL.Query())
		if body == "" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(body, `{"code"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write([]byte(body))
		return true
	}
}

// rows formats rows with the numbers from and up to to.
func rows(from, to int, row string) string {
	list := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		list = append(list, strings.ReplaceAll(row, "#", strconv.Itoa(i)))
	}
	return strings.Join(list, ",")
}

// Lists with documented page numbers.
func TestNumberedPages(t *testing.T) {
	t.Parallel()
	const webinar = `{"uuid":"w#==","id":9000000#,"topic":"W"}`
	page := func(total, from, to int, beside string) string {
		return fmt.Sprintf(`{"total_records":%d,%s"webinars":[%s]}`, total, beside, rows(from, to, webinar))
	}
	for _, c := range []struct {
		why   string
		zoom  func(q url.Values) string
		nodes int
		codes []string
		calls int
	}{
		{"as documented", func(q url.Values) string {
			n, _ := strconv.Atoi(q.Get("page_number"))
			return page(700, (n-1)*300, min(n*300, 700), "")
		}, 700, nil, 3},
		{"Zoom goes on by tokens", func(q url.Values) string {
			switch q.Get("next_page_token") {
			case "":
				return page(700, 0, 300, `"next_page_token":"P2",`)
			case "P2":
				return page(700, 300, 600, `"next_page_token":"P3",`)
			}
			return page(700, 600, 700, `"next_page_token":"",`)
		}, 700, nil, 3},
		{"Zoom does not look at the number", func(url.Values) string { return page(700, 0, 300, "") }, 300, []string{"BAD_ANSWER"}, 2},
		{"Zoom has smaller pages, and says so", func(q url.Values) string {
			n, _ := strconv.Atoi(q.Get("page_number"))
			return page(700, (n-1)*100, min(n*100, 700), `"page_size":100,`)
		}, 700, nil, 7},
		{"the second page is empty", func(q url.Values) string {
			if q.Get("page_number") == "1" {
				return page(700, 0, 300, "")
			}
			return page(700, 0, 0, "")
		}, 300, []string{"INCOMPLETE_LIST"}, 2},
		{"one that moved down a page comes once", func(q url.Values) string {
			if q.Get("page_number") == "1" {
				return page(400, 0, 300, "")
			}
			return page(401, 299, 400, "")
		}, 400, nil, 2},
		{"a page holds more than was asked for", func(url.Values) string { return page(3000, 0, 3000, "") }, 3000, nil, 1},
	} {
		t.Run(c.why, func(t *testing.T) {
			before := func(w http.ResponseWriter, r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "/webinars") && zoomAnswers(strings.TrimPrefix(r.URL.Path, "/v2"), c.zoom)(w, r)
			}
			calls := 0
			inRig(t, setup{before: func(w http.ResponseWriter, r *http.Request) bool {
				if before(w, r) {
					calls++
					return true
				}
				return false
			}}, func(r *rig) {
				a := r.ask(`{ user(by: {zoomId: "${HostID}"}) { webinars(first: 3000) { nodes { number } pageInfo { hasNextPage endCursor } } } }`, nil)
				if codes := codesOf(a); !slices.Equal(codes, c.codes) {
					r.t.Errorf("the errors are %v, want %v: %s", codes, c.codes, a.body)
				}
				var data struct {
					User struct {
						Webinars struct {
							Nodes    []struct{ Number string }
							PageInfo struct{ HasNextPage bool }
						}
					}
				}
				if err := json.Unmarshal(a.Data, &data); err != nil {
					r.t.Fatal(a.body)
				}
				for i, n := range data.User.Webinars.Nodes {
					if n.Number != fmt.Sprint("9000000", i) {
						r.t.Fatalf("webinar %d is %s", i, n.Number)
					}
				}
				if n := len(data.User.Webinars.Nodes); n != c.nodes || data.User.Webinars.PageInfo.HasNextPage != (c.codes != nil) || calls != c.calls {
					r.t.Errorf("%d webinars by %d calls, want %d by %d; more: %v", n, calls, c.nodes, c.calls, data.User.Webinars.PageInfo.HasNextPage)
				}
			})
		})
	}
}

func codesOf(a *answer) (codes []string) {
	for _, e := range a.Errors {
		codes = append(codes, e.code())
	}
	return codes
}

// TestCursor_itemsVanishBefore continues a list whose rows before the cursor have vanished since,
// while Zoom's token still holds: no row is lost.
func TestCursor_itemsVanishBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone  []int  // rows that vanish once the cursor has been issued
		first string // row behind the cursor, or the code of the error
		calls int
	}{
		"none":                         {nil, "u32", 1},
		"on the page of the cursor":    {[]int{30}, "u32", 1},
		"on the page before it":        {[]int{3, 4}, "u32", 2},
		"the one before the cursor":    {[]int{31}, "CURSOR_EXPIRED", 2},
		"the whole page of the cursor": {[]int{30, 31}, "CURSOR_EXPIRED", 2},
	} {
		t.Run(name, func(t *testing.T) {
			var gone []int
			calls := 0
			page := func(q url.Values) string {
				calls++
				var users []string
				for i := range 90 {
					if !slices.Contains(gone, i) {
						users = append(users, fmt.Sprintf(`{"id": "u%d"}`, i))
					}
				}
				from, _ := strconv.Atoi(strings.TrimPrefix(q.Get("next_page_token"), "t"))
				to, next := min(from+30, len(users)), ""
				if to < len(users) {
					next = fmt.Sprint("t", to)
				}
				return fmt.Sprintf(`{"page_size": 30, "total_records": %d, "next_page_token": %q, "users": [%s]}`, len(users), next, strings.Join(users[from:to], ","))
			}
			inRig(t, setup{before: func(w http.ResponseWriter, r *http.Request) bool { return zoomAnswers("/users", page)(w, r) }}, func(r *rig) {
				const query = `query ($after: String) { account { users(first: FIRST, after: $after) { nodes { zoomId } pageInfo { endCursor } } } }`
				cursor := r.ask(strings.Replace(query, "FIRST", "30", 1), nil).at(r.t, "account.users.pageInfo.endCursor")
				cursor = r.ask(strings.Replace(query, "FIRST", "2", 1), map[string]any{"after": cursor}).at(r.t, "account.users.pageInfo.endCursor")
				time.Sleep(time.Hour) // the cache holds none of it
				gone, calls = c.gone, 0
				a := r.ask(strings.Replace(query, "FIRST", "2", 1), map[string]any{"after": cursor})
				var got string
				if len(a.Errors) == 0 {
					got = a.at(r.t, "account.users.nodes.0.zoomId")
				} else {
					got = a.Errors[0].code()
				}
				if got != c.first || calls != c.calls {
					r.t.Errorf("the list goes on with %s by %d calls, want %s by %d", got, calls, c.first, c.calls)
				}
			})
		})
	}
}

// TestCursor_behindTheLast continues an incomplete list behind its last item: the empty page is the
// last one, since it has no cursor.
func TestCursor_behindTheLast(t *testing.T) {
	t.Parallel()
	inRig(t, setup{before: zoomAnswers("/past_meetings/123456789/instances", func(url.Values) string {
		return `{"page_size":30,"total_records":9,"next_page_token":"","meetings":[{"uuid":"u1==","start_time":"2026-03-01T10:00:00Z"}]}`
	})}, func(r *rig) {
		const query = `query ($after: String) { meeting(by: {number: "123456789"}) { instances(first: 5, after: $after) { nodes { uuid } pageInfo { hasNextPage endCursor } } } }`
		a := r.ask(query, nil)
		b := r.ask(query, map[string]any{"after": a.at(t, "meeting.instances.pageInfo.endCursor")})
		if !strings.Contains(a.body, `"hasNextPage":true`) || !strings.Contains(b.body, `"hasNextPage":false,"endCursor":null`) {
			t.Errorf("behind the last item: %s\n%s", a.body, b.body)
		}
	})
}

// TestCursor_farBehind continues a list by an expired cursor before which rows were inserted: a page
// without items would have no cursor to go on from.
func TestCursor_farBehind(t *testing.T) {
	t.Parallel()
	for inserted, want := range map[int]int{29: 11, 39: 1, 40: 0, 41: 0} { // items of the first page of 100
		old := 0
		page := func(q url.Values) string {
			if q.Get("next_page_token") == "dead" {
				return `{"code":300,"message":"The next page token is invalid or expired."}`
			}
			size, _ := strconv.Atoi(q.Get("page_size"))
			return fmt.Sprintf(`{"page_size": %d, "total_records": 900, "next_page_token": "t", "users": [%s]}`, size, rows(1000-old, 1000-old+size, `{"id":"u#"}`))
		}
		inRig(t, setup{before: zoomAnswers("/users", page)}, func(r *rig) {
			at, _, err := list.ReadPlace(r.ask(`{ account { users(first: 60) { pageInfo { endCursor } } } }`, nil).at(t, "account.users.pageInfo.endCursor"))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			old = inserted
			a := r.ask(`query ($after: String!) { account { users(first: 30, after: $after) { nodes { zoomId } pageInfo { hasNextPage } } } }`,
				forged(sandbox.AccountID, list.Place{Size: 30, Index: 30, Offset: 60, Mark: at.Mark, Token: "dead"}))
			if want == 0 {
				a.want(t, `{"account": {"users": null}}`, map[string]string{"account.users": "CURSOR_EXPIRED"})
			} else if got := strings.Count(a.body, "zoomId"); got != want || !strings.Contains(a.body, `"hasNextPage":true`) {
				t.Errorf("%d rows were inserted: %d items, want %d: %s", inserted, got, want, a.body)
			}
		})
	}
}

// TestCursor_lastOfAMonth continues a list behind the last row of a month, by a cursor whose token has
// expired: the next month follows.
func TestCursor_lastOfAMonth(t *testing.T) {
	t.Parallel()
	token := "old"
	inRig(t, setup{before: zoomAnswers("/report/users/h/meetings", func(q url.Values) string {
		from, to, next := 0, 300, token
		switch {
		case q.Get("to") < "2026-03-01":
			from, to, next = 301, 302, ""
		case q.Get("next_page_token") == token:
			from, to, next = 300, 301, ""
		case q.Get("next_page_token") != "":
			return `{"code":300,"message":"The next page token is invalid or expired."}`
		}
		return fmt.Sprintf(`{"page_size":300,"next_page_token":%q,"meetings":[%s]}`, next, rows(from, to, `{"uuid":"u#==","id":123456789,"topic":"t#"}`))
	})}, func(r *rig) {
		const query = `query ($first: Int!, $after: String) { user(by: {zoomId: "h"}) { pastMeetings(from: "2026-02-01", to: "2026-03-16", first: $first, after: $after) { nodes { topic } pageInfo { endCursor } } } }`
		cursor := r.ask(query, map[string]any{"first": 301}).at(t, "user.pastMeetings.pageInfo.endCursor")
		time.Sleep(24 * time.Hour)
		token = "new"
		a := r.ask(query, map[string]any{"first": 1, "after": cursor})
		a.want(t, `{"user": {"pastMeetings": {"nodes": [{"topic": "t301"}], "pageInfo": {"endCursor": "`+a.at(t, "user.pastMeetings.pageInfo.endCursor")+`"}}}}`, nil)
	})
}

// TestCursor_occurrences continues a list whose rows have one number, and of which the first have
// vanished: the rows differ by their start.
func TestCursor_occurrences(t *testing.T) {
	t.Parallel()
	gone := 0
	inRig(t, setup{before: func(w http.ResponseWriter, r *http.Request) bool {
		return zoomAnswers("/users/h/meetings", func(url.Values) string {
			return `{"page_size":30,"total_records":28,"next_page_token":"","meetings":[` + rows(10+gone, 38, `{"id":123456789,"uuid":"","topic":"t#","start_time":"2026-04-01T10:#:00Z"}`) + `]}`
		})(w, r)
	}}, func(r *rig) {
		const query = `query ($after: String) { user(by: {zoomId: "h"}) { meetings(first: 20, after: $after) { nodes { topic } pageInfo { endCursor } } } }`
		cursor := r.ask(query, nil).at(r.t, "user.meetings.pageInfo.endCursor")
		time.Sleep(time.Hour)
		gone = 10
		a := r.ask(query, map[string]any{"after": cursor})
		if got := a.at(r.t, "user.meetings.nodes.0.topic"); got != "t30" || strings.Count(a.body, "topic") != 8 {
			r.t.Errorf("the list goes on with %s: %s", got, a.body)
		}
	})
}

// An issued cursor stays valid for every page size.
func TestCursorsOfLargePages(t *testing.T) {
	t.Parallel()
	inRig(t, setup{before: func(w http.ResponseWriter, r *http.Request) bool {
		return zoomAnswers("/users", func(url.Values) string {
			return `{"page_size":30,"total_records":90,"next_page_token":"","users":[` + rows(0, 90, `{"id":"u#"}`) + `]}`
		})(w, r)
	}}, func(r *rig) {
		first := r.ask(`{ account { users(first: 30) { pageInfo { endCursor hasNextPage } } } }`, nil)
		cursor := first.at(r.t, "account.users.pageInfo.endCursor")
		for _, want := range []string{"u30", "u60"} {
			a := r.ask(`query ($after: String) { account { users(first: 30, after: $after) { nodes { zoomId } pageInfo { endCursor } } } }`, map[string]any{"after": cursor})
			if got := a.at(r.t, "account.users.nodes.0.zoomId"); got != want || len(a.Errors) > 0 {
				r.t.Fatalf("the list goes on with %s, want %s: %s", got, want, a.body)
			}
			cursor = a.at(r.t, "account.users.pageInfo.endCursor")
		}
	})
	inRig(t, setup{}, func(r *rig) { // a month of 31 days on one page
		after, days := "", 0
		for range 40 {
			a := r.ask(`query ($after: String) { account { reports { cloudRecording(from: "2026-01-01", to: "2026-01-31", first: 3, after: $after) { nodes { date } pageInfo { endCursor hasNextPage } } } } }`, map[string]any{"after": unlessNone(after)})
			if len(a.Errors) > 0 {
				r.t.Fatal(a.body)
			}
			days += strings.Count(string(a.Data), `"date"`)
			if a.at(r.t, "account.reports.cloudRecording.pageInfo.hasNextPage") == "false" {
				break
			}
			after = a.at(r.t, "account.reports.cloudRecording.pageInfo.endCursor")
		}
		if days != 31 {
			r.t.Errorf("January has %d days", days)
		}
	})
}

func unlessNone(cursor string) any {
	if cursor == "" {
		return nil
	}
	return cursor
}

// Rows contain Zoom's range; days that it omits are requested, reported, or expired.
func TestShortenedRangeOfHosts(t *testing.T) {
	t.Parallel()
	host := func(from, to, id string) string {
		return fmt.Sprintf(`{"from":%q,"to":%q,"next_page_token":"","total_records":1,"total_meetings":1,"users":[{"id":%q,"email":"a@example.com","meetings":1}]}`, from, to, id)
	}
	for _, c := range []struct {
		why   string
		zoom  func(q url.Values) string
		rows  string // from and to of each
		codes []string
		calls int
	}{
		{"the rest is asked for", func(q url.Values) string {
			if q.Get("to") == "2026-03-10" {
				return host("2026-03-06", "2026-03-10", "u1")
			}
			return host(q.Get("from"), q.Get("to"), "u1")
		}, "03-06..03-10 03-01..03-05", nil, 2},
		{"again and again, ten times at most", func(q url.Values) string { return host(q.Get("to"), q.Get("to"), "u1") },
			"03-10..03-10 03-09..03-09 03-08..03-08 03-07..03-07 03-06..03-06 03-05..03-05 03-04..03-04 03-03..03-03 03-02..03-02 03-01..03-01", nil, 10},
		{"the end is cut off", func(q url.Values) string {
			if q.Get("from") == "2026-03-01" {
				return host("2026-03-01", "2026-03-07", "u1")
			}
			return host(q.Get("from"), q.Get("to"), "u1")
		}, "03-01..03-07 03-08..03-10", nil, 2},
		{"both ends are cut off", func(q url.Values) string {
			if q.Get("to") == "2026-03-10" {
				return host("2026-03-05", "2026-03-06", "u1")
			}
			return host(q.Get("from"), q.Get("to"), "u1")
		}, "03-05..03-06 03-01..03-04", []string{"INCOMPLETE_LIST"}, 2},
		{"the rest is refused", func(q url.Values) string {
			if q.Get("to") == "2026-03-10" {
				return host("2026-03-06", "2026-03-10", "u1")
			}
			return `{"code":12702,"message":"Can not access a meeting a year ago."}`
		}, "03-06..03-10", []string{"EXPIRED"}, 2},
		{"other days than were asked for", func(url.Values) string { return host("2026-02-01", "2026-02-02", "u1") },
			"02-01..02-02", []string{"INCOMPLETE_LIST"}, 1},
		{"a range that is none", func(url.Values) string { return host("2026-03-10", "2026-03-01", "u1") }, "03-01..03-10", nil, 1},
		{"no range", func(url.Values) string { return `{"next_page_token":"","users":[{"id":"u1"}]}` }, "03-01..03-10", nil, 1},
		{"with a time and a zone", func(url.Values) string { return host("2026-03-01T00:00:00Z", "2026-03-10T23:59:59Z", "u1") }, "03-01..03-10", nil, 1},
	} {
		t.Run(c.why, func(t *testing.T) {
			calls := 0
			inRig(t, setup{before: zoomAnswers("/report/users", func(q url.Values) string {
				calls++
				return c.zoom(q)
			})}, func(r *rig) {
				a := r.ask(`{ account { reports { hosts(from: "2026-03-01", to: "2026-03-10", first: 100) { nodes { from to } } } } }`, nil)
				var data struct {
					Account struct {
						Reports struct {
							Hosts struct{ Nodes []struct{ From, To string } }
						}
					}
				}
				if err := json.Unmarshal(a.Data, &data); err != nil {
					r.t.Fatal(a.body)
				}
				var got []string
				for _, n := range data.Account.Reports.Hosts.Nodes {
					got = append(got, n.From[5:]+".."+n.To[5:])
				}
				if text := strings.Join(got, " "); text != c.rows || !slices.Equal(codesOf(a), c.codes) || calls != c.calls {
					r.t.Errorf("%s with %v by %d calls, want %s with %v by %d", text, codesOf(a), calls, c.rows, c.codes, c.calls)
				}
			})
		})
	}
}

// Paging continues within the rest of a range.
func TestCursorWithinARest(t *testing.T) {
	t.Parallel()
	inRig(t, setup{before: zoomAnswers("/report/users", func(q url.Values) string {
		from, to := q.Get("from"), q.Get("to")
		if to == "2026-03-10" {
			from = "2026-03-08"
		}
		return fmt.Sprintf(`{"from":%q,"to":%q,"next_page_token":"","users":[{"id":"%[2]s a"},{"id":"%[2]s b"}]}`, from, to)
	})}, func(r *rig) {
		var got []string
		after := ""
		for range 10 {
			a := r.ask(`query ($after: String) { account { reports { hosts(from: "2026-03-01", to: "2026-03-10", first: 1, after: $after) { nodes { zoomId } pageInfo { endCursor hasNextPage } } } } }`, map[string]any{"after": unlessNone(after)})
			if len(a.Errors) > 0 {
				r.t.Fatal(a.body)
			}
			got = append(got, a.at(r.t, "account.reports.hosts.nodes.0.zoomId"))
			if a.at(r.t, "account.reports.hosts.pageInfo.hasNextPage") == "false" {
				break
			}
			after = a.at(r.t, "account.reports.hosts.pageInfo.endCursor")
		}
		if want := []string{"2026-03-10 a", "2026-03-10 b", "2026-03-07 a", "2026-03-07 b"}; !slices.Equal(got, want) {
			r.t.Errorf("got %v, want %v", got, want)
		}
	})
}

// The items of newer months are returned even if Zoom keeps none of older ones.
func TestExpiredMonths(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"hosts", "cloudRecording"} { // newest first, and oldest first
		path := map[string]string{"hosts": "/report/users", "cloudRecording": "/report/cloud_recording"}[field]
		inRig(t, setup{before: zoomAnswers(path, func(q url.Values) string {
			if q.Get("from") < "2026-02" {
				return `{"code":12702,"message":"Can not access a meeting a year ago."}`
			}
			return ""
		})}, func(r *rig) {
			a := r.ask(`{ account { reports { it: `+field+`(from: "2026-01-01", to: "2026-03-10", first: 3000) { nodes { __typename } pageInfo { hasNextPage } } } } }`, nil)
			if !slices.Equal(codesOf(a), []string{"EXPIRED"}) || !strings.Contains(string(a.Data), "__typename") || strings.Contains(string(a.Data), `"hasNextPage":true`) {
				r.t.Errorf("%s: %s", field, a.body)
			}
		})
	}
	inRig(t, setup{before: zoomAnswers("/metrics/crc", func(q url.Values) string {
		if q.Get("from") < "2026-02" {
			return `{"code":12702,"message":"Can not access a meeting a year ago."}`
		}
		return ""
	})}, func(r *rig) {
		a := r.ask(`{ account { dashboard { crcPorts(from: "2026-01-01", to: "2026-03-10") { date } } } }`, nil)
		if !slices.Equal(codesOf(a), []string{"EXPIRED"}) || !strings.Contains(string(a.Data), "2026-03-10") {
			r.t.Errorf("%s", a.body)
		}
	})
}

// Shortened ranges of answers without pages.
func TestShortenedRangesAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, path, query string
		codes            []string
		calls            int
		has              string // in the answer
	}{
		{"days can be put together", "/metrics/crc", `{ account { dashboard { crcPorts(from: "2026-03-01", to: "2026-03-10") { date } } } }`, nil, 2, ""},
		{"and thumbs", "/metrics/client/satisfaction", `{ account { dashboard { clientSatisfaction(from: "2026-03-01", to: "2026-03-10") { date } } } }`, nil, 2, ""},
		{"sums cannot", "/metrics/quality", `{ account { dashboard { quality(from: "2026-03-01", to: "2026-03-10", type: MEETINGS) { from to } } } }`, []string{"INCOMPLETE_LIST"}, 1, `"from":"2026-03-06"`},
		{"nor feedback", "/metrics/client/feedback", `{ account { dashboard { clientFeedback(from: "2026-03-01", to: "2026-03-10") { zoomId } } } }`, []string{"INCOMPLETE_LIST"}, 1, ""},
		{"nor problems of rooms", "/metrics/zoomrooms/issues", `{ account { dashboard { zoomRoomIssues(from: "2026-03-01", to: "2026-03-10") { __typename } } } }`, []string{"INCOMPLETE_LIST"}, 1, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			calls := 0
			var box *rig
			inRig(t, setup{before: oddly(&box, func(r *http.Request, body map[string]any) {
				if r.URL.Path == "/v2"+c.path {
					if calls++; r.URL.Query().Get("to") == "2026-03-10" {
						body["from"] = "2026-03-06"
					}
				}
			})}, func(r *rig) {
				box = r
				a := r.ask(c.query, nil)
				if !slices.Equal(codesOf(a), c.codes) || calls != c.calls || !strings.Contains(string(a.Data), c.has) {
					r.t.Errorf("%d calls, want %d: %s", calls, c.calls, a.body)
				}
			})
		})
	}
}

// The rest of a range that Zoom answers with days already read adds no duplicates.
func TestRests_answeredByOtherDays(t *testing.T) {
	t.Parallel()
	const to = `"from": "2026-03-14", "to": "2026-03-16", "next_page_token": ""`
	inZoom(t, []zoomRow{
		{"GET", "/report/telephone", 0, `{` + to + `, "telephony_usage": [{"phone_number": "+1"}]}`},
		{"GET", "/report/users", 0, `{` + to + `, "users": [{"id": "u1", "meetings": 2}]}`},
		{"GET", "/metrics/crc", 0, `{` + to + `, "crc_ports_usage": [{"date_time": "2026-03-15T00:00:00Z"}]}`},
	}, func(r *rig, z *zoomSays) {
		a := r.ask(`{ account {
			reports { telephoneCalls(from: "2026-03-01", to: "2026-03-16") { nodes { phoneNumber } } hosts(from: "2026-03-01", to: "2026-03-16") { nodes { from meetings } } }
			dashboard { crcPorts(from: "2026-03-01", to: "2026-03-16") { date } }
		} }`, nil)
		a.want(t, `{"account": {
			"reports": {"telephoneCalls": {"nodes": [{"phoneNumber": "+1"}]}, "hosts": {"nodes": [{"from": "2026-03-14", "meetings": 2}]}},
			"dashboard": {"crcPorts": [{"date": "2026-03-15"}]}
		}}`, map[string]string{"account.reports.telephoneCalls": "INCOMPLETE_LIST", "account.reports.hosts": "INCOMPLETE_LIST", "account.dashboard.crcPorts": "INCOMPLETE_LIST"})
	})
}

// A total that the list contradicts is not returned.
func TestTotals_contradicted(t *testing.T) {
	t.Parallel()
	for total, want := range map[string]string{"2": "2", "9": "9", "1": "null", "0": "null", "-1": "null", `"many"`: "null"} {
		inZoom(t, []zoomRow{{"GET", "/users", 0, `{"total_records": ` + total + `, "next_page_token": "", "users": [{"id": "u1"}, {"id": "u2"}]}`}}, func(r *rig, _ *zoomSays) {
			a := r.ask(`{ account { users { totalCount nodes { zoomId } } } }`, nil)
			if !strings.Contains(a.body, `"totalCount":`+want+`,`) || !strings.Contains(a.body, `"u2"`) {
				t.Errorf("of %s: %s", total, a.body)
			}
		})
	}
	inZoom(t, []zoomRow{{"GET", "/users", 0, `{"page_count": 4, "page_size": 2, "users": [{"id": "u1"}, {"id": "u2"}]}`}}, func(r *rig, _ *zoomSays) {
		a := r.ask(`{ account { users { nodes { zoomId } } } }`, nil)
		a.want(t, `{"account": {"users": {"nodes": [{"zoomId": "u1"}, {"zoomId": "u2"}]}}}`, map[string]string{"account.users": "INCOMPLETE_LIST"})
		if list := a.Errors[0].Extensions["list"]; fmt.Sprint(list) != "map[countedAtLeast:7 given:2]" {
			t.Errorf("the list is %v", list)
		}
	})
}
