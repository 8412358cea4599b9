package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/graph/admission"
	"zoomql/graph/answers"
	"zoomql/internal/identity"
	"zoomql/internal/links"
	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom"
	"zoomql/internal/zoom/types"
)

// A subscription is executed as the specification says: its root field is resolved once, to a source
// of items, and then the operation is executed for each item, with the item as the value of the root
// field. So each item has its own loaders, budget, deadline and admission, like a query. Between items,
// only the source takes memory.
//
// gqlgen expects a channel with all items from the resolver of a root field. Here the operation is
// dispatched for each item, with a channel that contains only this item.
//
// Spec: https://spec.graphql.org/draft/#sec-Subscription

// Source yields the items of a subscription.
type Source interface {
	// Next waits for the next item. Its error is io.EOF after the last item, that of ctx, or one
	// that is sent to the client.
	Next(ctx context.Context) (Item, error)
	// Close releases the resources of the source. It is called once.
	Close()
}

// Item is an item of a source.
type Item struct {
	// Key identifies the item among the items of all sources. An operation is executed once for all
	// items with the same key.
	Key string
	// Value returns the value of the root field, or an error, in the context of an execution. The
	// value MUST NOT be changed.
	Value func(ctx context.Context) any
}

// opening is the state of the execution that opens a source.
type opening struct{ source Source }

type (
	openingKey struct{}
	itemKey    struct{}
)

// Stream returns the result of the resolver of a subscription's root field: a closed channel with the
// value of the item for which the operation is executed. In the execution that opens the source, it
// calls open instead, and the channel is empty.
func Stream[T any](ctx context.Context, open func() (Source, error)) (<-chan T, error) {
	items := make(chan T, 1)
	defer close(items)
	if item, ok := ctx.Value(itemKey{}).(Item); ok {
		switch value := item.Value(ctx).(type) {
		case error:
			return nil, value
		case T:
			items <- value
		}
		return items, nil
	}
	at, _ := ctx.Value(openingKey{}).(*opening)
	if at == nil {
		return items, nil
	}
	source, err := open()
	if err != nil {
		return nil, err
	}
	at.source = source
	return items, nil
}

// client is the sender of the operations of a connection.
type client struct {
	*Endpoint
	credential *identity.Credential
	caller     string // name of the API key
	base       string // of links in answers
	sender     Sender // of mutations
	readOnly   bool   // mutations are refused: a page of another site may have sent the GET request
	dry        bool   // operations are priced instead of executed
}

// context returns the context of an operation of the client. It ends with parent.
func (c *client) context(parent context.Context) context.Context {
	ctx := identity.With(ratelimit.WithCaller(parent, c.caller), c.credential)
	return graphql.StartOperationTrace(links.From(ctx, c.base))
}

// operation is a parsed and validated operation of a client.
type operation struct {
	client
	req  *requestParams
	kind ast.Operation
	name string
	key  string // of a subscription: see keyOf
}

const (
	// maxSubscription bounds a subscription with its variables, in bytes: they stay in memory
	// until it ends.
	maxSubscription = 16 << 10
	// valueBytes is the memory that a decoded value takes in addition to its text.
	valueBytes = 40
)

