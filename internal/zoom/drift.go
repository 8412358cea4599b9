package zoom

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"zoomql/internal/drift"
	"zoomql/internal/zoom/types"
)

// observe counts what an answer has and the graph does not know. Values and fields of
// another shape were met where the answer was read; to look for fields costs more than
// half of reading it, so that is done to a sample of the answers.
func (t *transport) observe(ctx context.Context, req *Request, body []byte, odd *types.Oddities) {
	usage := usageFrom(ctx)
	if !req.raw && (usage.keepsDrift() || t.looks.due(req.Spec, time.Now())) {
		odd.AddUnknown(body, req.Spec.members())
	}
	found := odd.Found()
	if len(found) == 0 {
		return
	}
	for _, f := range t.cfg.Drift.Add(req.Spec.Pattern, found, time.Now()) {
		if f.Kind == drift.Unreadable {
			t.cfg.Log.WarnContext(ctx, "a field of Zoom's answer has another shape and is null", "operation", req.Spec.Pattern, "field", f.Field)
		}
	}
	usage.drifted(req.Spec.Pattern, found)
}

// about are fields of lists that are read with them, or tell what was asked.
var about = []string{"page_size", "page_count", "page_number", "next_page_token", "total_records", "from", "to"}

// members returns what the members of an answer are decoded into.
func (s *Spec) members() func(name string) (reflect.Type, bool) {
	items, isPage := s.answer.FieldByName("Items")
	fields := types.FieldsOf(s.answer)
	return func(name string) (reflect.Type, bool) {
		switch {
		case isPage && name == s.Array:
			return items.Type, true
		case slices.Contains(about, name), slices.Contains(s.Beside, name), slices.Contains(withheld, name):
			return nil, true
		case isPage:
			return nil, false
		}
		return fields(name)
	}
}

const (
	// firstLooks is how many answers of an operation are looked through to begin with.
	firstLooks = 3
	// lookEvery is how often one is after that.
	lookEvery = 10 * time.Second
)

// looks says which answers are looked through for fields. The zero value is ready.
type looks struct {
	mu sync.Mutex
	of map[*Spec]*looked
}

type looked struct {
	n    int
	last time.Time
}

func (l *looks) due(s *Spec, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[*Spec]*looked{}
	}
	seen := l.of[s]
	if seen == nil {
		seen = &looked{}
		l.of[s] = seen
	}
	if seen.n >= firstLooks && now.Sub(seen.last) < lookEvery {
		return false
	}
	seen.n, seen.last = seen.n+1, now
	return true
}

// KeepDrift has the usage keep what the answers have and the graph does not know: each
// is looked through.
func (u *Usage) KeepDrift() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.drift = &drift.Report{}
}

func (u *Usage) keepsDrift() bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.drift != nil
}

func (u *Usage) drifted(operation string, found map[drift.Finding]int) {
	if u == nil {
		return
	}
	u.mu.Lock()
	report := u.drift
	u.mu.Unlock()
	report.Add(operation, found, time.Now())
}

// Drift returns what the answers to the question's calls had that the graph does not
// know; keeping is false where that was not kept.
func (u *Usage) Drift() (entries []drift.Entry, keeping bool) {
	u.mu.Lock()
	report := u.drift
	u.mu.Unlock()
	return report.Entries(), report != nil
}
