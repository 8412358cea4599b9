package sandbox

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// world is the state of an account: the seeded objects, generated when they are read, and the
// changes that calls made to them. Handlers run with mu locked.
type world struct {
	opt   Options
	seed  uint64
	shift uint64
	start time.Time // the dates of the seeded objects are relative to it

	account string  // Zoom's id of the account
	serial  int64   // its account number
	domain  string  // of its users' addresses
	owner   int     // index of the user who owns it
	founder *person // the owner of an account that a call created

	mu                sync.RWMutex
	meetings          map[uint64]*meeting           // changed or created
	deleted           map[uint64]*meeting           // may be recovered
	webinars          map[uint64]*meeting           // that Hold has held
	byHost            map[int][]uint64              // created meetings
	registrantChanges map[uint64]*registrantChanges // of meetings whose registrants calls have changed
	attachments       map[uint64]*attachments       // of meetings whose attachments calls have changed
	lastID            uint64                        // of the objects that calls created
	people            people
	roles             []*role
	groups            []*group
	policies          []*policy

	madeTemplates map[int][]*template       // by user
	settings      map[string]map[string]any // parts of the account's settings that were read
	settingsMu    sync.Mutex                // reading creates them

	byStatus func() map[string][]int // indices of users, in order
	bySeed   func() [][]string       // the groups of the seeded users
	nonces   map[uint64]uint64

	encoded sync.Map // list items of GET /users, by index
}

func newWorld(opt Options) *world {
	w := &world{
		opt:               opt,
		seed:              mix(opt.Seed),
		start:             opt.Now().UTC().Truncate(time.Minute),
		account:           opt.AccountID,
		serial:            10_000_001,
		domain:            "example.com",
		settings:          map[string]map[string]any{},
		meetings:          map[uint64]*meeting{},
		deleted:           map[uint64]*meeting{},
		webinars:          map[uint64]*meeting{},
		byHost:            map[int][]uint64{},
		registrantChanges: map[uint64]*registrantChanges{},
		attachments:       map[uint64]*attachments{},
		nonces:            map[uint64]uint64{},
		people:            people{changed: map[int]*user{}, gone: map[int]bool{}},

		madeTemplates: map[int][]*template{},
	}
	w.roles, w.groups, w.policies = w.seedRoles(), w.seedGroups(), w.seedPolicies()
	w.shift = mix(w.seed) % numberPrime
	w.byStatus, w.bySeed = sync.OnceValue(w.seededByStatus), sync.OnceValue(w.seededGroups)
	w.findNonces()
	return w
}

// member returns the j-th person of the account for a meeting, or -1 if there are no more. The
// host is not among them.
func (w *world) member(n uint64, j int) int {
	all := w.byStatus()["active"]
	if j >= len(all) {
		return -1
	}
	i := all[(mix(n^w.seed)+uint64(j))%uint64(len(all))]
	if i == hostOf(n) {
		return -1
	}
	return i
}

// Landmarks names objects that exist in every sandbox, for documents and tests. They depend on
// the seed alone, not on the clock.
type Landmarks struct {
	AccountID string

	SubAccountID                             string // of the master account
	SubHostID, SubHostEmail                  string // host of the sub account's meetings below
	SubMeetingNumber                         int64
	SubMeetingInstance                       string
	SubOwnerEmail                            string
	ResellerAccountID, ThirdTierID           string // a sub account with sub accounts, and one of those
	VideoSDKAccountID                        string
	VirtualBackgroundID                      string
	AuthenticationOptionID, SettingsPolicyID string // of the settings

	OwnerID, OwnerEmail               string
	HostID, HostEmail                 string // host of all meetings below
	InactiveUserID, InactiveUserEmail string
	PendingUserEmail                  string
	DeletedUserID                     string // a deleted user

	MeetingNumber     int64 // weekly, with registration, registrants and past instances
	RegistrantID      string
	BigMeeting        int64 // its latest instance has Options.Participants rows
	BigInstance       string
	ManualMeeting     int64 // scheduled; registrants wait for approval
	PendingRegistrant string
	LiveMeeting       int64
	PersonalMeeting   int64 // scheduled with the PMI
	OpenMeeting       int64 // recurring without a fixed time

	WebinarNumber       int64 // weekly, with registration, registrants and past instances
	WebinarInstance     string
	WebinarRegistrantID string
	ManualWebinar       int64 // scheduled; registrants wait for approval
	SimuliveWebinar     int64 // plays a recording, without registration

	RoleID        string // a custom role without members
	GroupID       string // the host is the only member
	PolicyID      string // an information barrier
	SurveyID      string // with questions of all types, used in UUIDWithSlash
	SurveyChannel string // a chat channel in which surveys were used
	PollID        string // of MeetingNumber
	ChannelID     string // the host is a member

	UUIDWithSlash     string // begins with "/"
	UUIDDoubleSlash   string // contains "//"
	UUIDPlain         string // needs one encoding only, and contains "+" and "/"
	OnePersonInstance string // has no report
	PendingInstance   string // ended just now
	ExpiredInstance   string // older than a year
	GoneInstance      string // older than 15 months

	OldWebinarInstance     string // an instance whose participants Zoom no longer keeps
	BillingReport          string // of the latest period
	LiveWebinar            int64
	ParticipantInMeetingID string // the host's stay in BigInstance and in WebinarInstance
	ZoomRoomID             string
}

// The users and the meetings of the landmarks' host.
const (
	owner, host, inactiveUser, pendingUser = 0, 1, 2, 3
	deletedUser                            = 1 << 40
)

