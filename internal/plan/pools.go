package plan

import (
	"math"
	"slices"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// pool is the objects of one kind that several places of the answer need by key. Many of them are
// searched for in lists if that costs clearly less; those that are not there are read one by one.
type pool struct {
	pair
	steps    []*Step // that read them one by one
	listable []*Step // of these, those whose fields the list has
	level    int     // the smallest one of the objects of listable
	most     int
}

// addToPool records that the objects of a step may be found in a list, too.
func (w *walk) addToPool(op *zoom.Spec, s *Step, want *selection.Needs) {
	p, ok := pairs[op.Pattern]
	if !ok {
		return
	}
	own := w.poolOf(p)
	own.steps = append(own.steps, s)
	own.most = w.times(1, own.most+s.AtMost)
	if want != nil && (want.LacksInAll(p.list.Pattern) || want.Secrets) {
		w.addWhole(op, s)
		return
	}
	own.listable, s.Or = append(own.listable, s), p.list
	own.level = min(own.level, w.levelOf(s.Path))
}

// whole is the objects of one kind and level that are read one by one even if a list has them.
type whole struct {
	op          *zoom.Spec
	level, most int
}

// addWhole records that the objects of a step are read one by one.
func (w *walk) addWhole(op *zoom.Spec, s *Step) {
	w.plan.wholes = append(w.plan.wholes, whole{op, w.levelOf(s.Path), s.AtMost})
}

// Wholes returns the maximum number of objects that an operation of Zoom reads one by one for fields
// below a level of the query, since lists lack selected fields. The level of a field is the number of
// fields with resolvers on the path to it, as in package batch.
func (p *Plan) Wholes(op *zoom.Spec, below int) (n int) {
	for _, of := range p.wholes {
		if of.op == op && of.level > below {
			n += of.most
		}
	}
	return n
}

func (w *walk) poolOf(p pair) *pool {
	for _, own := range w.pools {
		if own.one == p.one {
			return own
		}
	}
	w.pools = append(w.pools, &pool{pair: p, level: math.MaxInt})
	return w.pools[len(w.pools)-1]
}

// addPoolLists adds the steps of the lists in which the objects of pools are searched for.
func (w *walk) addPoolLists() {
	for _, p := range w.pools {
		pages, likely, all := w.pagesOf(p)
		if pages == 0 {
			continue
		}
		first := p.steps[0]
		list := &Step{
			Op: p.list, Account: first.Account, Path: first.Path, AtMost: pages, Open: first.Open, Depth: first.Depth,
			Why: "instead of one by one, if that is clearly cheaper; shared by all fields",
		}
		if n := expectedCalls(p.listable); n > 1 && (p.list.MaxPage == 0 || w.Plan.Cheaper(w.Scarce, p.list, likely, all, p.one, n, w.plan.Wholes(p.one, p.level))) {
			list.Expected = likely
			for _, s := range p.listable {
				s.Expected, s.list = 0, list
			}
		}
		w.insertBefore(first, list)
	}
}

// pagesOf returns the maximum number of pages that are read of a pool's list, the expected one if the
// list is cheaper, and that of all of the listings.
func (w *walk) pagesOf(p *pool) (most, likely, all int) {
	if p.list.MaxPage == 0 { // it has no pages, and is read for two objects or more
		return min(len(p.steps), p.most/2), 1, 1
	}
	most = w.Plan.MostPages(w.Scarce, p.list, p.one, p.most, p.searches())
	if p.limit > 0 {
		most = min(most, ceil(p.limit, p.list.MaxPage))
	}
	switch {
	case p.list != zoom.ListUsers.Spec:
		return most, 1, 1
	case w.UserPages == 0:
		return most, 1, zoom.UserLists
	}
	return min(most, w.UserPages), w.ActivePages, w.UserPages
}

// searches returns the maximum number of searches for the objects of a pool: for users of the own
// account, one for each step. It returns 0 if the number is unknown.
func (p *pool) searches() int {
	if p.list != zoom.ListUsers.Spec || slices.ContainsFunc(p.steps, func(s *Step) bool { return s.Account != "" }) {
		return 0
	}
	return len(p.steps)
}

// expectedCalls adds up the expected calls of steps.
func expectedCalls(steps []*Step) (n int) {
	for _, s := range steps {
		n += s.Expected
	}
	return n
}

// insertBefore inserts a step before another one.
func (w *walk) insertBefore(other, s *Step) {
	steps := siblings(&w.plan.Steps, other)
	for i, at := range *steps {
		if at == other {
			*steps = append((*steps)[:i:i], append([]*Step{s}, (*steps)[i:]...)...)
			return
		}
	}
}

// siblings returns the list of steps that has a step; nil if there is none.
func siblings(steps *[]*Step, of *Step) *[]*Step {
	for _, s := range *steps {
		if s == of {
			return steps
		}
		if found := siblings(&s.Steps, of); found != nil {
			return found
		}
	}
	return nil
}
