package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

func init() {
	handle("GET /meetings/{meetingId}/registrants", listRegistrants, paid)
	handle("POST /meetings/{meetingId}/registrants", addRegistrant, paid, daily(registrations))
	handle("GET /meetings/{meetingId}/registrants/{registrantId}", getRegistrant)
	handle("DELETE /meetings/{meetingId}/registrants/{registrantId}", deleteRegistrant, paid)
	handle("PUT /meetings/{meetingId}/registrants/status", updateRegistrantStatus, paid, daily(statusChanges))
}

// findRegistering returns a meeting with registration. For one without, the operations
// document two different codes.
func (c *call) findRegistering(code int) (*meeting, error) {
	m, err := c.findMeeting()
	if err == nil && !m.registers() {
		err = badRequest(code, "Registration has not been enabled for this meeting: "+c.path("meetingId")+".")
	}
	return m, err
}

// findRegistrant returns the registrant of the path, or nil.
func (c *call) findRegistrant(m *meeting) *registrant {
	all := c.world.registrants(m)
	i := slices.IndexFunc(all, func(r *registrant) bool { return r.ID == c.path("registrantId") })
	if i < 0 {
		return nil
	}
	return all[i]
}

func listRegistrants(c *call) (any, error) {
	m, err := c.findRegistering(300)
	if err != nil {
		return nil, err
	}
	status, err := c.choice("status", "approved", "pending", "denied")
	if err != nil {
		return nil, err
	}
	id := c.query.Get("occurrence_id")
	if id != "" && m.occurrence(id) == nil {
		return nil, invalidOccurrence()
	}
	all := slices.DeleteFunc(c.world.registrants(m), func(r *registrant) bool {
		return r.Status != status || id != "" && r.occurrences != nil && !slices.Contains(r.occurrences, id)
	})
	return c.page(len(all), func(i int) any { return all[i] }, c.pageNumber())
}

func getRegistrant(c *call) (any, error) {
	m, err := c.findRegistering(3000)
	if err != nil {
		return nil, err
	}
	if r := c.findRegistrant(m); r != nil {
		return r, nil
	}
	return nil, notFound(3001, "Registrant does not exist: "+c.path("registrantId")+".")
}

func deleteRegistrant(c *call) (any, error) {
	m, err := c.findRegistering(300)
	if err != nil {
		return nil, err
	}
	r := c.findRegistrant(m)
	if r == nil {
		return nil, badRequest(300, "The value that you entered for the Registrant ID field is invalid. Enter a valid value and try again.")
	}
	c.world.changesOfRegistrants(m).set(r.ID, nil)
	return nil, nil
}

// addedRegistrant is the answer to a registration. It has no link while the registrant
// awaits approval.
type addedRegistrant struct {
	RegistrantID string        `json:"registrant_id"`
	ID           int64         `json:"id"`
	Topic        string        `json:"topic"`
	StartTime    string        `json:"start_time,omitempty"`
	JoinURL      string        `json:"join_url,omitempty"`
	PinCode      int64         `json:"participant_pin_code,omitempty"`
	Occurrences  []*occurrence `json:"occurrences,omitempty"`
}

