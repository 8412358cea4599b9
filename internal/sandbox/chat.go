package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

func init() {
	handle("GET /chat/users/{userId}/channels", listChannels)
	handle("GET /chat/users/{userId}/messages", listMessages)
}

// channels is how many channels the account has. Every user is in the first, and in about
// half of the others.
const channels = 8

type channel struct {
	ID       string          `json:"id"`
	JID      string          `json:"jid"`
	Name     string          `json:"name"`
	Type     int             `json:"type"`
	URL      string          `json:"channel_url"`
	Settings channelSettings `json:"channel_settings"`
}

type channelSettings struct {
	AddMembers int  `json:"add_member_permissions"`
	SeeOlder   bool `json:"new_members_can_see_previous_messages_files"`
	Posting    int  `json:"posting_permissions"`
	MentionAll int  `json:"mention_all_permissions"`
	Externals  int  `json:"allow_to_add_external_users"`
}

func (w *world) channelID(k int) string {
	return strings.ToLower(strings.NewReplacer("-", "a", "_", "b").Replace(sealID(w.seed, sealOther, 1<<58|uint64(k))))
}

func (w *world) inChannel(user, k int) bool {
	return w.status(user) == "active" && (k == 0 || mix(uint64(user)<<8|uint64(k))%2 == 0)
}

func (w *world) channel(k int) *channel {
	d := w.rng("channel", uint64(k))
	id := w.channelID(k)
	return &channel{
		ID: id, JID: id + "@conference.xmpp.zoom.example", Name: pick(&d, departments), Type: 1 + d.n(5), URL: "https://us06web.zoom.example/launch/chat/v2/" + id,
		Settings: channelSettings{1 + d.n(2), d.chance(50), 1 + d.n(3), 1 + d.n(3), d.n(4)},
	}
}

func listChannels(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, badRequest(300, "Invalid user id.")
	}
	var in []int
	for k := range channels {
		if c.world.inChannel(user, k) {
			in = append(in, k)
		}
	}
	p, err := c.page(len(in), func(i int) any { return c.world.channel(in[i]) })
	if err != nil {
		return nil, err
	}
	return p.without("page_count"), nil
}

// message is a chat message.
type message struct {
	ID             string          `json:"id"`
	Text           string          `json:"message"`
	Type           string          `json:"message_type"`
	DateTime       string          `json:"date_time"`
	Timestamp      int64           `json:"timestamp"`
	Sender         string          `json:"sender"`
	MemberID       string          `json:"send_member_id"`
	SenderName     string          `json:"sender_display_name"`
	Status         string          `json:"status,omitempty"`
	ReplyTo        string          `json:"reply_main_message_id,omitempty"`
	ReplyTimestamp int64           `json:"reply_main_message_timestamp,omitempty"`
	Download       string          `json:"download_url,omitempty"`
	FileID         string          `json:"file_id,omitempty"`
	FileName       string          `json:"file_name,omitempty"`
	FileSize       int64           `json:"file_size,omitempty"`
	Files          []chatFile      `json:"files,omitempty"`
	RichText       []richText      `json:"rich_text,omitempty"`
	Reactions      []reaction      `json:"reactions,omitempty"`
	Mentions       []mention       `json:"at_items,omitempty"`
	Cards          []card          `json:"interactive_cards,omitempty"`
	Bot            *map[string]any `json:"bot_message,omitempty"`

	at time.Time
}

type chatFile struct {
	Download string `json:"download_url"`
	ID       string `json:"file_id"`
	Name     string `json:"file_name"`
	Size     int64  `json:"file_size"`
}

type richText struct {
	Start  int    `json:"start_position"`
	End    int    `json:"end_position"`
	Format string `json:"format_type"`
	Attr   string `json:"format_attr,omitempty"`
}

type reaction struct {
	Emoji   string   `json:"emoji"`
	Total   int      `json:"total_count"`
	Senders []sender `json:"senders"`
}

type sender struct {
	UserID   string `json:"user_id,omitempty"`
	MemberID string `json:"member_id"`
}

type mention struct {
	Contact  string `json:"at_contact"`
	MemberID string `json:"at_contact_member_id"`
	Type     int    `json:"at_type"`
	End      int    `json:"end_position"`
	Start    int    `json:"start_position"`
}

type card struct {
	ID   string `json:"card_id"`
	JSON string `json:"card_json"`
}

// chats returns the keys of the chats of a query: a channel, or a user with a contact. A
// search without either covers all channels.
func (c *call) chats(user int) ([]uint64, error) {
	w := c.world
	contact, in := c.query.Get("to_contact"), c.query.Get("to_channel")
	if contact != "" {
		i, ok := w.byEmail(contact)
		if !ok {
			v, found := openID(w.seed, sealUser, contact)
			i, ok = int(v), found && v < uint64(w.opt.Users)
		}
		if !ok {
			return nil, notFound(1001, "User does not exist: "+contact+".")
		}
		return []uint64{1<<50 | uint64(min(user, i))<<25 | uint64(max(user, i))}, nil
	}
	var keys []uint64
	for k := range channels {
		if w.inChannel(user, k) && (in == "" || in == w.channelID(k)) {
			keys = append(keys, uint64(k))
		}
	}
	switch {
	case in != "" && keys == nil:
		return nil, notFound(4130, "Channel does not exist: "+in+".")
	case in == "" && c.query.Get("search_key") == "":
		return nil, badRequest(300, "Must provide either contact or channel parameter.")
	}
	return keys, nil
}

