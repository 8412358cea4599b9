package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	handle("GET /users/{userId}/webinars", listWebinars, paid)
	handle("GET /webinars/{webinarId}", getWebinar, paid)
	handle("GET /webinars/{webinarId}/registrants", listWebinarRegistrants, paid)
	handle("POST /webinars/{webinarId}/registrants", addWebinarRegistrant, paid, daily(webinarRegistrations))
	handle("GET /webinars/{webinarId}/registrants/{registrantId}", getWebinarRegistrant, paid)
	handle("GET /webinars/{webinarId}/panelists", listPanelists, paid)
	handle("GET /past_webinars/{webinarId}/participants", listWebinarParticipants, paid)
	handle("GET /past_webinars/{webinarId}/instances", listWebinarInstances, paid)
	handle("GET /past_webinars/{webinarId}/absentees", listAbsentees, paid)
}

var webinarRegistrations = quota{name: "webinar registrant", perDay: 3, of: registrantsOfCall, what: "Add a webinar registrant"}

// listedWebinar is a webinar as GET /users/{userId}/webinars lists it.
type listedWebinar struct {
	UUID            string `json:"uuid"`
	ID              int64  `json:"id"`
	HostID          string `json:"host_id"`
	Topic           string `json:"topic"`
	Agenda          string `json:"agenda"`
	Type            int    `json:"type"`
	StartTime       string `json:"start_time,omitempty"`
	Duration        int    `json:"duration"`
	Timezone        string `json:"timezone"`
	CreatedAt       string `json:"created_at"`
	JoinURL         string `json:"join_url"`
	IsSimulive      bool   `json:"is_simulive"`
	IsEventsWebinar *bool  `json:"is_events_webinar,omitempty"`
}

// webinarDetails is a webinar as GET /webinars/{webinarId} answers it.
type webinarDetails struct {
	listedWebinar
	HostEmail          string          `json:"host_email"`
	CreationSource     string          `json:"creation_source"`
	StartURL           string          `json:"start_url"`
	RegistrationURL    string          `json:"registration_url,omitempty"`
	Password           string          `json:"password,omitempty"`
	EncryptedPasscode  string          `json:"encrypted_passcode,omitempty"`
	H323Passcode       string          `json:"h323_passcode,omitempty"`
	TemplateID         string          `json:"template_id,omitempty"`
	TrackingFields     []trackingField `json:"tracking_fields,omitempty"`
	Occurrences        []*occurrence   `json:"occurrences,omitempty"`
	Recurrence         *recurrence     `json:"recurrence,omitempty"`
	RecordFileID       string          `json:"record_file_id,omitempty"`
	TransitionToLive   *bool           `json:"transition_to_live,omitempty"`
	SimuliveDelayStart map[string]any  `json:"simulive_delay_start,omitempty"`
	Settings           map[string]any  `json:"settings"`
}

// allWebinars returns the webinars of a user.
func (w *world) allWebinars(user int) []*meeting {
	var all []*meeting
	for slot := range w.webinarSlots(user) {
		if m := w.webinar(webinarBase + uint64(user)*slotsPerUser + uint64(slot)); m != nil {
			all = append(all, m)
		}
	}
	return all
}

// webinarsOf returns the webinars of a user that have not expired.
func (w *world) webinarsOf(user int, now time.Time) []*meeting {
	return slices.DeleteFunc(w.allWebinars(user), func(m *meeting) bool { return m.expired(now) })
}

func listWebinars(c *call) (any, error) {
	kind, err := c.choice("type", "scheduled", "upcoming")
	if err != nil {
		return nil, err
	}
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	if c.world.webinarSlots(user) == 0 {
		return nil, noWebinarPlan()
	}
	all := slices.DeleteFunc(c.world.webinarsOf(user, c.now), func(m *meeting) bool { return !m.is(kind, c.now) })
	item := func(i int) any {
		l := c.world.listedWebinar(all[i], c.now)
		l.IsEventsWebinar = new(false)
		return l
	}
	p, err := c.page(len(all), item, c.pageNumber())
	if err != nil {
		return nil, err
	}
	return p.without("next_page_token"), nil
}

func noWebinarPlan() error {
	return badRequest(200, "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in order to perform this action.")
}

// findWebinar returns the planned webinar that a path names by its number.
func (c *call) findWebinar() (*meeting, error) {
	id := c.path("webinarId")
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, badRequest(300, "Invalid webinar ID.")
	}
	if n, ok := c.world.nth(number); ok {
		if m := c.world.webinar(n); m != nil && !m.expired(c.now) {
			return m, nil
		}
	}
	return nil, notFound(3001, "Webinar does not exist: "+id+".")
}

