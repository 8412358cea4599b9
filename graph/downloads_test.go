package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The file of a recording is downloaded by a link to the gateway, and neither the answer nor the
// link contains anything of Zoom's.
func TestDownload(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		a := r.ask(`{ meetingInstance(by: { uuid: "${BigInstance}" }) { recordings { files { size download(ttlSeconds: 60) { url expiresAt } } } } }`, nil)
		var data struct {
			MeetingInstance struct {
				Recordings struct {
					Files []struct {
						Size     int64
						Download struct {
							URL       string
							ExpiresAt time.Time
						}
					}
				}
			}
		}
		if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
			t.Fatalf("%v %s", err, a.body)
		}
		if strings.Contains(a.body, "zoom.test") || strings.Contains(a.body, "sandbox.") {
			t.Errorf("the answer holds what is Zoom's: %s", a.body)
		}
		r.spends(1)
		chat := data.MeetingInstance.Recordings.Files[3]
		if left := time.Until(chat.Download.ExpiresAt); left <= 58*time.Second || left > time.Minute {
			t.Errorf("the link ends in %s", left)
		}
		if !strings.HasPrefix(chat.Download.URL, "http://gateway.test/downloads/") {
			t.Errorf("the link leads to %s", chat.Download.URL)
		}
		get := func() (int, string) {
			res, err := r.http.Get(chat.Download.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return res.StatusCode, string(body)
		}
		if status, body := get(); status != http.StatusOK || int64(len(body)) != chat.Size {
			t.Errorf("HTTP %d with %d bytes, want %d", status, len(body), chat.Size)
		}
		r.RevokeTokens() // Zoom refuses the token: the gateway gets another
		if status, _ := get(); status != http.StatusOK {
			t.Errorf("with a token that was revoked: HTTP %d", status)
		}
		time.Sleep(time.Minute)
		if status, _ := get(); status != http.StatusGone {
			t.Errorf("after its end: HTTP %d", status)
		}
		r.spends(0)
	})
}

// The address of a file is a credential: a query for a link needs a fresh call, on an object, in
// a list and nested, and a query without one does not.
func TestDownloadsAreFresh(t *testing.T) {
	t.Parallel()
	const user = `{ user(by: { zoomId: "${HostID}" }) { %s } }`
	for _, c := range []struct{ name, plain, link string }{
		{"phone", "phoneRecordings(first: 1) { nodes { callId } }", "phoneRecordings(first: 1) { nodes { callId transcriptDownload { expiresAt } } }"},
		{
			"chat", `chatMessages(with: { channel: "${ChannelID}" }, filter: { date: "2026-03-15" }) { nodes { text } }`,
			`chatMessages(with: { channel: "${ChannelID}" }, filter: { date: "2026-03-15" }) { edges { node { files { download { url } } } } }`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inRig(t, setup{}, func(r *rig) {
				for range 2 {
					r.ask(fmt.Sprintf(user, c.plain), nil)
				}
				r.spends(1)
				for range 2 {
					if a := r.ask(fmt.Sprintf(user, c.link), nil); len(a.Errors) > 0 || !strings.Contains(a.body, "/downloads/") && !strings.Contains(a.body, "expiresAt") {
						t.Errorf("no link: %s", a.body)
					}
				}
				r.spends(2)
			})
		})
	}
}

func TestDownloadRefused(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		for _, ttl := range []int{0, -1, 86_401} {
			a := r.ask(fmt.Sprintf(`{ meetingInstance(by: { uuid: "${BigInstance}" }) { recordings { files { download(ttlSeconds: %d) { url } } } } }`, ttl), nil)
			if len(a.Errors) == 0 || a.Errors[0].code() != "BAD_USER_INPUT" {
				t.Errorf("ttlSeconds %d: %s", ttl, a.body)
			}
		}
	})
}

// Concurrent queries to several host names of the gateway get links with their own host name: no
// client can redirect another's links.
func TestLinks_ownHost(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		r.ask(`{ viewer { scopes } }`, nil) // the token is there
		query, err := json.Marshal(map[string]string{"query": r.fill(`{ meetingInstance(by: { uuid: "${BigInstance}" }) { recordings { files { download { url } } } } }`)})
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for _, host := range []string{"one.test", "two.test", "one.test"} {
			wait.Go(func() {
				req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://gateway.test/graphql", bytes.NewReader(query))
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = host
				req.Header.Set("Content-Type", "application/json")
				if a := r.send(req); strings.Count(a.body, "http://"+host+"/downloads/") != 6 {
					t.Errorf("%s: %s", host, a.body)
				}
			})
		}
		wait.Wait()
	})
}
