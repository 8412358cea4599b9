package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
)

// Change is another value of an argument of a query, with which the query costs less.
type Change struct {
	// Path is the path of the field in the answer, and Argument the name of the argument.
	Path     string `json:"path"`
	Argument string `json:"argument"`
	// From is the query's value, nil if it has none, and To the cheaper one.
	From any `json:"from,omitzero"`
	To   any `json:"to"`
	// Without are the paths of fields that are null with the change.
	Without []string `json:"without,omitzero"`
}

const (
	// maxChanges bounds the number of changes that are tried.
	maxChanges = 3
	// maxPlanSteps is the largest number of steps of a plan for which changes are tried: the plan is
	// computed about ten times for each.
	maxPlanSteps = 200
)

// Cheaper returns changes to an operation with which its plan fits, as small as could be found; nil
// if none were found. It reads an expensive source's fields from a cheaper one, which lacks some of
// them, and reduces the argument "first" of lists. dear is the label with too many calls.
func Cheaper(index *selection.Index, opCtx *graphql.OperationContext, o Options, dear zoom.Rate, fits func(*Plan) bool) []Change {
	c := &cheaper{index: index, opCtx: opCtx, Options: o, dear: dear, fits: fits}
	c.replaced = map[string]map[string]any{}
	for range maxChanges {
		p := c.plan()
		if p.count() > maxPlanSteps {
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

// cheaper is the state of [Cheaper].
type cheaper struct {
	Options
	index   *selection.Index
	opCtx   *graphql.OperationContext
	dear    zoom.Rate
	fits    func(*Plan) bool
	changes []Change
}

func (c *cheaper) plan() *Plan { return New(c.index, c.opCtx, c.Options) }

// count returns the number of steps.
func (p *Plan) count() (n int) {
	p.All(func(*Step) { n++ })
	return n
}

// set sets an argument for the plans that follow.
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

// source replaces one expensive source by a cheaper one. It reports whether there was one.
func (c *cheaper) source(p *Plan) bool {
	for _, s := range p.choices {
		if s.op.Rate == c.dear && c.replaced[s.Path]["source"] == nil {
			c.set(s.Change)
			return true
		}
	}
	return false
}

// cut shortens the longest list on the path of the step with the most calls, by no more than is
// needed. It reports whether there was one.
func (c *cheaper) cut(p *Plan) bool {
	for _, step := range p.Dearest(c.dear, maxChanges) {
		at := c.longest(p, step.Path)
		if at == nil {
			continue
		}
		low, high := 1, at.first-1
		set := func(n int) { c.set(Change{Path: at.path, Argument: "first", From: c.originalFirst(at), To: int64(n)}) }
		set(low)
		if !c.fits(c.plan()) {
			return true // another list has to be shortened, too
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

// originalFirst returns the query's own argument "first" of a list.
func (c *cheaper) originalFirst(at *listAt) any {
	for _, ch := range c.changes {
		if ch.Path == at.path && ch.Argument == "first" {
			return ch.From
		}
	}
	return int64(at.first)
}

// longest returns the longest list on a path that can be shortened; nil if there is none.
func (c *cheaper) longest(p *Plan, path string) (found *listAt) {
	for i := range p.lists {
		at := &p.lists[i]
		if at.first > 1 && (path == at.path || strings.HasPrefix(path, at.path+".")) && (found == nil || at.first > found.first) {
			found = at
		}
	}
	return found
}

// listAt is the path of a list and its argument "first".
type listAt struct {
	path  string
	first int
}

// choice is a source that was chosen because cheaper ones lack selected fields.
type choice struct {
	Change
	op *zoom.Spec
}

// noteChoice records a source that was chosen because of the selected fields, and the cheaper one.
func (w *walk) noteChoice(e *edge, op *zoom.Spec, cheaper any, want *selection.Needs, cheap *zoom.Spec) {
	if e.args["source"] == nil && !e.isSub() {
		w.plan.choices = append(w.plan.choices, choice{
			Change{Path: e.path, Argument: "source", To: cheaper, Without: fieldsNeverIn(e.path, want, cheap.Pattern)}, op,
		})
	}
}

// argumentsOf returns the arguments of a field, with the changes of [Cheaper].
func (w *walk) argumentsOf(f graphql.CollectedField, path string) map[string]any {
	args := f.ArgumentMap(w.opCtx.Variables)
	if changed := w.replaced[path]; changed != nil {
		args = maps.Clone(args)
		maps.Copy(args, changed)
	}
	return args
}
