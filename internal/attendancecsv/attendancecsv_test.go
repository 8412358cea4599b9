package attendancecsv

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

// fakeGraph is a GraphQL handler with fixed answers.
type fakeGraph struct {
	*testing.T
	answers map[string]string // by the name of the query and the cursor, separated by a space
	status  int               // of all answers; 0 is 200
	asked   []string          // the keys of the requests
	headers []http.Header     // of the requests
	last    map[string]any    // variables of the last request
}

func (g *fakeGraph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query     string
		Variables map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.URL.Path != "/graphql" || r.URL.RawQuery != "" {
		g.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	_, rest, _ := strings.Cut(body.Query, "query ")
	name, _, _ := strings.Cut(rest, "(")
	after, _ := body.Variables["after"].(string)
	key := strings.TrimSpace(name + " " + after)
	g.asked, g.headers, g.last = append(g.asked, key), append(g.headers, r.Header), body.Variables
	w.Header().Set("Content-Type", "application/graphql-response+json")
	if g.status != 0 {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(g.status)
	}
	_, _ = io.WriteString(w, g.answers[key])
}

var tenant = types.TenantOf("account")

func idOf(kind, key string) string { return types.NodeID{Type: kind, Key: key}.Encode(tenant) }

// get requests a file.
func (g *fakeGraph) get(method, path string, header http.Header) *httptest.ResponseRecorder {
	h := &Handler{Graph: g, Tenant: tenant, Places: NewPlaces()}
	r := httptest.NewRequest(method, path, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const (
	ann     = `{"names": ["Ann", "=Ann"], "email": "a@example.com", "userZoomId": "U", "registrantId": null, "role": "HOST", "attended": true, "firstJoin": "2026-03-09T05:01:00Z", "lastLeave": "2026-03-09T06:00:00Z", "durationSeconds": 3540, "late": false, "leftEarly": null, "evidence": "USER_ID", "confidence": "HIGH", "stays": [{"status": null}, {"status": "IN_MEETING"}]}`
	phone   = `{"names": ["+1 202 555 0100"], "email": null, "attended": false, "firstJoin": null, "durationSeconds": 0, "late": null, "evidence": "NONE", "confidence": "LOW", "stays": [{}]}`
	onePage = `{"data": {"node": {"attendance": {"reportState": "READY", "attendees": {"pageInfo": {"hasNextPage": true, "endCursor": "c1"}, "nodes": [` + ann + `]}}}}}`
	two     = `{"data": {"node": {"attendance": {"reportState": "READY", "attendees": {"pageInfo": {"hasNextPage": false, "endCursor": "c2"}, "nodes": [` + phone + `]}}}}}`
	nobody  = `{"data": {"node": {"attendance": {"absentees": {"pageInfo": {"hasNextPage": false}, "nodes": [{"firstName": "@Bob", "lastName": "B,\"C\"", "email": "b@example.org", "zoomId": "r"}]}}}}}`
)

func instanceAnswers() map[string]string {
	return map[string]string{"AttendanceCSV": onePage, "AttendanceCSV c1": two, "AttendanceCSVAbsentees": nobody}
}

// A file has a line for each person and each absent registrant, from all pages. Formulas are text.
func TestFile(t *testing.T) {
	g := &fakeGraph{T: t, answers: instanceAnswers()}
	path := Path + idOf("MeetingInstance", "/a//b==") + ".csv?lateAfterSeconds=60&byName=true&waitingRoom=INCLUDE&source=REPORT"
	w := g.get(http.MethodGet, path, http.Header{"Authorization": {"Bearer secret"}, "X-Request-Id": {"req"}})
	want := strings.Join([]string{
		"name,email,userZoomId,registrantId,role,attended,firstJoin,lastLeave,durationSeconds,stays,late,leftEarly,evidence,confidence",
		"Ann (=Ann),a@example.com,U,,HOST,true,2026-03-09T05:01:00Z,2026-03-09T06:00:00Z,3540,2,false,,USER_ID,HIGH",
		"'+1 202 555 0100,,,,,false,,,0,1,,,NONE,LOW",
		`"'@Bob B,""C""",b@example.org,,r,,false,,,0,0,,,,`, "",
	}, "\r\n")
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Fatalf("%d\n%s\nwant\n%s", w.Code, w.Body, want)
	}
	for name, value := range map[string]string{
		"Content-Type": "text/csv; charset=utf-8; header=present", "Content-Disposition": "attachment; filename=attendance-2026-03-09T0501Z.csv",
		"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if want := []string{"AttendanceCSV", "AttendanceCSV c1", "AttendanceCSVAbsentees"}; !slices.Equal(g.asked, want) {
		t.Errorf("%q", g.asked)
	}
	rules, _ := json.Marshal(g.last["rules"])
	if string(rules) != `{"byName":true,"lateAfterSeconds":60,"waitingRoom":"INCLUDE"}` || g.last["source"] != "REPORT" {
		t.Errorf("%v", g.last)
	}
	for _, h := range g.headers {
		if h.Get("Authorization") != "" || h.Get("X-Request-Id") != "req" {
			t.Errorf("%v", h)
		}
	}
	tag := w.Header().Get("Etag")
	if again := g.get(http.MethodGet, path, http.Header{"If-None-Match": {tag}}); tag == "" || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("with %s: %d %s", tag, again.Code, again.Body)
	}
	if head := g.get(http.MethodHead, path, nil); head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != strconv.Itoa(len(want)) {
		t.Errorf("HEAD: %d %v %s", head.Code, head.Header(), head.Body)
	}
}

// The price of a file is refused, and nothing is read.
func TestFile_dryRun(t *testing.T) {
	g := &fakeGraph{T: t, answers: instanceAnswers()}
	for value, want := range map[string]int{"true": http.StatusBadRequest, "?": http.StatusBadRequest, "False": http.StatusOK, "0": http.StatusOK} {
		g.asked = nil
		w := g.get(http.MethodGet, Path+idOf("MeetingInstance", "a==")+".csv", http.Header{"X-Dry-Run": {value}})
		if w.Code != want || (len(g.asked) > 0) != (want == http.StatusOK) {
			t.Errorf("%s: %d %s, after %q", value, w.Code, w.Body, g.asked)
		}
	}
}

// A person who was there, but not for long enough, has one line, also as a registrant.
func TestFile_oneLine(t *testing.T) {
	answers := instanceAnswers()
	answers["AttendanceCSV"] = strings.Replace(onePage, `"registrantId": null`, `"registrantId": "short"`, 1)
	answers["AttendanceCSVAbsentees"] = strings.Replace(nobody, `"nodes": [`, `"nodes": [{"email": "other@example.com", "zoomId": "short"}, {"email": " A@example.com", "zoomId": "q"}, {"email": "", "zoomId": ""}, `, 1)
	g := &fakeGraph{T: t, answers: answers}
	lines, err := csv.NewReader(g.get(http.MethodGet, Path+idOf("MeetingInstance", "a==")+".csv", nil).Body).ReadAll()
	if err != nil || len(lines) != 5 || lines[3][1] != "" || lines[4][1] != "b@example.org" {
		t.Errorf("%q %v", lines, err)
	}
}

// The file of a meeting has persons by instances, with an empty cell for an instance that the
// person did not join.
func TestFile_byInstance(t *testing.T) {
	g := &fakeGraph{T: t, answers: map[string]string{
		"AttendanceCSV": `{"data": {"node": {"attendance": {"instances": [{"uuid": "a==", "startTime": "2026-03-02T05:00:00Z", "reportState": "READY"}, {"uuid": "b==", "startTime": "2026-03-09T05:00:00Z", "reportState": "READY"}],
			"attendees": {"pageInfo": {"hasNextPage": false}, "nodes": [{"names": ["Ann"], "email": "a@example.com", "attendedCount": 1, "durationSeconds": 60, "evidence": "EMAIL", "confidence": "MEDIUM", "presences": [{"uuid": "a==", "durationSeconds": 60}]}]}}}}}`,
		"AttendanceCSVAbsentees": `{"data": {"node": null}, "errors": [{"message": "Registration has not been enabled.", "extensions": {"code": "NOT_ENABLED"}}]}`,
	}}
	w := g.get(http.MethodGet, Path+idOf("Meeting", "123456789")+".csv?from=2026-03-01&to=2026-03-10", nil)
	want := "name,email,userZoomId,registrantId,attendedCount,durationSeconds,evidence,confidence,2026-03-02T05:00:00Z,2026-03-09T05:00:00Z\r\n" +
		"Ann,a@example.com,,,1,60,EMAIL,MEDIUM,60,\r\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Content-Disposition") != "attachment; filename=attendance-123456789.csv" {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	for state, status := range map[string]int{"UNAVAILABLE": http.StatusNotFound, "EXPIRED": http.StatusNotFound, "PENDING": http.StatusServiceUnavailable} {
		ready := g.answers["AttendanceCSV"]
		g.answers["AttendanceCSV"] = strings.Replace(ready, `05:00:00Z", "reportState": "READY"}],`, `05:00:00Z", "reportState": "`+state+`"}],`, 1)
		if w := g.get(http.MethodGet, Path+idOf("Meeting", "123456789")+".csv?absentees=false", nil); w.Code != status {
			t.Errorf("with a run that is %s: %d %s", state, w.Code, w.Body)
		}
		g.answers["AttendanceCSV"] = ready
	}
	g.answers["AttendanceCSVAbsentees"] = nobody
	w = g.get(http.MethodGet, Path+idOf("Meeting", "123456789")+".csv", nil)
	lines, err := csv.NewReader(w.Body).ReadAll() // an error if lines have different numbers of cells
	if err != nil || len(lines) != 3 || lines[2][1] != "b@example.org" || lines[2][5] != "0" {
		t.Errorf("%q %v", lines, err)
	}
}

// An invalid request, or an error of the graph, has an error as its response.
func TestFile_refused(t *testing.T) {
	instance := Path + idOf("MeetingInstance", "a==") + ".csv"
	failed := func(code, more string) map[string]string {
		return map[string]string{"AttendanceCSV": `{"data": {"node": {"attendance": {"reportState": "READY", "attendees": null}}}, "errors": [{"message": "Why.", "extensions": {"code": "` + code + `"` + more + `}}]}`}
	}
	state := func(state string) map[string]string {
		return map[string]string{"AttendanceCSV": `{"data": {"node": {"attendance": {"reportState": "` + state + `", "attendees": {"pageInfo": {}, "nodes": []}}}}}`}
	}
	absent := func(code string) map[string]string {
		answers := instanceAnswers()
		answers["AttendanceCSVAbsentees"] = `{"errors": [{"message": "Why.", "extensions": {"code": "` + code + `"}}]}`
		return answers
	}
	for _, c := range []struct {
		why, path string
		answers   map[string]string
		status    int
		says      string
		graph     int
	}{
		{"no file", Path + "x", nil, 404, "ID.csv", 0},
		{"no id", Path + "x.csv", nil, 404, "no such file", 0},
		{"another tenant's id", Path + types.NodeID{Type: "MeetingInstance", Key: "a=="}.Encode(types.TenantOf("other")) + ".csv", nil, 404, "no such file", 0},
		{"another object's id", Path + idOf("User", "u") + ".csv", nil, 404, "no such file", 0},
		{"an unknown parameter", instance + "?late=1", nil, 400, "late: ", 0},
		{"a parameter twice", instance + "?lateAfterSeconds=1&lateAfterSeconds=2", nil, 400, "lateAfterSeconds: ", 0},
		{"seconds that are none", instance + "?minimumSeconds=1e3", nil, 400, "minimumSeconds: ", 0},
		{"parameters that cannot be read", instance + "?minimumSeconds=604800;absentees=false", nil, 400, "cannot be read", 0},
		{"a broken escape", instance + "?minimumSeconds=%zz", nil, 400, "cannot be read", 0},
		{"a truth that is none", instance + "?byName=1", nil, 400, "byName: ", 0},
		{"days of an instance", instance + "?from=2026-01-01", nil, 400, "from: ", 0},
		{"a source of a meeting", Path + idOf("Meeting", "1") + ".csv?source=REPORT", nil, 400, "source: ", 0},
		{"no such instance", instance, map[string]string{"AttendanceCSV": `{"data": {"node": null}}`}, 404, "no such run", 0},
		{"no right", instance, failed("MISSING_SCOPE", ""), 403, "MISSING_SCOPE: Why.", 0},
		{"no budget", instance, failed("DAILY_LIMIT", `, "retryAt": "2999-01-01T00:00:00Z"`), 429, "DAILY_LIMIT", 0},
		{"too dear", instance, failed("LIMIT_EXCEEDED", ""), 422, "LIMIT_EXCEEDED", 0},
		{"only trusted documents", instance, map[string]string{"AttendanceCSV": `{"errors": [{"message": "Why.", "extensions": {"code": "DOCUMENT_NOT_TRUSTED"}}]}`}, 403, "DOCUMENT_NOT_TRUSTED", 400},
		{"an unknown code", instance, failed("NEW", ""), 502, "NEW", 0},
		{"a busy gateway", instance, map[string]string{"AttendanceCSV": "busy"}, 503, "did not answer", 503},
		{"nonsense", instance, map[string]string{"AttendanceCSV": "nonsense"}, 502, "did not answer", 0},
		{"not worked out yet", instance, state("PENDING"), 503, "still", 0},
		{"too old", instance, state("EXPIRED"), 404, "older", 0},
		{"never made", instance, state("UNAVAILABLE"), 404, "no list", 0},
		{"absentees that Zoom does not tell any more", instance, absent("NOT_FOUND"), 404, "absentees=false", 0},
		{"absentees that fail", instance, absent("FORBIDDEN"), 403, "FORBIDDEN", 0},
		{"a list that does not end", instance, map[string]string{"AttendanceCSV": onePage, "AttendanceCSV c1": onePage}, 502, "does not end", 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			g := &fakeGraph{T: t, answers: c.answers, status: c.graph}
			w := g.get(http.MethodGet, c.path, nil)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || w.Header().Get("Content-Disposition") != "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			if retry := w.Header().Get("Retry-After"); (retry != "") != (c.status == 503 || c.status == 429) && c.graph == 0 {
				t.Errorf("Retry-After: %q", retry)
			}
			if c.answers == nil && len(g.asked) > 0 {
				t.Errorf("%q was asked", g.asked)
			}
		})
	}
	g := &fakeGraph{T: t, answers: absent("NOT_FOUND")}
	if w := g.get(http.MethodGet, instance+"?absentees=false", nil); w.Code != http.StatusOK || len(g.asked) != 2 {
		t.Errorf("without absentees: %d %q", w.Code, g.asked)
	}
}

