package baseline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"zoomql/internal/bench/baseline/model"
)

// zoom calls Zoom's REST API.
type zoom struct {
	base string // with "/v2"
	http *http.Client
}

func newZoom(cfg Config) *zoom {
	// The connections of a burst of calls stay open, where net/http would close all but
	// two.
	carry := cfg.Transport
	if carry == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 1000, 1000
		carry = transport
	}
	client := &http.Client{Transport: carry, Timeout: 30 * time.Second}
	credentials := clientcredentials.Config{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, TokenURL: cfg.OAuthURL + "/oauth/token",
		EndpointParams: url.Values{"grant_type": {"account_credentials"}, "account_id": {cfg.AccountID}},
		AuthStyle:      oauth2.AuthStyleInHeader,
	}
	return &zoom{base: cfg.APIURL, http: credentials.Client(context.WithValue(context.Background(), oauth2.HTTPClient, client))}
}

// refused is an error answer of Zoom.
type refused struct {
	status int
	path   string
}

func (e *refused) Error() string { return fmt.Sprintf("zoom: %s: status %d", e.path, e.status) }

// get reads one answer into v.
func (z *zoom) get(ctx context.Context, path string, query url.Values, v any) error {
	target := z.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	resp, err := z.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, resp.Body) // or the connection is not reused
		return &refused{resp.StatusCode, path}
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// page is one page of any list: one of the arrays is set.
type page struct {
	Next         string               `json:"next_page_token"`
	Users        []*model.User        `json:"users"`
	Meetings     []*model.Meeting     `json:"meetings"`
	Registrants  []*model.Registrant  `json:"registrants"`
	Participants []*model.Participant `json:"participants"`
}

// list reads the first items of a list, over several pages if needed.
func list[T any](ctx context.Context, z *zoom, path string, query url.Values, first, most int, items func(*page) []*T) ([]*T, error) {
	all := []*T{}
	query.Set("page_size", strconv.Itoa(min(first, most)))
	for {
		var p page
		if err := z.get(ctx, path, query, &p); err != nil {
			return nil, err
		}
		all = append(all, items(&p)...)
		if len(all) >= first || p.Next == "" {
			return all[:min(len(all), first)], nil
		}
		query.Set("next_page_token", p.Next)
	}
}

func (z *zoom) user(ctx context.Context, name string) (*model.User, error) {
	return one[model.User](ctx, z, "/users/"+url.PathEscape(name))
}

func (z *zoom) meeting(ctx context.Context, n model.Number) (*model.Meeting, error) {
	return one[model.Meeting](ctx, z, "/meetings/"+n.String())
}

func (z *zoom) latestInstance(ctx context.Context, n model.Number) (*model.MeetingInstance, error) {
	return one[model.MeetingInstance](ctx, z, "/past_meetings/"+n.String())
}

// one reads one object; one that does not exist is nil.
func one[T any](ctx context.Context, z *zoom, path string) (*T, error) {
	v := new(T)
	err := z.get(ctx, path, nil, v)
	var r *refused
	if errors.As(err, &r) && r.status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// uuidPath encodes a UUID as Zoom requires: twice if it begins with a slash or contains
// two in a row.
func uuidPath(uuid model.Text) string {
	s := string(uuid)
	if strings.HasPrefix(s, "/") || strings.Contains(s, "//") {
		s = url.QueryEscape(s)
	}
	return url.QueryEscape(s)
}