const (
	slotWeekly = iota
	slotBig
	slotPending
	slotOld
	slotOnePerson
	slotLive
	slotPersonal
	slotManual
	slotOpen
	specialSlots
)

// The instances of the weekly meeting whose UUIDs have a special form.
const (
	instanceSlash = iota + 1
	instanceDoubleSlash
	instancePlain
)

// Landmarks returns the landmarks of this sandbox.
func (s *Sandbox) Landmarks() Landmarks {
	w := s.world
	weekly, big, manual := special(slotWeekly), special(slotBig), special(slotManual)
	sub := s.subs.seeded(subAccount).world()
	number := func(slot uint64) int64 { return w.number(special(slot)) }
	uuid := func(slot uint64, k int) string { return w.uuid(special(slot), k) }
	return Landmarks{
		AccountID:    AccountID,
		SubAccountID: sub.account, SubHostID: sub.userID(host), SubHostEmail: sub.seedUser(host).Email, SubOwnerEmail: sub.seedUser(owner).Email,
		SubMeetingNumber: sub.number(weekly), SubMeetingInstance: sub.uuid(big, 0),
		ResellerAccountID: s.subs.seeded(resellerAccount).id, ThirdTierID: s.subs.seeded(thirdTierAccount).id,
		VideoSDKAccountID: s.subs.seeded(videoSDKAccount).id, VirtualBackgroundID: "_sandboxBackground00002",
		AuthenticationOptionID: "sandboxSignIn000000002A", SettingsPolicyID: "sandboxPolicy000000001A",
		OwnerID: w.userID(owner), OwnerEmail: w.seedUser(owner).Email,
		HostID: w.userID(host), HostEmail: w.seedUser(host).Email,
		InactiveUserID: w.userID(inactiveUser), InactiveUserEmail: w.seedUser(inactiveUser).Email,
		PendingUserEmail: w.seedUser(pendingUser).Email,
		DeletedUserID:    w.userID(deletedUser),
		MeetingNumber:    w.number(weekly), RegistrantID: w.registrantID(weekly, 1),
		BigMeeting: w.number(big), BigInstance: w.uuid(big, 0),
		ManualMeeting: w.number(manual), PendingRegistrant: w.registrantID(manual, w.approved(manual)),
		LiveMeeting: number(slotLive), PersonalMeeting: number(slotPersonal), OpenMeeting: number(slotOpen),
		WebinarNumber: w.number(specialWebinar(webinarWeekly)), WebinarInstance: w.uuid(specialWebinar(webinarWeekly), 0),
		WebinarRegistrantID: w.registrantID(specialWebinar(webinarWeekly), 1),
		ManualWebinar:       w.number(specialWebinar(webinarManual)), SimuliveWebinar: w.number(specialWebinar(webinarSimulive)),
		RoleID: w.supportRole(), GroupID: w.groupID(hostsGroup), PolicyID: sealID(w.seed, sealOther, 3_000),
		SurveyID: w.surveyID(0), SurveyChannel: surveyChannel,
		PollID: w.pollID(weekly, 0), ChannelID: w.channelID(0),
		UUIDWithSlash:   uuid(slotWeekly, instanceSlash),
		UUIDDoubleSlash: uuid(slotWeekly, instanceDoubleSlash),
		UUIDPlain:       uuid(slotWeekly, instancePlain),
		PendingInstance: uuid(slotPending, 0), OnePersonInstance: uuid(slotOnePerson, 0),
		ExpiredInstance: uuid(slotOld, 1), GoneInstance: uuid(slotOld, 2),
		OldWebinarInstance:     w.uuid(specialWebinar(webinarWeekly), webinarOld),
		BillingReport:          w.billingID(0),
		LiveWebinar:            w.number(specialWebinar(webinarLive)),
		ParticipantInMeetingID: (&stay{}).rowID(), ZoomRoomID: w.roomID(0),
	}
}

func special(slot uint64) uint64 { return host*slotsPerUser + slot }

// findNonces chooses nonces that give the landmarks' UUIDs their forms.
func (w *world) findNonces() {
	forms := map[int]func(string) bool{
		instanceSlash:       func(u string) bool { return strings.HasPrefix(u, "/") },
		instanceDoubleSlash: func(u string) bool { return strings.Contains(u[1:], "//") && u[0] != '/' },
		instancePlain: func(u string) bool {
			return !needsTwice(u) && strings.Contains(u, "/") && strings.Contains(u, "+")
		},
	}
	for k, fits := range forms {
		v := instanceKey(special(slotWeekly), k)
		for nonce := range uint64(1 << 16) {
			if fits(sealUUID(w.seed, v|nonce)) {
				w.nonces[v] = nonce
				break
			}
		}
	}
}

func instanceKey(n uint64, k int) uint64 { return n<<24 | uint64(k)<<16 }

// uuid returns the UUID of the k-th instance of a meeting; the latest is 0.
func (w *world) uuid(n uint64, k int) string {
	v := instanceKey(n, k)
	return sealUUID(w.seed, v|w.nonces[v])
}

func (w *world) registrantID(n uint64, j int) string {
	return sealID(w.seed, sealRegistrant, n<<24|uint64(j))
}

// link returns an address in the form of Zoom's on a host that does not exist: with a real
// host name, an invented number might be a stranger's meeting.
func link(kind string, number int64, more string) string {
	return fmt.Sprintf("https://us06web.zoom.example/%s/%s%s", kind, formatNumber(number), more)
}
