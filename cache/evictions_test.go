package cache

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Long tags do not exceed the bound in bytes.
func TestEvictions_longTagsCountAsSeveral(t *testing.T) {
	const limit = 100
	v := newEvictions(limit)
	for i := range 1_000 {
		v.evict([]tagName{tagName(strconv.Itoa(i) + strings.Repeat("x", 10*usualTagLength))})
	}
	tables, bytes := v.tables.Load(), 0
	for _, table := range []*sync.Map{tables.young, tables.old} {
		table.Range(func(tag, _ any) bool {
			bytes += len(tag.(tagName))
			return true
		})
	}
	if most := 3 * limit * usualTagLength; bytes > most {
		t.Errorf("%d bytes of tags are recorded, more than %d", bytes, most)
	}
}
