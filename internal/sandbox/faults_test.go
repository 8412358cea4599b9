package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFaultsInOrder(t *testing.T) {
	r := newRig(t, Options{})
	r.Fault(
		Fault{Pattern: "GET /users/{userId}", Match: r.HostID, Times: 2, Status: 500, Code: 7, Message: "no"},
		Fault{Pattern: "GET /users", Status: 429, Code: 429, Message: "slow", Header: http.Header{"Retry-After": {"2026-03-17T00:00:00Z"}}},
		Fault{Pattern: "GET /users/{userId}", Status: 401, Code: 124, Message: "again"},
	)
	r.get("/users/%s", r.OwnerID).want(t, 401, 124) // the first does not match this path
	if res := r.get("/users").want(t, 429, 429); res.header.Get("Retry-After") != "2026-03-17T00:00:00Z" || res.str("message") != "slow" {
		t.Errorf("%v %s", res.header, res.body)
	}
	r.get("/users").want(t, 200, 0)
	r.get("/users/%s", r.HostID).want(t, 500, 7)
	r.get("/users/%s", r.HostID).want(t, 500, 7)
	r.get("/users/%s", r.HostID).want(t, 200, 0)

	r.Fault(Fault{Times: -1, Status: 502})
	for range 3 {
		r.get("/nothing").want(t, 502, 0)
	}
	r.ClearFaults()
	r.get("/users").want(t, 200, 0)

	r.Fault(Fault{Pattern: "POST /oauth/token", Status: 503})
	if res := r.askToken(ClientID, ClientSecret, ""); res.status != 503 {
		t.Errorf("token: %d", res.status)
	}
}

func TestFaultsOnRightAnswers(t *testing.T) {
	r := newRig(t, Options{})
	whole := r.get("/users").body
	r.Fault(Fault{BrokenJSON: true}, Fault{Header: http.Header{"X-Ratelimit-Remaining": {"1"}}})
	if res := r.get("/users"); res.status != 200 || json.Valid([]byte(res.body)) || len(res.body) != len(whole)/2 {
		t.Errorf("broken: %d, %d bytes of %d", res.status, len(res.body), len(whole))
	}
	if res := r.get("/users").want(t, 200, 0); res.body != whole || res.header.Get("X-Ratelimit-Remaining") != "1" {
		t.Errorf("header: %v", res.header)
	}
}

func TestClosedConnection(t *testing.T) {
	r := newRig(t, Options{})
	before := r.get("/users/%s/meetings", r.HostID).num("total_records")
	r.Fault(Fault{Pattern: "POST /users/{userId}/meetings", CloseConnection: true})
	req, _ := http.NewRequest(http.MethodPost, r.url+"/v2/users/"+r.HostID+"/meetings", strings.NewReader("{}"))
	req.Header.Set("Authorization", "Bearer "+r.token)
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Error("an answer came over a closed connection")
	}
	if n := r.get("/users/%s/meetings", r.HostID).num("total_records"); n != before+1 {
		t.Errorf("%d meetings, want %d: the call was carried out", n, before+1)
	}
	if n := r.MaxInFlight(); n != 1 {
		t.Errorf("%d in flight", n)
	}
}

func TestHang(t *testing.T) {
	r := newRig(t, Options{})
	r.Fault(Fault{Pattern: "GET /users", Hang: true})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v2/users", nil)
		req.Header.Set("Authorization", "Bearer "+r.token)
		_, err := http.DefaultClient.Do(req)
		done <- err
	}()
	eventually(t, func() bool { return len(r.Calls()) == 1 })
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, func() bool { return r.Calls()[0].Status == statusClientGone })
}

func TestDown(t *testing.T) {
	r := newRig(t, Options{})
	r.Down(true)
	if res := r.get("/users"); res.status != 503 || json.Valid([]byte(res.body)) {
		t.Errorf("down: %d %q", res.status, res.body)
	}
	if res := r.askToken(ClientID, ClientSecret, "grant_type=account_credentials&account_id="+AccountID); res.status != 503 {
		t.Errorf("token while down: %d", res.status)
	}
	r.Down(false)
	r.get("/users").want(t, 200, 0)
}

func TestLatency(t *testing.T) {
	r := newRig(t, Options{})
	for _, d := range []time.Duration{20 * time.Millisecond, 0} {
		r.SetLatency(d)
		began := time.Now()
		r.get("/users").want(t, 200, 0)
		if took := time.Since(began); took < d {
			t.Errorf("answered after %v, latency is %v", took, d)
		}
	}
	r.Fault(Fault{Delay: 20 * time.Millisecond})
	began := time.Now()
	r.get("/users").want(t, 200, 0)
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("answered after %v, delay is 20ms", took)
	}
}

func TestLedger(t *testing.T) {
	r := newRig(t, Options{})
	r.get("/users?page_size=5").want(t, 200, 0)
	r.get("/past_meetings/%s", twice(r.UUIDWithSlash)).want(t, 200, 0)
	r.get("/nothing").want(t, 400, 2300)
	calls := r.Calls()
	want := []struct {
		pattern, path, rate string
		status              int
	}{
		{"GET /users", "/v2/users?page_size=5", "MEDIUM", 200},
		{"GET /past_meetings/{meetingId}", "/v2/past_meetings/" + twice(r.UUIDWithSlash), "LIGHT", 200},
		{"", "/v2/nothing", "Rate(0)", 400},
	}
	if len(calls) != len(want) {
		t.Fatalf("%d calls: %+v", len(calls), calls)
	}
	for i, c := range calls {
		w := want[i]
		if c.Pattern != w.pattern || c.Path != w.path || c.Rate.String() != w.rate || c.Status != w.status || c.Method != http.MethodGet || c.Start != monday || c.End != monday {
			t.Errorf("call %d: %+v, want %+v", i, c, w)
		}
	}
	r.ResetCalls()
	if len(r.Calls()) != 0 || r.MaxInFlight() != 0 {
		t.Error("the ledger is not empty")
	}
}

func TestLedgerIsBounded(t *testing.T) {
	r := newRig(t, Options{})
	req, _ := http.NewRequest(http.MethodGet, "/v2/users", nil)
	c := &call{Sandbox: r.Sandbox, now: monday}
	for i := range ledgerSize + 100 {
		req.URL.RawQuery = strconv.Itoa(i)
		r.ledger.end(r.ledger.begin(c, req), 200, monday)
	}
	calls := r.Calls()
	if len(calls) != ledgerSize || calls[0].Path != "/v2/users?100" || calls[ledgerSize-1].Path != fmt.Sprintf("/v2/users?%d", ledgerSize+99) {
		t.Errorf("%d calls, from %s", len(calls), calls[0].Path)
	}
	r.ResetCalls()
	r.get("/users")
	if calls := r.Calls(); len(calls) != 1 || calls[0].Path != "/v2/users" {
		t.Errorf("after a reset: %+v", calls)
	}
}

func TestMaxInFlight(t *testing.T) {
	r := newRig(t, Options{})
	r.SetLatency(time.Hour)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	for range 5 {
		go func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v2/users", nil)
			req.Header.Set("Authorization", "Bearer "+r.token)
			_, _ = http.DefaultClient.Do(req)
			done <- struct{}{}
		}()
	}
	eventually(t, func() bool { return r.MaxInFlight() == 5 })
	leave()
	for range 5 {
		<-done
	}
}
