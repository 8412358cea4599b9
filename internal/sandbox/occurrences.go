package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// invalidOccurrence is the documented answer to an unknown occurrence id.
//
// Source: code 300 of DELETE /meetings/{meetingId}.
func invalidOccurrence() error { return badRequest(300, "Invalid parameter: occurrence_id.") }

func (m *meeting) occurrence(id string) *occurrence {
	i := slices.IndexFunc(m.occurrences, func(o *occurrence) bool { return o.OccurrenceID == id })
	if i < 0 || m.occurrences[i].Status == "deleted" {
		return nil
	}
	return m.occurrences[i]
}

// recur sets the dates of a series.
func (m *meeting) recur() {
	m.occurrences = nil
	if m.Type != recurring || m.Recurrence == nil {
		return
	}
	for _, at := range m.Recurrence.dates(m.start, m.Timezone) {
		m.occurrences = append(m.occurrences, &occurrence{
			OccurrenceID: strconv.FormatInt(at.UnixMilli(), 10),
			StartTime:    stamp(at), Duration: m.Duration, Status: "available", start: at,
		})
	}
}

// parseStart parses a start_time: UTC with a "Z", otherwise local time in the zone.
func parseStart(s, zone string) (time.Time, error) {
	if strings.HasSuffix(s, "Z") {
		return time.Parse(zoomTime, s)
	}
	t, err := time.ParseInLocation(strings.TrimSuffix(zoomTime, "Z"), s, location(zone))
	return t.UTC(), err
}
