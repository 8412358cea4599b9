package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

func init() {
	handle("GET /metrics/zoomrooms", listRooms, business)
	handle("GET /metrics/zoomrooms/{zoomroomId}", getRoom, business)
	handle("GET /metrics/zoomrooms/issues", listRoomIssues, business)
	handle("GET /metrics/issues/zoomrooms", listRoomsWithIssues, business)
	handle("GET /metrics/issues/zoomrooms/{zoomroomId}", listRoomEvents, business)
	handle("GET /metrics/chat", listChatUsage, business)
	handle("GET /metrics/client/feedback", listClientFeedback, business)
	handle("GET /metrics/client/feedback/{feedbackId}", listFeedbackEntries, business)
	handle("GET /metrics/client/satisfaction", listSatisfaction, business)
	handle("GET /metrics/client_versions", listClientVersions, business)
	handle("GET /metrics/crc", listCRCPorts, business)
	handle("GET /metrics/quality", getQuality, business)
}

// roomCount is how many Zoom Rooms the account has.
const roomCount = 6

const roomBase = 5000 // of the sealed ids

func (w *world) roomID(i int) string { return sealID(w.seed, sealOther, roomBase+uint64(i)) }

func (c *call) findRoom() (int, error) {
	for i := range roomCount {
		if c.world.roomID(i) == c.path("zoomroomId") {
			return i, nil
		}
	}
	return 0, notFound(3001, "Zoom Room does not exist: "+c.path("zoomroomId")+".")
}

type room struct {
	ID            string   `json:"id"`
	RoomName      string   `json:"room_name"`
	CalenderName  string   `json:"calender_name"`
	Email         string   `json:"email"`
	AccountType   string   `json:"account_type"`
	Status        string   `json:"status"`
	Health        string   `json:"health"`
	Issues        []string `json:"issues"`
	DeviceIP      string   `json:"device_ip"`
	Camera        string   `json:"camera"`
	Microphone    string   `json:"microphone"`
	Speaker       string   `json:"speaker"`
	LastStartTime string   `json:"last_start_time"`
	Location      string   `json:"location"`
	LocationID    *string  `json:"location_id,omitempty"`
}

var roomTroubles = []string{"Zoom room is offline", "Selected camera has disconnected", "Untrusted certificate is detected", "Room Controller disconnected"}

func (w *world) room(i int) *room {
	r := &room{
		ID: w.roomID(i), RoomName: "Room " + cities[i%len(cities)], CalenderName: fmt.Sprintf("room-%d", i),
		Email: fmt.Sprintf("room%d@example.com", i), AccountType: "Work Email", Status: "Available", Health: "good", Issues: []string{},
		DeviceIP: fmt.Sprintf("Computer : 198.51.100.%d;Controller : 198.51.100.%d", 10+i, 110+i), Camera: "HD Camera",
		Microphone: "Microphone (Ceiling)", Speaker: "Speakers (Ceiling)", LastStartTime: stamp(w.start.Add(-time.Duration(i+1) * 20 * time.Hour)),
		Location: fmt.Sprintf("floor%d", 1+i/2),
	}
	switch {
	case i == 0:
		r.Status = "In Meeting"
	case i%3 == 2:
		r.Status, r.Health, r.Issues = "Offline", "critical", []string{roomTroubles[0]}
	}
	return r
}

func listRooms(c *call) (any, error) {
	return c.page(roomCount, func(i int) any {
		r := c.world.room(i)
		r.LocationID = new(sealID(c.world.seed, sealOther, roomBase+1000+uint64(i/2)))
		return r
	}, c.pageNumber())
}

type roomDetails struct {
	*room
	LiveMeeting  *instanceBasics `json:"live_meeting,omitempty"`
	PastMeetings *page           `json:"past_meetings"`
}

// getRoom returns a room with the meetings that its host held in the range: each room has one
// user, who books it.
func getRoom(c *call) (any, error) {
	n, err := c.findRoom()
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	details := &roomDetails{room: c.world.room(n)}
	live := &dashboardCall{call: c, kind: "live"}
	if i := c.world.liveInstance(c.world.anyMeeting(special(slotLive))); n == 0 && i != nil {
		details.LiveMeeting = live.inRoom(i)
	}
	past := &dashboardCall{call: c, kind: "past"}
	hosts := c.world.byStatus()["active"]
	held := c.held(hosts[(n+1)%len(hosts)], from, to, false)
	details.PastMeetings, err = c.page(len(held), func(k int) any { return past.inRoom(held[k]) },
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)})
	if details.PastMeetings != nil {
		details.PastMeetings.array = "meetings"
	}
	return details, err
}

