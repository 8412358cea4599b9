package attendance

import (
	"cmp"
	"slices"
	"time"
)

// Person is one attendee, with all stays that are proven to be this person's.
type Person struct {
	// Stays are the indices of the stays, by join time.
	Stays []int
	// Evidence is the strongest evidence by which stays were merged; of a single stay, the
	// strongest that identifies the person.
	Evidence Evidence
	// Confidence is that of the weakest evidence by which stays were merged.
	Confidence Confidence
	// Contradicted says that evidence was ignored: the stays have several users or customer
	// keys under one registration, or share a value with stays of another person.
	Contradicted bool

	Presence
}

// cluster is a set of merged stays.
type cluster struct {
	stays  []int
	values [kinds][]string // distinct, sorted
	// disputes are the refused merges that it was part of: no weaker evidence merges two
	// clusters of one dispute.
	disputes []int
	// strongest and weakest are the evidence by which stays were merged.
	strongest, weakest Evidence
}

// Persons merges stays into persons, by the strongest evidence first, and returns them in the
// order of the stays. Every stay is one person's. It takes n log n time.
func Persons(stays []Stay, byName bool) []*Person {
	m := merger{stays: stays, clusters: make([]*cluster, len(stays))}
	for i := range stays {
		c := &cluster{stays: []int{i}}
		for e := Name; e <= RegistrantID; e++ {
			if v := stays[i].value(e); v != "" {
				c.values[e] = []string{v}
			}
		}
		m.clusters[i] = c
	}
	last := ParticipantUUID
	if byName {
		last = Name
	}
	for e := RegistrantID; e >= last; e-- {
		m.mergeBy(e)
	}
	persons := make([]*Person, len(m.clusters))
	for i, c := range m.clusters {
		slices.SortFunc(c.stays, func(a, b int) int {
			return cmp.Or(stays[a].Join.Compare(stays[b].Join), cmp.Compare(a, b))
		})
		persons[i] = c.person()
	}
	slices.SortFunc(persons, func(a, b *Person) int { return cmp.Compare(slices.Min(a.Stays), slices.Min(b.Stays)) })
	return persons
}

func (c *cluster) person() *Person {
	p := &Person{Stays: c.stays, Evidence: c.strongest}
	weakest := c.weakest
	if len(c.stays) == 1 {
		p.Evidence = c.knownBy()
		weakest = p.Evidence
	}
	p.Confidence = confidenceOf(weakest)
	p.Contradicted = len(c.disputes) > 0 || len(c.values[UserID]) > 1 || len(c.values[CustomerKey]) > 1
	if p.Contradicted {
		p.Confidence = Low
	}
	return p
}

// knownBy returns the strongest evidence that identifies the person of a stay. The id within
// the meeting is none, since it ends with the connection.
func (c *cluster) knownBy() Evidence {
	for e := RegistrantID; e >= Phone; e-- {
		if len(c.values[e]) > 0 {
			return e
		}
	}
	return None
}

// merger merges stays, one kind of evidence after the other.
type merger struct {
	stays    []Stay
	clusters []*cluster
	disputes int
}

// mergeBy merges the clusters that a kind of evidence connects. A cluster with two values of
// the kind connects the clusters of both.
func (m *merger) mergeBy(e Evidence) {
	parents := make([]int, len(m.clusters))
	holders := make(map[string]int)
	for i, c := range m.clusters {
		parents[i] = i
		for _, v := range c.values[e] {
			if first, ok := holders[v]; ok {
				join(parents, first, i)
			} else {
				holders[v] = i
			}
		}
	}
	groups := make(map[int][]*cluster)
	for i, c := range m.clusters {
		if len(c.values[e]) > 0 {
			root := rootOf(parents, i)
			groups[root] = append(groups[root], c)
		}
	}
	var kept []*cluster
	for i, c := range m.clusters {
		switch group := groups[i]; { // a root is the first of its group
		case len(c.values[e]) == 0:
			kept = append(kept, c)
		case rootOf(parents, i) != i:
		case len(group) == 1:
			kept = append(kept, c)
		case m.contradicted(group, e):
			m.dispute(group)
			kept = append(kept, group...)
		default:
			kept = append(kept, merged(group, e))
		}
	}
	m.clusters = kept
}

// join joins the groups of two clusters. The root of a group is its first cluster.
func join(parents []int, a, b int) {
	a, b = rootOf(parents, a), rootOf(parents, b)
	parents[max(a, b)] = min(a, b)
}

func rootOf(parents []int, i int) int {
	for parents[i] != i {
		parents[i] = parents[parents[i]]
		i = parents[i]
	}
	return i
}

// contradicted reports whether a group of clusters cannot be one person.
func (m *merger) contradicted(group []*cluster, e Evidence) bool {
	for _, other := range contradictions[e] {
		value := ""
		for _, c := range group {
			for _, v := range c.values[other] {
				if value == "" {
					value = v
				}
				if v != value {
					return true
				}
			}
		}
	}
	disputes := map[int]bool{}
	for _, c := range group {
		for _, d := range c.disputes {
			if disputes[d] {
				return true
			}
			disputes[d] = true
		}
	}
	return aloneAtATime[e] && m.overlap(group)
}

// overlap reports whether stays of two clusters overlap. A stay without one of its ends may
// overlap any other.
func (m *merger) overlap(group []*cluster) bool {
	type span struct {
		of          int
		join, leave time.Time
	}
	var spans []span
	for n, c := range group {
		for _, i := range c.stays {
			s := &m.stays[i]
			if s.Join.IsZero() || s.Leave.IsZero() {
				return true
			}
			spans = append(spans, span{n, s.Join, s.Leave})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.join.Compare(b.join) })
	// Before the first overlap, only the cluster of last has a stay that has not ended.
	last := spans[0]
	for _, s := range spans[1:] {
		switch {
		case s.of != last.of && s.join.Before(last.leave):
			return true
		case s.leave.After(last.leave):
			last = s
		}
	}
	return false
}

// dispute prevents all later merges within a group.
func (m *merger) dispute(group []*cluster) {
	m.disputes++
	for _, c := range group {
		c.disputes = append(c.disputes, m.disputes)
	}
}

// merged returns a group as one cluster.
func merged(group []*cluster, e Evidence) *cluster {
	out := group[0]
	for _, c := range group[1:] {
		out.stays = append(out.stays, c.stays...)
		out.disputes = append(out.disputes, c.disputes...)
		for k := range out.values {
			out.values[k] = append(out.values[k], c.values[k]...)
		}
	}
	for k := range out.values {
		slices.Sort(out.values[k])
		out.values[k] = slices.Compact(out.values[k])
	}
	out.strongest, out.weakest = strongestOf(group, e), e // e is the weakest so far
	return out
}

func strongestOf(group []*cluster, e Evidence) Evidence {
	for _, c := range group {
		e = max(e, c.strongest)
	}
	return e
}

// sortByJoin sorts persons by first join, those without a known one last.
func sortByJoin(persons []*Person) {
	slices.SortStableFunc(persons, func(a, b *Person) int {
		return cmp.Or(compareKnown(a.FirstJoin, b.FirstJoin), cmp.Compare(a.Stays[0], b.Stays[0]))
	})
}

func compareKnown(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}
