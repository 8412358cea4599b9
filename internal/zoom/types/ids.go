package types

import (
	"cmp"
	"strings"
)

// ID returns the global id of the account. Sub accounts are told apart by the key
// alone: each is one of the tenant's.
func (a *Account) ID() NodeID { return NodeID{Type: "Account", Key: string(a.ZoomID)} }

// ID returns the global id of the user. Who has not accepted the invitation yet
// has no id at Zoom, and goes by e-mail address.
func (u *User) ID() NodeID {
	return NodeID{u.Account, "User", cmp.Or(string(u.ZoomID), strings.ToLower(string(u.Email)))}
}

// ID returns the global id of the meeting; it has no key where Zoom told no number.
func (m *Meeting) ID() NodeID {
	if m.Number == 0 {
		return NodeID{Account: m.Account, Type: "Meeting"}
	}
	return NodeID{m.Account, "Meeting", m.Number.String()}
}

// ID returns the global id of the run.
func (i *MeetingInstance) ID() NodeID {
	return NodeID{i.Account, "MeetingInstance", string(i.UUID)}
}

// ID returns the global id of the registrant, who is one of one meeting or
// webinar.
func (r *Registrant) ID() NodeID {
	if r.ZoomID == "" {
		return NodeID{Account: r.Account, Type: "Registrant"}
	}
	of := r.Meeting.String()
	if r.OfWebinar {
		of = "webinar " + of
	}
	return NodeID{r.Account, "Registrant", of + "/" + string(r.ZoomID)}
}

// Mark returns what tells a stay from the others of its run.
func (p *Participant) Mark() string {
	return string(p.InMeetingID) + "\x00" + string(p.Name) + "\x00" + p.JoinTime.String()
}

// Mark returns what tells a run from the others of its host.
func (p *PastMeeting) Mark() string { return string(p.Instance.UUID) }

// ID returns the global id of the poll, which is one of one meeting.
func (p *Poll) ID() NodeID {
	if p.ZoomID == "" {
		return NodeID{Account: p.Account, Type: "Poll"}
	}
	return NodeID{p.Account, "Poll", p.Meeting.String() + "/" + string(p.ZoomID)}
}

// Mark returns what tells a channel from the others of a user.
func (c *ChatChannel) Mark() string { return string(c.ZoomID) }

// Mark returns what tells a message from the others of a chat.
func (m *ChatMessage) Mark() string { return string(m.ZoomID) }

// Mark returns what tells a recording from the others of a user.
func (r *PhoneRecording) Mark() string { return string(r.ZoomID) }

// ID returns the global id of the user who was created.
func (u *CreatedUser) ID() NodeID { return NodeID{u.Account, "User", string(u.ZoomID)} }

// ID returns the global id of the registrant who was added.
func (a *AddedRegistrant) ID() NodeID {
	reg := Registrant{Origin: a.Origin, Meeting: a.MeetingNumber, OfWebinar: a.OfWebinar, ZoomID: a.RegistrantID}
	return reg.ID()
}
