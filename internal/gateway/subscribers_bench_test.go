package gateway

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"zoomql/internal/sandbox"
)

// BenchmarkSubscribers has 10,000 clients follow the roster of one meeting, each over a
// WebSocket of its own, and sends events: it tells how long after the event the last client
// has it, and what the server takes for each. The clients are on the same machine, and
// their work counts in.
func BenchmarkSubscribers(b *testing.B) {
	const clients = 10_000
	box := start(b, []string{"sandbox"})
	p := start(b, nil,
		"ZOOM_API_URL="+box.url+"/v2", "ZOOM_OAUTH_URL="+box.url, "ZOOM_PLAN=business", "ZOOM_WEBHOOK_SECRETS=secret", "LOG_LEVEL=ERROR",
		"ZOOM_ACCOUNT_ID="+sandbox.AccountID, "ZOOM_CLIENT_ID="+sandbox.ClientID, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret,
	)
	number := p.hostedMeeting(b)
	before := residentOf(b, p)
	got := make(chan time.Time, clients)
	var opening sync.WaitGroup
	room := make(chan struct{}, 100)
	for range clients {
		room <- struct{}{}
		opening.Go(func() {
			defer func() { <-room }()
			conn, _, err := websocket.Dial(b.Context(), p.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
			if err != nil {
				b.Error(err)
				return
			}
			for _, m := range []string{
				`{"type":"connection_init"}`,
				`{"id":"1","type":"subscribe","payload":{"query":"subscription { participants(meeting: {number: \"` + number + `\"}) { cursor count waiting joined { inMeetingId name } left { inMeetingId } } }"}}`,
			} {
				if err := conn.Write(b.Context(), websocket.MessageText, []byte(m)); err != nil {
					b.Error(err)
					return
				}
			}
			for range 2 { // the acknowledgement, and the first item
				if _, _, err := conn.Read(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
			go func() {
				for {
					_, text, err := conn.Read(b.Context())
					if err != nil {
						return
					}
					if strings.Contains(string(text), `"next"`) {
						got <- time.Now()
					}
				}
			}()
		})
	}
	opening.Wait()
	if b.Failed() {
		b.FailNow()
	}
	time.Sleep(5 * time.Second) // what the openings took is collected
	b.ReportMetric(float64(residentOf(b, p)-before)/clients/1024, "KiB/client")
	var all []time.Duration
	at := time.Now()
	n := 0
	for b.Loop() {
		n++
		began := time.Now()
		body := fmt.Sprintf(`{"event":"meeting.participant_joined","event_ts":%d,"payload":{"account_id":%q,"object":{"id":%q,"uuid":"run==","host_id":"h","participant":{"user_id":"%d","user_name":"Somebody","join_time":%q}}}}`,
			began.UnixMilli(), sandbox.AccountID, number, n, at.UTC().Format(time.RFC3339))
		if status := deliver(b, p.url, body, "secret"); status != http.StatusNoContent {
			b.Fatal(status)
		}
		var last time.Time
		for range clients {
			if each := <-got; each.After(last) {
				last = each
			}
		}
		all = append(all, last.Sub(began))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Milliseconds()), "ms-median")
	b.ReportMetric(float64(all[len(all)-1].Milliseconds()), "ms-worst")
	b.ReportMetric(float64(residentOf(b, p)-before)/clients/1024, "KiB/client-after")
}

// residentOf returns the memory of a process, in bytes.
func residentOf(b *testing.B, p *process) int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip("this machine does not tell the memory of a process: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return kib << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
