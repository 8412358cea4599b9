package drift

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	began  = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)
	device = Finding{Value, "participants.device", "Zoom Rooms"}
	shape  = Finding{Unreadable, "users.group_ids", ""}
)

func TestReport_counts(t *testing.T) {
	r := &Report{}
	if news := r.Add("GET /b", map[Finding]int{device: 2}, began); len(news) != 1 || news[0] != device {
		t.Errorf("news: %v", news)
	}
	if news := r.Add("GET /b", map[Finding]int{device: 1}, began.Add(time.Hour)); news != nil {
		t.Errorf("a known finding is returned: %v", news)
	}
	r.Add("GET /a", map[Finding]int{shape: 1}, began)
	want := []Entry{{"GET /a", shape, 1, began, began}, {"GET /b", device, 3, began, began.Add(time.Hour)}}
	if diff := cmp.Diff(want, r.Entries()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := r.Sum(); s != (Sum{Operations: 2, Values: 1, Unreadable: 1}) {
		t.Errorf("%+v", s)
	}
	var none *Report
	if none.Add("GET /a", map[Finding]int{shape: 1}, began) != nil || none.Entries() != nil {
		t.Error("a nil report counts")
	}
}

func TestReport_bounded(t *testing.T) {
	r := &Report{}
	for i := range maxFindings + 100 {
		r.Add("GET /a", map[Finding]int{{Value, "x", strconv.Itoa(i)}: 1}, began)
	}
	r.Add("GET /b", map[Finding]int{shape: 1}, began)
	if n := len(r.Entries()); n != maxFindings+1 {
		t.Errorf("%d findings", n)
	}
}

// A report continues the one in the file.
func TestReport_saveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drift.json")
	r := &Report{}
	if err := r.Load(path); err != nil {
		t.Fatalf("a file that is not there: %v", err)
	}
	r.Add("GET /a", map[Finding]int{device: 2}, began)
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	again := &Report{}
	if err := again.Load(path); err != nil {
		t.Fatal(err)
	}
	if news := again.Add("GET /a", map[Finding]int{device: 1}, began.Add(time.Hour)); len(news) != 1 {
		t.Errorf("a finding of the file, first counted by this process, is not returned: %v", news)
	}
	if err := again.Save(path); err != nil {
		t.Fatal(err)
	}
	entries, err := Read(path)
	if diff := cmp.Diff([]Entry{{"GET /a", device, 3, began, began.Add(time.Hour)}}, entries); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if left, _ := filepath.Glob(path + ".*"); left != nil {
		t.Errorf("files are left: %v", left)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.Load(path); err == nil {
		t.Error("a file of another kind was read")
	}
	if err := again.Save(filepath.Join(path, "x")); err != nil {
		t.Errorf("an unchanged report is written: %v", err)
	}
	again.Add("GET /a", map[Finding]int{device: 1}, began)
	if err := again.Save(filepath.Join(path, "x")); err == nil {
		t.Error("a file was written below a file")
	}
	if err := again.Save(path); err != nil {
		t.Error(err)
	}
	if entries, _ := Read(path); len(entries) != 1 || entries[0].Count != 4 {
		t.Errorf("after a failed save, findings are lost: %v", entries)
	}
}

// The report is saved each minute and at the end, and the log has a line a day.
func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drift.json")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, end := context.WithCancel(t.Context())
		r, done := &Report{}, make(chan struct{})
		go func() {
			defer close(done)
			r.Keep(ctx, path, slog.New(slog.NewTextHandler(&log, nil)))
		}()
		time.Sleep(25 * time.Hour)
		if log.Len() > 0 {
			t.Errorf("nothing was found, and the log has %s", &log)
		}
		r.Add("GET /a", map[Finding]int{device: 1}, time.Now())
		time.Sleep(2 * saveEvery)
		synctest.Wait()
		if entries, err := Read(path); err != nil || len(entries) != 1 {
			t.Errorf("after some minutes: %v, %v", entries, err)
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if n := strings.Count(log.String(), "operations=1 values=1 fields=0 unreadable=0"); n != 2 {
			t.Errorf("%d lines in two days: %s", n, &log)
		}
		r.Add("GET /a", map[Finding]int{shape: 1}, time.Now())
		end()
		<-done
		if entries, err := Read(path); err != nil || len(entries) != 2 {
			t.Errorf("at the end: %v, %v", entries, err)
		}
	})
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []Entry{{"GET /a", device, 3, began, began}}); err != nil {
		t.Fatal(err)
	}
	const want = "OPERATION  KIND   FIELD                VALUE       COUNT  FIRST       LAST\n" +
		"GET /a     value  participants.device  Zoom Rooms  3      2026-03-16  2026-03-16\n"
	if b.String() != want {
		t.Errorf("got\n%s", &b)
	}
}
