package sandbox

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"zoomql/internal/zoom"
)

var gif = picture{"dots.gif", []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff;")}

func init() { domains = append(domains, (*rig).accountRequests) }

func (r *rig) accountRequests(ask func(pattern, path string, body any)) {
	ask("GET /accounts", "/accounts?page_size=3", nil)
	ask("GET /accounts", "/accounts?sub_reseller_id="+r.ResellerAccountID, nil)
	ask("POST /accounts", "/accounts", r.newAccount())
	for _, id := range []string{"me", r.SubAccountID, r.ThirdTierID, r.VideoSDKAccountID} {
		at := "/accounts/" + id
		ask("GET /accounts/{accountId}", at, nil)
		for _, option := range []string{"", "?option=security", "?option=meeting_security", "?option=meeting_authentication", "?option=recording_authentication", "?custom_query_fields=host_video"} {
			ask("GET /accounts/{accountId}/settings", at+"/settings"+option, nil)
		}
		ask("GET /accounts/{accountId}/lock_settings", at+"/lock_settings", nil)
		ask("GET /accounts/{accountId}/lock_settings", at+"/lock_settings?option=meeting_security", nil)
		ask("GET /accounts/{accountId}/settings/registration", at+"/settings/registration?type=webinar", nil)
		ask("GET /accounts/{accountId}/managed_domains", at+"/managed_domains", nil)
		ask("GET /accounts/{accountId}/trusted_domains", at+"/trusted_domains", nil)
		ask("PATCH /accounts/{accountId}/settings", at+"/settings", settingsOf("schedule_meeting", "host_video", false))
		ask("PATCH /accounts/{accountId}/lock_settings", at+"/lock_settings", settingsOf("schedule_meeting", "host_video", true))
		ask("PATCH /accounts/{accountId}/settings/registration", at+"/settings/registration", map[string]any{"approve_type": 1})
		ask("POST /accounts/{accountId}/settings/virtual_backgrounds", at+"/settings/virtual_backgrounds", gif)
		ask("DELETE /accounts/{accountId}/settings/virtual_backgrounds", at+"/settings/virtual_backgrounds?file_ids="+r.VirtualBackgroundID, nil)
	}
	sub := "/accounts/" + r.SubAccountID
	ask("PATCH /accounts/{accountId}/options", sub+"/options", map[string]any{"pay_mode": "sub"})
	ask("PUT /accounts/{accountId}/owner", sub+"/owner", map[string]any{"email": r.SubHostEmail})
	ask("DELETE /accounts/{accountId}", sub, nil)
}

func (r *rig) newAccount() map[string]any {
	return map[string]any{"email": "head@willow.example.net", "first_name": "Ines", "last_name": "Okafor", "password": "If42-Willow!"}
}

func settingsOf(part, name string, v any) map[string]any {
	return map[string]any{part: map[string]any{name: v}}
}

// A sub account has its own users, meetings and reports, under its own paths. There, "me"
// and the account's own id name the token's account.
func TestSubAccounts_ownObjects(t *testing.T) {
	r := newRig(t, Options{})
	at := "/accounts/" + r.SubAccountID
	users := r.all(at+"/users?page_size=5", "users")
	if len(users) == 0 || len(users) == len(r.all("/users", "users")) {
		t.Errorf("%d users", len(users))
	}
	host := r.get("%s/users/%s", at, r.SubHostEmail).want(t, 200, 0)
	if host.str("account_id") != r.SubAccountID || host.str("id") != r.SubHostID {
		t.Error(host.body)
	}
	r.get("/users/%s", r.SubHostID).want(t, 404, 1001)
	r.get("%s/users/%s", at, r.HostID).want(t, 404, 1001)
	r.get("%s/meetings/%d", at, r.SubMeetingNumber).want(t, 200, 0)
	r.get("%s/past_meetings/%s/participants", at, twice(r.SubMeetingInstance)).want(t, 400, 2300) // Zoom has none there
	r.get("%s/report/meetings/%s/participants", at, twice(r.SubMeetingInstance)).want(t, 200, 0)
	r.get("%s/report/daily", at).want(t, 200, 0)
	for _, own := range []string{"me", r.AccountID} {
		r.get("/accounts/%s/users/%s", own, r.HostID).want(t, 200, 0)
	}
	created := r.do("POST "+at+"/users/"+r.SubHostID+"/meetings", map[string]any{"topic": "x"}).want(t, 201, 0)
	r.get("%s/meetings/%d", at, created.num("id")).want(t, 200, 0)
}

// Participants, invoices, recordings and the owner of a sub account are those of the sub
// account.
func TestSubAccounts_ownNames(t *testing.T) {
	r := newRig(t, Options{})
	at := "/accounts/" + r.SubAccountID
	all := len(r.all(at+"/users", "users")) + len(r.all(at+"/users?status=inactive", "users")) + len(r.all(at+"/users?status=pending", "users"))
	bill := r.get("%s/report/billing", at).want(t, 200, 0).list("billing_reports")[0]["id"]
	invoice := r.get("%s/report/billing/invoices?billing_id=%s", at, bill).want(t, 200, 0).list("invoices")[0]
	if invoice["quantity"] != float64(all) {
		t.Errorf("billed for %v users of %d", invoice["quantity"], all)
	}

	joined := r.do("POST "+at+"/users", map[string]any{"action": "custCreate", "user_info": map[string]any{"email": "new@else.example.net", "type": 1}}).want(t, 201, 0)
	if got := r.get("%s/users/%s", at, joined.str("id")).want(t, 200, 0); got.str("account_id") != r.SubAccountID {
		t.Errorf("the participants are of account %s", got.str("account_id"))
	}
	taken := r.newAccount()
	taken["email"] = "new@else.example.net"
	r.do("POST /accounts", taken).want(t, 409, 1005)

	recorded := r.get("%s/meetings/%s/recordings", at, twice(r.SubMeetingInstance)).want(t, 200, 0)
	if recorded.str("account_id") != r.SubAccountID {
		t.Errorf("a recording is of account %s", recorded.str("account_id"))
	}
	link, _ := recorded.list("recording_files")[0]["download_url"].(string)
	req, err := http.NewRequest(http.MethodHead, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	r.send(req).want(t, 200, 0)

	r.do("PUT "+at+"/owner", map[string]any{"email": "new@else.example.net"}).want(t, 204, 0)
	for user, role := range map[string]string{joined.str("id"): "0", r.SubOwnerEmail: "1"} {
		if got := r.get("%s/users/%s", at, user).want(t, 200, 0).str("role_id"); got != role {
			t.Errorf("%s has the role %s, want %s", user, got, role)
		}
	}
	r.do("DELETE "+at+"/users/"+joined.str("id"), nil).want(t, 400, 200)
	r.do("DELETE "+at+"/users/"+r.SubOwnerEmail+"?action=delete", nil).want(t, 204, 0)
}

// Every operation that Zoom documents for sub accounts is served under its path for them.
func TestSubAccounts_everyOperation(t *testing.T) {
	table, err := newRoutes()
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range zoom.Specs() {
		for _, path := range spec.Paths() {
			if route, _ := table.match(spec.Method(), "/v2"+path); route == nil || route.pattern != spec.Pattern {
				t.Errorf("%s %s is not routed to %s", spec.Method(), path, spec.Pattern)
			}
		}
	}
}

// A scope for an account does not include its sub accounts.
func TestSubAccounts_masterScopes(t *testing.T) {
	for _, c := range []struct {
		scope    string
		own, sub int
	}{
		{"user:read:admin", 200, 400},
		{"user:read:user:admin", 200, 400},
		{"user:master", 400, 200},
		{"user:read:user:master", 400, 200},
	} {
		r := newRig(t, Options{Scopes: []string{c.scope}})
		own := r.get("/users/%s", r.HostID)
		sub := r.get("/accounts/%s/users/%s", r.SubAccountID, r.SubHostID)
		if own.status != c.own || sub.status != c.sub {
			t.Errorf("%s: %d and %d, want %d and %d", c.scope, own.status, sub.status, c.own, c.sub)
		}
	}
	r := newRig(t, Options{Scopes: []string{"account:read:settings:admin"}})
	r.get("/accounts/me/settings").want(t, 200, 0)
	r.get("/accounts/%s/settings", r.SubAccountID).want(t, 400, 4711)
	r.get("/accounts").want(t, 400, 4711)
}

func TestAccounts_createAndDelete(t *testing.T) {
	r := newRig(t, Options{})
	before := len(r.all("/accounts", "accounts"))
	made := r.do("POST /accounts", r.newAccount()).want(t, 201, 0)
	at := "/accounts/" + made.str("id")
	if got := r.get("%s", at).want(t, 200, 0); got.str("account_name") != "Ines Okafor" || got.str("owner_id") != made.str("owner_id") {
		t.Error(got.body)
	}
	if users := r.all(at+"/users", "users"); len(users) != 1 || users[0]["email"] != "head@willow.example.net" {
		t.Error(users)
	}
	r.do("POST /accounts", r.newAccount()).want(t, 409, 1005)
	surveys := r.all("/accounts/"+made.str("id")+"/surveys", "surveys")
	if len(surveys) == 0 {
		t.Error("the account has no surveys")
	}
	for _, survey := range surveys { // they were used in no meeting
		for _, of := range []string{"answers", "instances"} {
			r.get("/accounts/%s/surveys/%s/%s", made.str("id"), survey["survey_id"], of).want(t, 200, 0)
		}
	}
	if got := len(r.all("/accounts", "accounts")); got != before+1 {
		t.Errorf("%d accounts, want %d", got, before+1)
	}
	r.do("DELETE "+at, nil).want(t, 204, 0)
	r.get("%s", at).want(t, 404, 2001)
	r.get("%s/users", at).want(t, 404, 2001)
	r.do("DELETE /accounts/me", nil).want(t, 404, 2001)
	below := r.get("/accounts?sub_reseller_id=%s", r.ResellerAccountID).want(t, 200, 0).list("accounts")
	if len(below) != 2 || below[0]["id"] != r.ThirdTierID {
		t.Error(below)
	}
	one := r.get("/accounts?email=%s", r.SubOwnerEmail).want(t, 200, 0).list("accounts")
	if len(one) != 1 || one[0]["id"] != r.SubAccountID {
		t.Error(one)
	}
}

func TestAccounts_refused(t *testing.T) {
	r := newRig(t, Options{})
	with := func(name string, v any) map[string]any {
		n := r.newAccount()
		n[name] = v
		return n
	}
	sub := "/accounts/" + r.SubAccountID
	for _, c := range []struct {
		why, call    string
		body         any
		status, code int
	}{
		{"no e-mail", "POST /accounts", with("email", ""), 400, 300},
		{"a short password", "POST /accounts", with("password", "short"), 400, 300},
		{"a silly password", "POST /accounts", with("password", "aaaaaaaaaa"), 400, 1111},
		{"a user's e-mail", "POST /accounts", with("email", r.HostEmail), 409, 1005},
		{"a sub account's e-mail", "POST /accounts", with("email", r.SubHostEmail), 409, 1005},
		{"no such reseller", "POST /accounts", with("sub_reseller_id", "nobody"), 404, 2001},
		{"a code that is none", "POST /accounts", with("transfer_code", "x"), 400, 11102},
		{"connectors that are not shared", "PATCH " + sub + "/options", map[string]any{"meeting_connector_list": []string{"203.0.113.1"}}, 400, 2115},
		{"options of the own account", "PATCH /accounts/me/options", map[string]any{}, 404, 2001},
		{"an owner from elsewhere", "PUT " + sub + "/owner", map[string]any{"email": r.HostEmail}, 404, 3211},
		{"an owner who is invited", "PUT /accounts/me/owner", map[string]any{"email": r.PendingUserEmail}, 404, 3201},
		{"a setting of another type", "PATCH " + sub + "/settings", settingsOf("recording", "cloud_recording", "yes"), 400, 300},
		{"a part that is none", "GET " + sub + "/settings?option=x", nil, 400, 300},
		{"a picture that is text", "POST " + sub + "/settings/virtual_backgrounds", picture{"a.png", []byte("hello")}, 400, 120},
		{"no picture", "POST " + sub + "/settings/virtual_backgrounds", map[string]any{}, 400, 120},
		{"a picture that is too large", "POST " + sub + "/settings/virtual_backgrounds", picture{"a.gif", append(gif.content, bytes.Repeat([]byte{0}, maxBackground)...)}, 400, 120},
		{"a picture that is not there", "DELETE " + sub + "/settings/virtual_backgrounds?file_ids=x", nil, 400, 300},
	} {
		t.Run(c.why, func(t *testing.T) { r.do(c.call, c.body).want(t, c.status, c.code) })
	}
}

// A patch changes the fields that it contains, in this account alone. Other fields keep
// their values.
func TestSettings_patch(t *testing.T) {
	r := newRig(t, Options{})
	sub := "/accounts/" + r.SubAccountID
	part := func(at, part string) map[string]any {
		v, _ := r.get("%s/settings", at).want(t, 200, 0).json[part].(map[string]any)
		return v
	}
	before := part(sub, "schedule_meeting")
	r.do("PATCH "+sub+"/settings", settingsOf("schedule_meeting", "host_video", before["host_video"] != true)).want(t, 204, 0)
	after := part(sub, "schedule_meeting")
	if after["host_video"] == before["host_video"] || len(after) != len(before) || part("/accounts/me", "schedule_meeting")["host_video"] != before["host_video"] {
		t.Error(after)
	}
	if len(part("/accounts/"+r.VideoSDKAccountID, "in_session")) == 0 || part(sub, "in_session") != nil {
		t.Error("sessions are the Video SDK's")
	}
}

// A few fields of patches are commands instead of values.
func TestSettings_commands(t *testing.T) {
	r := newRig(t, Options{})
	settings, patch := "/accounts/me/settings?option=", "PATCH /accounts/me/settings?option="
	option := func(fields map[string]any) map[string]any { return map[string]any{"authentication_option": fields} }
	names := func() string {
		var all []string
		for _, o := range r.get("%smeeting_authentication", settings).list("authentication_options") {
			all = append(all, o["name"].(string))
		}
		return strings.Join(all, ",")
	}
	r.do(patch+"meeting_authentication", option(map[string]any{"action": "add", "name": "New", "type": "internally"})).want(t, 204, 0)
	r.do(patch+"meeting_authentication", option(map[string]any{"action": "update", "id": r.AuthenticationOptionID, "name": "Renamed"})).want(t, 204, 0)
	if got := names(); got != "Signed in to Zoom,Renamed,New" {
		t.Error(got)
	}
	r.do(patch+"meeting_authentication", option(map[string]any{"action": "delete", "id": r.AuthenticationOptionID})).want(t, 204, 0)
	r.do(patch+"meeting_authentication", option(map[string]any{"action": "delete", "id": "x"})).want(t, 400, 300)
	if got := names(); got != "Signed in to Zoom,New" {
		t.Error(got)
	}
	tool := func(operate string, policy map[string]any) map[string]any {
		return settingsOf("meeting_security", "chat_etiquette_tool", map[string]any{"operate": operate, "policies": []any{policy}})
	}
	r.do(patch+"meeting_security", tool("create", map[string]any{"name": "Second"})).want(t, 204, 0)
	r.do(patch+"meeting_security", tool("delete", map[string]any{"id": r.SettingsPolicyID})).want(t, 204, 0)
	body := r.get("%smeeting_security", settings).body
	if !strings.Contains(body, "Second") || strings.Contains(body, r.SettingsPolicyID) || strings.Contains(body, "operate") {
		t.Error(body)
	}
	bypass := func(operation string) map[string]any {
		return settingsOf("security", "signin_with_sso", map[string]any{"operation": operation, "sso_bypass_user_ids": []any{r.HostID}})
	}
	r.do(patch+"security", bypass("add")).want(t, 204, 0)
	if !strings.Contains(r.get("%ssecurity", settings).body, r.HostID) {
		t.Error("the user was not exempted")
	}
	r.do(patch+"security", bypass("remove")).want(t, 204, 0)
	if strings.Contains(r.get("%ssecurity", settings).body, r.HostID) {
		t.Error("the exemption was not removed")
	}
}

func TestBackgrounds_inSettings(t *testing.T) {
	r := newRig(t, Options{})
	made := r.do("POST /accounts/me/settings/virtual_backgrounds", gif).want(t, 201, 0)
	if made.str("name") != "dots.gif" || made.num("size") != len(gif.content) {
		t.Error(made.body)
	}
	if !strings.Contains(r.get("/accounts/me/settings").body, made.str("id")) {
		t.Error("the background is missing from the settings")
	}
	r.do("DELETE /accounts/me/settings/virtual_backgrounds?file_ids="+made.str("id")+","+r.VirtualBackgroundID, nil).want(t, http.StatusNoContent, 0)
	if body := r.get("/accounts/me/settings").body; strings.Contains(body, made.str("id")) || strings.Contains(body, r.VirtualBackgroundID) {
		t.Error("the backgrounds are still in the settings")
	}
	for i := range 10 {
		res := r.do("POST /accounts/me/settings/virtual_backgrounds", gif)
		if i == 9 {
			res.want(t, 400, 120)
		}
	}
}

func TestChangeOwner(t *testing.T) {
	r := newRig(t, Options{})
	at := "/accounts/" + r.SubAccountID
	r.get("%s/users", at)
	r.do("PUT "+at+"/owner", map[string]any{"email": r.SubHostEmail}).want(t, 204, 0)
	if got := r.get("%s", at); got.str("owner_id") != r.SubHostID || got.str("owner_email") != r.SubHostEmail {
		t.Error(got.body)
	}
	owners := slices.DeleteFunc(r.all(at+"/users", "users"), func(u map[string]any) bool { return u["role_id"] != "0" })
	if len(owners) != 1 || owners[0]["id"] != r.SubHostID {
		t.Error(owners)
	}
}
