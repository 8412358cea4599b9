package main

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zoomql/internal/lab/upstream"
)

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		calls, perSecond int
		want             time.Duration
	}{
		{0, 80, 0},
		{1, 80, 0},
		{80, 80, 0},
		{81, 80, time.Second}, // the 81st waits for the first to be a second old
		{160, 80, time.Second},
		{161, 80, 2 * time.Second},
		{300, 80, 3 * time.Second},
	} {
		if got := allowed(c.calls, c.perSecond); got != c.want {
			t.Errorf("%d calls, %d a second: %v, want %v", c.calls, c.perSecond, got, c.want)
		}
	}
	if got, want := allowedCrowd(262, 3, 100*time.Millisecond), 3300*time.Millisecond; got != want {
		t.Errorf("262 users: %v, want %v", got, want)
	}
	if got, want := allowedCrowd(0, 3, 100*time.Millisecond), 300*time.Millisecond; got != want {
		t.Errorf("lists alone: %v, want %v", got, want)
	}
}

// at returns a call from one time to another, in milliseconds.
func at(pattern, path string, from, to int) upstream.Call {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return upstream.Call{Pattern: pattern, Path: path, Start: start.Add(time.Duration(from) * time.Millisecond), End: start.Add(time.Duration(to) * time.Millisecond)}
}

func TestRoundTrips(t *testing.T) {
	for _, c := range []struct {
		why   string
		calls []upstream.Call
		want  int
	}{
		{"nothing", nil, 0},
		{"all at once", []upstream.Call{at("", "", 0, 100), at("", "", 5, 105), at("", "", 99, 199)}, 1},
		{"one after the other", []upstream.Call{at("", "", 0, 100), at("", "", 100, 200), at("", "", 201, 300)}, 3},
		{"a list, then fifty that overlap", []upstream.Call{at("", "", 0, 100), at("", "", 101, 201), at("", "", 103, 203), at("", "", 110, 210)}, 2},
		{"in any order", []upstream.Call{at("", "", 101, 201), at("", "", 0, 100)}, 2},
	} {
		if got := roundTrips(c.calls); got != c.want {
			t.Errorf("%s: %d, want %d", c.why, got, c.want)
		}
	}
}

func TestCrowd(t *testing.T) {
	c, err := crowdOf(json.RawMessage(`{
		"meeting": {"registrants": {"nodes": [
			{"email": "Ada@x", "user": {"zoomId": "u1", "email": "ada@x"}},
			{"email": "bo@x", "user": {"zoomId": "u2", "email": "bo@x"}},
			{"email": "guest@y", "user": null}]}},
		"meetingInstance": {"participants": {"nodes": [
			{"name": "Ada", "user": {"zoomId": "u1", "email": "ada@x"}}]}},
		"gone": null}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.people != 4 || c.placed != 3 || len(c.users) != 2 {
		t.Errorf("%d people, %d with a user, %d users; want 4, 3, 2", c.people, c.placed, len(c.users))
	}
	calls := []upstream.Call{
		at("GET /users", "/v2/users?page_size=2000", 0, 1),
		at(getUser, "/v2/users/u1", 0, 1),
		at(getUser, "/v2/users/u2", 0, 1),
		at(getUser, "/v2/users/guest%40y", 0, 1),
	}
	if n := c.again(calls); n != 0 {
		t.Errorf("%d users twice, want none", n)
	}
	calls = append(calls, at(getUser, "/v2/users/Ada%40x", 0, 1), at(getUser, "/v2/users/u2", 0, 1), at(getUser, "/v2/users/guest%40y", 0, 1))
	if n := c.again(calls); n != 3 {
		t.Errorf("%d users twice, want 3: Ada by her address, u2, and the guest", n)
	}
	if n := repeated(calls); n != 2 {
		t.Errorf("%d calls were made before, want 2", n)
	}
	if n := count(calls, getUser); n != 6 {
		t.Errorf("%d calls for one user, want 6", n)
	}
}

func TestSkipAnswer(t *testing.T) {
	in := bufio.NewReader(strings.NewReader(
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello" +
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1f\r\n" + strings.Repeat("x", 31) + "\r\n0\r\n\r\n" +
			"HTTP/1.1 500 Oh no\r\nContent-Length: 0\r\n\r\n"))
	for i := range 2 {
		if err := skipAnswer(in); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	if err := skipAnswer(in); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("the third answer was a 500: %v", err)
	}
}
