package plan

import (
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
		own.under = append(own.under, s)
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
		pages, likely := w.pagesOf(p)
		if pages == 0 {
			continue
		}
		first := p.steps[0]
		list := &Step{
			Op: p.list, Account: first.Account, Path: first.Path, AtMost: pages, Open: first.Open, Depth: first.Depth,
			Why: "instead of one by one, where that is clearly cheaper; all places share it",
		}
		if n := wanted(p.under); n > 1 && (p.list.MaxPage == 0 || w.Plan.Cheaper(p.list, likely, p.one, n)) {
			list.Expected = likely
			for _, s := range p.under {
				s.Expected = 0
			}
		}
		w.beside(first, list)
	}
}

// pagesOf returns how many pages of a pool's list are read at most, and as expected where
// it pays.
func (w *walk) pagesOf(p *pool) (most, likely int) {
	if p.list.MaxPage == 0 { // it comes at once, for two or more
		return min(len(p.steps), p.most/2), 1
	}
	most, likely = w.Plan.MostPages(p.list, p.one, p.most), 1
	if p.list.Pattern == zoom.ListUsers.Pattern && w.UserPages > 0 {
		most, likely = min(most, w.UserPages), w.UserPages
	}
	return most, likely
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
