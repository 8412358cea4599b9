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

// observe counts the values and fields of an answer that the schema lacks. The unknown
// values are findings of the decoder; scanning for unknown fields costs more than half of
// decoding, so only a sample of the answers is scanned.
func (t *transport) observe(ctx context.Context, req *Request, body []byte, odd *types.Oddities) {
	usage := usageFrom(ctx)
	if !req.raw && (usage.keepsDrift() || t.sampler.due(req.Spec, time.Now())) {
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

// about are the fields of lists that describe the page or the request.
var about = []string{"page_size", "page_count", "page_number", "next_page_token", "total_records", "from", "to"}

// members returns a function with the types that the members of an answer are decoded into.
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
	// firstSamples is how many answers of an operation are scanned at first.
	firstSamples = 3
	// sampleInterval is the time between scanned answers after that.
	sampleInterval = 10 * time.Second
)

// sampler selects the answers that are scanned for unknown fields. The zero value is ready.
type sampler struct {
	mu sync.Mutex
	of map[*Spec]*samples
}

// samples are those of one operation.
type samples struct {
	n    int
	last time.Time
}

func (s *sampler) due(spec *Spec, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[*Spec]*samples{}
	}
	taken := s.of[spec]
	if taken == nil {
		taken = &samples{}
		s.of[spec] = taken
	}
	if taken.n >= firstSamples && now.Sub(taken.last) < sampleInterval {
		return false
	}
	taken.n, taken.last = taken.n+1, now
	return true
}

// KeepDrift makes the usage record the values and fields that the schema lacks. Each answer
// is scanned then.
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

// Drift returns the values and fields of the request's answers that the schema lacks;
// keeping is false if KeepDrift was not called.
func (u *Usage) Drift() (entries []drift.Entry, keeping bool) {
	u.mu.Lock()
	report := u.drift
	u.mu.Unlock()
	return report.Entries(), report != nil
}
