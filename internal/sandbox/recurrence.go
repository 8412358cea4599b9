package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxOccurrences is the largest number of dates of a series.
//
// Source: occurrences.occurrence_id of POST /meetings/{meetingId}/registrants.
const maxOccurrences = 50

// recurrence is the rule of a series.
type recurrence struct {
	Type           int    `json:"type"`
	RepeatInterval int    `json:"repeat_interval,omitempty"`
	WeeklyDays     string `json:"weekly_days,omitempty"`
	MonthlyDay     int    `json:"monthly_day,omitempty"`
	MonthlyWeek    int    `json:"monthly_week,omitempty"`
	MonthlyWeekDay int    `json:"monthly_week_day,omitempty"`
	EndTimes       int    `json:"end_times,omitempty"`
	EndDateTime    string `json:"end_date_time,omitempty"`
}

const (
	everyDay = iota + 1
	weekly
	monthly
)

// occurrence is one date of a series. Deleted ones are kept, with their status.
type occurrence struct {
	OccurrenceID string `json:"occurrence_id"`
	StartTime    string `json:"start_time"`
	Duration     int    `json:"duration"`
	Status       string `json:"status"`

	start time.Time
	patch *occurrencePatch
}

// check returns the fields of a rule that Zoom would refuse.
func (r *recurrence) check() (wrong []string) {
	bad := func(is bool, field string) {
		if is {
			wrong = append(wrong, "recurrence."+field)
		}
	}
	longest := map[int]int{everyDay: 99, weekly: 50, monthly: 10}[r.Type]
	bad(longest == 0, "type")
	bad(r.RepeatInterval < 0 || longest > 0 && r.RepeatInterval > longest, "repeat_interval")
	bad(r.EndTimes < 0 || r.EndTimes > 60, "end_times")
	bad(r.EndTimes > 0 && r.EndDateTime != "", "end_times")
	_, err := time.Parse(zoomTime, r.EndDateTime)
	bad(r.EndDateTime != "" && err != nil, "end_date_time")
	for d := range strings.SplitSeq(r.WeeklyDays, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(d))
		bad(r.WeeklyDays != "" && (err != nil || n < 1 || n > 7), "weekly_days")
	}
	bad(r.MonthlyDay < 0 || r.MonthlyDay > 31, "monthly_day")
	bad(r.MonthlyWeek < -1 || r.MonthlyWeek > 4, "monthly_week")
	bad(r.MonthlyWeekDay < 0 || r.MonthlyWeekDay > 7, "monthly_week_day")
	return wrong
}

// dates returns the starts of a series whose first date is at or after start,
// at the same time of day in its zone.
func (r *recurrence) dates(start time.Time, zone string) []time.Time {
	most := r.EndTimes
	if most == 0 || most > maxOccurrences {
		most = maxOccurrences
	}
	until := start.AddDate(10, 0, 0)
	if t, err := time.Parse(zoomTime, r.EndDateTime); err == nil {
		until = t
	}
	var dates []time.Time
	local := start.In(location(zone))
	for step := 0; len(dates) < most && step < 4000; step++ {
		for _, d := range r.step(local, step) {
			if !d.Before(local) && !d.After(until) && len(dates) < most {
				dates = append(dates, d.UTC())
			}
		}
	}
	return dates
}

// step returns the dates of the n-th day, week or month.
func (r *recurrence) step(first time.Time, n int) []time.Time {
	n *= max(r.RepeatInterval, 1)
	switch r.Type {
	case weekly:
		return r.week(first.AddDate(0, 0, 7*n-int(first.Weekday())), first)
	case monthly:
		return r.month(first, n)
	}
	return []time.Time{first.AddDate(0, 0, n)}
}

// week returns the dates of the week that begins on a Sunday.
func (r *recurrence) week(sunday, first time.Time) []time.Time {
	if r.WeeklyDays == "" {
		return []time.Time{sunday.AddDate(0, 0, int(first.Weekday()))}
	}
	var days []time.Time
	for day := range strings.SplitSeq(r.WeeklyDays, ",") {
		n, _ := strconv.Atoi(strings.TrimSpace(day)) // checked before
		days = append(days, sunday.AddDate(0, 0, n-1))
	}
	slices.SortFunc(days, time.Time.Compare)
	return days
}

// month returns the date in the n-th month after the first, if the month has one.
func (r *recurrence) month(first time.Time, n int) []time.Time {
	begin := first.AddDate(0, n, 1-first.Day())
	length := begin.AddDate(0, 1, -1).Day()
	if r.MonthlyWeek == 0 {
		day := orElse(r.MonthlyDay, first.Day())
		if day > length {
			return nil
		}
		return []time.Time{begin.AddDate(0, 0, day-1)}
	}
	day := (orElse(r.MonthlyWeekDay, 1)-1-int(begin.Weekday())+7)%7 + 1
	day += 7 * (max(r.MonthlyWeek, 1) - 1)
	for r.MonthlyWeek == -1 && day+7 <= length {
		day += 7
	}
	return []time.Time{begin.AddDate(0, 0, day-1)}
}

var locations sync.Map

// location returns a time zone by its IANA name, or UTC if it is unknown.
func location(name string) *time.Location {
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		l = time.UTC
	}
	locations.Store(name, l)
	return l
}
