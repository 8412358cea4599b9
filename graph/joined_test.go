package graph

import (
	"sync"
	"testing"

	"zoomql/internal/sandbox"
)

// Equal concurrent queries need the calls of one, and all get its answer. A change in between is
// not missed.
func TestConcurrentQueries_equal(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{}}, func(r *rig) {
		const query = `{ user(by: {zoomId: "${HostID}"}) { displayName jobTitle } meeting(by: {number: "${MeetingNumber}"}) { topic } }`
		r.ask(`{ viewer { scopes } }`, nil) // the token is there
		answers := make([]string, 64)
		var wait sync.WaitGroup
		for i := range answers {
			wait.Go(func() { answers[i] = string(r.ask(query, nil).Data) })
		}
		wait.Wait()
		r.spends(2)
		for _, a := range answers {
			if a != answers[0] || a == "" {
				t.Fatalf("answers differ: %s and %s", answers[0], a)
			}
		}
	})
}

// Equal concurrent mutations are executed separately.
func TestConcurrentMutations_equal(t *testing.T) {
	t.Parallel()
	inRig(t, setup{Options: sandbox.Options{}}, func(r *rig) {
		r.ask(`{ viewer { scopes } }`, nil)
		const create = `mutation { createMeeting(input: {host: {zoomId: "${HostID}"}, meeting: {topic: "Twice"}}) { meeting { number } } }`
		numbers := make([]string, 2)
		var wait sync.WaitGroup
		for i := range numbers {
			wait.Go(func() { numbers[i] = r.ask(create, nil).at(t, "createMeeting.meeting.number") })
		}
		wait.Wait()
		if numbers[0] == numbers[1] {
			t.Errorf("both are %s", numbers[0])
		}
		r.spends(2)
	})
}