// prepare parses and validates an operation. errs are the errors of one that cannot be executed.
func (c *client) prepare(ctx context.Context, raw []byte, req *requestParams) (op *operation, opCtx *graphql.OperationContext, errs gqlerror.List) {
	read, release, refused, err := c.admit(ctx, len(raw), valuesIn(raw))
	if err != nil {
		return nil, nil, busyErrors()
	}
	defer release()
	defer read()
	if refused != nil {
		return nil, nil, gqlerror.List{refused}
	}
	problem, unknown := c.library.resolve(ctx, req)
	switch {
	case problem != "":
		return nil, nil, badRequest(problem)
	case unknown != nil:
		return nil, nil, gqlerror.List{unknown}
	}
	opCtx, errs = c.open(ctx, &req.RawParams, c.dry)
	if errs != nil {
		return nil, nil, explained(opCtx, errs)
	}
	c.library.remember(ctx, req)
	op = &operation{client: *c, req: req, kind: opCtx.Operation.Operation, name: OperationName(opCtx)}
	if op.kind == ast.Subscription {
		if err := oneRoot(opCtx); err != nil {
			return nil, nil, gqlerror.List{err}
		}
		size := len(req.Query) + len(raw)
		if req.Query != "" && len(raw) > len(req.Query) {
			size = len(raw) // which contains the query
		}
		size += valueBytes * valuesIn(raw)
		if size > maxSubscription {
			return nil, nil, gqlerror.List{tooLarge(maxSubscription, "bytes of a subscription and its variables")}
		}
		op.key = op.keyOf()
	}
	return op, opCtx, nil
}

// oneRoot refuses a subscription that does not have exactly one root field, as the executor finds
// them: the validator misses some in fragments and behind directives.
//
// Spec: https://spec.graphql.org/draft/#sec-Single-Root-Field
func oneRoot(opCtx *graphql.OperationContext) *gqlerror.Error {
	fields := graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) == 1 && !strings.HasPrefix(fields[0].Name, "__") {
		return nil
	}
	err := gqlerror.ErrorPosf(opCtx.Operation.Position, "A subscription must have exactly one root field, and not one whose name begins with __.")
	err.Extensions = nil // ErrorPosf sets a file name, which a query does not have
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

func badRequest(problem string) gqlerror.List {
	return gqlerror.List{WithCode(gqlerror.Errorf("%s", problem), types.ErrorCodeBadRequest)}
}

func busyErrors() gqlerror.List {
	return gqlerror.List{WithCode(gqlerror.Errorf("%s", busy), types.ErrorCodeTimeout)}
}

// keyOf returns a hash of what answers depend on besides the item: the view, the base of links, and the
// operation.
func (op *operation) keyOf() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode([]any{op.credential.ID(), op.base, op.req.Query, op.req.OperationName, op.req.Variables, op.req.Extensions}) //nolint:errchkjson // values that were decoded from JSON
	return string(h.Sum(nil))
}

// within calls run when the caller is admitted. The wait and run together take at most the timeout of
// operations.
func (op *operation) within(ctx context.Context, run func(ctx context.Context)) error {
	ctx, cancel := context.WithTimeout(ctx, op.timeout)
	defer cancel()
	release, err := op.admission.Operations.Acquire(ctx, 1)
	if err != nil {
		return err
	}
	defer release()
	held := &admission.Response{}
	defer held.Release()
	run(admission.WithResponse(ctx, held))
	return nil
}

// source opens the source of a subscription, or returns the errors for the client.
func (op *operation) source(ctx context.Context, opCtx *graphql.OperationContext) (Source, gqlerror.List) {
	at := &opening{}
	var resp *graphql.Response
	err := op.within(ctx, func(ctx context.Context) {
		ctx = zoom.WithUsage(context.WithValue(ctx, openingKey{}, at), &zoom.Usage{})
		responses, inner := op.exec.DispatchOperation(ctx, opCtx)
		resp = responses(inner)
	})
	switch {
	case err != nil:
		return nil, busyErrors()
	case at.source != nil && ctx.Err() == nil:
		return at.source, nil
	case at.source != nil:
		at.source.Close()
	case resp != nil && len(resp.Errors) > 0:
		return nil, resp.Errors
	}
	return nil, busyErrors() // the client has gone, or the timeout has passed
}

// errorsOf returns the errors that a client receives for the error that ended a source.
func (op *operation) errorsOf(ctx context.Context, err error) gqlerror.List {
	opCtx := &graphql.OperationContext{Stats: graphql.Stats{OperationStart: graphql.GetStartTime(ctx)}}
	return op.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), gqlerror.List{gqlerror.Wrap(err)}).Errors
}