// Files are bounded in length and in number.
func TestFile_bounds(t *testing.T) {
	path := Path + idOf("MeetingInstance", "a==") + ".csv"
	long := strings.Replace(ann, "a@example.com", strings.Repeat("x", 64<<10), 1)
	answers := map[string]string{}
	for i := range 200 {
		key := strings.TrimSpace(fmt.Sprintf("AttendanceCSV %s", strings.TrimPrefix(fmt.Sprintf("c%d", i), "c0")))
		answers[key] = strings.Replace(strings.Replace(onePage, ann, long, 1), `"c1"`, fmt.Sprintf(`"c%d"`, i+1), 1)
	}
	g := &fakeGraph{T: t, answers: answers}
	if w := g.get(http.MethodGet, path, nil); w.Code != http.StatusUnprocessableEntity || len(g.asked) > maxFile>>16+1 {
		t.Errorf("%d %s, by %d pages", w.Code, w.Body, len(g.asked))
	}
	g = &fakeGraph{T: t, answers: map[string]string{"AttendanceCSV": strings.Repeat(" ", maxFile+1)}}
	if w := g.get(http.MethodGet, path, nil); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	places := NewPlaces()
	h := &Handler{Graph: &fakeGraph{T: t, answers: instanceAnswers()}, Tenant: tenant, Places: places}
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	var ends []func()
	for i := range maxFiles {
		release, ok := places.TryAcquire(ratelimit.WithCaller(t.Context(), strconv.Itoa(i)), 1)
		if !ok {
			t.Fatal("a place is not free")
		}
		ends = append(ends, release)
	}
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("while all places are taken: %d", code)
	}
	for _, end := range ends {
		end()
	}
	if code := ask(); code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
}