func (w *world) listedWebinar(m *meeting, now time.Time) listedWebinar {
	return listedWebinar{
		UUID: w.currentUUID(m), ID: w.number(m.n), HostID: w.userID(m.host), Topic: m.Topic, Agenda: m.Agenda,
		Type: webinarTypes[m.Type], StartTime: stamp(m.next(now)), Duration: m.Duration, Timezone: m.Timezone,
		CreatedAt: stamp(m.created), JoinURL: m.joinURL(w), IsSimulive: m.n == specialWebinar(webinarSimulive),
	}
}

func getWebinar(c *call) (any, error) {
	m, err := c.findWebinar()
	if err != nil {
		return nil, err
	}
	w := c.world
	number, password := w.number(m.n), deref(m.Password)
	d := &webinarDetails{
		listedWebinar: w.listedWebinar(m, c.now), HostEmail: w.email(m.host), CreationSource: m.source,
		StartURL: link("s", number, "?zak=sandbox"+strconv.FormatInt(c.now.Unix(), 36)), Password: password,
		EncryptedPasscode: encrypted(password), H323Passcode: "123456", TemplateID: m.TemplateID,
		TrackingFields: m.TrackingFields, Recurrence: m.Recurrence, Settings: w.webinarSettings(m),
	}
	if m.registers() {
		d.RegistrationURL = link("webinar/register", number, "")
	}
	if d.IsSimulive {
		d.RecordFileID, d.TransitionToLive = "f09340e1-0000-4000-8000-sandbox00001", new(true)
		d.SimuliveDelayStart = map[string]any{"enable": true, "time": 10, "timeunit": "second"}
	}
	previous := c.query.Get("show_previous_occurrences") == "true"
	for _, o := range m.occurrences {
		if previous || o.start.Add(time.Duration(o.Duration)*time.Minute).After(c.now) {
			d.Occurrences = append(d.Occurrences, o)
		}
	}
	return d, nil
}

// findRegisteringWebinar returns a webinar with registration.
func (c *call) findRegisteringWebinar() (*meeting, error) {
	m, err := c.findWebinar()
	if err == nil && !m.registers() {
		err = badRequest(3000, "This webinar does not have registration as required: "+c.path("webinarId")+".")
	}
	return m, err
}

// ofWebinar returns a registrant in the form of webinars, which have no PIN for joining by phone.
func (r *registrant) ofWebinar() *registrant {
	other := *r
	other.PinCode = 0
	return &other
}

// listWebinarRegistrants returns an empty list for a webinar without registration: no document
// has an error for it.
func listWebinarRegistrants(c *call) (any, error) {
	m, err := c.findWebinar()
	if err != nil {
		return nil, err
	}
	status, err := c.choice("status", "approved", "pending", "denied")
	if err != nil {
		return nil, err
	}
	id := c.query.Get("occurrence_id")
	all := slices.DeleteFunc(c.world.registrants(m), func(r *registrant) bool {
		return r.Status != status || id != "" && r.occurrences != nil && !slices.Contains(r.occurrences, id)
	})
	return c.page(len(all), func(i int) any { return all[i].ofWebinar() }, c.pageNumber())
}

func getWebinarRegistrant(c *call) (any, error) {
	m, err := c.findRegisteringWebinar()
	if err != nil {
		return nil, err
	}
	r := c.findRegistrant(m)
	if r == nil {
		return nil, badRequest(3079, "This registrant does not exist: "+c.path("registrantId")+".")
	}
	return struct {
		*registrant
		Language string `json:"language"`
	}{r.ofWebinar(), "en-US"}, nil
}

func addWebinarRegistrant(c *call) (any, error) {
	m, err := c.findRegisteringWebinar()
	if err != nil {
		return nil, err
	}
	if m.Type == scheduled && m.end().Before(c.now) {
		return nil, badRequest(3038, "Webinar is over, you cannot register now. If you have any questions, contact the webinar host.")
	}
	var body registrantBody
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	if strings.EqualFold(body.Email, c.world.email(m.host)) {
		return nil, badRequest(3027, "Host cannot register.")
	}
	answer, chosen, err := c.registration(m)
	if err != nil {
		return nil, err
	}
	r, err := c.saveRegistrant(m, body, chosen, false)
	if err != nil {
		return nil, err
	}
	answer.RegistrantID, answer.JoinURL = r.ID, r.JoinURL
	return answer, nil
}

// listWebinarParticipants lists the participants of an instance, which the path names by its
// UUID or, for the latest one, by the webinar's number.
func listWebinarParticipants(c *call) (any, error) {
	i := c.findWebinarInstance()
	if i == nil {
		return nil, notFound(3001, "Webinar does not exist.")
	}
	w := c.world
	stays := w.stays(i)
	ready := i.ready(c)
	return c.page(len(stays), func(k int) any {
		s := stays[k]
		name, email := w.shown(i, s)
		p := &webinarParticipant{pastParticipant: pastParticipant{
			ID: s.userID(w), Name: name, UserID: s.rowID(), UserEmail: email, JoinTime: stamp(s.join), LeaveTime: stamp(s.leave),
			Failover: s.failover, Status: s.status(), InternalUser: s.user >= 0,
		}}
		if ready {
			p.Duration = s.seconds()
		}
		p.RegistrantID = s.registrantID(w, i.m)
		return p
	})
}

