package zoom

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/drift"
	"zoomql/internal/zoom/types"
)

// Values and fields that the schema lacks are counted by operation, and a field of another
// JSON type is logged once, by name.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		report, log := &drift.Report{}, &bytes.Buffer{}
		body := `{"users":[{"id":"u1","group_ids":"canary","nickname":"canary","type":77},{"id":"u2","group_ids":"canary","type":1}],"next_page_token":"","novel":{"canary":1}}`
		c := newTestClient(func(*http.Request) *http.Response { return answer(200, body) }, func(cfg *Config) {
			cfg.Drift, cfg.Log, cfg.Store = report, slog.New(slog.NewTextHandler(log, nil)), nil
		})
		for range 5 {
			page, err := ListUsers.Page(t.Context(), c, UserFilter{}, Paging{})
			if err != nil || len(page.Items) != 2 || page.Items[0].GroupIds != nil || page.Items[1].Type != types.UserTypeBasic {
				t.Fatalf("%+v, %v", page, err)
			}
		}
		now := time.Now()
		want := []drift.Entry{
			{Operation: ListUsers.Pattern, Finding: drift.Finding{Kind: drift.Field, Field: "novel"}, Count: firstSamples, First: now, Last: now},
			{Operation: ListUsers.Pattern, Finding: drift.Finding{Kind: drift.Field, Field: "users.nickname"}, Count: firstSamples, First: now, Last: now},
			{Operation: ListUsers.Pattern, Finding: drift.Finding{Kind: drift.Unreadable, Field: "users.group_ids"}, Count: 10, First: now, Last: now},
			{Operation: ListUsers.Pattern, Finding: drift.Finding{Kind: drift.Value, Field: "users.type", Value: "77"}, Count: 5, First: now, Last: now},
		}
		if diff := cmp.Diff(want, report.Entries()); diff != "" {
			t.Errorf("(-want +counted):\n%s", diff)
		}
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `operation="GET /users" field=users.group_ids`) || strings.Contains(got, "canary") {
			t.Errorf("the log has\n%s", got)
		}
		time.Sleep(sampleInterval)
		if _, err := ListUsers.Page(t.Context(), c, UserFilter{}, Paging{}); err != nil {
			t.Fatal(err)
		}
		if n := report.Entries()[0].Count; n != firstSamples+1 {
			t.Errorf("%d answers were scanned", n)
		}
	})
}

// An answer from the cache is not counted again.
func TestObserve_cachedAnswers(t *testing.T) {
	report := &drift.Report{}
	c := newTestClient(func(*http.Request) *http.Response { return answer(200, `{"id":"u1","type":77}`) }, func(cfg *Config) { cfg.Drift = report })
	for range 3 {
		u, err := GetUser.Do(t.Context(), c, UserKey{"u1"})
		if err != nil || u.TypeText() != "77" {
			t.Fatalf("%+v, %v", u, err)
		}
	}
	if entries := report.Entries(); len(entries) != 1 || entries[0].Count != 1 {
		t.Errorf("%+v", entries)
	}
	spec := GetUser.Spec
	body, err := pack(&Request{Spec: spec, encode: types.Marshal}, &types.User{ZoomID: "u1", Type: unknownType})
	if err != nil || !strings.Contains(string(body), `"type":77`) {
		t.Errorf("%s, %v", body, err)
	}
}

var unknownType = func() (t types.UserType) {
	t.SetCode("77")
	return t
}()

// A list whose array has another JSON type is an error, not an empty list.
func TestObserve_listOfOtherType(t *testing.T) {
	for _, body := range []string{`{"users":""}`, `{"users":{}}`, `{"users":false}`, `""`, `[]`} {
		c := newTestClient(func(*http.Request) *http.Response { return answer(200, body) })
		if page, err := ListUsers.Page(t.Context(), c, UserFilter{}, Paging{}); err == nil {
			t.Errorf("%s was read as %+v", body, page)
		}
	}
}
