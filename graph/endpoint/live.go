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

// A subscription is executed as the specification says: its root field is resolved once, to
// a source of items, and then the operation is executed for each item, with the item as the
// value of the root field. So each item has what a query has: its own loaders, budget, deadline
// and admission. Between items nothing runs, and only the source takes memory.
//
// gqlgen executes a subscription only once: therefore the channel of a resolver contains one
// item at most.
//
// Spec: https://spec.graphql.org/draft/#sec-Subscription

// Source yields the items of a subscription.
type Source interface {
	// Next waits for the next item. The error is io.EOF after the last item, that of ctx, or
	// one for the client.
	Next(ctx context.Context) (Item, error)
	// Close ends the source. It is called once.
	Close()
}

// Item is an item of a source.
type Item struct {
	// Key identifies the item among the items of all sources: equal operations are executed
	// once for items with the same key.
	Key string
	// Value returns that of the root field, for an execution, or an error in its place. It
	// MUST NOT be changed.
	Value func(ctx context.Context) any
}

// opening is the execution that opens a source.
type opening struct{ source Source }

type (
	openingKey struct{}
	itemKey    struct{}
)

// Stream is the result of a resolver of a subscription's root field: a channel with the item
// that the operation is executed for. In the execution that opens the source, it calls open.
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

// asker is the caller of the operations of a connection.
type asker struct {
	*Endpoint
	credential *identity.Credential
	caller     string // name of the API key
	base       string // of links in answers
	sender     Sender // of mutations
	readOnly   bool   // mutations are refused: a page of another site may have sent them
	dry        bool   // operations are priced instead of executed
}

// context returns the context of the asker's operations. It ends with parent.
func (a *asker) context(parent context.Context) context.Context {
	ctx := identity.With(ratelimit.WithCaller(parent, a.caller), a.credential)
	return graphql.StartOperationTrace(links.From(ctx, a.base))
}

// question is an operation that was parsed and validated.
type question struct {
	asker
	req  *requestParams
	kind ast.Operation
	name string
	key  string // equal for the same operation of askers with the same view
}

const (
	// maxSubscription bounds a subscription with its variables, in bytes: they stay in memory
	// until it ends.
	maxSubscription = 16 << 10
	// valueBytes is how much memory a value takes beside its text, once it is decoded.
	valueBytes = 40
)

// ask parses and validates an operation. errs is the answer if the operation cannot be executed.
func (a *asker) ask(ctx context.Context, raw []byte, req *requestParams) (q *question, opCtx *graphql.OperationContext, errs gqlerror.List) {
	read, release, refused, err := a.admit(ctx, len(raw), valuesIn(raw))
	if err != nil {
		return nil, nil, busyErrors()
	}
	defer release()
	defer read()
	if refused != nil {
		return nil, nil, gqlerror.List{refused}
	}
	problem, unknown := a.library.resolve(ctx, req)
	switch {
	case problem != "":
		return nil, nil, badRequest(problem)
	case unknown != nil:
		return nil, nil, gqlerror.List{unknown}
	}
	opCtx, errs = a.open(ctx, &req.RawParams, a.dry)
	if errs != nil {
		return nil, nil, explained(opCtx, errs)
	}
	a.library.remember(ctx, req)
	q = &question{asker: *a, req: req, kind: opCtx.Operation.Operation, name: OperationName(opCtx)}
	if q.kind == ast.Subscription {
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
		q.key = q.keyOf()
	}
	return q, opCtx, nil
}

// oneRoot refuses a subscription unless it has exactly one root field: fragments and directives
// may hide root fields from the validator that the executor finds.
//
// Spec: https://spec.graphql.org/draft/#sec-Single-Root-Field
func oneRoot(opCtx *graphql.OperationContext) *gqlerror.Error {
	fields := graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) == 1 && !strings.HasPrefix(fields[0].Name, "__") {
		return nil
	}
	err := gqlerror.ErrorPosf(opCtx.Operation.Position, "A subscription has one root field, and none of the schema's own.")
	err.Extensions = nil // a file name, which a query does not have
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

