package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// stayDevice is the device of a stay, as the dashboard shows it alone and with its quality.
// Fields that webinars lack, or one of the two, are nil.
type stayDevice struct {
	ID                          string   `json:"id"`
	UserID                      string   `json:"user_id"`
	ParticipantUUID             string   `json:"participant_uuid"`
	UserName                    string   `json:"user_name"`
	Email                       string   `json:"email"`
	JoinTime                    string   `json:"join_time"`
	LeaveTime                   string   `json:"leave_time,omitempty"`
	Device                      string   `json:"device"`
	DeviceName                  string   `json:"device_name"`
	Version                     string   `json:"version"`
	Client                      string   `json:"client"`
	OS                          string   `json:"os"`
	OSVersion                   string   `json:"os_version"`
	BrowserName                 string   `json:"browser_name"`
	BrowserVersion              string   `json:"browser_version"`
	ZoomThinClientPluginVersion string   `json:"zoom_thin_client_plugin_version"`
	PCName                      string   `json:"pc_name"`
	Domain                      string   `json:"domain"`
	MacAddr                     string   `json:"mac_addr"`
	HarddiskID                  string   `json:"harddisk_id"`
	IPAddress                   string   `json:"ip_address"`
	InternalIPAddresses         []string `json:"internal_ip_addresses"`
	Location                    string   `json:"location"`
	NetworkType                 string   `json:"network_type"`
	DataCenter                  string   `json:"data_center"`
	FullDataCenter              string   `json:"full_data_center"`
	ConnectionType              string   `json:"connection_type"`
	VideoConnectionType         string   `json:"video_connection_type"`
	ASConnectionType            string   `json:"as_connection_type"`
	Microphone                  *string  `json:"microphone,omitempty"`
	Speaker                     *string  `json:"speaker,omitempty"`
	Camera                      *string  `json:"camera,omitempty"`
	ShareApplication            bool     `json:"share_application"`
	ShareDesktop                bool     `json:"share_desktop"`
	ShareWhiteboard             bool     `json:"share_whiteboard"`
	Recording                   bool     `json:"recording"`
	HasArchiving                bool     `json:"has_archiving"`
	OptionalArchiving           string   `json:"optional_archiving"`
	GroupID                     *string  `json:"groupId,omitempty"`
	TotalJointimeCost           *float64 `json:"total_jointime_cost,omitempty"`
}

// dashboardParticipant is a stay as the dashboard lists it.
type dashboardParticipant struct {
	stayDevice
	ParticipantUserID  string      `json:"participant_user_id"`
	RegistrantID       *string     `json:"registrant_id,omitempty"`
	CustomerKey        string      `json:"customer_key"`
	BOMtgID            string      `json:"bo_mtg_id"`
	Role               string      `json:"role"`
	Status             *string     `json:"status,omitempty"`
	LeaveReason        string      `json:"leave_reason,omitempty"`
	InRoomParticipants *int        `json:"in_room_participants,omitempty"`
	AudioQuality       string      `json:"audio_quality"`
	VideoQuality       string      `json:"video_quality"`
	ScreenShareQuality string      `json:"screen_share_quality"`
	AudioCall          []audioCall `json:"audio_call"`
	SIPURI             *string     `json:"sip_uri,omitempty"`
	FromSIPURI         *string     `json:"from_sip_uri,omitempty"`
	AICDisclaimer      *string     `json:"aic_disclaimer,omitempty"`
}

type audioCall struct {
	CallNumber string `json:"call_number"`
	CallType   string `json:"call_type"`
	ZoomNumber string `json:"zoom_number"`
}

type platform struct{ device, name, version, client, os, osVersion, browser, browserVersion string }

var platforms = []platform{
	{"Windows", "PC", "6.2.11.5069", "Zoom Workplace 6.2.11", "Windows", "11", "", ""},
	{"Mac", "MacBook", "6.1.6.36013", "Zoom Workplace 6.1.6", "macOS", "15.1", "", ""},
	{"iOS", "iPhone", "6.3.0.1234", "Zoom Workplace 6.3.0", "iOS", "18.1", "", ""},
	{"Android", "Phone", "6.3.0.2100", "Zoom Workplace 6.3.0", "Android", "15", "", ""},
	{"Windows", "PC", "", "Web Meeting SDK 2.18", "Windows", "10", "Firefox", "133"},
}

