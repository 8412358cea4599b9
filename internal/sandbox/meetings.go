package sandbox

import (
	"slices"
	"strconv"
	"time"
)

func init() {
	handle("GET /users/{userId}/meetings", listMeetings)
	handle("POST /users/{userId}/meetings", createMeeting, daily(hostWrites))
	handle("GET /meetings/{meetingId}", getMeeting)
	handle("PATCH /meetings/{meetingId}", updateMeeting, daily(hostWrites))
	handle("DELETE /meetings/{meetingId}", deleteMeeting)
	handle("PUT /meetings/{meetingId}/status", updateMeetingStatus)
}

// findMeeting returns the planned meeting that a path names by its number. Meetings that were
// deleted, or that ended more than a month ago, do not exist.
func (c *call) findMeeting() (*meeting, error) {
	id := c.path("meetingId")
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, badRequest(300, "Invalid meeting ID.")
	}
	if n, ok := c.world.nth(number); ok {
		if m := c.world.meeting(n); m != nil && !m.expired(c.now) {
			return m, nil
		}
	}
	return nil, notFound(3001, "Meeting does not exist: "+id+".")
}

// meetingsOf returns the planned meetings of a user: the seeded ones, then those created by
// calls.
func (w *world) meetingsOf(user int, now time.Time) []*meeting {
	var all []*meeting
	add := func(n uint64) {
		if m := w.meeting(n); m != nil && m.Type != instant && !m.expired(now) {
			all = append(all, m)
		}
	}
	if w.status(user) == "active" {
		for slot := range w.slots(user) {
			add(uint64(user)*slotsPerUser + uint64(slot))
		}
	}
	for _, n := range w.byHost[user] {
		add(n)
	}
	return all
}

func (w *world) slots(user int) int {
	if user == host {
		return max(w.opt.Meetings, specialSlots+1)
	}
	return w.opt.Meetings
}

func listMeetings(c *call) (any, error) {
	kind, err := c.choice("type", "scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings")
	if err != nil {
		return nil, err
	}
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	from, to, err := c.meetingDays()
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(c.world.meetingsOf(user, c.now), func(m *meeting) bool {
		at := m.next(c.now)
		if !from.IsZero() && (at.IsZero() || at.Before(from)) || !to.IsZero() && !at.Before(to.AddDate(0, 0, 1)) {
			return true
		}
		return !m.is(kind, c.now)
	})
	item := func(i int) any { return c.world.listed(all[i], c.now) }
	return c.page(len(all), item, c.pageNumber())
}

// meetingDays returns from and to, which are days in the time zone of the query.
func (c *call) meetingDays() (from, to time.Time, err error) {
	read := func(name string) (t time.Time) {
		if v := c.query.Get(name); v != "" && err == nil {
			if t, err = time.ParseInLocation(time.DateOnly, v, location(c.query.Get("timezone"))); err != nil {
				err = invalid(name)
			}
		}
		return t
	}
	from, to = read("from"), read("to")
	return from, to, err
}

func getMeeting(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	d := c.world.details(m, c.now)
	if id := c.query.Get("occurrence_id"); id != "" {
		o := m.occurrence(id)
		if o == nil {
			return nil, invalidOccurrence()
		}
		o.apply(d)
		return d, nil
	}
	previous := c.query.Get("show_previous_occurrences") == "true"
	for _, o := range m.occurrences {
		if previous || o.start.Add(time.Duration(o.Duration)*time.Minute).After(c.now) {
			d.Occurrences = append(d.Occurrences, o)
		}
	}
	return d, nil
}
