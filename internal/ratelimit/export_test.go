package ratelimit

import "time"

// withTimings sets the time limits and intervals.
func withTimings(t timings) Option { return func(r *Redis) { r.timings = t.withDefaults() } }

// DetectionTime is how long after a replica's last heartbeat all others know that it
// is missing.
func DetectionTime() time.Duration {
	t := timings{}.withDefaults()
	return t.detection()
}
