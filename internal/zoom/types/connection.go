package types

import "context"

// Connection is one page of a list, as the Relay Cursor Connections Specification defines it.
// Each list of the schema has an alias of it.
//
// Spec: https://relay.dev/graphql/connections.htm, forward pagination only.
type Connection[T any] struct {
	items  []*T
	total  Int
	more   bool
	before bool
	cursor func(i int) string
}

// NewConnection returns a page. cursor encodes the position after item i and is
// called only for the cursors that a query selects. before and more report whether the
// list has items before and after the page; total is its length, if Zoom reports one.
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

// ConcurrentNodes is Nodes for gqlgen's executor, which resolves a method that takes a
// context concurrently with the other fields: no field waits for the subtree of another.
func (c *Connection[T]) ConcurrentNodes(context.Context) []*T { return c.items }

// ConcurrentEdges is Edges for the executor.
func (c *Connection[T]) ConcurrentEdges(context.Context) []Edge[T] { return c.Edges() }

// TotalCount returns the length of the whole list, null if Zoom does not report it.
func (c *Connection[T]) TotalCount() Int { return c.total }

// PageInfo returns the cursors of the first and the last item.
func (c *Connection[T]) PageInfo() *PageInfo {
	info := &PageInfo{HasNextPage: c.more, HasPreviousPage: c.before}
	if n := len(c.items); n > 0 {
		info.StartCursor, info.EndCursor = Text(c.cursor(0)), Text(c.cursor(n-1))
	}
	return info
}

// Edge is an item of a page with its cursor.
type Edge[T any] struct {
	Node  *T
	index int
	of    *Connection[T]
}

// Cursor returns the position after the item, for the argument "after".
func (e Edge[T]) Cursor() string { return e.of.cursor(e.index) }

// Item returns the item as an [Object], or nil if it is missing or of another kind.
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

// The field numbers of every edge type: see [FieldNumber].
const (
	edgeNode = 1 + iota
	edgeCursor
)

const edgeFields = "node cursor"

// ParticipantConnection is a page of participants, with the source it was read from
// and the completeness of Zoom's data.
type ParticipantConnection struct {
	Connection[Participant]
	Source      ParticipantSource
	ReportState ReportState
}

// AttendeeConnection is a page of attendees, with the source of their stays, the evidence
// by which stays were attributed to one person, and the completeness of Zoom's data.
type AttendeeConnection struct {
	Connection[Attendee]
	Source       AttendanceSource
	EvidenceUsed []AttendeeEvidence
	ReportState  ReportState
}

// HostActivityConnection is a page of the users' activity as hosts, with the totals of each
// month that was read for it.
type HostActivityConnection struct {
	Connection[HostActivity]
	Totals []*HostActivityTotals
}

// WebinarReportParticipantConnection is a page of a webinar's participants, with the
// completeness of Zoom's data.
type WebinarReportParticipantConnection struct {
	Connection[WebinarReportParticipant]
	ReportState ReportState
}

// Completeness reports how much was read of a list that an answer is computed from.
type Completeness struct {
	// Cut reports that the list has more items, which cannot be reached.
	Cut bool
	// Errs are the reasons why items are missing; nil if none are.
	Errs []error
	// Unready reports that Zoom does not have the data yet, or has deleted it.
	Unready bool
}

// Whole reports whether the whole list was read.
func (c Completeness) Whole() bool { return c.Errs == nil && !c.Unready }
