package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// maxRegistrants is the largest number of registrants of a meeting, and maxStatusChanges that
// of registrants in one change of status.
//
// Source: POST /meetings/{meetingId}/registrants and PUT …/registrants/status.
const (
	maxRegistrants   = 4999
	maxStatusChanges = 30
)

// registrant is a registration for a meeting.
type registrant struct {
	ID string `json:"id"`
	registrantBody
	Status     string `json:"status"`
	CreateTime string `json:"create_time"`
	JoinURL    string `json:"join_url,omitempty"`
	PinCode    int64  `json:"participant_pin_code,omitempty"`

	occurrences []string // ids of the occurrences; nil means all
}

// registrantBody is the fields of a registration form.
type registrantBody struct {
	Email                 string           `json:"email"`
	FirstName             string           `json:"first_name"`
	LastName              *string          `json:"last_name,omitempty"`
	Address               *string          `json:"address,omitempty"`
	City                  *string          `json:"city,omitempty"`
	Country               *string          `json:"country,omitempty"`
	Zip                   *string          `json:"zip,omitempty"`
	State                 *string          `json:"state,omitempty"`
	Phone                 *string          `json:"phone,omitempty"`
	Industry              *string          `json:"industry,omitempty"`
	Org                   *string          `json:"org,omitempty"`
	JobTitle              *string          `json:"job_title,omitempty"`
	PurchasingTimeFrame   *string          `json:"purchasing_time_frame,omitempty"`
	RoleInPurchaseProcess *string          `json:"role_in_purchase_process,omitempty"`
	NoOfEmployees         *string          `json:"no_of_employees,omitempty"`
	Comments              *string          `json:"comments,omitempty"`
	CustomQuestions       []customQuestion `json:"custom_questions,omitempty"`
}

type customQuestion struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

// registrantChanges are the changes that calls made to the registrants of a meeting.
type registrantChanges struct {
	changed map[string]*registrant // seeded ones by id; nil means deleted
	added   []*registrant
}

// approved returns the number of approved seeded registrants of a meeting. They come first,
// before the pending and the denied ones.
func (w *world) approved(n uint64) int {
	switch n {
	case special(slotBig):
		return w.opt.Registrants
	case special(slotWeekly), special(slotManual):
		return 12
	}
	d := w.rng("registrants", n)
	return 3 + d.n(12)
}

// seededRegistrants returns the number of seeded registrants of a meeting, of every status.
func (w *world) seededRegistrants(m *meeting) int {
	if m.n >= createdBase || !m.registers() {
		return 0
	}
	a := w.approved(m.n)
	if deref(m.Settings.ApprovalType) == 1 {
		a += 2 + a/10
	}
	return min(a, maxRegistrants)
}

// registrantUser returns the index of the user who is the j-th registrant of a meeting. It is
// -1 for a guest: every eighth registrant, and all when no users are left.
func (w *world) registrantUser(n uint64, j int) int {
	if j%8 == 2 {
		return -1
	}
	return w.member(n, j)
}

// person returns the name and the e-mail address of the j-th registrant.
func (w *world) person(n uint64, j int) (name, string) {
	if user := w.registrantUser(n, j); user >= 0 {
		return w.name(user), w.email(user)
	}
	d := w.rng("guest", n<<20|uint64(j))
	guest := newName(&d)
	return guest, guest.mail() + "." + strconv.Itoa(j) + "@guests.example.org"
}

func (w *world) seedRegistrant(m *meeting, j int) *registrant {
	d := w.rng("registrant", m.n<<20|uint64(j))
	who, email := w.person(m.n, j)
	maybe := func(words ...string) *string { return pick(&d, []*string{nil, new(""), new(pick(&d, words))}) }
	r := &registrant{
		ID: w.registrantID(m.n, j), Status: "approved",
		CreateTime: stamp(w.start.AddDate(0, 0, -60).Add(time.Duration(j) * time.Minute)),
	}
	r.registrantBody = registrantBody{
		Email: email, FirstName: firstNames[who.first], LastName: new(lastNames[who.last]),
		City: maybe(cities...), Country: maybe(countries...), Org: maybe(organizations...), JobTitle: maybe(jobTitles...),
		Address: maybe("1 Example Street"), Zip: maybe("12345"), State: maybe("CA"), Phone: maybe("+1 202 555 0123"),
		Industry: maybe("Software"), Comments: maybe("Looking forward to it & thanks"),
		NoOfEmployees: maybe("1-20", "21-50", "More than 10,000"), PurchasingTimeFrame: maybe("Within a month"),
		RoleInPurchaseProcess: maybe("Influencer"),
	}
	if d.chance(50) {
		r.CustomQuestions = []customQuestion{{"How did you hear of us?", pick(&d, []string{"", "A friend", "Search"})}}
	}
	switch a := w.approved(m.n); {
	case j >= a && (j-a)%3 == 2:
		r.Status = "denied"
	case j >= a:
		r.Status = "pending"
	default:
		r.approve(w, m)
	}
	return r
}

// approve approves a registrant, who gets a personal link.
func (r *registrant) approve(w *world, m *meeting) {
	r.Status = "approved"
	r.JoinURL = link("w", w.number(m.n), "?tk="+r.ID)
	r.PinCode = int64(100_000 + mix(uint64(len(r.ID))^w.seed^uint64(r.ID[0])<<8^uint64(r.ID[1]))%900_000)
}

// registrants returns all registrants.
func (w *world) registrants(m *meeting) []*registrant {
	var all []*registrant
	e := w.registrantChanges[m.n]
	for j := range w.seededRegistrants(m) {
		if e != nil {
			if r, changed := e.changed[w.registrantID(m.n, j)]; changed {
				if r != nil {
					all = append(all, r)
				}
				continue
			}
		}
		all = append(all, w.seedRegistrant(m, j))
	}
	if e != nil {
		all = append(all, e.added...)
	}
	return all
}

func (w *world) changesOfRegistrants(m *meeting) *registrantChanges {
	if w.registrantChanges[m.n] == nil {
		w.registrantChanges[m.n] = &registrantChanges{changed: map[string]*registrant{}}
	}
	return w.registrantChanges[m.n]
}

// set stores a changed registrant, or deletes it if r is nil.
func (e *registrantChanges) set(id string, r *registrant) {
	if i := slices.IndexFunc(e.added, func(a *registrant) bool { return a.ID == id }); i >= 0 {
		if r == nil {
			e.added = slices.Delete(e.added, i, i+1)
		}
		return
	}
	e.changed[id] = r
}