func badRequest(problem string) gqlerror.List {
	return gqlerror.List{WithCode(gqlerror.Errorf("%s", problem), types.ErrorCodeBadRequest)}
}

func busyErrors() gqlerror.List {
	return gqlerror.List{WithCode(gqlerror.Errorf("%s", busy), types.ErrorCodeTimeout)}
}

// keyOf returns a hash of all that an answer depends on: the view, the gateway's address, and
// the operation.
func (q *question) keyOf() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode([]any{q.credential.ID(), q.base, q.req.Query, q.req.OperationName, q.req.Variables, q.req.Extensions}) //nolint:errchkjson // values that were decoded from JSON
	return string(h.Sum(nil))
}

// within runs a part of an operation when the caller is admitted, within the timeout of
// operations.
func (q *question) within(ctx context.Context, run func(ctx context.Context)) error {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	release, err := q.admission.Operations.Acquire(ctx, 1)
	if err != nil {
		return err
	}
	defer release()
	held := &admission.Response{}
	defer held.Release()
	run(admission.WithResponse(ctx, held))
	return nil
}

// source opens the source of a subscription.
func (q *question) source(ctx context.Context, opCtx *graphql.OperationContext) (Source, gqlerror.List) {
	at := &opening{}
	var resp *graphql.Response
	err := q.within(ctx, func(ctx context.Context) {
		ctx = zoom.WithUsage(context.WithValue(ctx, openingKey{}, at), &zoom.Usage{})
		responses, inner := q.exec.DispatchOperation(ctx, opCtx)
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
	return nil, busyErrors() // the caller has gone, or the time is up
}

// errorsOf returns the errors that a client receives for the error that ended a source.
func (q *question) errorsOf(ctx context.Context, err error) gqlerror.List {
	opCtx := &graphql.OperationContext{Stats: graphql.Stats{OperationStart: graphql.GetStartTime(ctx)}}
	return q.exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), gqlerror.List{gqlerror.Wrap(err)}).Errors
}

// execute executes the operation for an item, and returns the answer. It is executed once for
// equal operations and items.
func (q *question) execute(ctx context.Context, item Item) []byte {
	return q.items.get(q.key+item.Key, func() []byte {
		// Others wait for it, too: it does not end with the first caller.
		ctx := q.context(context.WithoutCancel(ctx))
		var text []byte
		err := q.within(ctx, func(ctx context.Context) {
			opCtx, errs := q.open(ctx, &q.req.RawParams, false)
			if errs != nil {
				text = encodeErrors(explained(opCtx, errs))
				return
			}
			ctx = context.WithValue(ctx, itemKey{}, item)
			if out := q.dispatch(ctx, answers.Key{}, opCtx); out != nil {
				text = out.whole()
			}
		})
		switch {
		case err != nil || text == nil:
			return encodeErrors(busyErrors())
		case len(text) > maxItem:
			return encodeErrors(gqlerror.List{errItemTooLong})
		}
		return text
	})
}

// maxItem bounds the answer to an item, in bytes: it stays in memory until it is sent, at the
// pace of each client.
const maxItem = admission.LongAnswer

var errItemTooLong = WithCode(gqlerror.Errorf("The item is larger than %d bytes. Select less of it.", maxItem), types.ErrorCodeLimitExceeded)

// whole returns the answer as one slice.
func (o *outcome) whole() []byte { return o.text.whole(&o.cost) }

func encodeErrors(errs gqlerror.List) []byte {
	return encode(&graphql.Response{Errors: errs}).whole(&cost{})
}

// once answers a query or a mutation of a connection.
func (q *question) once(ctx context.Context, opCtx *graphql.OperationContext) []byte {
	if q.kind == ast.Mutation {
		ctx = context.WithValue(ctx, senderKey{}, q.sender)
	}
	var text []byte
	err := q.within(ctx, func(ctx context.Context) {
		if out := q.dispatch(ctx, answers.Key{}, opCtx); out != nil {
			text = out.whole()
		}
	})
	if err != nil || text == nil {
		return encodeErrors(busyErrors())
	}
	return text
}