// listWebinarInstances lists all instances, the latest first; how long Zoom keeps them is not
// documented.
func listWebinarInstances(c *call) (any, error) {
	number, err := strconv.ParseInt(c.path("webinarId"), 10, 64)
	if err != nil {
		return nil, badRequest(300, "Invalid webinar ID.")
	}
	w := c.world
	n, _ := w.nth(number)
	list := []instanceRef{}
	for _, i := range w.webinarInstances(n) {
		list = append(list, instanceRef{w.uuid(i.m.n, i.k), stamp(i.start)})
	}
	slices.SortStableFunc(list, func(a, b instanceRef) int { return strings.Compare(b.StartTime, a.StartTime) })
	return map[string]any{"webinars": list}, nil
}

// listAbsentees lists the approved registrants without a stay. Before ReportLag has passed,
// these are all approved registrants.
func listAbsentees(c *call) (any, error) {
	i := c.findWebinarInstance()
	if i == nil {
		return nil, notFound(3001, "Webinar "+c.path("webinarId")+" not found or expired.")
	}
	if !i.m.registers() {
		return nil, badRequest(3000, "This webinar doesn't have registration required: "+c.path("webinarId")+".")
	}
	w := c.world
	came := map[string]bool{}
	if i.ready(c) {
		for _, s := range w.stays(i) {
			came[s.registrantID(w, i.m)] = true
		}
	}
	absent := slices.DeleteFunc(w.registrants(i.m), func(r *registrant) bool { return r.Status != "approved" || came[r.ID] })
	return c.page(len(absent), func(k int) any { return absent[k].ofWebinar() }, c.pageNumber())
}

// panelist is a panelist of a webinar.
type panelist struct {
	ID                  string `json:"id"`
	Email               string `json:"email"`
	Name                string `json:"name"`
	JoinURL             string `json:"join_url"`
	VirtualBackgroundID string `json:"virtual_background_id,omitempty"`
	NameTagID           string `json:"name_tag_id,omitempty"`
	NameTagName         string `json:"name_tag_name,omitempty"`
	NameTagPronouns     string `json:"name_tag_pronouns,omitempty"`
	NameTagDescription  string `json:"name_tag_description,omitempty"`
}

// panelists are the panelists by their numbers as persons of the instances, and one who never
// joins: see [isPanelist].
var panelists = []int{1, 2, absentPanelist}

const absentPanelist = 1000

// isPanelist reports whether a person of a webinar's instance is a panelist.
func isPanelist(person int) bool { return slices.Contains(panelists, person) }

func listPanelists(c *call) (any, error) {
	m, err := c.findWebinar()
	if err != nil {
		return nil, err
	}
	w := c.world
	list := make([]panelist, len(panelists))
	for i, person := range panelists {
		name, email := w.person(m.n, person)
		id := sealID(w.seed, sealOther, m.n<<12|uint64(person))
		list[i] = panelist{ID: id, Email: email, Name: name.String(), JoinURL: link("w", w.number(m.n), "?tk="+id)}
		if i == 0 {
			list[i].VirtualBackgroundID, list[i].NameTagID = "_sandboxBackground00002", "sandboxNameTag"
			list[i].NameTagName, list[i].NameTagPronouns, list[i].NameTagDescription = name.String(), "they/them", "Speaker"
		}
	}
	return map[string]any{"total_records": len(list), "panelists": list}, nil
}

// webinarParticipant is a stay as GET /past_webinars/{webinarId}/participants lists it.
type webinarParticipant struct {
	pastParticipant
	RegistrantID string `json:"registrant_id"`
}

// findWebinarInstance returns the instance that a path names, or nil. The rules for UUIDs are
// those of findInstance.
func (c *call) findWebinarInstance() *instance {
	id, w := c.path("webinarId"), c.world
	if number, err := strconv.ParseInt(id, 10, 64); err == nil {
		n, _ := w.nth(number)
		if instances := w.webinarInstances(n); len(instances) > 0 {
			return instances[0]
		}
		return nil
	}
	uuid, ok := decodedUUID(id)
	v, known := openUUID(w.seed, uuid)
	if !ok || !known {
		return nil
	}
	for _, inst := range w.webinarInstances(v >> 24) {
		if w.uuid(inst.m.n, inst.k) == uuid {
			return inst
		}
	}
	return nil
}
