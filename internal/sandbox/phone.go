package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

func init() {
	handle("GET /phone/users/{userId}/recordings", listPhoneRecordings, paid)
}

// phoneRecording is a recording of a phone call.
type phoneRecording struct {
	ID            string     `json:"id"`
	CallID        string     `json:"call_id"`
	LogID         string     `json:"call_log_id"`
	HistoryID     string     `json:"call_history_id"`
	ElementID     string     `json:"call_element_id"`
	CalleeName    string     `json:"callee_name"`
	CalleeNumber  string     `json:"callee_number"`
	CalleeType    int        `json:"callee_number_type"`
	CallerName    string     `json:"caller_name"`
	CallerNumber  string     `json:"caller_number"`
	CallerType    int        `json:"caller_number_type"`
	OutgoingBy    *extension `json:"outgoing_by,omitempty"`
	AcceptedBy    *extension `json:"accepted_by,omitempty"`
	DateTime      string     `json:"date_time"`
	Direction     string     `json:"direction"`
	Download      string     `json:"download_url"`
	Transcript    string     `json:"transcript_download_url,omitempty"`
	Duration      int        `json:"duration"`
	MeetingUUID   string     `json:"meeting_uuid,omitempty"`
	CallerAccount string     `json:"caller_account_code,omitempty"`
	CalleeAccount string     `json:"callee_account_code,omitempty"`
}

type extension struct {
	Name   string `json:"name"`
	Number string `json:"extension_number"`
}

// phoneDays returns the range of a query, by default the last 30 days.
func (c *call) phoneDays() (from, to time.Time, err error) {
	if c.query.Get("from") == "" && c.query.Get("to") == "" {
		today := c.now.Truncate(24 * time.Hour)
		return today.AddDate(0, 0, -29), today, nil
	}
	return c.days()
}

func listPhoneRecordings(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	from, to, err := c.phoneDays()
	if err != nil {
		return nil, err
	}
	var all []*phoneRecording
	for day := from; !day.After(to) && c.world.status(user) == "active"; day = day.AddDate(0, 0, 1) {
		d := c.world.rng("calls", uint64(user)<<20|uint64(day.Unix()/86400))
		for j := range pick(&d, []int{0, 0, 1, 2}) {
			if r := c.phoneRecording(user, day, j); r != nil {
				all = append(all, r)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *phoneRecording) int { return cmp.Compare(b.DateTime, a.DateTime) })
	return c.page(len(all), func(i int) any { return all[i] },
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)})
}

// phoneRecording returns the j-th recording of a day, or nil if it is in the future.
func (c *call) phoneRecording(user int, day time.Time, j int) *phoneRecording {
	w := c.world
	key := 1<<62 | uint64(user)<<24 | uint64(day.Unix()/86400)<<4 | uint64(j)
	d := w.rng("call", key)
	at := day.Add(8*time.Hour + time.Duration(d.n(36_000))*time.Second)
	if at.After(c.now) {
		return nil
	}
	id, seconds := w.fileID(key), 5+d.n(1200)
	stranger := newName(&d)
	r := &phoneRecording{
		ID: id, CallID: strconv.FormatUint(7_000_000_000_000_000_000+key%1_000_000_000_000, 10), ElementID: at.Format("20060102-") + id,
		LogID: "log-" + id, HistoryID: at.Format("20060102-") + "history-" + id, DateTime: stamp(at), Duration: seconds,
		Direction: "inbound", CallerName: stranger.String(), CallerNumber: fmt.Sprintf("+1202555%04d", d.n(10_000)), CallerType: 2,
		CalleeName: w.name(user).String(), CalleeNumber: strconv.Itoa(1000 + user), CalleeType: 1,
		Download: c.fileURL("recording", id, int64(seconds)*4000, "mp3"), Transcript: c.fileURL("transcript", id, int64(seconds)*20, "json"),
	}
	if d.chance(40) {
		r.Direction = "outbound"
		r.CallerName, r.CalleeName = r.CalleeName, r.CallerName
		r.CallerNumber, r.CalleeNumber = r.CalleeNumber, r.CallerNumber
		r.CallerType, r.CalleeType = 1, 2
	}
	self := &extension{w.name(user).String(), strconv.Itoa(1000 + user)}
	switch {
	case d.chance(20) && r.Direction == "inbound":
		r.AcceptedBy = self
	case d.chance(20):
		r.OutgoingBy = self
	}
	if d.chance(10) {
		r.CallerAccount, r.CalleeAccount = "111", "222"
	}
	if user == host && d.chance(30) {
		r.MeetingUUID = w.uuid(special(slotBig), 0)
	}
	return r
}
