package sandbox

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The README prints these values: change them there as well.
func TestLandmarksOfTheDefaultSeed(t *testing.T) {
	want := Landmarks{
		AccountID:    "sandboxAccount0000000A",
		SubAccountID: "L31ghjJjihaMFpeLuv6jig", SubHostID: "ju_mRFuX1_L9bfqQ9E_GnQ",
		SubHostEmail: "kaito.wagner1@northwind.example.com", SubOwnerEmail: "omar.sorensen0@northwind.example.com",
		SubMeetingNumber: 11173597777, SubMeetingInstance: "xhZkGrGpnP2oxiYwOTejEw==",
		ResellerAccountID: "lhNwBf8dA5V5jDoMuL5x4A", ThirdTierID: "hCNPR_Ho3Q_rEL11kG2ofQ", VideoSDKAccountID: "ySI7i0AFpnYkdmyIfHdlOQ",
		VirtualBackgroundID: "_sandboxBackground00002", AuthenticationOptionID: "sandboxSignIn000000002A", SettingsPolicyID: "sandboxPolicy000000001A",
		OwnerID: "nFIU4W28clghT7d2DfusyA", OwnerEmail: "noor.patel0@example.com",
		HostID: "0wu0uky42-15uhF0d2LAwA", HostEmail: "ada.dubois1@example.com",
		InactiveUserID: "5EUgujWD_5FWd_Jr-5RUIw", InactiveUserEmail: "quentin.bauer2@example.com",
		PendingUserEmail: "fatima.vogel3@example.com",
		DeletedUserID:    "iFVdRSOzGcr7A6zvoZHzGw",
		MeetingNumber:    65377669137, RegistrantID: "BkXrOHh7JvC6Xg6kvR78zg",
		BigMeeting: 17612237059, BigInstance: "i93H3yTHa/S9kmMiGktH8w==",
		ManualMeeting: 87019644467, PendingRegistrant: "UfdaerWzikQ9xOfS2JiulA",
		LiveMeeting: 4550508685, PersonalMeeting: 45785076576, OpenMeeting: 39254212389,
		WebinarNumber: 5166468499, WebinarInstance: "omrrRUkJ68TZGcPtwJa65Q==", WebinarRegistrantID: "2R2v1TmszSXjgnTZhPoPhQ",
		ManualWebinar: 46401036390, SimuliveWebinar: 87635604281,
		RoleID: "jMEN8AbqaPlRXwWoY3QKYw", GroupID: "_aZNR5TQ6kzv9VgdMTUa7Q", PolicyID: "FYbms8TebxV32id434aTfw",
		SurveyID: "fBMYYTIgWG5-VyfFBK46Cg", SurveyChannel: surveyChannel,
		PollID: "9KB8GWB8Ld2gbyqduAYtlg", ChannelID: "7gy21qu5gilrjocohphvea",
		UUIDWithSlash: "/ZzEQPEE0bZ1hoCtmnD3jA==", UUIDDoubleSlash: "GbZip//0pMtkyBvX1AysJg==", UUIDPlain: "b7sXe/yZJrPk+kpdy1iVrw==",
		OnePersonInstance: "QeaGRsXd7bPbjtcIq0dI1A==", PendingInstance: "zfanhA0D5npQY0RZtJhEhg==",
		ExpiredInstance: "YCPe3m/uS/4ypzvqf461Iw==", GoneInstance: "T1IoZyPFqC5QzOoRe7yOTQ==",
		OldWebinarInstance:     "pMLUTKwHO39RiWMKLIN0zA==",
		BillingReport:          "7snJXiFjWJQcf7Y5RDnn8g",
		LiveWebinar:            81104740094,
		ParticipantInMeetingID: "16778240", ZoomRoomID: "UYsLqD4weduuJgHk58NdyQ",
	}
	for _, opt := range []Options{{}, {Users: 10_000, Meetings: 3, Participants: 300, Plan: PlanFree, Now: func() time.Time { return monday.AddDate(0, 4, 3) }}} {
		s, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.Landmarks()); diff != "" {
			t.Error(diff)
		}
	}
}

// The same seed yields the same bytes, another seed different ones.
func TestDeterminism(t *testing.T) {
	answers := func(seed uint64) []string {
		r := newRig(t, Options{Seed: seed})
		var all []string
		for _, path := range []string{
			"/users?page_size=5", "/users/" + r.HostID, "/users/" + r.HostID + "/meetings", r.path("/meetings/%d", r.MeetingNumber),
			r.path("/meetings/%d/registrants", r.BigMeeting), r.path("/past_meetings/%d/instances", r.MeetingNumber),
			"/past_meetings/" + twice(r.BigInstance) + "/participants", "/report/daily",
			"/report/users/" + r.HostID + "/meetings?from=2026-02-20&to=2026-03-16",
		} {
			all = append(all, r.get("%s", path).want(t, 200, 0).body)
		}
		return all
	}
	first, second, other := answers(7), answers(7), answers(8)
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("answer %d differs:\n%s\n%s", i, first[i], second[i])
		}
		if first[i] == other[i] {
			t.Errorf("answer %d is the same for another seed", i)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		why  string
		opt  Options
		want string
	}{
		{"too few users", Options{Users: 3}, "Users"},
		{"more meetings than numbers", Options{Meetings: 5000}, "Meetings"},
		{"more registrants than Zoom takes", Options{Participants: 6000}, "Registrants"},
		{"no such plan", Options{Plan: "gold"}, "gold"},
	} {
		if _, err := New(c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func TestIDs(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := s.world
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64().Draw(t, "v")
		if unmix(mix(v)) != v {
			t.Fatalf("unmix does not undo mix of %d", v)
		}
		if got, ok := openID(w.seed, sealUser, sealID(w.seed, sealUser, v)); !ok || got != v {
			t.Fatalf("a sealed %d opens as %d, %t", v, got, ok)
		}
		if _, ok := openID(w.seed, sealRegistrant, sealID(w.seed, sealUser, v)); ok {
			t.Fatal("a user's id opens as a registrant's")
		}
		if _, ok := openID(w.seed+1, sealUser, sealID(w.seed, sealUser, v)); ok {
			t.Fatal("the id of one sandbox opens in another")
		}
		n := rapid.Uint64Range(0, numberPrime-1).Draw(t, "n")
		number := w.number(n)
		if got, ok := w.nth(number); !ok || got != n || number < 1_000_000_000 || number > 99_999_999_999 {
			t.Fatalf("meeting %d is %d, which is meeting %d", n, number, got)
		}
	})
}

// Every path is answered in Zoom's format.
func FuzzPath(f *testing.F) {
	s, err := New(Options{Plan: PlanNone})
	if err != nil {
		f.Fatal(err)
	}
	token, _ := s.tokens.issue(1, time.Now(), time.Hour)
	for _, seed := range []string{"users/x", "past_meetings/%252Fabc%3D%3D", "meetings/12345678901?occurrence_id=1", "users?next_page_token=AAAA&page_size=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		req, err := http.NewRequest(http.MethodGet, "http://sandbox/v2/"+path, nil)
		if err != nil {
			t.Skip()
		}
		req.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		if rec.Code >= 500 || !strings.HasPrefix(rec.Body.String(), "{") {
			t.Errorf("%q: HTTP %d %s", path, rec.Code, rec.Body)
		}
	})
}
