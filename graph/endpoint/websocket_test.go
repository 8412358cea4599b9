package endpoint

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"zoomql/graph/admission"
)

// oneConn is a listener with one connection.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l oneConn) Close() error {
	close(l)
	return nil
}

func (oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// openedSocket opens a connection in a bubble. ended ends the server.
func openedSocket(t *testing.T) (k *socket, conn *websocket.Conn, ended func()) {
	t.Helper()
	opened := make(chan *socket, 1)
	sockets := &Sockets{Live: &Live{}, Admission: admission.New(), Log: slog.New(slog.DiscardHandler), Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer, _ := w.(*socketWriter)
		answer.socket.client = &client{}
		opened <- answer.socket
	})}
	client, served := net.Pipe()
	listener := make(oneConn, 1)
	listener <- served
	server := &http.Server{Handler: sockets, ReadHeaderTimeout: time.Second}
	go server.Serve(listener)
	conn, _, err := websocket.Dial(t.Context(), "http://gateway.test/graphql", &websocket.DialOptions{
		Subprotocols: []string{subprotocol},
		HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"connection_init"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	return <-opened, conn, func() {
		conn.CloseNow()
		server.Close()
	}
}

// TestWebSocket_completed has operations answer after the client has completed them, one while it waits
// for the message of another: the next operation with the id receives its own answers only.
func TestWebSocket_completed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, conn, ended := openedSocket(t)
		defer ended()
		begin := func(id string) *running {
			ctx, cancel := context.WithCancel(k.ctx)
			op := &running{socket: k, id: id, ctx: ctx, cancel: cancel, head: `{"id":"` + id + `","type":`}
			k.mu.Lock()
			defer k.mu.Unlock()
			k.running[id] = op
			return op
		}
		late, waits, other := begin("1"), begin("2"), begin("3")
		go other.next(t.Context(), []byte(`"other"`)) // the client does not read yet
		synctest.Wait()
		go func() {
			if err := waits.next(t.Context(), []byte(`"waits"`)); err == nil {
				t.Error("an answer is sent after complete")
			}
			waits.complete()
		}()
		synctest.Wait()
		for _, id := range []string{"1", "2"} {
			if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"complete","id":"`+id+`"}`)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		read := func(want string) {
			t.Helper()
			if _, text, err := conn.Read(t.Context()); err != nil || string(text) != want {
				t.Errorf("%s %v, want %s", text, err, want)
			}
		}
		again := begin("1")
		read(`{"id":"3","type":"next","payload":"other"}`)
		go func() {
			late.refused(busyErrors())
			late.complete()
			again.complete()
		}()
		read(`{"id":"1","type":"complete"}`)
		synctest.Wait()
		if k.running["1"] != nil || k.running["2"] != nil {
			t.Error("an id is not free")
		}
	})
}

// TestWebSocket_clientThatDoesNotRead writes short items to a client that no longer reads: it is
// disconnected.
func TestWebSocket_clientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _, ended := openedSocket(t)
		defer ended()
		var err error
		op := &running{socket: k, ctx: t.Context(), head: `{"id":"1","type":`}
		began := time.Now()
		for err == nil && time.Since(began) < time.Hour {
			err = op.next(t.Context(), []byte(`{"data":null}`))
		}
		if took := time.Since(began); err == nil || took > pingEvery+sendWithin {
			t.Errorf("after %v: %v", took, err)
		}
		synctest.Wait()
		if connections, _ := k.Live.Counts(); connections != 0 {
			t.Errorf("%d connections are open", connections)
		}
	})
}

// What a client sends together with its request to open the connection is read, also where it is
// longer than the buffer.
func TestHijacker_sentWithTheRequest(t *testing.T) {
	for _, early := range []int{0, 1, readBuffer, 2 * readBuffer} {
		synctest.Test(t, func(t *testing.T) {
			want := bytes.Repeat([]byte("x"), early+1) // a byte comes later
			got := make(chan []byte, 1)
			client, served := net.Pipe()
			listener := make(oneConn, 1)
			listener <- served
			server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, buffered, err := hijacker{w}.Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				n := buffered.Reader.Buffered() // the server may have read the byte that comes later, too
				if n < early {
					t.Errorf("%d bytes are in the buffer, want %d", n, early)
				}
				text, _ := buffered.Peek(n)
				rest, _ := io.ReadAll(conn)
				got <- slices.Concat(text, rest)
			})}
			go server.Serve(listener)
			defer server.Close()
			head := []byte("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
			if _, err := client.Write(append(head, want[:early]...)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Write(want[early:]); err != nil {
				t.Fatal(err)
			}
			client.Close()
			if text := <-got; !bytes.Equal(text, want) {
				t.Errorf("%d bytes arrived, want %d", len(text), len(want))
			}
		})
	}
}
