package sandbox

func init() {
	handle("GET /report/webinars/{webinarId}", getWebinarReport, paid)
	handle("GET /report/webinars/{webinarId}/participants", listWebinarReportParticipants, paid)
	handle("GET /report/webinars/{webinarId}/polls", getWebinarPolls, paid)
}

// findReportedWebinar returns the instance of a webinar that a path names, if it has a report.
func (c *call) findReportedWebinar() (*instance, error) {
	inst := c.findWebinarInstance()
	switch {
	case inst == nil:
		return nil, notFound(3001, "Webinar "+c.path("webinarId")+" not found or has expired.")
	case inst.start.Before(c.now.AddDate(-1, 0, 0)):
		return nil, badRequest(12702, "Can not access a webinar a year ago.")
	}
	return inst, nil
}

// webinarReport is an instance as GET /report/webinars/{webinarId} answers it.
type webinarReport struct {
	meetingReport
	CustomKeys []customKey `json:"custom_keys"`
}

type customKey struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func getWebinarReport(c *call) (any, error) {
	i, err := c.findReportedWebinar()
	if err != nil {
		return nil, err
	}
	r := &webinarReport{CustomKeys: []customKey{{"Region", "EMEA"}}}
	r.reportedInstance, r.Dept = c.world.reportedInstance(i), deref(c.world.seedUser(i.m.host).Dept)
	r.Type = webinarTypes[i.m.Type]
	for _, f := range i.m.TrackingFields {
		r.TrackingFields = append(r.TrackingFields, reportedField{f.Field, f.Value})
	}
	return r, nil
}

func listWebinarReportParticipants(c *call) (any, error) {
	fields, err := c.choice("include_fields", "", "registrant_id")
	if err != nil {
		return nil, err
	}
	i, err := c.findReportedWebinar()
	if err != nil {
		return nil, err
	}
	if i.start.Before(c.now.AddDate(0, -6, 0)) {
		return nil, notFound(3001, "Webinar "+c.path("webinarId")+" not found or has expired.")
	}
	stays := c.world.stays(i)
	return c.page(len(stays), func(k int) any { return c.world.reported(i, stays[k], fields != "") })
}

func getWebinarPolls(c *call) (any, error) {
	i, err := c.findReportedWebinar()
	if err != nil {
		return nil, err
	}
	return c.world.results(i, c.world.polled(i)), nil
}