var connections = []string{"UDP", "UDP", "UDP", "TCP", "SSL", "TCP+Proxy"}

// device generates the device of a stay. For participants outside the account most fields
// are blank, as at Zoom; addresses are from the ranges for documentation (RFC 5737).
func (r *dashboardCall) device(i *instance, s *stay) stayDevice {
	w := r.world
	d := w.rng("device", instanceKey(i.m.n, i.k)<<8^uint64(s.person))
	name, email := w.shown(i, s)
	p := pick(&d, platforms)
	at, network := d.n(len(cities)), pick(&d, []string{"Wifi", "Wired", "Cellular"})
	x := stayDevice{
		ID: s.userID(w), UserID: s.rowID(), ParticipantUUID: r.world.stayUUID(i, s), UserName: name, Email: email, JoinTime: stamp(s.join),
		LeaveTime: stamp(s.leave), Device: p.device, DeviceName: p.name, Version: p.version, Client: p.client, OS: p.os, OSVersion: p.osVersion,
		BrowserName: p.browser, BrowserVersion: p.browserVersion, IPAddress: fmt.Sprintf("192.0.2.%d", 1+s.person%250),
		InternalIPAddresses: []string{fmt.Sprintf("198.51.100.%d", 1+s.person%250)}, Location: cities[at] + " (" + countries[at] + ")",
		NetworkType: network, DataCenter: "Germany (FR Top)", FullDataCenter: "Germany (FR Top);Germany (HT)",
		ConnectionType: pick(&d, connections), VideoConnectionType: pick(&d, connections), ASConnectionType: pick(&d, connections),
		ShareDesktop: s.person%4 == 0, ShareApplication: s.person%9 == 5, ShareWhiteboard: s.person%11 == 6,
		Recording: s.person == 0 && i.m.n%5 == 0, OptionalArchiving: "no optional archiving",
	}
	if s.phone {
		x.Device, x.DeviceName, x.Version, x.Client, x.OS, x.OSVersion, x.BrowserName, x.BrowserVersion = "Phone", "", "", "", "", "", "", ""
	}
	if !r.ended(s) {
		x.LeaveTime = ""
	}
	if s.user >= 0 {
		x.PCName, x.Domain = fmt.Sprintf("HW%07d", s.user), "example.com"
		x.MacAddr, x.HarddiskID = fmt.Sprintf("0000-5e00-53%02x", s.user%256), fmt.Sprintf("Disk%02d", s.user%100)
	}
	if !r.webinar {
		x.GroupID, x.TotalJointimeCost = new(""), new(float64(100+d.n(600))/100)
		if s.user >= 0 {
			if groups := w.groupsOf(s.user); len(groups) > 0 {
				x.GroupID = new(groups[0])
			}
		}
	}
	return x
}

