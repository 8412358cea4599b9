package ratelimit

// withTimings sets the time limits and intervals.
func withTimings(t timings) Option { return func(r *Redis) { r.timings = t.withDefaults() } }
