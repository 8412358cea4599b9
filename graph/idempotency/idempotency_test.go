package idempotency

import (
	"strings"
	"testing"
)

// The stored results are bounded by their bytes.
func TestMemory_boundedByBytes(t *testing.T) {
	m := New(nil)
	large := strings.Repeat("x", 100<<10)
	for i := range 1_000 {
		m.results.Set([32]byte{byte(i), byte(i >> 8)}, result{made: &large})
	}
	m.results.CleanUp()
	if w := m.results.WeightedSize(); w > maxBytes {
		t.Errorf("%d bytes are stored", w)
	}
}
