package sandbox

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func benchNew(b *testing.B, opt Options) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B)           { benchNew(b, Options{}) }
func BenchmarkNew10000Users(b *testing.B) { benchNew(b, Options{Users: 10_000}) }

// discardWriter is a ResponseWriter that discards the answer.
type discardWriter struct {
	header http.Header
	n      int
}

func (w *discardWriter) Header() http.Header { return w.header }
func (w *discardWriter) WriteHeader(int)     {}
func (w *discardWriter) Write(p []byte) (int, error) {
	w.n += len(p)
	return len(p), nil
}

func benchGet(b *testing.B, opt Options, path func(*Sandbox) string) {
	opt.Plan = PlanNone
	s, err := New(opt)
	if err != nil {
		b.Fatal(err)
	}
	token, _ := s.tokens.issue(1, time.Now(), 24*time.Hour)
	req := httptest.NewRequest(http.MethodGet, "/v2"+path(s), nil)
	req.Header.Set("Authorization", "Bearer "+token)
	w := &discardWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		w.n = 0
		clear(w.header)
		s.ServeHTTP(w, req)
	}
	b.SetBytes(int64(w.n))
}

func BenchmarkGetUser(b *testing.B) {
	benchGet(b, Options{}, func(s *Sandbox) string { return "/users/" + s.Landmarks().HostID })
}

func BenchmarkGetMeeting(b *testing.B) {
	benchGet(b, Options{}, func(s *Sandbox) string { return "/meetings/" + formatNumber(s.Landmarks().MeetingNumber) })
}

func BenchmarkListMeetings(b *testing.B) {
	benchGet(b, Options{}, func(s *Sandbox) string { return "/users/" + s.Landmarks().HostID + "/meetings" })
}

func BenchmarkListUsers2000(b *testing.B) {
	benchGet(b, Options{Users: 3000}, func(*Sandbox) string { return "/users?page_size=2000" })
}

// The first time, the items of the page are encoded instead of copied.
func BenchmarkListUsers2000Cold(b *testing.B) {
	s, err := New(Options{Users: 3000, Plan: PlanNone})
	if err != nil {
		b.Fatal(err)
	}
	token, _ := s.tokens.issue(1, time.Now(), 24*time.Hour)
	req := httptest.NewRequest(http.MethodGet, "/v2/users?page_size=2000", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	for b.Loop() {
		s.world.encoded.Clear()
		s.ServeHTTP(&discardWriter{header: http.Header{}}, req)
	}
}

func BenchmarkListParticipants300(b *testing.B) {
	benchGet(b, Options{Users: 1000, Participants: 300}, func(s *Sandbox) string {
		return "/report/meetings/" + twice(s.Landmarks().BigInstance) + "/participants?page_size=300&include_fields=registrant_id"
	})
}

func BenchmarkListRegistrants300(b *testing.B) {
	benchGet(b, Options{Users: 1000, Participants: 300}, func(s *Sandbox) string {
		return "/meetings/" + formatNumber(s.Landmarks().BigMeeting) + "/registrants?page_size=300"
	})
}

func BenchmarkLedger(b *testing.B) {
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/v2/users?page_size=300", nil)
	c := s.call(req)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.ledger.end(s.ledger.begin(c, req), 200, c.now)
		}
	})
}
