package events

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-json-experiment/json/jsontext"

	"zoomql/internal/background"
	"zoomql/internal/drift"
	"zoomql/internal/identity"
	"zoomql/internal/stream"
	"zoomql/internal/zoom/types"
)

// Socket receives the events that Zoom delivers over a WebSocket. The gateway opens it, and so
// needs no public endpoint. Events are not signed: the connection authenticates them.
//
// Zoom allows one connection per event subscription, and closes the old one when a new one opens.
// So one replica has it, and another one takes over when that one has not extended its lease for
// holdFor. Zoom never delivers events that happen without a connection. So each connection is
// recorded as a gap (see [Liveness] and [Gap]), also after the hourly change of the token, and so
// is an event that cannot be parsed or stored.
//
// Source: https://developers.zoom.us/docs/api/websockets/
type Socket struct {
	// Inbox accepts the events.
	Inbox *Inbox
	// Subscribed are the configured accounts, by Zoom's id, whose events the connection delivers:
	// at least one. Accounts that are not configured count as sub accounts of the first one, and
	// events of other configured accounts are ignored.
	Subscribed []string
	// URL is the endpoint that Zoom shows for the subscription, with its id.
	URL string
	// Credential is that of the app with the subscription. Its token is sent to the host of URL.
	Credential *identity.Credential
	// Log receives a line for each connection, and for the reason of its end.
	Log *slog.Logger

	dial dialer // nil is dialSocket

	connected atomic.Bool
	gap       atomic.Bool // there is a gap that is not recorded yet
}

// conn is a connection that delivers messages.
type conn interface {
	// Read returns the next message. Its error does not quote a message.
	Read(context.Context) ([]byte, error)
	Write(ctx context.Context, message []byte) error
	// Close ends the connection at once.
	Close()
}

// dialer opens a connection to a URL with a token. Its error quotes neither.
type dialer func(ctx context.Context, url, token string) (conn, error)

const (
	// holdEvery is the interval at which the replica with the connection extends its lease, and
	// others try to acquire it; holdFor is how long a lease lasts.
	holdEvery = refreshEvery
	holdFor   = lostAfter
	// heartbeatEvery is the interval of heartbeats to Zoom, and silentFor the longest time
	// without a message, such as the reply to a heartbeat.
	heartbeatEvery = 30 * time.Second
	silentFor      = heartbeatEvery + 15*time.Second
	// openWithin bounds the time until Zoom confirms a connection.
	openWithin = 15 * time.Second
	// renewBefore is how long before its expiry a token is replaced, at most half its lifetime,
	// and renewEvery the interval at which a new one is requested then.
	renewBefore = 2 * time.Minute
	renewEvery  = 5 * time.Second
	// storeAgain bounds the time of retries to store an event.
	storeAgain = holdFor
	// minPause and maxPause bound the backoff between attempts to connect, which doubles, with
	// a jitter of half. A connection that lasts provenAfter resets it.
	minPause    = time.Second
	maxPause    = time.Minute
	provenAfter = time.Minute
	// connectedGap is the longest time between two notes of the mark of one connection.
	connectedGap = lostAfter
	// restart is the gap of a mark that begins a new span.
	restart = -time.Millisecond
)

// Why a connection ends, or is not opened. The texts contain nothing that Zoom has sent.
var (
	errRenewed   = errors.New("a new token needs a new connection")
	errRefused   = errors.New("refused by Zoom: check that the URL is that of the event subscription, and that the app is the one with the subscription")
	errHeartbeat = errors.New("Zoom has refused a heartbeat")
	errGarbage   = errors.New("a message is not in Zoom's format")
	errTooLong   = errors.New("a message is longer than 2 MiB")
	errSilent    = errors.New("no message has arrived for 45 seconds")
	errNotOpened = errors.New("not confirmed by Zoom within 15 seconds")
	errNoToken   = errors.New("Zoom has issued no token")
	errNotStored = errors.New("an event cannot be stored: Redis does not reply")
	errClosed    = errors.New("the connection was closed")
)

// Keep keeps a connection open while no other replica has one, until ctx ends.
func (s *Socket) Keep(ctx context.Context) {
	holder := rand.Text()
	ticker := time.NewTicker(holdEvery)
	defer ticker.Stop()
	var (
		held  time.Time // when this replica last acquired or extended the lease
		end   func()    // ends the connection; nil while this replica has no lease
		lease = "socket\x00" + s.URL
	)
	for {
		within, cancel := context.WithTimeout(ctx, holdEvery)
		sent := time.Now()
		ok, err := s.Inbox.Stream.Hold(within, lease, holder, holdFor)
		switch {
		case ok:
			held = sent
			if end == nil {
				end = background.Run(ctx, s.keepConnected)
			}
			s.note(within)
		case end != nil && (err == nil || time.Since(held) > holdFor-2*holdEvery):
			end()
			end = nil
		}
		cancel()
		select {
		case <-ctx.Done():
			if end != nil {
				end()
				s.release(ctx, lease, holder)
			}
			return
		case <-ticker.C:
		}
	}
}

