// Package plan tells what an operation costs at Zoom before it is carried out: which calls
// each field leads to, how many at most and how many as expected, and why these.
//
// A [Plan] is a value. It follows from the operation, its variables, the table of operations
// and what is nearly spent of the day's budgets alone, so the same operation has the same plan,
// and no call is made for it. What
// the gateway chooses by the fields that are selected (the source of participants, the pages
// of a list, the months of a range) are functions of this package, which the resolvers call
// as well.
//
// AtMost holds for an empty cache, without retries, and as long as lists come whole and as
// Zoom documents them: pages that Zoom cuts short, or ranges that it shortens, cost more
// calls, and so does a cursor into a later month of a range whose token has ended, after
// which the months before it are read again. What is expected is worked out as if every list
// were as long as "first" asks for, and a list without "first" [Listed] items long; as if no
// two objects led to the same one, but the meetings of a user to their host; and as if nothing
// were cached. What the cache holds is counted by [Plan.Cached], which is told what was found
// there.
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

// Listed is how many items a list is expected to have that neither "first" nor Zoom
// bounds.
const Listed = 10

// Options are what a plan depends on beside the operation.
type Options struct {
	// Plan is the account's, which says what one label weighs against another.
	Plan zoom.Plan
	// Scarce is how much dearer the labels are of whose budgets little is left.
	Scarce zoom.Scarcity
	// Tenant is the account's in global ids, and Account its id at Zoom.
	Tenant  types.Tenant
	Account string
	// Objects is how many objects an answer has at most.
	Objects int
	// Now is when the operation is carried out: ranges of days are cut by it.
	Now time.Time
	// ActivePages is how many pages the list of the account's active users has, and UserPages
	// how many all lists of its users have together; 0 where that is not known.
	ActivePages, UserPages int
	// Cursor reads a cursor: the size of its pages, and how many items are behind it. Nil
	// reads none.
	Cursor func(cursor string) (size, behind int, ok bool)

	replaced map[string]map[string]any // arguments of fields, by their paths: see Cheaper
}

// Plan is what an operation costs.
type Plan struct {
	// Steps are those that need no other step's answer; the others stand below them.
	Steps []*Step
	// Objects is how many objects the answer has at most, and Trips the longest chain of
	// expected calls of which each needs the answer of the one before.
	Objects, Trips int

	lists   []listAt // in the order of the query
	choices []choice
}

// Step is calls of one operation that one place of a query leads to.
type Step struct {
	// Op is the operation, and Account whose it is: "" is the own account, "*" are sub
	// accounts that the operation finds.
	Op      *zoom.Spec
	Account string
	// Path is where in the answer, by response names and without the indices of lists.
	Path string
	// AtMost is how many calls there are at most, and Expected how many are likely.
	AtMost, Expected int
	// Open tells that nothing bounds the list that the calls hang on but Options.Objects.
	Open bool
	// Pages is how many calls one list takes, each of which needs the one before; 0 is one.
	Pages int
	// Cached is how many answers the cache has given, and Actual how many calls were sent, where
	// the operation was carried out: see [Plan.Paid].
	Cached, Actual int
	// Why says why there are these calls, and no others.
	Why string
	// Depth is how many steps have to be answered before.
	Depth int
	// Fields are the fields of the answer that are null without the step's calls, by their
	// paths; nil where other calls may tell them as well, or where they are null in some
	// objects only. Or is an operation that tells them too; nil where there is none.
	Fields []string
	Or     *zoom.Spec
	// Instead is an operation that is asked in the step's place where the account's plan does not
	// include it; nil where there is none.
	Instead *zoom.Spec
	// On is the type whose field at Path is null then; "" where the fields stand below it.
	// Listed tells that they stand in lists, so that their paths have indices in the answer.
	On     string
	Listed bool
	// Lookup names what the step reads before anything else, where it is known what that is: the
	// cache can be asked for it. Nil where it is not.
	Lookup *Lookup
	// Steps are those that need this one's answer.
	Steps []*Step

	list *Step // that the same objects are looked for in; nil where there is none
}

// Lookup is what a change reads before it is made, a subscription before it begins, and what a
// query most likely reads behind an answer that is not known yet.
type Lookup struct {
	// Users are ids, or e-mail addresses in lower case, of users. Whole tells that lists lack what
	// is wanted of them.
	Users []string
	Whole bool
	// Registrants are e-mail addresses of registrants of a meeting.
	Registrants []string
	// Meeting is the meeting that is read, or whose registrants are.
	Meeting types.MeetingNumber
}

// Counts are calls by label.
type Counts [zoom.ResourceIntensive + 1]int

// New returns the plan of an operation that was validated against the schema of an index.
func New(index *selection.Index, opCtx *graphql.OperationContext, o Options) *Plan {
	w := &walk{index: index, opCtx: opCtx, Options: o, plan: &Plan{}}
	if w.Objects <= 0 {
		w.Objects = 1 << 20
	}
	w.roots()
	w.share()
	return w.plan
}

// All calls a function for each step, one before those that need its answer.
func (p *Plan) All(each func(*Step)) { all(p.Steps, each) }

// MaxSteps is how many steps of a plan are told one by one; the sums count all.
const MaxSteps = 1000

// Told calls a function for the first MaxSteps steps, as All does.
func (p *Plan) Told(each func(*Step)) {
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

// AtMost returns how many calls there are at most, by label.
func (p *Plan) AtMost() Counts { return p.sum(func(s *Step) int { return s.AtMost }) }

// Expected returns how many calls are likely, by label.
func (p *Plan) Expected() Counts { return p.sum(func(s *Step) int { return s.Expected }) }

func (p *Plan) sum(of func(*Step) int) (c Counts) {
	const most = 1<<31 - 1 // what GraphQL has as Int
	p.All(func(s *Step) { c[s.Op.Rate] = min(c[s.Op.Rate]+of(s), most) })
	return c
}

// Dearest returns the steps that have most calls of a label at most, the dearest first.
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

// String returns the plan as a tree, a line a step.
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
