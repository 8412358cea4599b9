package sandbox

import "fmt"

func init() {
	handle("GET /meetings/{meetingId}/invitation", getInvitation)
	handle("GET /meetings/{meetingId}/token", getMeetingToken)
	handle("POST /meetings/{meetingId}/sip_dialing", createSipDialing, answersOK)
	handle("GET /users/{userId}/pac", listPAC, paid)
}

func getInvitation(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	w := c.world
	number := formatNumber(w.number(m.n))
	text := fmt.Sprintf("%s is inviting you to a scheduled Zoom meeting.\r\n\r\nTopic: %s\r\nTime: %s\r\n\r\nJoin Zoom Meeting\r\n%s\r\n\r\nMeeting ID: %s\r\n",
		w.name(m.host), m.Topic, stamp(m.next(c.now)), m.joinURL(w), number)
	if p := deref(m.Password); p != "" {
		text += "Passcode: " + p + "\r\n"
	}
	return map[string]any{"invitation": text, "sip_links": []string{number + "@zoomcrc.example"}}, nil
}

func getMeetingToken(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	if _, err := c.choice("type", "closed_caption_token"); err != nil {
		return nil, err
	}
	number := c.world.number(m.n)
	link := fmt.Sprintf("https://wmcc.zoom.example/closedcaption?id=%d&ns=U2FuZGJveA==&expire=86400&sparams=id%%2Cns%%2Cexpire&signature=%x", number, mix(uint64(number)^c.world.seed))
	return map[string]any{"token": link}, nil
}

// createSipDialing returns the address that a room system dials. The passcode is not
// checked, as documented.
func createSipDialing(c *call) (any, error) {
	m, err := c.findMeeting()
	if err != nil {
		return nil, err
	}
	var body struct {
		Passcode string `json:"passcode"`
	}
	if len(c.body) > 0 {
		if err := c.decode(&body); err != nil {
			return nil, err
		}
	}
	d := c.world.rng("sip", m.n)
	code := fmt.Sprintf("%09x", d.next()&0xfffffffff)
	address := formatNumber(c.world.number(m.n)) + "."
	if body.Passcode != "" {
		address += encrypted(body.Passcode)
	}
	return map[string]any{
		"sip_dialing": address + "...." + code + "@zoomcrc.example", "paid_crc_plan_participant": true,
		"participant_identifier_code": code, "expire_in": 7200,
	}, nil
}

type dialIn struct {
	Country string `json:"country"`
	Number  string `json:"number"`
}

// listPAC lists the personal audio conferences of a user. Every third user has none.
func listPAC(c *call) (any, error) {
	user, err := c.findUser()
	if err != nil {
		return nil, err
	}
	if user > pendingUser && user%3 == 0 || c.world.status(user) != "active" {
		return nil, badRequest(2024, "User does not have PAC enabled.")
	}
	d := c.world.rng("pac", uint64(user))
	return map[string]any{"pac_accounts": []any{map[string]any{
		"conference_id":            100_000 + d.n(900_000),
		"dedicated_dial_in_number": []dialIn{{"USA", "5550110"}},
		"global_dial_in_numbers":   []dialIn{{"USA", "5550100"}, {"Germany", "5550101"}},
		"listen_only_password":     fmt.Sprintf("%06d", d.n(1_000_000)),
		"participant_password":     fmt.Sprintf("%06d", d.n(1_000_000)),
	}}}, nil
}
