package attendance

import "strings"

// Evidence is what proves that stays are one person's.
type Evidence int

// The kinds of evidence, the weakest first.
const (
	// None is the evidence of one stay that has nothing to know the person by.
	None Evidence = iota
	// Name is the name that the person joined with.
	Name
	// ParticipantUUID is the id within the meeting that survives breakout rooms.
	ParticipantUUID
	// Phone is the telephone number.
	Phone
	// Email is the e-mail address.
	Email
	// UserID is Zoom's id of the user.
	UserID
	// CustomerKey is what an app of the Meeting SDK gave to the person.
	CustomerKey
	// RegistrantID is Zoom's id of the registration.
	RegistrantID

	kinds = int(RegistrantID) + 1
)

// Confidence says how much the evidence of a person is worth.
type Confidence int

const (
	// Low is of a name, a telephone number, nothing at all, or evidence that contradicts
	// itself: there may be more stays of this person, or more people in these stays.
	Low Confidence = iota
	// Medium is of an e-mail address, which others may type, or an id that ends with the
	// connection.
	Medium
	// High is of an id that Zoom or an app proves: of a registration, a user or a customer.
	High
)

// contradictions are the kinds of which stays that a kind of evidence would merge must not
// have two values. The package comment says why.
var contradictions = [kinds][]Evidence{
	CustomerKey:     {RegistrantID, CustomerKey, UserID, Email},
	UserID:          {RegistrantID, CustomerKey, UserID},
	Email:           {RegistrantID, CustomerKey, UserID},
	Phone:           {RegistrantID, CustomerKey, UserID, Email},
	ParticipantUUID: {RegistrantID, CustomerKey, UserID, Email},
	Name:            {RegistrantID, CustomerKey, UserID, Email, Phone},
}

// aloneAtATime tells of which evidence one person cannot have two stays at a time.
var aloneAtATime = [kinds]bool{Phone: true, Name: true}

// confidenceOf is what a person is worth whose weakest merge was by some evidence.
func confidenceOf(e Evidence) Confidence {
	switch {
	case e >= UserID:
		return High
	case e == Email || e == ParticipantUUID:
		return Medium
	}
	return Low
}

// value returns a stay's value of a kind of evidence in the form in which values are
// compared, "" where it has none.
func (s *Stay) value(e Evidence) string {
	switch e {
	case RegistrantID:
		return strings.TrimSpace(s.RegistrantID)
	case CustomerKey:
		return strings.TrimSpace(s.CustomerKey)
	case UserID:
		return strings.TrimSpace(s.UserID)
	case Email:
		return emailOf(s.Email)
	case Phone:
		return digits(s.Phone)
	case ParticipantUUID:
		return strings.TrimSpace(s.ParticipantUUID)
	case Name:
		return strings.ToLower(strings.Join(strings.Fields(s.Name), " "))
	}
	return ""
}

// emailOf returns an address as Zoom compares them, "" for other texts.
func emailOf(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if at := strings.IndexByte(text, '@'); at <= 0 || at == len(text)-1 {
		return ""
	}
	return text
}

// digits returns the digits of a telephone number, "" for one that is masked or too short
// to be a caller's own.
func digits(text string) string {
	if strings.ContainsAny(text, "*xX") {
		return ""
	}
	only := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	if len(only) < shortestPhone {
		return ""
	}
	return only
}

// shortestPhone is how many digits a number has at least: extensions behind a switchboard
// are shorter, and the same in every office.
const shortestPhone = 7