func addRegistrant(c *call) (any, error) {
	m, err := c.registrable()
	if err != nil {
		return nil, err
	}
	var body struct {
		registrantBody
		AutoApprove bool `json:"auto_approve"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	answer, chosen, err := c.registration(m)
	if err != nil {
		return nil, err
	}
	r, err := c.saveRegistrant(m, body.registrantBody, chosen, body.AutoApprove)
	if err != nil {
		return nil, err
	}
	answer.RegistrantID, answer.JoinURL, answer.PinCode = r.ID, r.JoinURL, r.PinCode
	return answer, nil
}

// registration returns the answer to a registration without the registrant's fields, and the
// ids of the chosen occurrences; nil means all.
func (c *call) registration(m *meeting) (*addedRegistrant, []string, error) {
	answer := &addedRegistrant{ID: c.world.number(m.n), Topic: m.Topic, StartTime: stamp(m.next(c.now))}
	ids := c.query.Get("occurrence_ids")
	if ids == "" {
		answer.Occurrences = m.occurrences
		return answer, nil, nil
	}
	chosen := strings.Split(ids, ",")
	for _, id := range chosen {
		o := m.occurrence(id)
		if o == nil {
			return nil, nil, badRequest(300, "Invalid parameter: occurrence_ids.")
		}
		answer.Occurrences = append(answer.Occurrences, o)
	}
	return answer, chosen, nil
}

// registrable returns a meeting that accepts registrations. If there is none, the documented
// code differs from that of the other operations.
func (c *call) registrable() (*meeting, error) {
	m, err := c.findMeeting()
	switch {
	case err != nil:
		return nil, notFound(1001, "Meeting does not exist: "+c.path("meetingId")+".")
	case !m.registers():
		return nil, badRequest(3000, "Cannot access meeting info. Registration has not been enabled for this meeting: "+c.path("meetingId")+".")
	case deref(m.Settings.CloseRegistration), m.Type == scheduled && m.end().Before(c.now):
		return nil, badRequest(3038, "Meeting is over, you can not register now. If you have any questions, please contact the Meeting host.")
	}
	return m, nil
}

func (b *registrantBody) check() error {
	var wrong []string
	if at := strings.Index(b.Email, "@"); at < 1 || len(b.Email) > 128 || at == len(b.Email)-1 {
		wrong = append(wrong, "email")
	}
	if b.FirstName == "" || len([]rune(b.FirstName)) > 64 {
		wrong = append(wrong, "first_name")
	}
	if len([]rune(deref(b.LastName))) > 64 {
		wrong = append(wrong, "last_name")
	}
	if len(wrong) > 0 {
		return invalid(wrong...)
	}
	return nil
}

// saveRegistrant adds a registrant. An address that is registered already keeps its id.
func (c *call) saveRegistrant(m *meeting, body registrantBody, occurrences []string, auto bool) (*registrant, error) {
	w := c.world
	all := w.registrants(m)
	r := &registrant{CreateTime: stamp(c.now)}
	if i := slices.IndexFunc(all, func(r *registrant) bool { return strings.EqualFold(r.Email, body.Email) }); i >= 0 {
		r.ID = all[i].ID
		w.changesOfRegistrants(m).set(r.ID, nil)
	} else if len(all) >= maxRegistrants {
		return nil, &zoomError{http.StatusBadRequest, 3043, "Meeting has reached maximum attendee capacity.", nil}
	} else {
		w.lastID++
		r.ID = sealID(w.seed, sealRegistrant, 1<<62|w.lastID)
	}
	r.registrantBody, r.occurrences, r.Status = body, occurrences, "pending"
	if auto || deref(m.Settings.ApprovalType) == 0 {
		r.approve(w, m)
	}
	e := w.changesOfRegistrants(m)
	e.added = append(e.added, r)
	return r, nil
}

// updateRegistrantStatus approves, denies or cancels. It ignores registrants that the meeting
// does not have; Zoom documents no error for them.
func updateRegistrantStatus(c *call) (any, error) {
	m, err := c.findRegistering(3000)
	if err != nil {
		return nil, err
	}
	var body struct {
		Action      string `json:"action"`
		Registrants []struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		} `json:"registrants"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"approve", "cancel", "deny"}, body.Action) {
		return nil, invalid("action")
	}
	if len(body.Registrants) > maxStatusChanges {
		return nil, invalid("registrants")
	}
	all := c.world.registrants(m)
	for _, named := range body.Registrants {
		i := slices.IndexFunc(all, func(r *registrant) bool {
			return r.ID == named.ID || named.ID == "" && strings.EqualFold(r.Email, named.Email)
		})
		if i >= 0 {
			c.applyAction(m, all[i], body.Action)
		}
	}
	return nil, nil
}

func (c *call) applyAction(m *meeting, r *registrant, action string) {
	switch action {
	case "approve":
		r.approve(c.world, m)
	case "deny":
		r.Status, r.JoinURL, r.PinCode = "denied", "", 0
	case "cancel":
		c.world.changesOfRegistrants(m).set(r.ID, nil)
		return
	}
	c.world.changesOfRegistrants(m).set(r.ID, r)
}
