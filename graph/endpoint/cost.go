package endpoint

import (
	"encoding/json"
	"strconv"
	"time"

	"zoomql/internal/zoom"
)

// cost is the content of extensions.cost.
type cost struct {
	// requested is how many calls of each label the answer needed, and actual how
	// many were sent for it, retries included.
	requested, actual [zoom.ResourceIntensive + 1]int
	cached            int           // number of Zoom's answers from the cache
	waited            time.Duration // the longest wait of a call in the limiter's queue
	stale             time.Duration // the age of the oldest stale part; 0 if none is stale
	drift             []byte        // JSON of the values and fields that the schema lacks; nil if not requested
}

func costOf(u *zoom.Usage) cost {
	c := cost{cached: u.Hits(), waited: u.Waited(), stale: u.Stale()}
	for _, r := range zoom.Rates {
		c.requested[r], c.actual[r] = u.Requested(r), u.Calls(r)
	}
	if entries, keeping := u.Drift(); keeping {
		if drift, err := json.Marshal(entries); err == nil {
			c.drift = drift
		}
	}
	return c
}

// again returns the cost of the same answer when it is served without a call: requested stays.
func (c *cost) again() cost {
	other := cost{requested: c.requested, stale: c.stale}
	for _, n := range c.requested {
		other.cached += n
	}
	return other
}

// append ends an answer that encode has begun. If a part of it is stale, it adds
// extensions.cache.
func (c *cost) append(to []byte) []byte {
	to = appendLabels(append(to, `"cost":{"requested":`...), &c.requested)
	to = appendLabels(append(to, `,"actual":`...), &c.actual)
	to = strconv.AppendInt(append(to, `,"cached":`...), int64(c.cached), 10)
	to = strconv.AppendInt(append(to, `,"waitedMs":`...), c.waited.Milliseconds(), 10)
	if c.stale > 0 {
		to = strconv.AppendInt(append(to, `},"cache":{"stale":true,"ageSeconds":`...), int64(c.stale/time.Second), 10)
	}
	if c.drift != nil {
		to = append(append(to, `},"drift":{"found":`...), c.drift...)
	}
	return append(to, `}}}`...)
}

// appendLabels appends the numbers of calls that are not 0, by label, as JSON.
func appendLabels(to []byte, calls *[zoom.ResourceIntensive + 1]int) []byte {
	to = append(to, '{')
	first := true
	for _, r := range zoom.Rates {
		if calls[r] == 0 {
			continue
		}
		if !first {
			to = append(to, ',')
		}
		first = false
		to = append(append(append(to, '"'), r.String()...), `":`...)
		to = strconv.AppendInt(to, int64(calls[r]), 10)
	}
	return append(to, '}')
}