// release ends the lease, so that another replica need not wait for its expiry. It is called when
// ctx has ended.
func (s *Socket) release(ctx context.Context, lease, holder string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdEvery)
	defer cancel()
	_ = s.Inbox.Stream.Release(ctx, lease, holder) // otherwise, it expires
}

// keepConnected opens one connection after the other, until ctx ends.
func (s *Socket) keepConnected(ctx context.Context) {
	pauses := &backoff.ExponentialBackOff{InitialInterval: minPause, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: maxPause}
	pauses.Reset()
	for ctx.Err() == nil {
		began := time.Now()
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= provenAfter {
			pauses.Reset()
		}
		if errors.Is(err, errRenewed) {
			s.Log.LogAttrs(ctx, slog.LevelDebug, "the WebSocket of events is opened again with a new token")
			continue
		}
		wait := pauses.NextBackOff()
		s.Log.LogAttrs(ctx, slog.LevelWarn, "the WebSocket of events is not open", slog.String("why", err.Error()), slog.Duration("again", wait.Round(time.Second)))
		pause(ctx, wait)
	}
}

// connect opens a connection, and returns why it has ended.
func (s *Socket) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	token, c, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	s.setConnected(ctx, true)
	defer s.setConnected(context.WithoutCancel(ctx), false)
	s.Log.LogAttrs(ctx, slog.LevelInfo, "the WebSocket of events is open")
	// Deferred calls run in reverse order: these goroutines end before the connection is closed.
	defer background.Run(ctx, func(ctx context.Context) { s.sendHeartbeats(ctx, c, cancel) })()
	defer background.Run(ctx, func(ctx context.Context) { s.watchToken(ctx, token, cancel) })()
	for {
		message, err := readWithin(ctx, c, silentFor, errSilent)
		if err == nil {
			err = s.receive(ctx, message)
		}
		if err != nil {
			return err
		}
	}
}

// setConnected records that the connection has opened or closed, which is a gap.
func (s *Socket) setConnected(ctx context.Context, connected bool) {
	s.connected.Store(connected)
	s.recordGap(ctx)
}

// recordGap records that events may have been missed. If the stream does not reply, Keep tries
// again.
func (s *Socket) recordGap(ctx context.Context) {
	s.gap.Store(true)
	ctx, cancel := context.WithTimeout(ctx, holdEvery)
	defer cancel()
	s.note(ctx)
}

// note notes for all replicas that the connection is open, or records a gap that is not recorded
// yet.
func (s *Socket) note(ctx context.Context) {
	gap := s.gap.Swap(false)
	if !gap && !s.connected.Load() {
		return
	}
	if s.noteMarks(ctx, gap) != nil && gap {
		s.gap.Store(true) // to be recorded the next time
	}
}

// noteMarks notes the marks of the connection; with gap, they begin a new span, and the gap is
// appended to the stream.
func (s *Socket) noteMarks(ctx context.Context, gap bool) error {
	mark := stream.Mark{Gap: connectedGap}
	if gap {
		mark.Gap = restart
	}
	for _, account := range s.Subscribed {
		mark.Name = markName(account, types.EventSourceWebsocket, openMark)
		if _, err := s.Inbox.Stream.Note(ctx, mark); err != nil {
			return err
		}
	}
	if !gap {
		return nil
	}
	return s.Inbox.Stream.Append(ctx, s.gapMessages()...)
}

// gapMessages returns the messages of a gap for the stream, one for each account.
func (s *Socket) gapMessages() (all []*stream.Message) {
	kind := GapBegan
	if s.connected.Load() {
		kind = GapEnded
	}
	for _, account := range s.Subscribed {
		all = append(all, kind.message(account))
	}
	return all
}

// open opens a connection with a token, and waits until Zoom confirms it.
func (s *Socket) open(ctx context.Context) (*identity.Token, conn, error) {
	within, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	token, err := s.Credential.Tokens.Token(within)
	if err != nil {
		return nil, nil, errNoToken
	}
	dial := s.dial
	if dial == nil {
		dial = dialSocket
	}
	c, err := dial(within, s.URL, token.Access)
	if err != nil {
		if status, ok := errors.AsType[statusError](err); ok && status == http.StatusUnauthorized {
			s.Credential.Refused(token)
		}
		return nil, nil, err
	}
	message, err := readWithin(ctx, c, openWithin, errNotOpened)
	if err == nil {
		var f frame
		if err = f.read(message); err == nil && (f.Module != "build_connection" || !f.Success) {
			err = errRefused
		}
	}
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return token, c, nil
}

