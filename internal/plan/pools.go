package plan

import (
	"slices"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// pool is the objects of one kind and account that several places of the answer need by key. Many of
// them are searched for in lists if that costs clearly less; those that are not there are read one by
// one.
type pool struct {
	pair
	steps    []*Step // that read them one by one
	listable []*Step // of these, those whose fields the list has
	most     int
}

// addToPool records that the objects of a step may be found in a list, too.
func (w *walk) addToPool(op *zoom.Spec, s *Step, want *selection.Needs) {
	p, ok := pairs[op.Pattern]
	if !ok {
		return
	}
	own := w.poolOf(p, s.Account)
	own.steps = append(own.steps, s)
	own.most = w.times(1, own.most+s.AtMost)
	if want != nil && (want.LacksInAll(p.list.Pattern) || want.Secrets) {
		w.addWhole(s)
		return
	}
	own.listable, s.Or = append(own.listable, s), p.list
}

// whole is the objects of a step that are read one by one even if a list has them.
type whole struct {
	*Step
	level int // of the objects
}

// addWhole records that the objects of a step are read one by one.
func (w *walk) addWhole(s *Step) {
	w.plan.wholes = append(w.plan.wholes, whole{s, w.levelOf(s.Path)})
}

// WholeBelow returns the maximum number of objects of an account that an operation of Zoom reads one
// by one for fields below a level of the query, since lists lack selected fields. The level of a
// field is the number of fields with resolvers on the path to it, as in package batch.
func (p *Plan) WholeBelow(op *zoom.Spec, account string, level int) (n int) {
	for _, of := range p.wholes {
		if of.Op == op && of.level > level && mayBeSame(of.Account, account) {
			n += of.AtMost
		}
	}
	return n
}

// mayBeSame reports whether two accounts may be the same one: see [Step.Account].
func mayBeSame(a, b string) bool {
	return a == b || a == "*" && b != "" || b == "*" && a != ""
}

func (w *walk) poolOf(p pair, account string) *pool {
	for _, own := range w.pools {
		if own.one == p.one && own.account() == account {
			return own
		}
	}
	w.pools = append(w.pools, &pool{pair: p})
	return w.pools[len(w.pools)-1]
}

// account returns the account of the objects: see [Step.Account].
func (p *pool) account() string { return p.steps[0].Account }

// accounts returns the maximum number of accounts that the objects are in.
func (p *pool) accounts() int {
	if p.account() != "*" {
		return 1
	}
	n, lists := 0, []*place(nil)
	for _, s := range p.steps {
		if !slices.Contains(lists, s.accounts) {
			n, lists = n+s.accounts.most, append(lists, s.accounts)
		}
	}
	return n
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
		if w.prefersList(p, likely, all) {
			list.Expected = min(pages, likely*p.accounts())
			for _, s := range p.listable {
				s.Expected, s.list = 0, list
			}
		}
		w.insertBefore(first, list)
	}
}

// prefersList reports whether the list of a pool is expected to be read: likely pages of it in each
// account, or all pages of all listings.
func (w *walk) prefersList(p *pool, likely, all int) bool {
	keys, largest := 0, (*Step)(nil)
	for _, s := range p.listable {
		if keys += s.Expected; largest == nil || s.Expected > largest.Expected {
			largest = s
		}
	}
	each := keys / p.accounts()
	if each < 2 || p.list.MaxPage == 0 {
		return each > 1
	}
	later := w.plan.WholeBelow(p.one, p.account(), w.levelOf(largest.Path))
	return w.Plan.Cheaper(w.Scarce, p.list, likely, all, p.one, each, later)
}

// pagesOf returns the maximum number of pages that are read of a pool's lists, and, if the list of an
// account is cheaper, the expected number in it and that of all of its listings.
func (w *walk) pagesOf(p *pool) (most, likely, all int) {
	own := p.account() == ""
	if p.list.MaxPage == 0 { // it has no pages, and is read for two objects or more
		if most = p.most / 2; p.accounts() == 1 {
			most = min(most, len(p.steps))
		}
		return most, 1, 1
	}
	most = w.Plan.MostPages(w.Scarce, p.list, p.one, p.most, p.searches())
	if p.limit > 0 {
		most = min(most, w.times(p.accounts(), ceil(p.limit, p.list.MaxPage)))
	}
	switch {
	case p.list != zoom.ListUsers.Spec:
		return most, 1, 1
	case w.UserPages == 0 || !own:
		return most, 1, zoom.UserLists
	}
	return min(most, w.UserPages), w.ActivePages, w.UserPages
}

// searches returns the maximum number of searches for the objects of a pool: for users of the own
// account, one for each step. It returns 0 if the number is unknown.
func (p *pool) searches() int {
	if p.list != zoom.ListUsers.Spec || p.account() != "" {
		return 0
	}
	return len(p.steps)
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
