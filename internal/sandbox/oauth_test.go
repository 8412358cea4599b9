package sandbox

import (
	"net/http"
	"testing"
	"time"
)

func TestToken(t *testing.T) {
	r := newRig(t, Options{})
	good := "grant_type=account_credentials&account_id=" + AccountID
	for _, c := range []struct {
		why, id, secret, form string
		status                int
		err                   string
	}{
		{"the right client", ClientID, ClientSecret, good, 200, ""},
		{"another client", "stranger", ClientSecret, good, 400, "invalid_client"},
		{"a wrong secret", ClientID, "wrong", good, 400, "invalid_client"},
		{"a grant of users", ClientID, ClientSecret, "grant_type=authorization_code&code=x", 400, "unsupported_grant_type"},
		{"another account", ClientID, ClientSecret, "grant_type=account_credentials&account_id=other", 400, "invalid_request"},
	} {
		t.Run(c.why, func(t *testing.T) {
			res := r.askToken(c.id, c.secret, c.form)
			if res.status != c.status || res.str("error") != c.err {
				t.Fatalf("got %d %q, want %d %q: %s", res.status, res.str("error"), c.status, c.err, res.body)
			}
			if c.status != 200 {
				return
			}
			if res.num("expires_in") != 3599 || res.str("token_type") != "bearer" || res.str("api_url") != r.url {
				t.Errorf("token answer: %s", res.body)
			}
		})
	}
	if n := r.TokensIssued(); n != 2 { // the rig's own and the right client's
		t.Errorf("%d tokens issued, want 2", n)
	}
}

func TestAuthentication(t *testing.T) {
	r := newRig(t, Options{TokenTTL: time.Minute})
	r.get("/users").want(t, 200, 0)

	valid := r.token
	for _, bad := range []string{"", "sandbox.unknown"} {
		r.token = bad
		if res := r.get("/users").want(t, 401, 124); res.str("message") != "Invalid access token." {
			t.Errorf("token %q: %s", bad, res.body)
		}
	}
	r.token = valid
	r.clock.pass(time.Minute)
	if res := r.get("/users").want(t, 401, 124); res.str("message") != "Access token is expired." {
		t.Errorf("expired: %s", res.body)
	}
	r.login()
	r.get("/users").want(t, 200, 0)
	r.RevokeTokens()
	r.get("/users").want(t, 401, 124)
}

func TestScopes(t *testing.T) {
	r := newRig(t, Options{Scopes: []string{"meeting:read:admin"}})
	r.get("/users").want(t, 400, 4711)
	r.get("/users/%s/meetings", r.HostID).want(t, 200, 0)
	r.get("/report/daily").want(t, 400, 4711)
	r.do("POST /users/"+r.HostID+"/meetings", map[string]any{}).want(t, 400, 4711)

	old := r.token
	r.Grant("report:read:admin")
	r.login()
	r.get("/report/daily").want(t, 200, 0)
	r.token = old
	r.get("/report/daily").want(t, 400, 4711)
	r.Grant()
	r.login()
	r.get("/users").want(t, 200, 0)
}

func TestFreePlan_noReports(t *testing.T) {
	r := newRig(t, Options{Plan: PlanFree})
	if res := r.get("/report/daily").want(t, 400, 200); res.header.Get("X-Ratelimit-Category") != "Heavy" {
		t.Errorf("category %q", res.header.Get("X-Ratelimit-Category"))
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t, Options{})
	seen := map[string]bool{}
	for _, path := range []string{"/users", "/users/nobody", "/nothing/here"} {
		res := r.get("%s", path)
		id := res.header.Get("X-Zm-Trackingid")
		if id == "" || seen[id] {
			t.Errorf("%s: tracking id %q", path, id)
		}
		seen[id] = true
	}
	res := r.do("DELETE "+"/users", nil)
	if res.status != http.StatusBadRequest || res.num("code") != 2300 {
		t.Errorf("a method that is no operation: %d %s", res.status, res.body)
	}
}
