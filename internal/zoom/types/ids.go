package types

import (
	"cmp"
	"strings"
)

// ID returns the global id of the account. The key alone identifies a sub account: each
// belongs to the tenant.
func (a *Account) ID() NodeID { return NodeID{Type: "Account", Key: string(a.ZoomID)} }

// ID returns the global id of the user. A user who has not accepted the invitation yet
// has no id at Zoom; the key is then the e-mail address.
func (u *User) ID() NodeID {
	return NodeID{u.Account, "User", cmp.Or(string(u.ZoomID), strings.ToLower(string(u.Email)))}
}

// ID returns the global id of the meeting; it has no key if Zoom returned no number.
func (m *Meeting) ID() NodeID {
	if m.Number == 0 {
		return NodeID{Account: m.Account, Type: "Meeting"}
	}
	return NodeID{m.Account, "Meeting", m.Number.String()}
}

// ID returns the global id of the instance.
func (i *MeetingInstance) ID() NodeID {
	return NodeID{i.Account, "MeetingInstance", string(i.UUID)}
}

// ID returns the global id of the registrant, within its meeting or webinar.
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

// Mark identifies a stay within its instance.
func (p *Participant) Mark() string {
	return string(p.InMeetingID) + "\x00" + string(p.Name) + "\x00" + p.JoinTime.String()
}

// Mark identifies an instance within those of its host.
func (p *PastMeeting) Mark() string { return string(p.Instance.UUID) }

// ID returns the global id of the poll, within its meeting.
func (p *Poll) ID() NodeID {
	if p.ZoomID == "" {
		return NodeID{Account: p.Account, Type: "Poll"}
	}
	return NodeID{p.Account, "Poll", p.Meeting.String() + "/" + string(p.ZoomID)}
}

// Mark identifies a channel within those of a user.
func (c *ChatChannel) Mark() string { return string(c.ZoomID) }

// Mark identifies a message within its chat.
func (m *ChatMessage) Mark() string { return string(m.ZoomID) }

// Mark identifies a recording within those of a user.
func (r *PhoneRecording) Mark() string { return string(r.ZoomID) }

// ID returns the global id of the user who was created.
func (u *CreatedUser) ID() NodeID { return NodeID{u.Account, "User", string(u.ZoomID)} }

// ID returns the global id of the registrant who was added.
func (a *AddedRegistrant) ID() NodeID {
	reg := Registrant{Origin: a.Origin, Meeting: a.MeetingNumber, OfWebinar: a.OfWebinar, ZoomID: a.RegistrantID}
	return reg.ID()
}