// stayUUID returns the participant_uuid, which identifies one connection.
func (w *world) stayUUID(i *instance, s *stay) string {
	row := s.row
	if s.connection > 0 {
		row = s.connection - 1
	}
	b := seal(w.seed, sealOther, instanceKey(i.m.n, i.k)^uint64(row)<<40)
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// addDevices adds the devices that only some answers contain.
func (x *stayDevice) addDevices(s *stay, camera bool) {
	x.Microphone, x.Speaker = new(""), new("")
	if s.user >= 0 {
		x.Microphone, x.Speaker = new("Microphone (Built-in)"), new("Speakers (Built-in)")
	}
	if camera {
		x.Camera = new("")
		if s.user >= 0 {
			x.Camera = new("HD Camera")
		}
	}
}

func (r *dashboardCall) participant(i *instance, s *stay) *dashboardParticipant {
	d := r.world.rng("quality", instanceKey(i.m.n, i.k)<<8^uint64(s.row))
	p := &dashboardParticipant{
		stayDevice: r.device(i, s), ParticipantUserID: s.userID(r.world), Role: "attendee",
		AudioQuality: pick(&d, qualities), VideoQuality: pick(&d, qualities), ScreenShareQuality: pick(&d, []string{"", "good"}),
		AudioCall: []audioCall{},
	}
	p.addDevices(s, !r.webinar)
	switch {
	case s.person == 0:
		p.Role = "host"
	case r.webinar && isPanelist(s.person):
		p.Role = "panelist"
	}
	p.CustomerKey = s.customerKey()
	p.BOMtgID = r.world.breakoutID(i, s)
	if s.phone {
		p.AudioCall = append(p.AudioCall, audioCall{"202555010" + strconv.Itoa(s.person%10), "call-in", "12025550100"})
	}
	if r.ended(s) {
		p.LeaveReason = r.leaveReason(s)
		if r.query.Get("include_fields") == "registrant_id" && !r.live() {
			p.RegistrantID = new(s.registrantID(r.world, i.m))
		}
	}
	if !r.webinar {
		p.Status, p.InRoomParticipants, p.AICDisclaimer = new(s.status()), new(0), new(pick(&d, []string{"no disclaimer", "agree"}))
	}
	return p
}

// leaveReason returns why a participant left, in the texts that the documents list, without
// the two that contain a name: they are listed with "$name".
func (r *dashboardCall) leaveReason(s *stay) string {
	switch {
	case s.waiting:
		return "Leave waiting room."
	case s.person%8 == 1:
		return "Network connection error."
	case r.webinar:
		return "Host ended the webinar."
	}
	return "Host ended the meeting."
}

func listDashboardParticipants(c *call) (any, error) {
	r, i, err := c.dashboardInstance()
	if err != nil {
		return nil, err
	}
	if _, err := c.choice("include_fields", "", "registrant_id"); err != nil {
		return nil, err
	}
	stays := r.stays(i)
	return c.page(len(stays), func(k int) any { return r.participant(i, stays[k]) }, r.number(i))
}

// dashboardInstance returns the instance of a path.
func (c *call) dashboardInstance() (*dashboardCall, *instance, error) {
	r, err := c.dashboardCall()
	if err != nil {
		return nil, nil, err
	}
	i, err := r.find()
	return r, i, err
}

// number returns the field with the number of an instance's meeting.
func (r *dashboardCall) number(i *instance) field {
	name := "meeting_number"
	if r.webinar {
		name = "webinar_number"
	}
	return field{name, strconv.FormatInt(r.world.number(i.m.n), 10)}
}

// feedbackRow is a participant's feedback at the end.
type feedbackRow struct {
	DateTime string `json:"date_time"`
	Email    string `json:"email"`
	Quality  string `json:"quality"`
	UserID   string `json:"user_id"`
	Comment  string `json:"comment"`
}

// listDashboardFeedback lists feedback of a third of the participants, given when they left.
func listDashboardFeedback(c *call) (any, error) {
	r, i, err := c.dashboardInstance()
	if err != nil {
		return nil, err
	}
	said := slices.DeleteFunc(r.stays(i), func(s *stay) bool { return s.person%3 != 1 || !r.ended(s) })
	p, err := c.page(len(said), func(k int) any {
		s := said[k]
		_, email := r.world.shown(i, s)
		row := feedbackRow{DateTime: stamp(s.leave), Email: email, Quality: "GOOD", UserID: s.userID(r.world)}
		if s.person%4 == 1 {
			row.Quality, row.Comment = "NOT GOOD", "The sound broke up."
		}
		return row
	})
	if err != nil {
		return nil, err
	}
	return p.without("page_count", "total_records"), nil
}

type sharingRow struct {
	ID       string          `json:"id"`
	UserID   string          `json:"user_id"`
	UserName string          `json:"user_name"`
	Details  []sharingDetail `json:"details"`
}

type sharingDetail struct {
	Content   string `json:"content"`
	StartTime string `json:"start_time"`
	EndTime   string `json:"end_time"`
}

// listDashboardSharing lists desktop sharing: by each fourth participant, for a tenth of the
// stay.
func listDashboardSharing(c *call) (any, error) {
	r, i, err := c.dashboardInstance()
	if err != nil {
		return nil, err
	}
	shared := slices.DeleteFunc(r.stays(i), func(s *stay) bool { return s.person%4 != 0 || s.waiting })
	return c.page(len(shared), func(k int) any {
		s := shared[k]
		name, _ := r.world.shown(i, s)
		length := (s.leave.Sub(s.join) / 10).Truncate(time.Second)
		return sharingRow{ID: s.userID(r.world), UserID: s.rowID(), UserName: name, Details: []sharingDetail{
			{"desktop", stamp(s.join.Add(length)), stamp(s.join.Add(2 * length))},
		}}
	})
}
