package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The API returns a change that is made in Zoom's web portal. The change uses no rate limit.
func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t)
		number := d.Landmarks().MeetingNumber
		path := fmt.Sprintf("/meetings/%d", number)
		d.ResetCalls()
		if _, err := d.Behind(http.MethodPatch, "/v2"+path, []byte(`{"topic":"Behind"}`)); err != nil {
			t.Fatal(err)
		}
		body, err := d.Behind(http.MethodGet, "/v2"+path, nil)
		if err != nil || !strings.Contains(string(body), `"topic":"Behind"`) {
			t.Errorf("%s, %v", body, err)
		}
		if calls := d.Calls(); len(calls) > 0 {
			t.Errorf("the ledger has %v", calls)
		}
		var m struct{ Topic string }
		if d.do(http.MethodGet, path, "", &m); m.Topic != "Behind" {
			t.Errorf("the API answers %q", m.Topic)
		}
		for _, wrong := range []string{"/v2/nothing", "/v2/meetings/12345678", "/oauth/token"} {
			if body, err := d.Behind(http.MethodGet, wrong, nil); err == nil {
				t.Errorf("%s is answered: %s", wrong, body)
			}
		}
	})
}

// A meeting whose events the caller sends has the same result as one that Run sends.
func TestHeld_Finish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t)
		held, err := d.Hold(d.Landmarks().MeetingNumber, 1)
		if err != nil {
			t.Fatal(err)
		}
		events := held.Events()
		if len(events) < 3 || events[0].Name != "meeting.started" {
			t.Fatalf("%d events", len(events))
		}
		for _, e := range events {
			time.Sleep(time.Until(e.At))
		}
		time.Sleep(time.Until(held.End))
		ended := held.Finish()
		if ended.Name != "meeting.ended" || !ended.At.Equal(held.End) || !strings.Contains(string(ended.Body), `"end_time"`) {
			t.Errorf("%s at %s: %s", ended.Name, ended.At, ended.Body)
		}
		if again := held.Finish(); !bytes.Equal(again.Body, ended.Body) {
			t.Errorf("it ended a second time: %s", again.Body)
		}
		body, err := d.Behind(http.MethodGet, fmt.Sprintf("/v2/past_meetings/%d", held.Number), nil)
		var last struct{ UUID string }
		if err != nil || json.Unmarshal(body, &last) != nil || last.UUID != held.UUID {
			t.Errorf("the latest instance is %s, %v", body, err)
		}
	})
}
