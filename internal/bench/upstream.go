package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"zoomql/internal/sandbox"
)

// A world says how the Zoom is that the servers ask.
type world struct {
	Users        int
	Participants int
	Registrants  int
	Plan         string
	Latency      time.Duration
	// Meetings is how many large meetings are made on top of the seeded one,
	// through the API, and Crowd how many users are registered for each. Nobody
	// is registered for two of them, or for the seeded one.
	Meetings int
	Crowd    int
}

// landmarks are what can be asked for in a world.
type landmarks struct {
	sandbox.Landmarks
	Made []string // numbers of the meetings that were made
}

// call is a call as the sandbox saw it.
type call struct {
	Pattern    string
	Path       string
	Label      string
	Status     int
	Start, End time.Time
}

// ledger is what the sandbox saw since it was last reset.
type ledger struct {
	Calls       []call
	Throttled   int
	MaxInFlight int
}

// serveUpstream runs a sandbox, and beside it the endpoints by which the
// measuring program makes worlds and reads the ledger.
func serveUpstream(addr string) error {
	var box atomic.Pointer[sandbox.Sandbox]
	control := http.NewServeMux()
	control.HandleFunc("POST /bench/world", func(w http.ResponseWriter, r *http.Request) {
		var want world
		if err := json.NewDecoder(r.Body).Decode(&want); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s, marks, err := newWorld(r.Context(), want)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		box.Store(s)
		_ = json.NewEncoder(w).Encode(marks) // the measuring program misses them if they cannot be written
	})
	control.HandleFunc("POST /bench/latency", func(_ http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("d"))
		box.Load().SetLatency(d)
	})
	control.HandleFunc("POST /bench/reset", func(http.ResponseWriter, *http.Request) { box.Load().ResetCalls() })
	control.HandleFunc("GET /bench/calls", func(w http.ResponseWriter, _ *http.Request) {
		s := box.Load()
		l := ledger{Throttled: s.Throttled(), MaxInFlight: s.MaxInFlight()}
		for _, c := range s.Calls() {
			l.Calls = append(l.Calls, call{c.Pattern, c.Path, c.Rate.String(), c.Status, c.Start, c.End})
		}
		_ = json.NewEncoder(w).Encode(l) // the measuring program misses it if it cannot be written
	})
	return serve(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/bench/") {
			control.ServeHTTP(w, r)
			return
		}
		box.Load().ServeHTTP(w, r)
	}))
}

func newWorld(ctx context.Context, w world) (*sandbox.Sandbox, *landmarks, error) {
	s, err := sandbox.New(sandbox.Options{Users: w.Users, Participants: w.Participants, Registrants: w.Registrants, Plan: w.Plan})
	if err != nil {
		return nil, nil, err
	}
	marks := &landmarks{Landmarks: s.Landmarks()}
	if w.Meetings > 0 {
		if marks.Made, err = makeMeetings(ctx, s, w); err != nil {
			return nil, nil, fmt.Errorf("making meetings: %w", err)
		}
	}
	s.SetLatency(w.Latency)
	s.ResetCalls()
	return s, marks, nil
}

// upstream is the sandbox's process, seen from the measuring program.
type upstream struct {
	*process
	client *http.Client
}

// world gives the servers another Zoom: nothing of the last one is left, its
// tokens and its counts neither.
func (u *upstream) world(ctx context.Context, w world) (*landmarks, error) {
	body, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	marks := &landmarks{}
	return marks, u.do(ctx, http.MethodPost, "/bench/world", body, marks)
}

func (u *upstream) latency(ctx context.Context, d time.Duration) error {
	return u.do(ctx, http.MethodPost, "/bench/latency?d="+d.String(), nil, nil)
}

func (u *upstream) reset(ctx context.Context) error {
	return u.do(ctx, http.MethodPost, "/bench/reset", nil, nil)
}

func (u *upstream) ledger(ctx context.Context) (*ledger, error) {
	l := &ledger{}
	return l, u.do(ctx, http.MethodGet, "/bench/calls", nil, l)
}

func (u *upstream) do(ctx context.Context, method, path string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+u.addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", path, raw)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(raw, answer)
}
