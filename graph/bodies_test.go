package graph

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"

	"zoomql/graph/admission"
)

// The memory of a body is released with the answer.
func TestBody_memoryIsReleased(t *testing.T) {
	t.Parallel()
	inRig(t, setup{}, func(r *rig) {
		query := `{"query":"{ account { zoomId } }","variables":{"x":"` + strings.Repeat("x", 100<<10) + `"}}`
		for range 150 { // of a megabyte of admission each, three times as much as there is
			if a := r.post("application/json", query); a.status != http.StatusOK {
				t.Fatalf("%d %.200s", a.status, a.body)
			}
		}
	})
}

// maxBodies is how many bodies of more than 64 KiB one caller has under way.
const maxBodies = admission.MaxBodies / (1 << 20) / 2

// TestStreams_bodiesAreBounded sends long operations that wait for Zoom, by each way of answers in
// streams, and one more than there is memory for: it is refused. The memory is free when the
// others are answered.
func TestStreams_bodiesAreBounded(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(s *longStreams){
		"event streams":  func(s *longStreams) { s.apart("text/event-stream") },
		"parts":          func(s *longStreams) { s.apart("multipart/mixed;subscriptionSpec=1.0") },
		"shared streams": (*longStreams).reserved,
		"sockets":        (*longStreams).sockets,
	} {
		t.Run(name, func(t *testing.T) {
			control := admission.New()
			var zoomAnswers chan struct{}
			rigged := setup{admission: control, before: func(_ http.ResponseWriter, req *http.Request) bool {
				if strings.HasPrefix(req.URL.Path, "/v2/users/") {
					<-zoomAnswers
				}
				return false
			}}
			inRig(t, rigged, func(r *rig) {
				zoomAnswers = make(chan struct{})
				ctx, cancel := context.WithCancel(r.t.Context())
				defer cancel()
				s := &longStreams{r, ctx, make(chan string, 2*maxBodies)}
				send(s)
				synctest.Wait()
				if len(s.outcomes) != 1 || <-s.outcomes != "refused" {
					t.Errorf("the one too many is not refused; %d others have ended", len(s.outcomes))
				}
				close(zoomAnswers)
				for range maxBodies {
					if outcome := <-s.outcomes; outcome != "answered" {
						t.Errorf("one that there is memory for: %.200s", outcome)
					}
				}
				synctest.Wait()
				if all, ok := control.Bodies.TryAcquire(r.t.Context(), admission.MaxBodies); ok {
					all()
				} else {
					t.Error("memory is held for operations that were answered")
				}
			})
		})
	}
}

// longStreams sends maxBodies+1 long operations. outcomes has "refused" or "answered" for each
// that has ended, or what came instead.
type longStreams struct {
	*rig
	ctx      context.Context //nolint:containedctx // of one test
	outcomes chan string
}

// operation returns a long operation.
func (s *longStreams) operation(id int) string {
	return s.fill(fmt.Sprintf(`{"query":"{ user(by: {zoomId: \"${HostID}\"}) { email } }","extensions":{"operationId":"%d"},"variables":{"x":%q}}`, id, strings.Repeat("x", 100<<10)))
}

func (s *longStreams) request(method, body string, header ...string) *http.Response {
	req, err := http.NewRequestWithContext(s.ctx, method, "http://gateway.test/graphql", strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return nil
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	return resp
}

// apart sends each operation by a request of its own, which the answer comes to.
func (s *longStreams) apart(accept string) {
	for i := range maxBodies + 1 {
		go func() {
			resp := s.request(http.MethodPost, s.operation(i), "Accept", accept)
			if resp == nil {
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			s.outcome(resp.StatusCode, string(body))
		}()
	}
}

func (s *longStreams) outcome(status int, body string) {
	switch {
	case status == http.StatusServiceUnavailable:
		s.outcomes <- "refused"
	case status == http.StatusOK && strings.Contains(body, `"email":"`):
		s.outcomes <- "answered"
	default:
		s.outcomes <- body
	}
}

// each is how many operations are sent over one connection, which may have 16.
const each = 12

// reserved sends the operations to reserved streams.
func (s *longStreams) reserved() {
	token := ""
	for i := range maxBodies + 1 {
		if i%each == 0 {
			resp := s.request(http.MethodPut, "")
			raw, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			token = string(raw)
			go func() {
				from := s.request(http.MethodGet, "", "Accept", "text/event-stream", "X-GraphQL-Event-Stream-Token", token)
				defer from.Body.Close()
				for lines := bufio.NewScanner(from.Body); lines.Scan(); {
					if strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), "payload") {
						s.outcome(http.StatusOK, lines.Text())
					}
				}
			}()
			synctest.Wait()
		}
		resp := s.request(http.MethodPost, s.operation(i), "X-GraphQL-Event-Stream-Token", token)
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			s.outcome(resp.StatusCode, string(body))
		}
	}
}

// sockets sends the operations over WebSockets. A refusal closes the connection.
func (s *longStreams) sockets() {
	var conn *websocket.Conn
	for i := range maxBodies + 1 {
		if i%each == 0 {
			var err error
			if conn, _, err = websocket.Dial(s.ctx, "ws://gateway.test/graphql", &websocket.DialOptions{HTTPClient: s.http, Subprotocols: []string{"graphql-transport-ws"}}); err != nil {
				s.t.Fatal(err)
			}
			s.write(conn, `{"type":"connection_init"}`)
			go s.readSocket(conn)
		}
		s.write(conn, fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":%s}`, i, s.operation(i)))
		synctest.Wait()
	}
}

func (s *longStreams) write(conn *websocket.Conn, message string) {
	if err := conn.Write(s.ctx, websocket.MessageText, []byte(message)); err != nil {
		s.t.Error(err)
	}
}

func (s *longStreams) readSocket(conn *websocket.Conn) {
	defer func() { _ = conn.CloseNow() }()
	for {
		_, raw, err := conn.Read(s.ctx)
		var m struct{ Type string }
		switch {
		case websocket.CloseStatus(err) == websocket.StatusTryAgainLater:
			s.outcome(http.StatusServiceUnavailable, "")
			return
		case err != nil:
			return // the test has ended
		case json.Unmarshal(raw, &m) == nil && m.Type == "next":
			s.outcome(http.StatusOK, string(raw))
		}
	}
}
