package playground

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// ticking serves the playground, and a subscription by graphql-transport-ws that goes on until
// the client completes it.
func ticking(t *testing.T) (s *httptest.Server, params chan string, completed chan bool) {
	params, completed = make(chan string, 10), make(chan bool, 10)
	inner := stub(t, nil)
	mux := http.NewServeMux()
	mux.Handle("/", inner.Config.Handler)
	mux.HandleFunc("GET /graphql", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		say := func(text string) { _ = conn.Write(r.Context(), websocket.MessageText, []byte(text)) }
		for {
			_, text, err := conn.Read(r.Context())
			if err != nil {
				return // the browser has left
			}
			var m struct {
				ID, Type string
				Payload  json.RawMessage
			}
			if err := json.Unmarshal(text, &m); err != nil {
				t.Error(err)
			}
			switch m.Type {
			case "connection_init":
				params <- string(m.Payload)
				say(`{"type":"connection_ack"}`)
			case "subscribe":
				if !strings.Contains(string(m.Payload), `"operationName":"Count"`) {
					t.Errorf("subscribe: %s", m.Payload)
				}
				for i := 1; i <= 3; i++ {
					say(fmt.Sprintf(`{"id":%q,"type":"next","payload":{"data":{"participants":{"count":%d}}}}`, m.ID, i))
				}
			case "complete":
				completed <- true
			}
		}
	})
	s = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, params, completed
}

// TestSubscriptionInChromium runs a subscription in GraphiQL: it goes over a WebSocket with the
// headers as its connectionParams, shows the newest item, and ends when the user stops it. It is
// run before GraphiQL has parsed it.
func TestSubscriptionInChromium(t *testing.T) {
	if script, _ := bundled(Options{}.withDefaults().Bundle); script == nil {
		without(t, "the bundle of GraphiQL (make playground, which needs Node.js)")
	}
	s, sent, completed := ticking(t)
	p := openTab(t)
	const (
		editor = `document.querySelector('.graphiql-query-editor .CodeMirror')`
		result = `document.querySelector('.result-window').textContent`
		button = `document.querySelector('.graphiql-execute-button')`
	)
	within := func(what string, c <-chan bool) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(patience):
			t.Fatal("never: ", what)
		}
	}
	p.visit(s.URL+"/", editor+" && "+editor+".textContent.includes('Who am I')")
	p.eval(`[...document.querySelectorAll('.graphiql-editor-tools button')].find((b) => b.textContent === 'Headers').click()`)
	p.eval(`[...document.querySelectorAll('.graphiql-editor-tool .CodeMirror')].at(-1).CodeMirror.setValue('{"Authorization": "Bearer s3cret"}')`)
	paste := editor + `.CodeMirror.setValue('subscription Count { participants(meeting: {number: "176 1223 7059"}) { count } }'); `
	for _, width := range []string{"wide", "phone"} {
		if width == "phone" {
			p.call("Emulation.setDeviceMetricsOverride", params{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true}, nil)
			paste = ""
		}
		p.eval(paste + button + `.click()`)
		p.wait(result + `.includes('"count": 3')`)
		p.wait(button + `.getAttribute('aria-label').startsWith('Stop')`)
		if got := <-sent; got != `{"Authorization":"Bearer s3cret"}` {
			t.Errorf("connectionParams: %s", got)
		}
		p.shoot("subscription-" + width)
		p.eval(button + `.click()`)
		within("the subscription is completed", completed)
		p.wait(button + `.getAttribute('aria-label').startsWith('Execute')`)
	}
	p.clean(hostOf(s))
}
