package plan

import (
	"slices"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// pool is objects of one kind that different places ask for by key. Many of them are
// looked for in lists, where that spends clearly less, and what is not there is asked for
// one by one.
type pool struct {
	pair
	steps []*Step // that ask for each
	under []*Step // of those that the list may answer
	most  int
}

// pooled notes that the objects of a step may be found in a list as well.
func (w *walk) pooled(op *zoom.Spec, s *Step, want *selection.Needs) {
	p, ok := pairs[op.Pattern]
	if !ok {
		return
	}
	own := w.poolOf(p)
	own.steps = append(own.steps, s)
	own.most = w.times(1, own.most+s.AtMost)
	if want == nil || !want.Lacks(p.list.Pattern) && !want.Secrets {
		own.under, s.Or = append(own.under, s), p.list
	}
}

func (w *walk) poolOf(p pair) *pool {
	for _, own := range w.pools {
		if own.one == p.one {
			return own
		}
	}
	w.pools = append(w.pools, &pool{pair: p})
	return w.pools[len(w.pools)-1]
}

// share notes the lists that objects of several places are found in.
func (w *walk) share() {
	for _, p := range w.pools {
		pages, likely, all := w.pagesOf(p)
		if pages == 0 {
			continue
		}
		first := p.steps[0]
		list := &Step{
			Op: p.list, Account: first.Account, Path: first.Path, AtMost: pages, Open: first.Open, Depth: first.Depth,
			Why: "instead of one by one, where that is clearly cheaper; all places share it",
		}
		if n := wanted(p.under); n > 1 && (p.list.MaxPage == 0 || w.Plan.Cheaper(w.Scarce, p.list, likely, all, p.one, n)) {
			list.Expected = likely
			for _, s := range p.under {
				s.Expected, s.list = 0, list
			}
		}
		w.beside(first, list)
	}
}

// pagesOf returns how many pages of a pool's list are read at most, how many as expected where
// it pays, and how many all of its listings have.
func (w *walk) pagesOf(p *pool) (most, likely, all int) {
	if p.list.MaxPage == 0 { // it comes at once, for two or more
		return min(len(p.steps), p.most/2), 1, 1
	}
	most = w.Plan.MostPages(w.Scarce, p.list, p.one, p.most, p.searches())
	switch {
	case p.list != zoom.ListUsers.Spec:
		return most, 1, 1
	case w.UserPages == 0:
		return most, 1, zoom.UserLists
	}
	return min(most, w.UserPages), w.ActivePages, w.UserPages
}

// searches returns in how many searches at most the objects of a pool are looked for, as far as
// that is known: users of one account in one for each place that asks for them.
func (p *pool) searches() int {
	if p.list != zoom.ListUsers.Spec || slices.ContainsFunc(p.steps, func(s *Step) bool { return s.Account != "" }) {
		return 0
	}
	return len(p.steps)
}

func wanted(steps []*Step) (n int) {
	for _, s := range steps {
		n += s.Expected
	}
	return n
}

// beside puts a step before another one.
func (w *walk) beside(other, s *Step) {
	steps := siblings(&w.plan.Steps, other)
	for i, at := range *steps {
		if at == other {
			*steps = append((*steps)[:i:i], append([]*Step{s}, (*steps)[i:]...)...)
			return
		}
	}
}

// siblings returns the list that has a step.
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
