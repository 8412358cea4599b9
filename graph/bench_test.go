package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zoomql/cache"
	"zoomql/internal/auth"
	"zoomql/internal/negotiation"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// BenchmarkAnswers measures what an answer costs that is known: as a whole, or,
// where the variables are new each time, in its parts. There is no network; "make
// bench" measures with it.
func BenchmarkAnswers(b *testing.B) {
	box, err := sandbox.New(sandbox.Options{Users: 600, Participants: 300, Registrants: 300, Plan: sandbox.PlanNone})
	if err != nil {
		b.Fatal(err)
	}
	behind := httptest.NewServer(box)
	defer behind.Close()
	store := cache.NewMemory(64 << 20)
	handler := New(Config{Answers: store, Client: zoom.New(zoom.Config{
		AccountID: sandbox.AccountID, Plan: zoom.NoLimits, BaseURL: behind.URL + "/v2", Store: store,
		Tokens: auth.NewServerToServer(sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, behind.URL, behind.Client()),
		HTTP:   behind.Client(),
	})})
	marks := box.Landmarks()
	const user = `user { zoomId displayName email department timezone }`
	for name, query := range map[string]string{
		"small": fmt.Sprintf(`{ user(by: {zoomId: %q}) { displayName email timezone department firstName lastName } }`, marks.HostID),
		"large": fmt.Sprintf(`{ meeting(by: {number: "%[1]d"}) { registrants(first: 300) { nodes { email firstName %[2]s } } }
			meetingInstance(by: {latestOf: "%[1]d"}) { participants(first: 300) { nodes { name joinTime %[2]s } } } }`, marks.BigMeeting, user),
	} {
		text, err := json.Marshal(query)
		if err != nil {
			b.Fatal(err)
		}
		for way, variables := range map[string]string{"kept": `{}`, "parts": `{"turn":%d}`} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if strings.Contains(variables, "%") {
						variables = fmt.Sprintf(`{"turn":%d}`, i)
					}
					r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":`+string(text)+`,"variables":`+variables+`}`))
					r.Header.Set("Content-Type", negotiation.JSON)
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, r)
					if w.Code != http.StatusOK || strings.HasPrefix(w.Body.String(), `{"errors"`) {
						b.Fatal(w.Body.String()[:300])
					}
					if way == "parts" {
						variables = `%d`
					}
				}
			})
		}
	}
}
