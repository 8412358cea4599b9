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

// Socket receives the events that Zoom delivers over a WebSocket, which the gateway opens, so that
// it needs no public endpoint. The connection authenticates the events, which are not signed.
//
// Zoom allows one connection of a subscription, and closes the old one when a new one opens. So
// one of all replicas has it, and another one takes over when that one has not renewed its hold
// for [holdFor]. Zoom neither delivers nor repeats events that happen without a connection. So
// each connection is noted as a gap (see [Liveness]), including those after the hourly change of
// the token, and so is an event that cannot be read or stored.
//
// Source: https://developers.zoom.us/docs/api/websockets/
type Socket struct {
	// Inbox accepts the events.
	Inbox *Inbox
	// Subscribed are the accounts, by Zoom's id, whose events the connection delivers. Events of
	// other accounts are of sub accounts of the first one, unless the account is served by
	// other means.
	Subscribed []string
	// URL is the endpoint that Zoom shows for the subscription, with its id.
	URL string
	// Credential is that of the app with the subscription. Its token is sent to the host of URL.
	Credential *identity.Credential
	// Log receives a line for each connection, and for the reason of its end.
	Log *slog.Logger

	dial dialer // nil is dialSocket

	connected atomic.Bool
	gap       atomic.Bool // one is not noted yet
}

// conn is a connection that delivers messages.
type conn interface {
	// Read returns the next message. Its error has no content of a message.
	Read(context.Context) ([]byte, error)
	Write(ctx context.Context, message []byte) error
	// Close ends the connection at once.
	Close()
}

// dialer opens a connection to a URL with a token. Its error has neither.
type dialer func(ctx context.Context, url, token string) (conn, error)

const (
	// holdEvery is the interval at which the replica with the connection renews its hold, and
	// others try to get it; holdFor is how long a hold lasts.
	holdEvery = lookEvery
	holdFor   = lostAfter
	// heartbeatEvery is the interval of heartbeats to Zoom, and silentFor the longest time
	// without any message, including the replies to them.
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
	// connectedGap is the longest time between two notes of one connection.
	connectedGap = lostAfter
	// anew is the gap of a mark that starts again.
	anew = -time.Millisecond
)

// Why a connection ends. None of them has content that Zoom has sent.
var (
	errRenewed   = errors.New("there is a new token, and so a new connection")
	errRefused   = errors.New("refused by Zoom: look whether the URL is that of the subscription, and whether the app is the one that has it")
	errHeartbeat = errors.New("the heartbeat is refused by Zoom")
	errGarbage   = errors.New("a message is none of Zoom's")
	errTooLong   = errors.New("a message is longer than 2 MiB")
	errSilent    = errors.New("nothing has come for 45 seconds")
	errNotOpened = errors.New("not confirmed by Zoom within 15 seconds")
	errNoToken   = errors.New("no token of Zoom's")
	errNotStored = errors.New("an event cannot be stored: Redis does not reply")
	errClosed    = errors.New("it was closed")
)

// Keep keeps a connection open while no other replica does, until ctx ends.
func (s *Socket) Keep(ctx context.Context) {
	holder := rand.Text()
	ticker := time.NewTicker(holdEvery)
	defer ticker.Stop()
	var (
		held    time.Time // when this replica was last known to hold it
		end     func()    // ends what runs while it does; nil while it does not
		holding = "socket\x00" + s.URL
	)
	for {
		within, cancel := context.WithTimeout(ctx, holdEvery)
		asked := time.Now()
		ok, err := s.Inbox.Stream.Hold(within, holding, holder, holdFor)
		switch {
		case ok:
			held = asked
			if end == nil {
				end = background.Run(ctx, s.connectAlways)
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
				s.release(ctx, holding, holder)
			}
			return
		case <-ticker.C:
		}
	}
}

// release ends the hold of the connection, so that another replica need not wait for its expiry.
// It is called when ctx has ended.
func (s *Socket) release(ctx context.Context, holding, holder string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdEvery)
	defer cancel()
	_ = s.Inbox.Stream.Release(ctx, holding, holder) // otherwise, it expires
}

