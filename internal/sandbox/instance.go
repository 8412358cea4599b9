package sandbox

import (
	"slices"
	"time"
)

// instance is one instance of a meeting. k counts backwards from the latest, which is 0;
// instances that a call has ended count down from 255.
type instance struct {
	m          *meeting
	k          int
	start, end time.Time
	held       []*stay // of an instance that Hold made; nil if the stays follow from the seed
}

// instances returns the instances of a meeting, the latest first. Changes of a meeting do not
// change its past instances.
func (w *world) instances(m *meeting) []*instance {
	all := slices.Clone(m.ended)
	if m.n >= createdBase || w.idle(m.host) {
		return all
	}
	seeded := w.seedMeeting(m.n)
	for k, start := range w.starts(seeded) {
		d := w.rng("instance", instanceKey(m.n, k))
		length := time.Duration(seeded.Duration)*time.Minute + time.Duration(d.n(600)-300)*time.Second
		if m.n == special(slotPending) {
			length = time.Hour
		}
		all = append(all, &instance{m: m, k: k, start: start, end: start.Add(length)})
	}
	return all
}

// starts returns the starts of the instances of a seeded meeting, the latest first.
func (w *world) starts(m *meeting) []time.Time {
	ago := func(months, days int) time.Time { return w.quarter().AddDate(0, -months, -days) }
	switch {
	case m.n == special(slotOld):
		return []time.Time{ago(2, 0), ago(13, 0), ago(16, 0)}
	case m.n == special(slotLive):
		return nil
	case m.Type == recurring:
		return w.pastDates(m)
	case m.Type == openEnded:
		return []time.Time{ago(0, 3), ago(0, 17), ago(0, 45)}
	case m.Type == instant:
		return []time.Time{ago(0, 1+int(mix(m.n)%80))}
	case m.end().Before(w.start):
		return []time.Time{m.start.Add(-2 * time.Minute)}
	}
	return nil
}

func (w *world) pastDates(m *meeting) []time.Time {
	var starts []time.Time
	for _, o := range slices.Backward(m.occurrences) {
		if o.start.Add(time.Duration(o.Duration)*time.Minute + time.Hour).Before(w.start) {
			starts = append(starts, o.start.Add(time.Minute))
		}
	}
	return starts
}

// idle reports whether a user schedules meetings but never starts one: these users are the
// inactive hosts of the reports.
func (w *world) idle(user int) bool {
	return user != host && mix(uint64(user)^w.seed)%8 == 0
}

// heldMeetings returns the meetings of a user that may have instances, including instant and
// deleted ones: two instant meetings each.
func (w *world) heldMeetings(user int) []*meeting {
	var all []*meeting
	add := func(n uint64) {
		m, changed := w.meetings[n]
		if changed && m == nil {
			m = w.deleted[n]
		} else if !changed {
			m = w.seedMeeting(n)
		}
		if m != nil {
			all = append(all, m)
		}
	}
	base := uint64(user) * slotsPerUser
	for slot := range w.slots(user) {
		add(base + uint64(slot))
	}
	add(base + instantSlot)
	add(base + instantSlot + 1)
	for _, n := range w.byHost[user] {
		add(n)
	}
	return all
}

// anyMeeting returns a meeting that is planned or was in the past.
func (w *world) anyMeeting(n uint64) *meeting {
	m, changed := w.meetings[n]
	switch {
	case changed && m != nil:
		return m
	case changed:
		return w.deleted[n]
	case n >= createdBase:
		return nil
	}
	return w.seedMeeting(n)
}

func (w *world) byUUID(uuid string) *instance {
	v, ok := openUUID(w.seed, uuid)
	if !ok || v>>24 >= numberPrime || w.uuid(v>>24, int(v>>16&0xff)) != uuid {
		return nil
	}
	m := w.anyMeeting(v >> 24)
	if m == nil {
		return nil
	}
	all := w.instances(m)
	i := slices.IndexFunc(all, func(i *instance) bool { return i.k == int(v>>16&0xff) })
	if i < 0 {
		return nil
	}
	return all[i]
}

// ready reports whether the reports of an instance are available.
func (i *instance) ready(c *call) bool { return !c.now.Before(i.end.Add(c.opt.ReportLag)) }

func (i *instance) minutes() int { return int(i.end.Sub(i.start).Round(time.Minute) / time.Minute) }