// messageRange returns the range of a query and the fields of the answer that repeat it. It
// returns an error for a range that begins more than half a year ago.
func (c *call) messageRange() (from, to time.Time, echoed []field, err error) {
	from = c.now.Truncate(24 * time.Hour)
	to = from.AddDate(0, 0, 1)
	if v := c.query.Get("date"); v != "" || c.query.Get("from") == "" {
		if v != "" {
			if from, err = day(v); err != nil {
				return from, to, nil, invalid("date")
			}
			to = from.AddDate(0, 0, 1)
		}
		echoed = []field{{"date", from.Format(time.DateOnly)}}
	} else {
		if from, err = time.Parse(zoomTime, c.query.Get("from")); err != nil {
			return from, to, nil, invalid("from")
		}
		echoed = []field{{"from", stamp(from)}}
		if v := c.query.Get("to"); v != "" {
			if to, err = time.Parse(zoomTime, v); err != nil {
				return from, to, nil, invalid("to")
			}
			echoed = append(echoed, field{"to", stamp(to)})
		}
	}
	if from.Before(c.now.AddDate(0, -6, -1)) {
		err = badRequest(300, "Only provide past chat messages in recent 6 months.")
	}
	return from, to, echoed, err
}

func listMessages(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	keys, err := c.chats(user)
	if err != nil {
		return nil, err
	}
	from, to, echoed, err := c.messageRange()
	if err != nil {
		return nil, err
	}
	var all []*message
	for _, key := range keys {
		for day := from.Truncate(24 * time.Hour); day.Before(to); day = day.AddDate(0, 0, 1) {
			for j := range 12 {
				m := c.message(user, key, day, j)
				if !m.at.Before(from) && m.at.Before(to) && !m.at.After(c.now) && c.matches(m) {
					all = append(all, m)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *message) int { return cmp.Compare(b.Timestamp, a.Timestamp) })
	p, err := c.page(len(all), func(i int) any { return all[i] }, echoed...)
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

// matches reports whether a message matches the query. It removes the status of the message
// unless the query requests it.
func (c *call) matches(m *message) bool {
	search := lower(c.query.Get("search_key"))
	place := m.Text
	if c.query.Get("search_type") == "file" {
		place = m.FileName
	}
	switch {
	case search != "" && !strings.Contains(lower(place), search),
		c.query.Get("exclude_child_message") == "true" && m.ReplyTo != "":
		return false
	case c.query.Get("include_deleted_and_edited_message") == "true":
		return true
	}
	gone := m.Status == "Deleted"
	m.Status = ""
	return !gone
}

func (w *world) chatID(key uint64, day time.Time, j int) string {
	return strings.ToUpper(fmt.Sprintf("%016x-%04x", mix(w.seed^mix(key<<20^uint64(day.Unix()))), j))
}

// message returns the j-th message of a day in a chat. There is one every two hours, so each
// kind of message occurs once a day.
func (c *call) message(user int, key uint64, day time.Time, j int) *message {
	w := c.world
	d := w.rng("message", key<<20^uint64(day.Unix())^uint64(j)<<56)
	from := user
	if key >= 1<<50 && j%2 == 0 {
		from = int(key>>25&(1<<25-1)) + int(key&(1<<25-1)) - user
	} else if key < 1<<50 {
		from = w.member(key<<12, d.n(20))
	}
	m := &message{ID: w.chatID(key, day, j), Text: "About " + pick(&d, subjects), Type: "plain_text_message", Status: "Normal"}
	m.at = day.Add(time.Duration(2*j)*time.Hour + time.Duration(d.n(3600))*time.Second)
	m.DateTime, m.Timestamp = stamp(m.at), m.at.UnixMilli()
	if from >= 0 {
		m.Sender, m.SenderName = w.email(from), w.name(from).String()
	} else {
		m.SenderName = newName(&d).String() // a guest, whose address is not shown
	}
	m.MemberID = sealID(w.seed, sealOther, 1<<57|uint64(from+1))
	switch j {
	case 1:
		m.ReplyTo, m.ReplyTimestamp = w.chatID(key, day, 0), m.Timestamp
	case 2:
		id := w.fileID(1<<61 | mix(key^uint64(day.Unix()))>>4)
		url := c.fileURL("chat", id, 3966, "jpg") + "?filename=example.jpg&jwt=sandbox"
		m.Type, m.Download, m.FileID, m.FileName, m.FileSize = "file_and_text", url, id, "example.jpg", 3966
		m.Files = []chatFile{{url, id, "example.jpg", 3966}}
	case 3:
		m.RichText = []richText{{0, 5, "Bold", ""}, {0, 5, "FontColor", "FFC0CB"}}
		m.Reactions = []reaction{{"U+1F600", 1, []sender{{w.userID(user), sealID(w.seed, sealOther, 1<<57|uint64(user+1))}}}}
	case 4:
		m.Text = "@" + w.name(user).String() + " " + m.Text
		m.Mentions = []mention{{w.userID(user), sealID(w.seed, sealOther, 1<<57|uint64(user+1)), 1, len(w.name(user).String()) + 1, 0}}
	case 5:
		m.Status = "Edited"
		m.Cards = []card{{"card-" + m.ID, `{"content":{"head":{"text":"A card"}}}`}}
	case 6:
		m.Bot = &map[string]any{"content": map[string]any{"head": map[string]any{"text": "A bot"}}}
	case 7:
		m.Status = "Deleted"
	}
	return m
}
