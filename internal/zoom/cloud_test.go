package zoom

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// Redirects of uploads to Zoom's hosts are followed, with the token; no other redirects are.
func TestSend_followsRedirectsOfUploads(t *testing.T) {
	for _, c := range []struct {
		why, to string
		status  int
		upload  bool
		calls   string
	}{
		{"another host of Zoom's", "https://fileapi.zoom.us/v2/x", 307, true, "api.zoom.example fileapi.zoom.us"},
		{"permanently", "https://fileapi.zoom.us/v2/x", 308, true, "api.zoom.example fileapi.zoom.us"},
		{"the same host", "/v2/y", 307, true, "api.zoom.example api.zoom.example"},
		{"its own cloud", "https://file.zoomgov.com/x", 307, true, "api.zoom.example file.zoomgov.com"},
		{"elsewhere", "https://zoom.us.evil.example/x", 307, true, "api.zoom.example"},
		{"without TLS", "http://fileapi.zoom.us/x", 307, true, "api.zoom.example"},
		{"with another method", "https://fileapi.zoom.us/v2/x", 302, true, "api.zoom.example"},
		{"a call without a file", "https://fileapi.zoom.us/v2/x", 307, false, "api.zoom.example"},
		{"in a circle", "https://api.zoom.example/again", 307, true, "api.zoom.example api.zoom.example api.zoom.example api.zoom.example"},
	} {
		var hosts []string
		client := newTestClient(func(r *http.Request) *http.Response {
			hosts = append(hosts, r.URL.Host)
			body, err := io.ReadAll(r.Body)
			if err != nil || c.upload && !strings.Contains(string(body), "picture") || r.Header.Get("Authorization") != "Bearer token 1" {
				t.Errorf("%s: %s was sent %q, %v", c.why, r.URL, body, r.Header)
			}
			if len(hosts) > 1 && !strings.Contains(c.to, "again") {
				return answer(201, `{"id":"f"}`)
			}
			return answer(c.status, "", "Location", c.to)
		}, func(cfg *Config) {
			cfg.BaseURL, cfg.Cloud = "https://api.zoom.example/v2", CloudOf("https://zoomgov.com")
			cfg.HTTP.Transport = located{cfg.HTTP.Transport}
		})
		var err error
		if c.upload {
			_, err = UploadVirtualBackground.Do(t.Context(), client, NewVirtualBackground{File: types.Upload{Name: "p.png", Type: "image/png", Content: []byte("picture")}})
		} else {
			err = requests["create"](t.Context(), client)
		}
		followed := strings.Count(c.calls, " ") == 1
		if got := strings.Join(hosts, " "); got != c.calls || (err == nil) != followed || !followed && !errors.Is(err, ErrBadAnswer) {
			t.Errorf("%s: %s: %v", c.why, got, err)
		}
	}
}

// located sets the request in the response, as a real transport does: relative Location
// headers are resolved against it.
type located struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (l located) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

func TestClouds(t *testing.T) {
	for _, c := range []struct{ why, oauth, named, base, foreign string }{
		{"a cluster", "https://zoom.us", "https://api-eu.zoom.us", "https://api-eu.zoom.us", ""},
		{"none", "https://zoom.us", "", "https://api.zoom.us", ""},
		{"the government's", "https://zoomgov.com", "https://api.zoomgov.com", "https://api.zoomgov.com", ""},
		{"the government's, by a longer name", "https://www.zoomgov.com/", "https://api.zoomgov.com", "https://api.zoomgov.com", ""},
		{"the government's, which names none", "https://zoomgov.com", "", "https://api.zoomgov.com", ""},
		{"the government's account at the other OAuth server", "https://zoom.us", "https://api.zoomgov.com", "", "api.zoomgov.com"},
		{"the other way round is Zoom's too", "https://zoomgov.com", "https://api.zoom.us", "https://api.zoom.us", ""},
		{"under a customer's domain", "https://zoom.corp.example", "https://api.zoom.corp.example", "https://api.zoom.corp.example", ""},
		{"beside it", "https://zoom.corp.example", "https://corp.example", "", "corp.example"},
		{"at the OAuth server itself", "http://127.0.0.1:8", "http://127.0.0.1:8", "http://127.0.0.1:8", ""},
		{"on another port of it", "http://127.0.0.1:8", "http://127.0.0.1:9", "https://api.zoom.us", ""},
		{"a host that ends alike", "https://zoom.us", "https://evilzoom.us", "", "evilzoom.us"},
		{"a host that begins alike", "https://zoom.us", "https://zoom.us.evil.example", "", "zoom.us.evil.example"},
		{"a host in a name", "https://zoom.us", "https://zoom.us@evil.example", "", "evil.example"},
		{"without TLS", "https://zoom.us", "http://api.zoom.us", "https://api.zoom.us", ""},
	} {
		base, foreign := CloudOf(c.oauth).APIURL(c.named)
		if base != c.base || foreign != c.foreign {
			t.Errorf("%s: %q, %q", c.why, base, foreign)
		}
	}
	for address, owned := range map[string]bool{
		"https://file.zoomgov.com/x": true, "https://us02web.zoom.us/x": true, "https://file.zoomgov.com:443/x": true,
		"http://file.zoomgov.com/x": false, "https://zoomgov.com.evil.example/": false, "https://u@file.zoomgov.com/": false, "https://file.zoomgov.com:8443/": false, "https://zoom.com/": false,
	} {
		u, err := url.Parse(address)
		if err != nil || CloudOf("https://zoomgov.com").Owns(u) != owned {
			t.Errorf("%s is Zoom's: %v", address, !owned)
		}
	}
}

// A token that names a host which is not Zoom's is not sent, and the error names the host,
// unless the base URL is configured.
func TestAuthorized_tokenOfAnotherCloud(t *testing.T) {
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sent++
		_, _ = io.WriteString(w, `{"id":7}`)
	}))
	defer server.Close()
	foreign := &tokens{now: &identity.Token{Access: "t", ForeignHost: "api.zoomgov.com"}}
	for _, base := range []string{"", server.URL + "/v2"} {
		c := newTestClient(nil, func(cfg *Config) { cfg.BaseURL, cfg.HTTP = base, server.Client() }).As(app(foreign))
		for _, err := range []error{requests["object"](t.Context(), c), c.Ready(t.Context())} {
			if named := err != nil && strings.Contains(err.Error(), "api.zoomgov.com") && errors.Is(err, ErrNotZoom); named != (base == "") {
				t.Errorf("base %q: %v", base, err)
			}
		}
	}
	if sent != 1 {
		t.Errorf("%d calls were sent", sent)
	}
}
