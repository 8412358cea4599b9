// Package upstream runs a sandbox in a process of its own, as the Zoom that the
// measured servers call, with control endpoints for the measuring program.
package upstream

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

	"zoomql/internal/lab/proc"
	"zoomql/internal/sandbox"
)

// A World configures the sandbox.
type World struct {
	Users        int
	Participants int
	Registrants  int
	Plan         string
	Latency      time.Duration
	// Meetings is how many large meetings are made in addition to the seeded one,
	// through the API, and Crowd how many users are registered for each. No user is
	// registered for two of them, or for the seeded one.
	Meetings int
	Crowd    int
	// Names adds the ids of all active users to the landmarks.
	Names bool
}

// Landmarks are ids of objects in a world.
type Landmarks struct {
	sandbox.Landmarks
	Made  []string // numbers of the meetings that were made
	Users []string // ids of the active users, with World.Names
}

// Call is a call that the sandbox has received.
type Call struct {
	Pattern    string
	Path       string
	Label      string
	Status     int
	Start, End time.Time
}

// Ledger holds the calls since it was last reset.
type Ledger struct {
	Calls       []Call
	Throttled   int
	MaxInFlight int
}

// Serve runs a sandbox on addr, and the control endpoints by which the measuring
// program makes worlds and reads the ledger.
func Serve(addr string) error {
	var current atomic.Pointer[sandbox.Sandbox]
	control := http.NewServeMux()
	control.HandleFunc("POST /bench/world", func(w http.ResponseWriter, r *http.Request) {
		var want World
		if err := json.NewDecoder(r.Body).Decode(&want); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s, marks, err := NewWorld(r.Context(), want)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		current.Store(s)
		_ = json.NewEncoder(w).Encode(marks) // the measuring program fails if they cannot be written
	})
	control.HandleFunc("POST /bench/latency", func(_ http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("d"))
		current.Load().SetLatency(d)
	})
	control.HandleFunc("POST /bench/reset", func(http.ResponseWriter, *http.Request) { current.Load().ResetCalls() })
	control.HandleFunc("GET /bench/calls", func(w http.ResponseWriter, _ *http.Request) {
		s := current.Load()
		l := Ledger{Throttled: s.Throttled(), MaxInFlight: s.MaxInFlight()}
		for _, c := range s.Calls() {
			l.Calls = append(l.Calls, Call{c.Pattern, c.Path, c.Rate.String(), c.Status, c.Start, c.End})
		}
		_ = json.NewEncoder(w).Encode(l) // the measuring program fails if it cannot be written
	})
	return proc.Serve(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/bench/") {
			control.ServeHTTP(w, r)
			return
		}
		current.Load().ServeHTTP(w, r)
	}))
}

// NewWorld makes a sandbox in this process, and the objects of a world in it.
func NewWorld(ctx context.Context, w World) (*sandbox.Sandbox, *Landmarks, error) {
	s, err := sandbox.New(sandbox.Options{Users: w.Users, Participants: w.Participants, Registrants: w.Registrants, Plan: w.Plan})
	if err != nil {
		return nil, nil, err
	}
	marks := &Landmarks{Landmarks: s.Landmarks()}
	if w.Meetings > 0 {
		if marks.Made, err = makeMeetings(ctx, s, w); err != nil {
			return nil, nil, fmt.Errorf("making meetings: %w", err)
		}
	}
	if w.Names {
		if marks.Users, err = userIDs(ctx, s); err != nil {
			return nil, nil, fmt.Errorf("listing users: %w", err)
		}
	}
	s.SetLatency(w.Latency)
	s.ResetCalls()
	return s, marks, nil
}

// Upstream is the sandbox's process, and a client of it.
type Upstream struct {
	*proc.Process
	Client *http.Client
}

// Start runs program with the arguments "sandbox" and an address; it must call [Serve].
func Start(ctx context.Context, place *proc.Place, program string, client *http.Client) (*Upstream, error) {
	addr, err := proc.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	p, err := place.StartElsewhere(ctx, "sandbox", addr, nil, program, "sandbox", addr)
	if err != nil {
		return nil, err
	}
	return &Upstream{p, client}, nil
}

// Account returns the environment of a gateway for the sandbox.
func (u *Upstream) Account() []string {
	return []string{
		"ZOOM_API_URL=http://" + u.Addr + "/v2", "ZOOM_OAUTH_URL=http://" + u.Addr,
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID, "ZOOM_CLIENT_SECRET=" + sandbox.ClientSecret,
	}
}

// Enter replaces the sandbox by a new one, without the tokens and counts of the last
// one.
func (u *Upstream) Enter(ctx context.Context, w World) (*Landmarks, error) {
	body, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	marks := &Landmarks{}
	return marks, u.do(ctx, http.MethodPost, "/bench/world", body, marks)
}

// Latency sets how long every answer takes.
func (u *Upstream) Latency(ctx context.Context, d time.Duration) error {
	return u.do(ctx, http.MethodPost, "/bench/latency?d="+d.String(), nil, nil)
}

// Reset empties the ledger.
func (u *Upstream) Reset(ctx context.Context) error {
	return u.do(ctx, http.MethodPost, "/bench/reset", nil, nil)
}

// Ledger returns the calls since the ledger was last reset.
func (u *Upstream) Ledger(ctx context.Context) (*Ledger, error) {
	l := &Ledger{}
	return l, u.do(ctx, http.MethodGet, "/bench/calls", nil, l)
}

func (u *Upstream) do(ctx context.Context, method, path string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+u.Addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := u.Client.Do(req)
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
