package main

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"zoomql/internal/lab/upstream"
)

// lightPerSecond is the limit of a Business+ account for the label LIGHT in any second.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
const lightPerSecond = 80

// allowed returns the least time for a number of calls of one label: with n calls
// allowed in any second, the (n+1)-th starts a second after the first.
func allowed(calls, perSecond int) time.Duration {
	if calls <= 0 {
		return 0
	}
	return time.Duration((calls-1)/perSecond) * time.Second
}

// allowedCrowd is the least time for the crowd query within the budget of a Business+
// account: the calls that depend on each other, and the time until the last of the
// LIGHT calls, one for each user, may start. Its few lists are MEDIUM and never wait.
func allowedCrowd(users, rounds int, latency time.Duration) time.Duration {
	return allowed(users, lightPerSecond) + time.Duration(rounds)*latency
}

// roundTrips returns the longest chain of calls of which each began after the
// one before it had ended.
func roundTrips(calls []upstream.Call) int {
	done := slices.SortedFunc(slices.Values(calls), func(a, b upstream.Call) int { return a.End.Compare(b.End) })
	n := 0
	var end time.Time
	for _, c := range done {
		if n == 0 || !c.Start.Before(end) {
			n++
			end = c.End
		}
	}
	return n
}

// crowd holds the users in an answer to the crowd query, or to the one on two meetings.
type crowd struct {
	people int             // registrants and participants
	placed int             // of them, with a user
	users  map[string]bool // ids of the users
	names  map[string]string
}

// crowdOf reads an answer. Its parts may have any names.
func crowdOf(data json.RawMessage) (crowd, error) {
	type nodes struct {
		Nodes []struct {
			User *struct {
				ZoomID string `json:"zoomId"`
				Email  string `json:"email"`
			} `json:"user"`
		} `json:"nodes"`
	}
	var parts map[string]*struct {
		Registrants  nodes `json:"registrants"`
		Participants nodes `json:"participants"`
	}
	c := crowd{users: map[string]bool{}, names: map[string]string{}}
	if err := json.Unmarshal(data, &parts); err != nil {
		return c, err
	}
	for _, part := range parts {
		if part == nil {
			continue
		}
		for _, n := range append(part.Registrants.Nodes, part.Participants.Nodes...) {
			c.people++
			if n.User == nil {
				continue
			}
			c.placed++
			c.users[n.User.ZoomID] = true
			c.names[n.User.ZoomID], c.names[strings.ToLower(n.User.Email)] = n.User.ZoomID, n.User.ZoomID
		}
	}
	return c, nil
}

// again counts the calls for users who were fetched before, by id or by e-mail address.
func (c crowd) again(calls []upstream.Call) int {
	fetched := map[string]bool{}
	n := 0
	for _, call := range calls {
		if call.Pattern != getUser {
			continue
		}
		name, err := url.PathUnescape(strings.TrimPrefix(call.Path, "/v2/users/"))
		if err != nil {
			continue
		}
		if id, ok := c.names[strings.ToLower(name)]; ok {
			name = id
		} else if id, ok := c.names[name]; ok {
			name = id
		}
		if fetched[name] {
			n++
		}
		fetched[name] = true
	}
	return n
}

// Operations whose calls the table counts.
const (
	getUser   = "GET /users/{userId}"
	listUsers = "GET /users"
)

// count returns how many calls went to an operation; "" counts all.
func count(calls []upstream.Call, pattern string) int {
	if pattern == "" {
		return len(calls)
	}
	n := 0
	for _, c := range calls {
		if c.Pattern == pattern {
			n++
		}
	}
	return n
}

// repeated counts the calls that repeat an earlier one.
func repeated(calls []upstream.Call) int {
	made := map[string]bool{}
	n := 0
	for _, c := range calls {
		key := c.Pattern + " " + c.Path
		if made[key] {
			n++
		}
		made[key] = true
	}
	return n
}
