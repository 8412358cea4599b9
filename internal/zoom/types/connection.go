package types

import "context"

// Connection is a page of a list as Relay wants it, once for all lists; each
// list of the schema has an alias of it.
//
// Spec: https://relay.dev/graphql/connections.htm, forward only.
type Connection[T any] struct {
	items  []*T
	total  Int
	more   bool
	before bool
	cursor func(i int) string
}

// NewConnection returns a page. cursor encodes the place after item i and is
// called only for cursors that are asked for. before and more say whether the
// list has items before and after the page; total is its length if Zoom tells.
func NewConnection[T any](items []*T, total Int, before, more bool, cursor func(i int) string) *Connection[T] {
	if items == nil {
		items = []*T{}
	}
	return &Connection[T]{items: items, total: total, before: before, more: more, cursor: cursor}
}

// Nodes returns the items.
func (c *Connection[T]) Nodes() []*T { return c.items }

// Edges returns the items with their cursors.
func (c *Connection[T]) Edges() []Edge[T] {
	edges := make([]Edge[T], len(c.items))
	for i, item := range c.items {
		edges[i] = Edge[T]{Node: item, index: i, of: c}
	}
	return edges
}

// ConcurrentNodes is Nodes for the executor: what it gives a context to it resolves
// beside the other fields, and so no field waits for all that is below another.
func (c *Connection[T]) ConcurrentNodes(context.Context) []*T { return c.items }

// ConcurrentEdges is Edges for the executor.
func (c *Connection[T]) ConcurrentEdges(context.Context) []Edge[T] { return c.Edges() }

// TotalCount returns the length of the whole list, null if Zoom does not say.
func (c *Connection[T]) TotalCount() Int { return c.total }

// PageInfo returns the cursors of the page's ends.
func (c *Connection[T]) PageInfo() *PageInfo {
	info := &PageInfo{HasNextPage: c.more, HasPreviousPage: c.before}
	if n := len(c.items); n > 0 {
		info.StartCursor, info.EndCursor = Text(c.cursor(0)), Text(c.cursor(n-1))
	}
	return info
}

// Edge is an item of a page and the cursor of its place.
type Edge[T any] struct {
	Node  *T
	index int
	of    *Connection[T]
}

// Cursor returns the place after the item, for the argument "after".
func (e Edge[T]) Cursor() string { return e.of.cursor(e.index) }

// Item returns the item, or nil where it is none that writes itself.
func (e *Edge[T]) Item() Object {
	if e.Node == nil {
		return nil
	}
	o, _ := any(e.Node).(Object)
	return o
}

// AppendField implements [Object].
func (e *Edge[T]) AppendField(w *Writer, f *SelectedField) bool {
	switch f.Number {
	case edgeNode:
		item := e.Item()
		return item != nil && w.Object(item, f.Below)
	case edgeCursor:
		w.Buf = appendText(w.Buf, e.Cursor())
		return true
	}
	return false
}

// The numbers of the fields of all edges.
const (
	edgeNode = 1 + iota
	edgeCursor
)

const edgeFields = "node cursor"

// ParticipantConnection is a page of participants, with what it was read from
// and whether Zoom's data are complete.
type ParticipantConnection struct {
	Connection[Participant]
	Source      ParticipantSource
	ReportState ReportState
}

// AttendeeConnection is a page of attendees, with what their stays were read from, what
// proves there that stays are one person's, and whether Zoom's data are complete.
type AttendeeConnection struct {
	Connection[Attendee]
	Source       AttendanceSource
	EvidenceUsed []AttendeeEvidence
	ReportState  ReportState
}

// HostActivityConnection is a page of what users held, with the sums of each
// month that was read for it.
type HostActivityConnection struct {
	Connection[HostActivity]
	Totals []*HostActivityTotals
}

// WebinarReportParticipantConnection is a page of a webinar's participants, and
// whether Zoom's data are complete.
type WebinarReportParticipantConnection struct {
	Connection[WebinarReportParticipant]
	ReportState ReportState
}

// Completeness says how much of a list has come that an answer is worked out of.
type Completeness struct {
	// Cut says that more follows, to which there is no way.
	Cut bool
	// Errs are why it is not all; nil where it is.
	Errs []error
	// Unready says that Zoom does not have it, not yet or not any more.
	Unready bool
}

// Whole reports whether all has come.
func (c Completeness) Whole() bool { return c.Errs == nil && !c.Unready }
