package sandbox

import (
	"net/url"
	"slices"
)

func init() {
	handle("GET /meetings/{meetingId}/livestream", getLivestream, paid)
	handle("PATCH /meetings/{meetingId}/livestream", updateLivestream, paid)
	handle("PATCH /meetings/{meetingId}/livestream/status", updateLivestreamStatus, paid)
}

// livestream is the target of a meeting's live stream.
type livestream struct {
	PageURL    string `json:"page_url"`
	StreamKey  string `json:"stream_key"`
	StreamURL  string `json:"stream_url"`
	Resolution string `json:"resolution,omitempty"`
}

// seedLivestream returns the stream of a seeded meeting: the weekly one and the live one have
// one.
func (w *world) seedLivestream(m *meeting) *livestream {
	if m.n != special(slotWeekly) && m.n != special(slotLive) {
		return &livestream{}
	}
	return &livestream{"https://live.example.com/watch/" + formatNumber(w.number(m.n)), "stream-" + passcode(w, m.n), "rtmp://live.example.com/in", "720p"}
}

func getLivestream(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	return c.world.attachmentsOf(m).livestream, nil
}

func updateLivestream(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	var body livestream
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	var wrong []string
	if at, err := url.Parse(body.PageURL); err != nil || at.Host == "" || len(body.PageURL) > 1024 {
		wrong = append(wrong, "page_url")
	}
	if body.StreamURL == "" || len(body.StreamURL) > 1024 {
		wrong = append(wrong, "stream_url")
	}
	if body.StreamKey == "" || len(body.StreamKey) > 512 {
		wrong = append(wrong, "stream_key")
	}
	if len(wrong) > 0 {
		return nil, invalid(wrong...)
	}
	c.world.mutateAttachments(m).livestream = &body
	return nil, nil
}

// updateLivestreamStatus starts or stops a stream. Zoom's answer is not documented if no stream
// is configured or the stream is already running.
func updateLivestreamStatus(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	var body struct {
		Action   string `json:"action"`
		Settings struct {
			Layout   string `json:"layout"`
			Captions string `json:"close_caption"`
		} `json:"settings"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains([]string{"start", "stop", "mode"}, body.Action):
		return nil, invalid("action")
	case !slices.Contains([]string{"", "follow_host", "gallery_view", "speaker_view"}, body.Settings.Layout):
		return nil, invalid("settings.layout")
	case !slices.Contains([]string{"", "burnt-in", "embedded", "off"}, body.Settings.Captions):
		return nil, invalid("settings.close_caption")
	case deref(m.Settings.EncryptionType) == "e2ee":
		return nil, badRequest(4400, "End-to-end encrypted meetings currently do not support the livestreaming feature.")
	case m.running.IsZero():
		return nil, badRequest(4927, "Meeting "+c.path("meetingId")+" has not started.")
	}
	c.world.mutateAttachments(m).streaming = body.Action != "stop"
	return nil, nil
}