// readWithin reads a message. Its error is late if none arrives within d.
func readWithin(ctx context.Context, c conn, d time.Duration, late error) ([]byte, error) {
	within, cancel := context.WithTimeoutCause(ctx, d, late)
	defer cancel()
	message, err := c.Read(within)
	if err != nil && within.Err() != nil {
		return nil, context.Cause(within)
	}
	return message, err
}

// frame is a message over the connection.
type frame struct {
	Module string `json:"module"`
	// Success reports whether Zoom has confirmed the connection or the heartbeat.
	Success bool `json:"success"`
	// Content is an event: the body of a webhook, usually as a JSON string.
	Content jsontext.Value `json:"content"`
}

func (f *frame) read(message []byte) error {
	if types.Unmarshal(message, f) != nil || f.Module == "" {
		return errGarbage
	}
	return nil
}

// body returns the event in Content, which is a JSON string or an object.
func (f *frame) body() []byte {
	if f.Content.Kind() != '"' {
		return f.Content
	}
	body, err := jsontext.AppendUnquote(nil, f.Content)
	if err != nil {
		return nil
	}
	return body
}

// receive processes a message. An error ends the connection.
func (s *Socket) receive(ctx context.Context, message []byte) error {
	var f frame
	if err := f.read(message); err != nil {
		return err
	}
	switch f.Module {
	case "message":
		return s.receiveEvent(ctx, f.body())
	case "heartbeat":
		if !f.Success {
			return errHeartbeat
		}
	case "build_connection":
		if !f.Success {
			return errRefused
		}
	default:
		s.Inbox.Drift.Add(driftOperation, map[drift.Finding]int{{Kind: drift.Value, Field: "module", Value: driftName(f.Module)}: 1}, time.Now())
	}
	return nil
}

// receiveEvent accepts an event, and retries for storeAgain if it cannot be stored. An event that
// cannot be parsed is a gap.
func (s *Socket) receiveEvent(ctx context.Context, body []byte) error {
	if len(body) > maxBody {
		body = nil
	}
	e, err := Parse(body, time.Now())
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "an event over the WebSocket cannot be read; it counts as missed")
		s.recordGap(ctx)
		return nil //nolint:nilerr // the connection remains open
	}
	served, ok := s.served(e.AccountID)
	if !ok {
		s.Inbox.ignored.Add(s.Log, "events over the WebSocket are of accounts that another app serves; they are left out")
		return nil
	}
	for began := time.Now(); ; {
		if s.Inbox.accept(ctx, types.EventSourceWebsocket, served, e) == nil {
			return nil
		}
		if time.Since(began) > storeAgain {
			return errNotStored
		}
		if pause(ctx, holdEvery/4); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// served returns the configured account that an event belongs to. It reports false if that has
// another app.
func (s *Socket) served(account string) (served string, ok bool) {
	if slices.Contains(s.Subscribed, account) {
		return account, true
	}
	_, configured := s.Inbox.Accounts[account]
	return s.Subscribed[0], !configured
}

// heartbeat is the message of a heartbeat.
var heartbeat = []byte(`{"module":"heartbeat"}`)

// sendHeartbeats sends heartbeats until ctx ends. If that fails, it ends the connection.
func (s *Socket) sendHeartbeats(ctx context.Context, c conn, end context.CancelCauseFunc) {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		within, cancel := context.WithTimeout(ctx, silentFor-heartbeatEvery)
		err := c.Write(within, heartbeat)
		cancel()
		if err != nil {
			end(err)
			return
		}
	}
}

// watchToken ends the connection when a newer token is available, or the token has expired.
func (s *Socket) watchToken(ctx context.Context, token *identity.Token, end context.CancelCauseFunc) {
	if token.Expires.IsZero() {
		return // the expiry is unknown: Zoom closes the connection
	}
	left := time.Until(token.Expires)
	wait := left - min(renewBefore, left/2)
	for {
		if pause(ctx, wait); ctx.Err() != nil {
			return
		}
		within, cancel := context.WithTimeout(ctx, renewEvery)
		next, err := s.Credential.Tokens.Token(within)
		cancel()
		if err == nil && next.Access != token.Access {
			end(errRenewed)
			return
		}
		if !time.Now().Before(token.Expires) {
			end(errNoToken)
			return
		}
		wait = min(renewEvery, max(time.Until(token.Expires), time.Millisecond))
	}
}

// statusError is the error of a connection that was refused with an HTTP status.
type statusError int

// Error names the status.
func (e statusError) Error() string {
	return fmt.Sprintf("the answer is HTTP status %d", int(e))
}
