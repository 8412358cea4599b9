package sandbox

import (
	"cmp"
	"slices"
	"time"
)

func init() {
	handle("GET /users/{userId}/meeting_templates", listTemplates)
	handle("POST /users/{userId}/meeting_templates", createTemplate)
	handle("GET /users/{userId}/upcoming_meetings", listUpcoming)
}

// template is a meeting template.
type template struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type int    `json:"type,omitempty"`
	from uint64 // the meeting it was made from
}

// maxTemplates is the largest number of templates of a user.
//
// Source: code 300 of POST /users/{userId}/meeting_templates.
const maxTemplates = 40

func (w *world) templates(user int) []*template {
	all := []*template{
		{ID: sealID(w.seed, sealOther, 1<<59|uint64(user)), Name: "Review", Type: 1},
		{ID: sealID(w.seed, sealOther, 1<<59|1<<40), Name: "Company standard", Type: 2},
	}
	return append(all, w.madeTemplates[user]...)
}

func listTemplates(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	all := c.world.templates(user)
	return map[string]any{"templates": all, "total_records": len(all)}, nil
}

func createTemplate(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	var body struct {
		MeetingID int64  `json:"meeting_id"`
		Name      string `json:"name"`
		Overwrite bool   `json:"overwrite"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	w := c.world
	n, ok := w.nth(body.MeetingID)
	m := w.meeting(n)
	if !ok || m == nil {
		return nil, badRequest(3001, "Meeting does not exist: "+formatNumber(body.MeetingID))
	}
	t := &template{Name: orElse(body.Name, m.Topic), Type: 1, from: m.n}
	if body.Overwrite {
		w.madeTemplates[user] = slices.DeleteFunc(w.madeTemplates[user], func(old *template) bool { return old.from == m.n })
	}
	all := w.templates(user)
	switch {
	case len(all) >= maxTemplates:
		return nil, badRequest(300, "You can only create up to 40 meeting templates.")
	case slices.ContainsFunc(all, func(old *template) bool { return old.Name == t.Name }):
		return nil, badRequest(3000, "Meeting template name already exists: "+t.Name+".")
	}
	w.lastID++
	t.ID = sealID(w.seed, sealOther, 1<<62|w.lastID)
	w.madeTemplates[user] = append(w.madeTemplates[user], t)
	return &template{ID: t.ID, Name: t.Name}, nil
}

// upcomingMeeting is a meeting as GET /users/{userId}/upcoming_meetings lists it.
type upcomingMeeting struct {
	ID        int64  `json:"id"`
	Topic     string `json:"topic"`
	Type      int    `json:"type"`
	StartTime string `json:"start_time"`
	Duration  int    `json:"duration"`
	Timezone  string `json:"timezone"`
	CreatedAt string `json:"created_at"`
	JoinURL   string `json:"join_url"`
	Passcode  string `json:"passcode,omitempty"`
	UsePMI    bool   `json:"use_pmi"`
	IsHost    bool   `json:"is_host"`
	IsAllDay  bool   `json:"is_all_day"`
}

// listUpcoming lists the meetings of a user in the next day: the user's own, and those of two
// colleagues, who invite everyone.
func listUpcoming(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, notFound(3001, "User does not exist: "+c.path("userId")+".")
	}
	w := c.world
	list := []*upcomingMeeting{}
	for i, of := range []int{user, w.member(uint64(user), 0), w.member(uint64(user), 1)} {
		if of < 0 || i > 0 && of == user {
			continue
		}
		for _, m := range w.meetingsOf(of, c.now) {
			at := m.next(c.now)
			if m.Type == screen || at.Before(c.now) || at.After(c.now.Add(24*time.Hour)) {
				continue
			}
			list = append(list, &upcomingMeeting{
				ID: w.number(m.n), Topic: m.Topic, Type: m.Type, StartTime: stamp(at), Duration: m.Duration, Timezone: m.Timezone,
				CreatedAt: stamp(m.created), JoinURL: m.joinURL(w), Passcode: deref(m.Password), UsePMI: m.usesPMI(), IsHost: of == user,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b *upcomingMeeting) int { return cmp.Compare(a.StartTime, b.StartTime) })
	return map[string]any{"total_records": len(list), "meetings": list}, nil
}
