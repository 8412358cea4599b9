package sandbox

import (
	"strconv"
	"time"
)

func init() {
	handle("GET /report/webinars/{webinarId}", getWebinarReport, paid)
	handle("GET /report/webinars/{webinarId}/participants", listWebinarReportParticipants, paid)
	handle("GET /report/webinars/{webinarId}/polls", getWebinarPolls, paid)
}

// Webinars stand apart from the meetings, where no user's slots are: those that
// have had runs, and one that goes on.
const (
	pastWebinarBase = 1 << 34
	pastWebinars    = 3
	liveWebinar     = pastWebinarBase + pastWebinars
	webinarType     = 5
)

// pastWebinar returns the n-th webinar as something that can have runs, or nil.
func (w *world) pastWebinar(n uint64) *meeting {
	if n < pastWebinarBase || n > liveWebinar {
		return nil
	}
	m := &meeting{n: n, host: []int{host, owner, 4, host}[n-pastWebinarBase]}
	m.Topic, m.Type = "What is new this year", webinarType
	m.TrackingFields = []trackingField{{"Cost center", "100", nil}}
	if n == liveWebinar {
		m.Topic, m.running = "What is new today", w.start.Add(-30*time.Minute)
	}
	return m
}

// webinarsOf returns the webinars of a user.
func (w *world) webinarsOf(user int) []*meeting {
	var all []*meeting
	for n := uint64(pastWebinarBase); n <= liveWebinar; n++ {
		if m := w.pastWebinar(n); m.host == user {
			all = append(all, m)
		}
	}
	return all
}

// pastWebinarRuns returns the runs of a webinar, the latest first: the last ones are
// beyond what Zoom keeps of participants, and of everything.
func (w *world) pastWebinarRuns(n uint64) []*instance {
	m := w.pastWebinar(n)
	if m == nil || !m.running.IsZero() {
		return nil
	}
	var runs []*instance
	for k, ago := range []struct{ months, days int }{{0, 3}, {1, 3}, {7, 0}, {13, 0}} {
		start := w.quarter().AddDate(0, -ago.months, -ago.days)
		runs = append(runs, &instance{m: m, k: k, start: start, end: start.Add(50 * time.Minute)})
	}
	return runs
}

// findWebinarRun finds the run of a webinar that a path names by its UUID, or
// the latest run of the webinar that it names by its number, if there is a report
// on it.
func (c *call) findWebinarRun() (*instance, error) {
	id, w := c.path("webinarId"), c.world
	run := func() *instance {
		if number, err := strconv.ParseInt(id, 10, 64); err == nil {
			n, _ := w.nth(number)
			if runs := w.pastWebinarRuns(n); len(runs) > 0 {
				return runs[0]
			}
			return nil
		}
		v, ok := openUUID(w.seed, rawUUID(id))
		if !ok {
			return nil
		}
		for _, i := range w.pastWebinarRuns(v >> 24) {
			if i.k == int(v>>16&0xff) {
				return i
			}
		}
		return nil
	}()
	switch {
	case run == nil:
		return nil, notFound(3001, "Webinar "+id+" not found or has expired.")
	case run.start.Before(c.now.AddDate(-1, 0, 0)):
		return nil, badRequest(12702, "Can not access a webinar a year ago.")
	}
	return run, nil
}

// webinarReport is a run as GET /report/webinars/{webinarId} answers it.
type webinarReport struct {
	meetingReport
	CustomKeys []customKey `json:"custom_keys"`
}

type customKey struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func getWebinarReport(c *call) (any, error) {
	i, err := c.findWebinarRun()
	if err != nil {
		return nil, err
	}
	r := &webinarReport{CustomKeys: []customKey{{"Region", "EMEA"}}}
	r.reportedRun, r.Dept = c.world.reportedRun(i), deref(c.world.seedUser(i.m.host).Dept)
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
	i, err := c.findWebinarRun()
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
	i, err := c.findWebinarRun()
	if err != nil {
		return nil, err
	}
	return c.world.results(i, c.world.polled(i, true)), nil
}
