package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// Change is a change to a query by which it costs less: another value of an argument.
type Change struct {
	// Path is where the field is in the answer, and Argument which of its arguments is changed.
	Path     string `json:"path"`
	Argument string `json:"argument"`
	// From is its value, nil where it has none, and To the cheaper one.
	From any `json:"from,omitzero"`
	To   any `json:"to"`
	// Without are fields that are null then.
	Without []string `json:"without,omitzero"`
}

const (
	// maxChanges bounds how many changes are looked for.
	maxChanges = 3
	// maxChanged is how many steps a plan may have that changes are looked for of: it is worked
	// out some ten times for each.
	maxChanged = 200
)

// Cheaper returns changes to an operation by which its plan fits, the least that were found; nil
// where none were. A list is cut by its argument "first", and what a dear source tells is left
// to a cheaper one. dear is the label that costs too much.
func Cheaper(index *selection.Index, opCtx *graphql.OperationContext, o Options, dear zoom.Rate, fits func(*Plan) bool) []Change {
	c := &cheaper{index: index, opCtx: opCtx, Options: o, dear: dear, fits: fits}
	c.replaced = map[string]map[string]any{}
	for range maxChanges {
		p := c.plan()
		if p.count() > maxChanged {
			return nil
		}
		if !c.source(p) && !c.cut(p) {
			return nil
		}
		if fits(c.plan()) {
			return c.changes
		}
	}
	return nil
}

// cheaper looks for changes.
type cheaper struct {
	Options
	index   *selection.Index
	opCtx   *graphql.OperationContext
	dear    zoom.Rate
	fits    func(*Plan) bool
	changes []Change
}

func (c *cheaper) plan() *Plan { return New(c.index, c.opCtx, c.Options) }

// count returns how many steps there are.
func (p *Plan) count() (n int) {
	p.All(func(*Step) { n++ })
	return n
}

// set changes an argument.
func (c *cheaper) set(ch Change) {
	if c.replaced[ch.Path] == nil {
		c.replaced[ch.Path] = map[string]any{}
	}
	c.replaced[ch.Path][ch.Argument] = ch.To
	i := slices.IndexFunc(c.changes, func(other Change) bool { return other.Path == ch.Path && other.Argument == ch.Argument })
	if i < 0 {
		c.changes = append(c.changes, ch)
	} else {
		c.changes[i].To = ch.To
	}
}

// source leaves what a dear source tells to a cheaper one.
func (c *cheaper) source(p *Plan) bool {
	for _, s := range p.choices {
		if s.op.Rate == c.dear && c.replaced[s.Path]["source"] == nil {
			c.set(s.Change)
			return true
		}
	}
	return false
}

// cut cuts the longest list that the dearest step hangs on, no more than is needed.
func (c *cheaper) cut(p *Plan) bool {
	for _, step := range p.Dearest(c.dear, maxChanges) {
		at := c.longest(p, step.Path)
		if at == nil {
			continue
		}
		low, high := 1, at.first-1 // what low costs may fit
		set := func(n int) { c.set(Change{Path: at.path, Argument: "first", From: c.firstOf(at), To: int64(n)}) }
		set(low)
		if !c.fits(c.plan()) {
			return true // the next dearest is to be cut too
		}
		for low < high {
			middle := (low + high + 1) / 2
			if set(middle); c.fits(c.plan()) {
				low = middle
			} else {
				high = middle - 1
			}
		}
		set(low)
		return true
	}
	return false
}

// firstOf returns how much of a list the query itself asks for.
func (c *cheaper) firstOf(at *listAt) any {
	for _, ch := range c.changes {
		if ch.Path == at.path && ch.Argument == "first" {
			return ch.From
		}
	}
	return int64(at.first)
}

// longest returns the longest list that a path leads through and that may be cut.
func (c *cheaper) longest(p *Plan, path string) (found *listAt) {
	for i := range p.lists {
		at := &p.lists[i]
		if at.first > 1 && (path == at.path || strings.HasPrefix(path, at.path+".")) && (found == nil || at.first > found.first) {
			found = at
		}
	}
	return found
}

// listAt is a list of which a part is asked for.
type listAt struct {
	path  string
	first int
}

// choice is a source that was chosen because cheaper ones do not tell all that is selected.
type choice struct {
	Change
	op *zoom.Spec
}

// chose notes that a source was chosen by what is selected, and which cheaper one there is.
func (w *walk) chose(e *edge, op *zoom.Spec, cheaper any, want *selection.Needs, cheap *zoom.Spec) {
	if e.args["source"] == nil && !e.isSub() {
		w.plan.choices = append(w.plan.choices, choice{
			Change{Path: e.path, Argument: "source", To: cheaper, Without: untold(e.path, want, cheap.Pattern)}, op,
		})
	}
}

// argumentsOf returns the arguments of a field, as changed.
func (w *walk) argumentsOf(f graphql.CollectedField, path string) map[string]any {
	args := f.ArgumentMap(w.opCtx.Variables)
	if changed := w.replaced[path]; changed != nil {
		args = maps.Clone(args)
		maps.Copy(args, changed)
	}
	return args
}