func (r *dashboardCall) inRoom(i *instance) *instanceBasics {
	b := r.basics(i)
	b.InRoomParticipants = new(1 + int(i.m.n%3))
	return &b
}

// inDays returns an answer for a range, with a single page.
func inDays(from, to time.Time, more ...field) map[string]any {
	answer := map[string]any{"from": from.Format(time.DateOnly), "to": to.Format(time.DateOnly)}
	for _, f := range more {
		answer[f.name] = f.value
	}
	return answer
}

// length returns the number of days of a range.
func length(from, to time.Time) int { return int(to.Sub(from)/(24*time.Hour)) + 1 }

type roomIssue struct {
	IssueName      string `json:"issue_name"`
	ZoomRoomsCount int    `json:"zoom_rooms_count"`
}

func listRoomIssues(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	list := []roomIssue{}
	for i, trouble := range roomTroubles {
		list = append(list, roomIssue{trouble, 1 + (roomCount-i)/2})
	}
	return inDays(from, to, field{"total_records", len(list)}, field{"issues", list}), nil
}

type troubledRoom struct {
	ID          string `json:"id"`
	RoomName    string `json:"room_name"`
	IssuesCount int    `json:"issues_count"`
}

func listRoomsWithIssues(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	list := []troubledRoom{}
	for i := range roomCount {
		if n := len(c.roomEvents(i, from, to)); n > 0 {
			list = append(list, troubledRoom{c.world.roomID(i), c.world.room(i).RoomName, n})
		}
	}
	slices.SortStableFunc(list, func(a, b troubledRoom) int { return b.IssuesCount - a.IssuesCount })
	return inDays(from, to, field{"total_records", len(list)}, field{"zoom_rooms", list}), nil
}

type roomEvent struct {
	Issue string `json:"issue"`
	Time  string `json:"time"`
}

// roomEvents returns one or two events a day, and none for rooms without issues.
func (c *call) roomEvents(room int, from, to time.Time) []roomEvent {
	var list []roomEvent
	for day := to; room%3 != 1 && !day.Before(from); day = day.AddDate(0, 0, -1) {
		d := c.world.rng("room", uint64(day.Unix())<<8|uint64(room))
		for k := range 1 + d.n(2) {
			if at := day.Add(time.Duration(20-8*k) * time.Hour); at.Before(c.now) {
				list = append(list, roomEvent{pick(&d, roomTroubles), stamp(at)})
			}
		}
	}
	return list
}

func listRoomEvents(c *call) (any, error) {
	n, err := c.findRoom()
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	events := c.roomEvents(n, from, to)
	return c.page(len(events), func(k int) any { return events[k] },
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)})
}

type chatUsage struct {
	UserID         string `json:"user_id"`
	UserName       string `json:"user_name"`
	Email          string `json:"email"`
	TotalSent      int    `json:"total_sent"`
	P2PSent        int    `json:"p2p_sent"`
	GroupSent      int    `json:"group_sent"`
	TextSent       int    `json:"text_sent"`
	CodeSippetSent int    `json:"code_sippet_sent"`
	FilesSent      int    `json:"files_sent"`
	ImagesSent     int    `json:"images_sent"`
	AudioSent      int    `json:"audio_sent"`
	VideoSent      int    `json:"video_sent"`
	GiphysSent     int    `json:"giphys_sent"`
}

func listChatUsage(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	users := c.world.byStatus()["active"]
	p, err := c.page(len(users), func(k int) any { return c.world.chatUsage(users[k], length(from, to)) },
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)})
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

func (w *world) chatUsage(user, days int) *chatUsage {
	d := w.rng("chat", uint64(user))
	u := &chatUsage{
		UserID: w.userID(user), UserName: w.name(user).String(), Email: w.email(user), TextSent: days * d.n(12), CodeSippetSent: d.n(3),
		FilesSent: days * d.n(2), ImagesSent: d.n(9), AudioSent: d.n(2), VideoSent: d.n(2), GiphysSent: d.n(5),
	}
	u.TotalSent = u.TextSent + u.CodeSippetSent + u.FilesSent + u.ImagesSent + u.AudioSent + u.VideoSent + u.GiphysSent
	u.P2PSent = u.TotalSent / 3
	u.GroupSent = u.TotalSent - u.P2PSent
	return u
}

var feedbackNames = []string{"Others", "I could not hear any sound", "Poor audio quality", "I could not see others' video", "The screen share was blurry"}

type clientFeedback struct {
	FeedbackID        string `json:"feedback_id"`
	FeedbackName      string `json:"feedback_name"`
	ParticipantsCount int    `json:"participants_count"`
}

