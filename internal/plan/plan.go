// Package plan computes what a GraphQL operation costs at Zoom before it is executed: the calls
// of each field, their maximum and expected numbers, and the reasons.
//
// A [Plan] is a value. It depends only on the operation, its variables, the table of operations
// and [Options], and no call is made for it. The choices that depend on the selected fields (the
// source of participants, the pages of a list, the months of a range) are functions of this
// package, which the resolvers call, too.
//
// The maximum, AtMost, holds for an empty cache, without retries, and as long as Zoom's lists are
// complete and as documented. Pages that Zoom cuts short and ranges that it shortens cost more
// calls.
//
// The expected number assumes that every list is as long as its argument "first", or has [Listed]
// items without one; that no two objects lead to the same object, except for the meetings of a
// user, which lead to one host; and that nothing is cached. [Plan.Cached] takes the cache into
// account.
package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/internal/selection"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// Listed is the expected number of items of a list that neither "first" nor Zoom bounds.
const Listed = 10

// Options are what a plan depends on besides the operation and the schema.
type Options struct {
	// Plan is the account's plan at Zoom: its budgets define the relative cost of the labels.
	Plan zoom.Plan
	// Scarce has the factors by which the calls of each label cost more at present.
	Scarce zoom.Scarcity
	// Tenant stands for the account in global ids, and Account is its id at Zoom.
	Tenant  types.Tenant
	Account string
	// Objects is the largest number of objects in an answer; 0 stands for 2^20.
	Objects int
	// Now is the time of the execution: it bounds ranges of days.
	Now time.Time
	// ActivePages is the number of pages of the list of the account's active users, and UserPages
	// that of all lists of its users together; both are 0 if they are unknown.
	ActivePages, UserPages int
	// Cursor decodes a cursor: the size of its pages, the number of items before it, and whether it is
	// on the first page. If it is nil, cursors are ignored.
	Cursor func(cursor string) (size, behind int, onFirst, ok bool)

	replaced map[string]map[string]any // arguments by the paths of fields: see Cheaper
}

// Plan is what a GraphQL operation costs at Zoom.
type Plan struct {
	// Steps are the steps that need no other step's answer; the others are below them.
	Steps []*Step
	// Objects is the maximum number of objects in the answer. Trips is the number of round trips:
	// the length of the longest chain of expected calls of which each needs the previous answer.
	Objects, Trips int

	lists   []listAt // in the order of the query
	choices []choice
	wholes  []whole
}

// Step is the calls of one operation at Zoom for one path of the answer.
type Step struct {
	// Op is the operation, and Account the id of the account that it is called for: "" for the own
	// one, "*" for the sub accounts that a list returns.
	Op      *zoom.Spec
	Account string
	// Path is the path in the answer: response names without the indices of lists.
	Path string
	// AtMost is the maximum number of calls, and Expected the expected one.
	AtMost, Expected int
	// Open reports that the calls depend on a list that nothing but Options.Objects bounds.
	Open bool
	// Pages is the number of calls for one list, of which each needs the one before; 0 stands for 1.
	Pages int
	// Cached is the number of answers from the cache: see [Plan.Cached]. After the execution, Actual
	// is the number of calls that were sent: see [Plan.Paid].
	Cached, Actual int
	// Why is the reason for these calls, for people.
	Why string
	// Depth is the number of steps above this one.
	Depth int
	// Fields are the paths of the fields that are null without the step's calls; nil if other calls
	// may return them, too, or if they are null in some objects only. Or is another operation that
	// returns them; nil if there is none.
	Fields []string
	Or     *zoom.Spec
	// Instead is the operation that is called if the account's plan does not include Op; nil if
	// there is none.
	Instead *zoom.Spec
	// On is the type whose field at Path is null without the calls; "" if Fields are below Path.
	// Listed reports that Fields are in lists, so that their paths in the answer have indices.
	On     string
	Listed bool
	// Lookup names the objects that the step reads, if they are known before the execution: they can
	// be looked up in the cache. It is nil otherwise.
	Lookup *Lookup
	// Steps are the steps that need this one's answer.
	Steps []*Step

	list     *Step  // of the list that has the same objects; nil if there is none
	accounts *place // the sub accounts of Account "*"
}

// Lookup names what a mutation reads before it writes, what a subscription reads before it begins,
// or what a query most likely reads after an answer that is not known yet.
type Lookup struct {
	// Users are ids, or e-mail addresses in lower case, of users. Whole reports that fields are
	// selected that lists of users lack.
	Users []string
	Whole bool
	// Registrants are e-mail addresses, in lower case, of registrants of Meeting.
	Registrants []string
	// Meeting is the number of the meeting that is read, or whose registrants are.
	Meeting types.MeetingNumber
}

// Counts are numbers of calls, by label.
type Counts [zoom.ResourceIntensive + 1]int

// New returns the plan of an operation that was validated against the schema of the index.
func New(index *selection.Index, opCtx *graphql.OperationContext, o Options) *Plan {
	w := &walk{index: index, opCtx: opCtx, Options: o, plan: &Plan{}, edges: map[string]bool{}}
	if w.Objects <= 0 {
		w.Objects = 1 << 20
	}
	w.roots()
	w.addPoolLists()
	return w.plan
}

// All calls a function for each step, before the steps that need its answer.
func (p *Plan) All(each func(*Step)) { all(p.Steps, each) }

// MaxSteps is the largest number of steps of a plan that are listed; the sums include all.
const MaxSteps = 1000

// First is [Plan.All] for the first [MaxSteps] steps.
func (p *Plan) First(each func(*Step)) {
	n := 0
	p.All(func(s *Step) {
		if n++; n <= MaxSteps {
			each(s)
		}
	})
}

func all(steps []*Step, each func(*Step)) {
	for _, s := range steps {
		each(s)
		all(s.Steps, each)
	}
}

// AtMost returns the maximum number of calls, by label.
func (p *Plan) AtMost() Counts { return p.sum(func(s *Step) int { return s.AtMost }) }

// Expected returns the expected number of calls, by label.
func (p *Plan) Expected() Counts { return p.sum(func(s *Step) int { return s.Expected }) }

func (p *Plan) sum(of func(*Step) int) (c Counts) {
	const most = 1<<31 - 1 // the largest Int of GraphQL
	p.All(func(s *Step) { c[s.Op.Rate] = min(c[s.Op.Rate]+of(s), most) })
	return c
}

// Dearest returns the n steps with the largest maximum of calls of a label, the largest first.
func (p *Plan) Dearest(label zoom.Rate, n int) []*Step {
	var steps []*Step
	p.All(func(s *Step) {
		if s.Op.Rate == label && s.AtMost > 0 {
			steps = append(steps, s)
		}
	})
	slices.SortStableFunc(steps, func(a, b *Step) int { return b.AtMost - a.AtMost })
	return steps[:min(n, len(steps))]
}

// String returns the plan as a tree, with a line for each step.
func (p *Plan) String() string {
	var b strings.Builder
	p.All(func(s *Step) {
		calls := strconv.Itoa(s.AtMost)
		if s.Expected != s.AtMost {
			calls = fmt.Sprintf("%d…%d", s.Expected, s.AtMost)
		}
		fmt.Fprintf(&b, "%s%s × %s %s at %s: %s\n", strings.Repeat("  ", s.Depth), calls, s.Op.Rate, s.Op.Pattern, s.Path, s.Why)
	})
	return b.String()
}
