package attendance

import "strings"

// Evidence is a kind of evidence that stays are one person's.
type Evidence int

// The kinds of evidence, the weakest first.
const (
	// None is that of a single stay that does not identify the person.
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
	// CustomerKey is the key that an app of the Meeting SDK set for the person.
	CustomerKey
	// RegistrantID is Zoom's id of the registration.
	RegistrantID

	kinds = int(RegistrantID) + 1
)

// Confidence is the reliability of a person's evidence.
type Confidence int

const (
	// Low is that of a name, a telephone number, no evidence, or contradictory evidence:
	// the person may have more stays, or these may be several people's.
	Low Confidence = iota
	// Medium is that of an e-mail address, which others may type, or an id that ends with
	// the connection.
	Medium
	// High is that of an id by Zoom or an app: of a registration, a user or a customer.
	High
)

// contradictions has, for each kind of evidence, the kinds of which the stays to merge must
// not have two values. The reasons are in the package comment.
var contradictions = [kinds][]Evidence{
	CustomerKey:     {RegistrantID, CustomerKey, UserID, Email},
	UserID:          {RegistrantID, CustomerKey, UserID},
	Email:           {RegistrantID, CustomerKey, UserID},
	Phone:           {RegistrantID, CustomerKey, UserID, Email},
	ParticipantUUID: {RegistrantID, CustomerKey, UserID, Email},
	Name:            {RegistrantID, CustomerKey, UserID, Email, Phone},
}

// aloneAtATime has the kinds of evidence by which stays at the same time are not merged.
var aloneAtATime = [kinds]bool{Phone: true, Name: true}

// confidenceOf returns the confidence in a person whose weakest merge was by e.
func confidenceOf(e Evidence) Confidence {
	switch {
	case e >= UserID:
		return High
	case e == Email || e == ParticipantUUID:
		return Medium
	}
	return Low
}

// value returns a stay's value of a kind of evidence, normalized for comparison; "" if it
// has none.
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

// emailOf returns an address in the form that Zoom compares; "" for other texts.
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

// shortestPhone is the minimum of digits of a number: extensions behind a switchboard
// are shorter, and the same in every office.
const shortestPhone = 7
