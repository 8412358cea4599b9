package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"zoomql/internal/lab/upstream"

	"zoomql/cache"
	"zoomql/graph"
	"zoomql/internal/auth"
	"zoomql/internal/bench/baseline"
	"zoomql/internal/identity"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// The gateway and the baseline have the same answers to all queries of the program, so
// their figures are of the same work.
func TestSameAnswers(t *testing.T) {
	server, marks, err := upstream.NewWorld(t.Context(), upstream.World{Users: 400, Participants: 300, Registrants: 300, Plan: sandbox.PlanNone, Meetings: 2, Crowd: 20})
	if err != nil {
		t.Fatal(err)
	}
	up := httptest.NewServer(server)
	defer up.Close()
	tokens := auth.NewServerToServer(sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, up.URL, nil)
	app := identity.New(identity.View{Account: sandbox.AccountID, App: "bench"}, tokens)
	gateway := graph.New(graph.Config{Credential: identity.Always(app), Client: zoom.New(zoom.Config{
		AccountID: sandbox.AccountID, Plan: zoom.NoLimits, BaseURL: up.URL + "/v2", Store: cache.NewMemory(64 << 20),
	})})
	other := baseline.New(baseline.Config{
		APIURL: up.URL + "/v2", OAuthURL: up.URL, AccountID: sandbox.AccountID, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
	})
	queries := append(warmUps(marks),
		usersQuery(50),
		crowdQuery(marks.BigMeeting, listedFields),
		crowdQuery(marks.BigMeeting, wholeFields),
		crowdsQuery(marks.Made[0], marks.Made[1]),
		userQuery(marks.HostID),
	)
	for _, q := range queries {
		one, two := sendLocal(t, gateway, q), sendLocal(t, other, q)
		if len(one.Errors)+len(two.Errors) > 0 {
			t.Errorf("%s\n%s\n%s", q, one.Errors, two.Errors)
			continue
		}
		if len(one.Data) < 100 {
			t.Errorf("%s\nthe answer is too short: %s", q, one.Data)
		}
		if err := sameData(one.Data, two.Data); err != nil {
			t.Errorf("%s\n%v", q, err)
		}
	}
}

// sendLocal sends a query to a handler.
func sendLocal(t *testing.T, h http.Handler, query string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %.300s", err, w.Body)
	}
	return a
}

// No user is registered for two of the meetings that NewWorld makes.
func TestNewWorld_meetings(t *testing.T) {
	server, marks, err := upstream.NewWorld(t.Context(), upstream.World{Users: 200, Plan: sandbox.PlanNone, Meetings: 3, Crowd: 25})
	if err != nil {
		t.Fatal(err)
	}
	if len(marks.Made) != 3 || len(server.Calls()) != 0 {
		t.Fatalf("%d meetings, %d calls in the ledger", len(marks.Made), len(server.Calls()))
	}
	up := httptest.NewServer(server)
	defer up.Close()
	handler := baseline.New(baseline.Config{
		APIURL: up.URL + "/v2", OAuthURL: up.URL, AccountID: sandbox.AccountID, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
	})
	c, err := crowdOf(sendLocal(t, handler, crowdsQuery(marks.Made[0], marks.Made[2])).Data)
	if err != nil {
		t.Fatal(err)
	}
	if c.people != 50 || len(c.users) != 50 {
		t.Errorf("%d people, %d users; want 50 and 50", c.people, len(c.users))
	}
}
