package graph

import (
	"net/http"
	"strings"
	"testing"
)

// What a body takes is given back with the answer.
func TestBody_memoryIsGivenBack(t *testing.T) {
	inRig(t, setup{}, func(r *rig) {
		query := `{"query":"{ account { zoomId } }","variables":{"x":"` + strings.Repeat("x", 100<<10) + `"}}`
		for range 150 { // of a megabyte of admission each, three times as much as there is
			if a := r.post("application/json", query); a.status != http.StatusOK {
				t.Fatalf("%d %.200s", a.status, a.body)
			}
		}
	})
}
