package sandbox

// occurrencePatch is the fields that one occurrence of a series can override.
//
// Source: query parameter occurrence_id of PATCH /meetings/{meetingId}.
type occurrencePatch struct {
	Agenda    *string `json:"agenda"`
	StartTime string  `json:"start_time"`
	Duration  int     `json:"duration"`
	Settings  struct {
		HostVideo        *bool   `json:"host_video"`
		ParticipantVideo *bool   `json:"participant_video"`
		JoinBeforeHost   *bool   `json:"join_before_host"`
		MuteUponEntry    *bool   `json:"mute_upon_entry"`
		WaitingRoom      *bool   `json:"waiting_room"`
		Watermark        *bool   `json:"watermark"`
		AutoRecording    *string `json:"auto_recording"`
	} `json:"settings"`
}

// apply applies an occurrence to the meeting's details.
func (o *occurrence) apply(d *meetingDetails) {
	d.StartTime, d.Duration = o.StartTime, o.Duration
	if o.patch == nil {
		return
	}
	if o.patch.Agenda != nil {
		d.Agenda = o.patch.Agenda
	}
	from, to := &o.patch.Settings, &d.Settings
	for _, p := range []struct{ from, to **bool }{
		{&from.HostVideo, &to.HostVideo},
		{&from.ParticipantVideo, &to.ParticipantVideo},
		{&from.JoinBeforeHost, &to.JoinBeforeHost},
		{&from.MuteUponEntry, &to.MuteUponEntry},
		{&from.WaitingRoom, &to.WaitingRoom},
		{&from.Watermark, &to.Watermark},
	} {
		if *p.from != nil {
			*p.to = *p.from
		}
	}
	if from.AutoRecording != nil {
		to.AutoRecording = from.AutoRecording
	}
}

func (c *call) updateOccurrence(m *meeting, id string) error {
	o := m.occurrence(id)
	if o == nil {
		return invalidOccurrence()
	}
	patch := occurrencePatch{}
	if o.patch != nil {
		patch = clone(*o.patch)
	}
	patch.StartTime, patch.Duration = "", o.Duration
	if err := c.decode(&patch); err != nil {
		return err
	}
	if patch.Duration < 1 || patch.Duration > 1440 {
		return invalid("duration")
	}
	start, err := parseStart(patch.StartTime, m.Timezone)
	if patch.StartTime != "" && err != nil {
		return invalid("start_time")
	}
	o.patch, o.Duration = &patch, patch.Duration
	if start.After(c.now) {
		o.start, o.StartTime = start, stamp(start)
	}
	c.world.change(m)
	return nil
}
