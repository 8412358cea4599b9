package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"zoomql/internal/sandbox"
)

// sandboxCommand serves the sandbox.
type sandboxCommand struct {
	Meeting  string  `help:"Hold a meeting or webinar from the start: its number, all-hands, weekly or webinar. POST /sandbox/hold?meeting=NUMBER holds another; &webhooks=URL has its events sent elsewhere, and &random=SEED has people do what they do by that seed."`
	Random   uint64  `help:"A seed by which people come late or not, wait, drop out, come back, dial in, join through an app or as guests, and go to breakout rooms. 0: the same each time, without breakout rooms."`
	Speed    float64 `default:"1" help:"How many times as fast as people meetings are held, and reports are made."`
	Webhooks string  `help:"Where to send the events of meetings that are held, such as http://127.0.0.1:8080/webhooks/zoom. Over the WebSocket /ws they come in any case: ZOOM_EVENTS_URL of the gateway is ws://ADDR/ws?subscriptionId=any."`
	Secret   string  `default:"sandboxWebhookSecret" help:"The secret token that signs them: ZOOM_WEBHOOK_SECRETS of the gateway."`
	Unruly   float64 `default:"0.05" help:"The share of events that come twice, and of those that come late, as some of Zoom's do."`
}

// holder holds meetings.
type holder struct {
	*sandbox.Sandbox
	sandboxCommand
	ctx  context.Context //nolint:containedctx // of the program: meetings outlive the requests that begin them
	seed uint64
	log  *slog.Logger
}

// begin begins to hold a meeting, whose events go to a webhook, unless that is "".
func (h *holder) begin(name, webhook string, random uint64) (*sandbox.Held, error) {
	sends := &sandbox.Delivery{URL: webhook, Secret: h.Secret, Unruly: h.Unruly, Seed: h.seed, Speed: h.Speed, Log: h.log}
	number, err := h.MeetingNamed(name)
	if err != nil {
		return nil, err
	}
	var held *sandbox.Held
	if random == 0 {
		held, err = h.Hold(number, h.Speed)
	} else {
		held, err = h.HoldRandom(number, h.Speed, random)
	}
	if err != nil {
		return nil, err
	}
	h.log.Info("a meeting is held", "number", held.Number, "uuid", held.UUID, "until", held.End)
	go held.Run(h.ctx, func(e sandbox.Event) {
		h.log.Info("event", "name", e.Name)
		h.Publish(e)
		if webhook != "" {
			sends.Send(h.ctx, e)
		}
	})
	return held, nil
}

// ServeHTTP answers as Zoom does, but for what holds a meeting.
func (h *holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/sandbox/hold" {
		h.Sandbox.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST /sandbox/hold?meeting=NUMBER holds a meeting", http.StatusMethodNotAllowed)
		return
	}
	query, random := r.URL.Query(), h.Random
	if text := query.Get("random"); text != "" {
		var err error
		if random, err = strconv.ParseUint(text, 10, 64); err != nil {
			http.Error(w, "random: not a seed, which is a number", http.StatusBadRequest)
			return
		}
	}
	held, err := h.begin(query.Get("meeting"), cmp.Or(query.Get("webhooks"), h.Webhooks), random)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { //nolint:errchkjson // who asked may have left
		Number int64     `json:"number,string"`
		UUID   string    `json:"uuid"`
		Start  time.Time `json:"start"`
		End    time.Time `json:"end"`
	}{held.Number, held.UUID, held.Start, held.End})
}
