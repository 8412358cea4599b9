package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zoomql/internal/sandbox"
)

// makeMeetings makes large meetings through the API, in this process.
func makeMeetings(ctx context.Context, s *sandbox.Sandbox, w World) ([]string, error) {
	app, err := newLocalApp(ctx, s)
	if err != nil {
		return nil, err
	}
	people, err := app.unregistered(ctx, s.Landmarks().BigMeeting)
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

// localApp is an app that calls a sandbox of this process.
type localApp struct {
	server *sandbox.Sandbox
	token  string
}

// newLocalApp returns an app with a token.
func newLocalApp(ctx context.Context, s *sandbox.Sandbox) (*localApp, error) {
	app := &localApp{server: s}
	var token struct {
		Access string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {sandbox.AccountID}}
	if err := app.do(ctx, http.MethodPost, "/oauth/token", form.Encode(), &token); err != nil {
		return nil, err
	}
	app.token = token.Access
	return app, nil
}

// userIDs returns the ids of all active users.
func userIDs(ctx context.Context, s *sandbox.Sandbox) ([]string, error) {
	app, err := newLocalApp(ctx, s)
	if err != nil {
		return nil, err
	}
	people, err := app.users(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	return ids, nil
}

type person struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// page is one page of a list of people.
type page struct {
	Next        string   `json:"next_page_token"`
	Users       []person `json:"users"`
	Registrants []person `json:"registrants"`
}

// unregistered returns all users who are not registered for a meeting.
func (a *localApp) unregistered(ctx context.Context, meeting int64) ([]person, error) {
	known := map[string]bool{}
	err := a.pages(ctx, "/v2/meetings/"+strconv.FormatInt(meeting, 10)+"/registrants?page_size=300", func(p *page) {
		for _, r := range p.Registrants {
			known[r.Email] = true
		}
	})
	if err != nil {
		return nil, err
	}
	everyone, err := a.users(ctx)
	return slices.DeleteFunc(everyone, func(p person) bool { return known[p.Email] }), err
}

// users returns all active users.
func (a *localApp) users(ctx context.Context) (all []person, err error) {
	err = a.pages(ctx, "/v2/users?page_size=2000", func(p *page) { all = append(all, p.Users...) })
	return all, err
}

// pages reads a list to its end.
func (a *localApp) pages(ctx context.Context, list string, take func(*page)) error {
	for path := list; ; {
		got := &page{}
		if err := a.do(ctx, http.MethodGet, path, "", got); err != nil {
			return err
		}
		take(got)
		if got.Next == "" {
			return nil
		}
		path = list + "&next_page_token=" + url.QueryEscape(got.Next)
	}
}

func (a *localApp) post(ctx context.Context, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.do(ctx, http.MethodPost, path, string(raw), answer)
}

func (a *localApp) do(ctx context.Context, method, path, body string, answer any) error {
	req := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if a.token == "" {
		req.SetBasicAuth(sandbox.ClientID, sandbox.ClientSecret)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Header.Set("Authorization", "Bearer "+a.token)
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, req)
	if w.Code > 299 {
		return fmt.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(w.Body.Bytes(), answer)
}