// recent is a cache of the answers to the last items, and of those in flight.
type recent struct {
	mu    sync.Mutex
	of    map[string]*recentItem
	order []string // the oldest first
	bytes int
}

type recentItem struct {
	done chan struct{}
	text []byte
}

// The bounds of [recent]. An item that it has dropped is executed again for later readers.
const (
	maxRecent      = 1000
	maxRecentBytes = 8 << 20
)

// get returns the answer of a key. It calls answer unless the answer is cached.
func (r *recent) get(key string, answer func() []byte) []byte {
	r.mu.Lock()
	it, ok := r.of[key]
	if !ok {
		it = r.begin(key)
	}
	r.mu.Unlock()
	if ok {
		<-it.done
		return it.text
	}
	defer r.end(key, it)
	it.text = answer()
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

func (r *recent) end(key string, it *recentItem) {
	if it.text == nil { // answer panicked
		it.text = encodeErrors(busyErrors())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	close(it.done)
	r.order = append(r.order, key)
	r.bytes += len(key) + len(it.text)
	for len(r.order) > maxRecent || r.bytes > maxRecentBytes {
		oldest := r.order[0]
		r.order[0] = ""
		r.order = r.order[1:]
		r.bytes -= len(oldest) + len(r.of[oldest].text)
		delete(r.of, oldest)
	}
}

// feed sends the answers of an operation to a client.
type feed interface {
	// following is called when the source of a subscription is open.
	following()
	// next sends an answer, and waits until it is written.
	next(ctx context.Context, answer []byte) error
	// refused ends the operation with errors: it was not executed, or its source has
	// failed.
	refused(errs gqlerror.List)
	// complete ends the operation.
	complete()
}

// run executes an operation for a client, until it or ctx ends.
func (a *asker) run(parent context.Context, raw []byte, req *requestParams, to feed) {
	ctx := a.context(parent)
	q, opCtx, errs := a.ask(ctx, raw, req)
	switch {
	case errs != nil:
		to.refused(errs)
		return
	case q.kind == ast.Mutation && a.readOnly:
		to.refused(badRequest("GET is for queries and subscriptions; send a mutation by POST"))
		return
	case a.dry:
		if to.next(ctx, encode(a.priced(ctx, opCtx)).whole(&cost{})) == nil {
			to.complete()
		}
		return
	case q.kind != ast.Subscription:
		if to.next(ctx, q.once(ctx, opCtx)) == nil {
			to.complete()
		}
		return
	}
	place, ok := a.live.begin(a.caller)
	if !ok {
		to.refused(gqlerror.List{errSubscriptions})
		return
	}
	defer place()
	source, errs := q.source(ctx, opCtx)
	if errs != nil {
		to.refused(errs)
		return
	}
	defer source.Close()
	to.following()
	q.follow(parent, source, to)
}

var errSubscriptions = WithCode(gqlerror.Errorf("There are too many subscriptions of this caller. End some; the operator may raise MAX_SUBSCRIPTIONS."), types.ErrorCodeLimitExceeded)

// follow sends the answers to the items of a source.
func (q *question) follow(ctx context.Context, source Source, to feed) {
	began, items := time.Now(), 0
	for {
		item, err := source.Next(ctx)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, io.EOF):
			to.complete()
		case err != nil:
			to.refused(q.errorsOf(q.context(ctx), err))
		default:
			if err = q.send(ctx, q.execute(ctx, item), to); err == nil {
				items++
				continue
			}
		}
		q.logEnd(ctx, began, items)
		return
	}
}

// largeItem is the size in bytes from which an answer needs admission until it is sent.
const largeItem = 16 << 10

// send sends an answer. The unsent answers of all slow clients together are bounded.
func (q *question) send(ctx context.Context, answer []byte, to feed) error {
	if len(answer) >= largeItem {
		release, err := q.admission.Unsent.Acquire(ratelimit.WithCaller(ctx, q.caller), int64(len(answer)))
		if err != nil {
			return err
		}
		defer release()
	}
	return to.next(ctx, answer)
}