type feedbackEntry struct {
	Email           string `json:"email"`
	MeetingID       string `json:"meeting_id"`
	ParticipantName string `json:"participant_name"`
	Time            string `json:"time"`
}

// feedbackEntries returns the participants who selected an answer: participants of the
// meetings of the landmarks' host.
func (c *call) feedbackEntries(id int, from, to time.Time) []feedbackEntry {
	w := c.world
	list := []feedbackEntry{}
	for _, i := range c.held(host, from, to, false) {
		for _, s := range w.stays(i) {
			if s.person%4 == 1 && int(i.m.n+uint64(s.person))%len(feedbackNames)+1 == id {
				name, email := w.shown(i, s)
				list = append(list, feedbackEntry{email, strconv.FormatInt(w.number(i.m.n), 10), name, stamp(s.leave)})
			}
		}
	}
	return list
}

func listClientFeedback(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	list := []clientFeedback{}
	for k, name := range feedbackNames {
		list = append(list, clientFeedback{strconv.Itoa(k + 1), name, len(c.feedbackEntries(k+1, from, to))})
	}
	return inDays(from, to, field{"total_records", len(list)}, field{"client_feedbacks", list}), nil
}

func listFeedbackEntries(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	id, err := strconv.Atoi(c.path("feedbackId"))
	if err != nil {
		return nil, invalid("feedbackId")
	}
	entries := c.feedbackEntries(id, from, to)
	p, err := c.page(len(entries), func(k int) any { return entries[k] },
		field{"from", from.Format(time.DateOnly)}, field{"to", to.Format(time.DateOnly)})
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

type satisfaction struct {
	Date                string  `json:"date"`
	GoodCount           int     `json:"good_count"`
	NotGoodCount        int     `json:"not_good_count"`
	NoneCount           int     `json:"none_count"`
	SatisfactionPercent float64 `json:"satisfaction_percent"`
}

// listSatisfaction generates its figures by day.
func listSatisfaction(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	list := []satisfaction{}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		d := c.world.rng("satisfaction", uint64(day.Unix()))
		s := satisfaction{Date: day.Format(time.DateOnly), GoodCount: d.n(20), NotGoodCount: d.n(4), NoneCount: 1 + d.n(30)}
		all := s.GoodCount + s.NotGoodCount + s.NoneCount
		s.SatisfactionPercent = float64((s.GoodCount+s.NoneCount)*1000/all) / 10
		list = append(list, s)
	}
	return inDays(from, to, field{"total_records", len(list)}, field{"client_satisfaction", list}), nil
}

type clientVersion struct {
	ClientVersion string `json:"client_version"`
	TotalCount    int    `json:"total_count"`
}

func listClientVersions(c *call) (any, error) {
	list := []clientVersion{}
	users := len(c.world.byStatus()["active"])
	for i, version := range clientVersions {
		list = append(list, clientVersion{version, users / (i + 2)})
	}
	return map[string]any{"client_versions": list}, nil
}

type crcDay struct {
	DateTime string    `json:"date_time"`
	Hours    []crcHour `json:"crc_ports_hour_usage"`
}

type crcHour struct {
	Hour       string `json:"hour"`
	MaxUsage   int    `json:"max_usage"`
	TotalUsage int    `json:"total_usage"`
}

// listCRCPorts generates its figures by hour.
func listCRCPorts(c *call) (any, error) {
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	list := []crcDay{}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		d := c.world.rng("crc", uint64(day.Unix()))
		x := crcDay{DateTime: day.Format(time.DateOnly)}
		for hour := range 24 {
			most := d.n(4)
			x.Hours = append(x.Hours, crcHour{fmt.Sprintf("%02d", hour), most, most + d.n(3)})
		}
		list = append(list, x)
	}
	return inDays(from, to, field{"crc_ports_usage", list}), nil
}

type qualityCounts struct {
	Good int `json:"good"`
	Fair int `json:"fair"`
	Poor int `json:"poor"`
	Bad  int `json:"bad"`
}

// getQuality generates its figures.
func getQuality(c *call) (any, error) {
	kind, err := c.choice("type", "meeting", "participants")
	if err != nil {
		return nil, err
	}
	from, to, err := c.days()
	if err != nil {
		return nil, err
	}
	d := c.world.rng("scores "+kind, uint64(from.Unix()^to.Unix()<<20))
	counts := func() qualityCounts {
		n := length(from, to) * (5 + d.n(5))
		return qualityCounts{n, n / 5, n / 12, n / 30}
	}
	scores := map[string]qualityCounts{"audio": counts(), "video": counts(), "screen_share": counts()}
	return inDays(from, to, field{"quality", scores}), nil
}
