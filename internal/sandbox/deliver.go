package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Delivery sends events to a webhook as Zoom does: signed, one request each, some twice or
// late, and with retries after failures.
//
// Source: https://developers.zoom.us/docs/api/webhooks/
type Delivery struct {
	// URL receives the events, and Secret signs them.
	URL, Secret string
	// Unruly is the share of events that are sent twice, and of those that are sent late. If
	// it is 0, each event is sent once and immediately.
	Unruly float64
	// Seed selects these events.
	Seed uint64
	// Speed shortens the delays of retries: 5, 20 and 60 minutes.
	Speed float64
	// HTTP sends the requests; nil means a new client.
	HTTP *http.Client
	// Log receives a line for each failed request.
	Log *slog.Logger

	once    sync.Once
	mu      sync.Mutex
	rng     *rand.Rand
	pending sync.WaitGroup
}

// retryDelays are the delays before an event is sent again.
var retryDelays = []time.Duration{5 * time.Minute, 20 * time.Minute, 60 * time.Minute}

// lateBy is the longest delay of an event that is sent late.
const lateBy = 20 * time.Second

// answerWithin is how long Zoom waits for an answer.
const answerWithin = 3 * time.Second

// Send starts to send an event. It stops when ctx ends.
func (d *Delivery) Send(ctx context.Context, e Event) {
	d.once.Do(func() { d.rng = rand.New(rand.NewPCG(d.Seed, 1)) })
	d.mu.Lock()
	copies := 1
	var late time.Duration
	if d.rng.Float64() < d.Unruly {
		copies++
	}
	if d.rng.Float64() < d.Unruly {
		late = time.Duration(float64(d.rng.Int64N(int64(lateBy))) / max(d.Speed, 1))
	}
	d.mu.Unlock()
	for range copies {
		d.pending.Go(func() {
			if sleep(ctx, late) {
				d.sendWithRetries(ctx, e)
			}
		})
	}
}

// Wait waits until every event was accepted or given up.
func (d *Delivery) Wait() { d.pending.Wait() }

// sendWithRetries sends an event until the receiver accepts it.
func (d *Delivery) sendWithRetries(ctx context.Context, e Event) {
	for tried := 0; ; tried++ {
		err := d.post(ctx, e)
		if err == nil || ctx.Err() != nil {
			return
		}
		if d.Log != nil {
			d.Log.Warn("an event was not taken", "event", e.Name, "tried", tried+1, "error", err.Error())
		}
		if tried == len(retryDelays) || !sleep(ctx, time.Duration(float64(retryDelays[tried])/max(d.Speed, 1))) {
			return
		}
	}
}

// post sends an event once. It returns no error for a status below 500, which Zoom does not
// retry.
func (d *Delivery) post(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(e.Body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(d.Secret))
	mac.Write([]byte("v0:" + at + ":"))
	mac.Write(e.Body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Zm-Request-Timestamp", at)
	req.Header.Set("X-Zm-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	client := cmp.Or(d.HTTP, &http.Client{})
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	_ = resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("it is answered by %s", resp.Status)
	}
	if resp.StatusCode >= 300 && d.Log != nil {
		d.Log.Warn("an event was refused", "event", e.Name, "status", resp.StatusCode)
	}
	return nil
}
