// Package upstream runs a sandbox in a process of its own, as the Zoom that the
// measured servers ask, with a door of its own for the measuring program.
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

	"zoomql/internal/bench/proc"
	"zoomql/internal/sandbox"
)

// A World says how the Zoom is that the servers ask.
type World struct {
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
	// Names asks for the ids of all active users among the landmarks.
	Names bool
}

// Landmarks are what can be asked for in a world.
type Landmarks struct {
	sandbox.Landmarks
	Made  []string // numbers of the meetings that were made
	Users []string // ids of the active users, where they were asked for
}

// Call is a call as the sandbox saw it.
type Call struct {
	Pattern    string
	Path       string
	Label      string
	Status     int
	Start, End time.Time
}

// Ledger is what the sandbox saw since it was last reset.
type Ledger struct {
	Calls       []Call
	Throttled   int
	MaxInFlight int
}

// Serve runs a sandbox, and beside it the endpoints by which the
// measuring program makes worlds and reads the ledger.
func Serve(addr string) error {
	var box atomic.Pointer[sandbox.Sandbox]
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
		l := Ledger{Throttled: s.Throttled(), MaxInFlight: s.MaxInFlight()}
		for _, c := range s.Calls() {
			l.Calls = append(l.Calls, Call{c.Pattern, c.Path, c.Rate.String(), c.Status, c.Start, c.End})
		}
		_ = json.NewEncoder(w).Encode(l) // the measuring program misses it if it cannot be written
	})
	return proc.Serve(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/bench/") {
			control.ServeHTTP(w, r)
			return
		}
		box.Load().ServeHTTP(w, r)
	}))
}

// NewWorld makes a sandbox in this process, and what a world has beyond it.
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

// Upstream is the sandbox's process, seen from the measuring program.
type Upstream struct {
	*proc.Process
	Client *http.Client
}

// Start runs a sandbox as the program that is given, with the arguments "sandbox"
// and an address; the program is to call [Serve].
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

// Account is the environment that leads a gateway to the sandbox.
func (u *Upstream) Account() []string {
	return []string{
		"ZOOM_API_URL=http://" + u.Addr + "/v2", "ZOOM_OAUTH_URL=http://" + u.Addr,
		"ZOOM_ACCOUNT_ID=" + sandbox.AccountID, "ZOOM_CLIENT_ID=" + sandbox.ClientID, "ZOOM_CLIENT_SECRET=" + sandbox.ClientSecret,
	}
}

// Enter gives the servers another Zoom: nothing of the last one is left, its
// tokens and its counts neither.
func (u *Upstream) Enter(ctx context.Context, w World) (*Landmarks, error) {
	body, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	marks := &Landmarks{}
	return marks, u.do(ctx, http.MethodPost, "/bench/world", body, marks)
}

// Latency changes how long every answer takes from now on.
func (u *Upstream) Latency(ctx context.Context, d time.Duration) error {
	return u.do(ctx, http.MethodPost, "/bench/latency?d="+d.String(), nil, nil)
}

// Reset empties the ledger.
func (u *Upstream) Reset(ctx context.Context) error {
	return u.do(ctx, http.MethodPost, "/bench/reset", nil, nil)
}

// Ledger returns what the sandbox saw since the ledger was last reset.
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
