package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// maxRegistrants is how many one meeting takes, and maxStatusChanges how many
// one status change may name.
//
// Source: POST /meetings/{meetingId}/registrants and PUT …/registrants/status.
const (
	maxRegistrants   = 4999
	maxStatusChanges = 30
)

// registrant is one registration of one meeting.
type registrant struct {
	ID string `json:"id"`
	registrantBody
	Status     string `json:"status"`
	CreateTime string `json:"create_time"`
	JoinURL    string `json:"join_url,omitempty"`
	PinCode    int64  `json:"participant_pin_code,omitempty"`

	occurrences []string // ids it holds for; nil means all
}

// registrantBody is what a registration form asks.
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

// registrantChanges are what calls have done to the registrants of one meeting.
type registrantChanges struct {
	changed map[string]*registrant // seeded ones by id; nil is deleted
	added   []*registrant
}

// approved returns how many seeded registrants of a meeting are approved. They
// come first; those who wait and those who were denied follow.
func (w *world) approved(n uint64) int {
	switch n {
	case special(slotBig):
		return w.opt.Registrants
	case special(slotWeekly), special(slotManual):
		return 12
	}
	d := w.dice("registrants", n)
	return 3 + d.n(12)
}

// seededRegistrants returns how many a meeting has, whatever their status.
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

// who returns which user the j-th registrant of a meeting is: mostly one of the
// account's, each eighth a guest, and guests (-1) when there are no more users.
func (w *world) who(n uint64, j int) int {
	if j%8 == 2 {
		return -1
	}
	return w.member(n, j)
}

// person returns the name and the address of the j-th registrant.
func (w *world) person(n uint64, j int) (name, string) {
	if user := w.who(n, j); user >= 0 {
		return w.name(user), w.email(user)
	}
	d := w.dice("guest", n<<20|uint64(j))
	guest := newName(&d)
	return guest, guest.mail() + "." + strconv.Itoa(j) + "@guests.example.org"
}

func (w *world) seedRegistrant(m *meeting, j int) *registrant {
	d := w.dice("registrant", m.n<<20|uint64(j))
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
		r.admit(w, m)
	}
	return r
}

// admit gives an approved registrant the link of their own.
func (r *registrant) admit(w *world, m *meeting) {
	r.Status = "approved"
	r.JoinURL = link("w", w.number(m.n), "?tk="+r.ID)
	r.PinCode = int64(100_000 + mix(uint64(len(r.ID))^w.seed^uint64(r.ID[0])<<8^uint64(r.ID[1]))%900_000)
}

// registrants returns everybody who is registered.
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

// keep stores a changed registrant, or removes one when r is nil.
func (e *registrantChanges) keep(id string, r *registrant) {
	if i := slices.IndexFunc(e.added, func(a *registrant) bool { return a.ID == id }); i >= 0 {
		if r == nil {
			e.added = slices.Delete(e.added, i, i+1)
		}
		return
	}
	e.changed[id] = r
}
