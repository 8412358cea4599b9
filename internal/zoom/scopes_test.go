package zoom

import "testing"

// Zoom's documents of the master account APIs name these scopes for the forms of
// paths for sub accounts.
func TestScopesIn_subAccounts(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /users/{userId}":                "user:master user:read:master user:read:user:master user:write:master",
		"GET /report/meetings/{meetingId}":   "report:master report:read:master report:read:meeting:master",
		"POST /users/{userId}/meetings":      "meeting:master meeting:write:master meeting:write:meeting:master",
		"GET /accounts/{accountId}/settings": "account:read:admin account:read:settings:master account:write:admin",
		"GET /accounts/{accountId}":          "account:master account:read:sub_account:master",
	} {
		s := Lookup(pattern)
		if got := s.ScopesIn("sub"); got != want {
			t.Errorf("%s: got %s\nwant %s", pattern, got, want)
		}
		if s.ScopesIn("") != s.Scopes {
			t.Errorf("%s: the own account has other scopes", pattern)
		}
	}
}