// connectAlways opens one connection after the other, until ctx ends.
func (s *Socket) connectAlways(ctx context.Context) {
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
			s.Log.LogAttrs(ctx, slog.LevelDebug, "the WebSocket of events is opened anew with a new token")
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
	s.changed(ctx, true)
	defer s.changed(context.WithoutCancel(ctx), false)
	s.Log.LogAttrs(ctx, slog.LevelInfo, "the WebSocket of events is open")
	// The order of ends is the other way: what sends has ended when the connection is closed.
	defer background.Run(ctx, func(ctx context.Context) { s.beat(ctx, c, cancel) })()
	defer background.Run(ctx, func(ctx context.Context) { s.renew(ctx, token, cancel) })()
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

// changed notes that the connection has opened or closed.
func (s *Socket) changed(ctx context.Context, connected bool) {
	s.connected.Store(connected)
	s.missed(ctx)
}

// missed notes that events may have been missed.
func (s *Socket) missed(ctx context.Context) {
	s.gap.Store(true)
	ctx, cancel := context.WithTimeout(ctx, holdEvery)
	defer cancel()
	s.note(ctx)
}

// note notes for all replicas that the connection is open, and gaps that are not noted yet.
func (s *Socket) note(ctx context.Context) {
	gap := s.gap.Swap(false)
	if !gap && !s.connected.Load() {
		return
	}
	if s.noteAs(ctx, gap) != nil && gap {
		s.gap.Store(true) // it is noted the next time
	}
}

// noteAs notes that the connection is open, or a gap.
func (s *Socket) noteAs(ctx context.Context, gap bool) error {
	mark := stream.Mark{Gap: connectedGap}
	if gap {
		mark.Gap = anew
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

// gapMessages returns the messages of a gap for the stream, for those that follow events and
// those that replay them.
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

// readWithin reads a message. It returns late if none arrives in time.
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
	// Content is the body of a webhook, as a string.
	Content jsontext.Value `json:"content"`
}

func (f *frame) read(message []byte) error {
	if types.Unmarshal(message, f) != nil || f.Module == "" {
		return errGarbage
	}
	return nil
}

// body returns the event of a message, which is a JSON string or an object.
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

// receiveEvent accepts an event. One that cannot be read is a gap, since it may be any event.
func (s *Socket) receiveEvent(ctx context.Context, body []byte) error {
	if len(body) > maxBody {
		body = nil
	}
	e, err := Parse(body, time.Now())
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "an event over the WebSocket cannot be read; it counts as missed")
		s.missed(ctx)
		return nil //nolint:nilerr // the connection remains open
	}
	served, ok := s.served(e.AccountID)
	if !ok {
		s.Inbox.leftOut.Add(s.Log, "events over the WebSocket are of accounts that another app serves; they are left out")
		return nil
	}
	for began := time.Now(); ; {
		if s.Inbox.take(ctx, types.EventSourceWebsocket, served, e) == nil {
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

// served returns the served account that an event belongs to.
func (s *Socket) served(account string) (served string, ok bool) {
	if slices.Contains(s.Subscribed, account) {
		return account, true
	}
	_, other := s.Inbox.Accounts[account]
	return s.Subscribed[0], !other
}

// heartbeat is the message of a heartbeat.
var heartbeat = []byte(`{"module":"heartbeat"}`)

// beat sends heartbeats until ctx or the connection ends.
func (s *Socket) beat(ctx context.Context, c conn, end context.CancelCauseFunc) {
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

// renew ends the connection when a newer token is available.
func (s *Socket) renew(ctx context.Context, token *identity.Token, end context.CancelCauseFunc) {
	if token.Expires.IsZero() {
		return // the expiry is unknown; Zoom closes the connection
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
	return fmt.Sprintf("it is answered by HTTP status %d", int(e))
}
