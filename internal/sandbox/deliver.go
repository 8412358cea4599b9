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

// Delivery sends events to a webhook as Zoom does: signed, each by itself, some twice or
// late, and again where nobody took them.
//
// Source: https://developers.zoom.us/docs/api/webhooks/
type Delivery struct {
	// URL takes the events, and Secret signs them.
	URL, Secret string
	// Unruly is the share of events that come twice, and of those that come late; 0 has
	// all come once and at once.
	Unruly float64
	// Seed picks them.
	Seed uint64
	// Speed shortens the pauses before an event is sent again: 5, 20 and 60 minutes.
	Speed float64
	// HTTP sends; nil is a client of its own.
	HTTP *http.Client
	// Log gets a line for each event that nobody took.
	Log *slog.Logger

	once    sync.Once
	mu      sync.Mutex
	rng     *rand.Rand
	pending sync.WaitGroup
}

// pauses are those before an event is sent again.
var pauses = []time.Duration{5 * time.Minute, 20 * time.Minute, 60 * time.Minute}

// lateBy is how late an event comes at most that comes late.
const lateBy = 20 * time.Second

// answerWithin is how long Zoom waits for an answer.
const answerWithin = 3 * time.Second

// Send begins to send an event, until ctx ends.
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
				d.persist(ctx, e)
			}
		})
	}
}

// Wait waits until all events that were sent were taken, or given up.
func (d *Delivery) Wait() { d.pending.Wait() }

// persist sends an event until somebody takes it.
func (d *Delivery) persist(ctx context.Context, e Event) {
	for tried := 0; ; tried++ {
		err := d.post(ctx, e)
		if err == nil || ctx.Err() != nil {
			return
		}
		if d.Log != nil {
			d.Log.Warn("an event was not taken", "event", e.Name, "tried", tried+1, "error", err.Error())
		}
		if tried == len(pauses) || !sleep(ctx, time.Duration(float64(pauses[tried])/max(d.Speed, 1))) {
			return
		}
	}
}

// post sends an event once. Zoom takes an answer below 500 for one that is not to be
// tried again.
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
