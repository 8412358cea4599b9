package events

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/coder/websocket"
)

// maxMessage is the largest message over a WebSocket, in bytes: an event as large as the largest
// webhook, in a JSON string that escapes each quotation mark and line end by a second byte.
const maxMessage = 2 << 20

// socketHTTP opens WebSockets. It follows no redirects, so that the token in the URL reaches the
// configured address only.
var socketHTTP = &http.Client{
	Transport:     http.DefaultTransport,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

var errUnreachable = errors.New("the host cannot be reached")

// dialSocket opens a WebSocket. It does not return the library's errors, which quote the URL with
// the token.
func dialSocket(ctx context.Context, address, token string) (conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errUnreachable
	}
	query := u.Query()
	query.Set("access_token", token)
	u.RawQuery = query.Encode()
	c, resp, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{HTTPClient: socketHTTP}) //nolint:bodyclose // the library has read it
	switch {
	case err == nil:
		c.SetReadLimit(maxMessage)
		return socketConn{c}, nil
	case resp != nil:
		return nil, statusError(resp.StatusCode)
	}
	return nil, errUnreachable
}

// socketConn is a connection of a WebSocket.
type socketConn struct{ *websocket.Conn }

// Read implements [conn].
func (c socketConn) Read(ctx context.Context) ([]byte, error) {
	kind, message, err := c.Conn.Read(ctx)
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		return nil, errTooLong
	case err != nil:
		return nil, errClosed
	case kind != websocket.MessageText:
		return nil, errGarbage
	}
	return message, nil
}

// Write implements [conn].
func (c socketConn) Write(ctx context.Context, message []byte) error {
	if c.Conn.Write(ctx, websocket.MessageText, message) != nil {
		return errClosed
	}
	return nil
}

// Close implements [conn].
func (c socketConn) Close() { _ = c.CloseNow() }