// execute returns the answer of the operation for an item. It is executed once for all clients with the
// same view, operation and item.
func (op *operation) execute(ctx context.Context, item Item) []byte {
	return op.items.get(op.key+item.Key, func() (text []byte, failed bool) {
		// Other clients wait for the answer, too, so it does not end with this one.
		ctx := op.context(context.WithoutCancel(ctx))
		err := op.within(ctx, func(ctx context.Context) {
			opCtx, errs := op.open(ctx, &op.req.RawParams, false)
			if errs != nil {
				text, failed = encodeErrors(explained(opCtx, errs)), true
				return
			}
			ctx = context.WithValue(ctx, itemKey{}, item)
			if out := op.dispatch(ctx, answers.Key{}, opCtx); out != nil {
				text, failed = out.whole(), out.failed
			}
		})
		switch {
		case err != nil || text == nil:
			return encodeErrors(busyErrors()), true
		case len(text) > maxItem:
			return encodeErrors(gqlerror.List{errItemTooLong}), true
		}
		return text, failed
	})
}

// maxItem bounds the answer for an item, in bytes: it stays in memory until the slowest client has
// received it.
const maxItem = admission.LongAnswer

var errItemTooLong = WithCode(gqlerror.Errorf("The item is larger than %d bytes. Select less of it.", maxItem), types.ErrorCodeLimitExceeded)

// whole returns the answer as one slice.
func (o *outcome) whole() []byte { return o.text.whole(&o.cost) }

func encodeErrors(errs gqlerror.List) []byte {
	return encode(&graphql.Response{Errors: errs}).whole(&cost{})
}

// respond executes a query or a mutation, and returns the answer.
func (op *operation) respond(ctx context.Context, opCtx *graphql.OperationContext) []byte {
	if op.kind == ast.Mutation {
		ctx = context.WithValue(ctx, senderKey{}, op.sender)
	}
	var text []byte
	err := op.within(ctx, func(ctx context.Context) {
		if out := op.dispatch(ctx, answers.Key{}, opCtx); out != nil {
			text = out.whole()
		}
	})
	if err != nil || text == nil {
		return encodeErrors(busyErrors())
	}
	return text
}

// recent shares the answers for the latest items among the clients that receive them: those in flight,
// and, for a short time, those without errors. The zero value is ready.
type recent struct {
	mu    sync.Mutex
	of    map[string]*recentItem
	order []string // of the finished answers, the oldest first
	bytes int      // of these, with their keys
}

type recentItem struct {
	done  chan struct{}
	text  []byte
	ended time.Time
}

// The bounds of [recent]. For an item that it has dropped, the operation is executed again.
const (
	maxRecent      = 1000
	maxRecentBytes = 8 << 20
	// maxRecentAge is long enough for the clients that wait for admission at the moment of an event.
	// A later client may get the same item, such as the roster of a quiet meeting, but what else it
	// selects may have changed.
	maxRecentAge = 5 * time.Second
)

// get returns the answer of a key. It calls answer unless the answer is cached or in flight. failed says
// that the answer has errors: only the clients that already wait for it receive it, since a later
// execution may succeed.
func (r *recent) get(key string, answer func() (text []byte, failed bool)) []byte {
	r.mu.Lock()
	r.expire()
	it, ok := r.of[key]
	if !ok {
		it = r.begin(key)
	}
	r.mu.Unlock()
	if ok {
		<-it.done
		return it.text
	}
	failed := true // if answer panics
	defer func() { r.end(key, it, failed) }()
	it.text, failed = answer()
	return it.text
}

// begin adds an answer that is in flight. The caller holds the lock.
func (r *recent) begin(key string) *recentItem {
	if r.of == nil {
		r.of = map[string]*recentItem{}
	}
	it := &recentItem{done: make(chan struct{})}
	r.of[key] = it
	return it
}

