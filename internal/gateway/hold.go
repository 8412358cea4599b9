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
	Meeting  string  `help:"The meeting or webinar to hold from the start: its number, or all-hands, weekly or webinar. POST /sandbox/hold?meeting=NUMBER holds another; &webhooks=URL sends its events to another URL, and &random=SEED sets its seed."`
	Random   uint64  `help:"The seed from which participants' behavior follows: they are late, wait, lose the connection, rejoin, dial in, join through an app or as guests, and enter breakout rooms. 0: the same behavior each time, without breakout rooms."`
	Speed    float64 `default:"1" help:"The speed at which meetings are held and reports appear, as a multiple of real time."`
	Webhooks string  `help:"The URL to send the events of the held meetings to, such as http://127.0.0.1:8080/webhooks/zoom. They are always sent over the WebSocket /ws, too: set ZOOM_EVENTS_URL of the gateway to ws://ADDR/ws?subscriptionId=any."`
	Secret   string  `default:"sandboxWebhookSecret" help:"The secret token that signs the events for --webhooks; ZOOM_WEBHOOK_SECRETS of the gateway must contain it."`
	Unruly   float64 `default:"0.05" help:"The share of events that are sent twice, and the share that are sent late, as some of Zoom's are."`
}

// holder is the sandbox, with a route that holds meetings.
type holder struct {
	*sandbox.Sandbox
	sandboxCommand
	ctx  context.Context //nolint:containedctx // of the program: meetings outlive the requests that begin them
	seed uint64
	log  *slog.Logger
}

// begin starts a meeting. Its events are sent to webhook, unless that is "".
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

// ServeHTTP serves the sandbox and POST /sandbox/hold, which starts a meeting.
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
			http.Error(w, "random: must be a whole number, 0 or more", http.StatusBadRequest)
			return
		}
	}
	held, err := h.begin(query.Get("meeting"), cmp.Or(query.Get("webhooks"), h.Webhooks), random)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { //nolint:errchkjson // the client may have left
		Number int64     `json:"number,string"`
		UUID   string    `json:"uuid"`
		Start  time.Time `json:"start"`
		End    time.Time `json:"end"`
	}{held.Number, held.UUID, held.Start, held.End})
}
