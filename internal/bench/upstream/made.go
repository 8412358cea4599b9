package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/sandbox"
)

// makeMeetings makes large meetings as any app would, only without a network in
// between.
func makeMeetings(ctx context.Context, s *sandbox.Sandbox, w World) ([]string, error) {
	app := &inside{box: s}
	var token struct {
		Access string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {sandbox.AccountID}}
	if err := app.do(ctx, http.MethodPost, "/oauth/token", form.Encode(), &token); err != nil {
		return nil, err
	}
	app.token = token.Access
	people, err := app.strangers(ctx, s.Landmarks().BigMeeting)
	if err != nil {
		return nil, err
	}
	if len(people) < w.Meetings*w.Crowd {
		return nil, fmt.Errorf("%d users are too few", len(people))
	}
	var made []string
	for i := range w.Meetings {
		body := map[string]any{
			"topic": "Crowd " + strconv.Itoa(i), "type": 2, "duration": 60, "timezone": "UTC",
			"start_time": time.Now().UTC().AddDate(0, 0, 7).Format("2006-01-02T15:04:05Z"),
			"settings":   map[string]any{"approval_type": 0, "registration_type": 1},
		}
		var meeting struct {
			ID int64 `json:"id"`
		}
		if err := app.post(ctx, "/v2/users/"+s.Landmarks().HostID+"/meetings", body, &meeting); err != nil {
			return nil, err
		}
		number := strconv.FormatInt(meeting.ID, 10)
		for _, p := range people[i*w.Crowd : (i+1)*w.Crowd] {
			if err := app.post(ctx, "/v2/meetings/"+number+"/registrants", p, nil); err != nil {
				return nil, err
			}
		}
		made = append(made, number)
	}
	return made, nil
}

// inside calls a sandbox of this process.
type inside struct {
	box   *sandbox.Sandbox
	token string
}

type person struct {
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// strangers returns all users who are not registered for a meeting.
func (a *inside) strangers(ctx context.Context, meeting int64) ([]person, error) {
	type answer struct {
		Next        string   `json:"next_page_token"`
		Users       []person `json:"users"`
		Registrants []person `json:"registrants"`
	}
	known := map[string]bool{}
	var people []person
	for _, list := range []string{"/v2/meetings/" + strconv.FormatInt(meeting, 10) + "/registrants?page_size=300", "/v2/users?page_size=2000"} {
		for next := "-"; next != ""; {
			path := list
			if next != "-" {
				path += "&next_page_token=" + url.QueryEscape(next)
			}
			var got answer
			if err := a.do(ctx, http.MethodGet, path, "", &got); err != nil {
				return nil, err
			}
			for _, r := range got.Registrants {
				known[r.Email] = true
			}
			for _, u := range got.Users {
				if !known[u.Email] {
					people = append(people, u)
				}
			}
			next = got.Next
		}
	}
	return people, nil
}

func (a *inside) post(ctx context.Context, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.do(ctx, http.MethodPost, path, string(raw), answer)
}

func (a *inside) do(ctx context.Context, method, path, body string, answer any) error {
	req := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if a.token == "" {
		req.SetBasicAuth(sandbox.ClientID, sandbox.ClientSecret)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Header.Set("Authorization", "Bearer "+a.token)
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	a.box.ServeHTTP(w, req)
	if w.Code > 299 {
		return fmt.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(w.Body.Bytes(), answer)
}