// end passes an answer to the clients that wait for it, stores it unless it has errors, and drops the
// oldest beyond the bounds.
func (r *recent) end(key string, it *recentItem, failed bool) {
	if it.text == nil { // answer panicked
		it.text = encodeErrors(busyErrors())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	close(it.done)
	if failed {
		delete(r.of, key)
		return
	}
	it.ended = time.Now()
	r.order = append(r.order, key)
	r.bytes += len(key) + len(it.text)
	for len(r.order) > maxRecent || r.bytes > maxRecentBytes {
		r.dropOldest()
	}
}

// expire drops the answers that are older than maxRecentAge. The caller holds the lock.
func (r *recent) expire() {
	for len(r.order) > 0 && time.Since(r.of[r.order[0]].ended) >= maxRecentAge {
		r.dropOldest()
	}
}

// dropOldest drops the oldest finished answer. The caller holds the lock.
func (r *recent) dropOldest() {
	oldest := r.order[0]
	r.order[0] = ""
	r.order = r.order[1:]
	r.bytes -= len(oldest) + len(r.of[oldest].text)
	delete(r.of, oldest)
}

// feed sends the answers of an operation to a client.
type feed interface {
	// following is called once the source of a subscription is open.
	following()
	// next sends an answer, and waits until it is written.
	next(ctx context.Context, answer []byte) error
	// refused ends the operation with errors: it was not executed, or its source has failed.
	refused(errs gqlerror.List)
	// complete ends the operation.
	complete()
}

// run executes an operation for a client, until it or ctx ends.
func (c *client) run(parent context.Context, raw []byte, req *requestParams, to feed) {
	ctx := c.context(parent)
	op, opCtx, errs := c.prepare(ctx, raw, req)
	switch {
	case errs != nil:
		to.refused(errs)
		return
	case op.kind == ast.Mutation && c.readOnly:
		to.refused(badRequest("GET is for queries and subscriptions; send a mutation by POST"))
		return
	case c.dry:
		if to.next(ctx, encode(c.priced(ctx, opCtx)).whole(&cost{})) == nil {
			to.complete()
		}
		return
	case op.kind != ast.Subscription:
		if to.next(ctx, op.respond(ctx, opCtx)) == nil {
			to.complete()
		}
		return
	}
	end, ok := c.live.begin(c.caller)
	if !ok {
		to.refused(gqlerror.List{errSubscriptions})
		return
	}
	defer end()
	source, errs := op.source(ctx, opCtx)
	if errs != nil {
		to.refused(errs)
		return
	}
	defer source.Close()
	to.following()
	op.follow(parent, source, to)
}

var errSubscriptions = WithCode(gqlerror.Errorf("This caller has too many subscriptions. End some; the operator can raise MAX_SUBSCRIPTIONS."), types.ErrorCodeLimitExceeded)

// follow sends the answer for each item of a source, until the source or ctx ends.
func (op *operation) follow(ctx context.Context, source Source, to feed) {
	began, items := time.Now(), 0
	for {
		item, err := source.Next(ctx)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, io.EOF):
			to.complete()
		case err != nil:
			to.refused(op.errorsOf(op.context(ctx), err))
		default:
			if err = op.send(ctx, op.execute(ctx, item), to); err == nil {
				items++
				continue
			}
		}
		op.logEnd(ctx, began, items)
		return
	}
}

// largeItem is the size, in bytes, from which an answer needs admission until it is sent.
const largeItem = 16 << 10

// send sends an answer. Admission bounds the unsent answers of all slow clients together.
func (op *operation) send(ctx context.Context, answer []byte, to feed) error {
	if len(answer) >= largeItem {
		release, err := op.admission.Unsent.Acquire(ratelimit.WithCaller(ctx, op.caller), int64(len(answer)))
		if err != nil {
			return err
		}
		defer release()
	}
	return to.next(ctx, answer)
}
