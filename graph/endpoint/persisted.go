package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"zoomql/cache"
	"zoomql/internal/identity"
	"zoomql/internal/zoom/types"
)

// requestParams are the parameters of a request: a document, or the id of a persisted one.
type requestParams struct {
	graphql.RawParams

	// DocumentID names a persisted document: "sha256:" and the hash of its text,
	// or its id in a manifest.
	//
	// Spec: https://graphql.github.io/graphql-over-http/draft/, appendix Persisted Documents
	DocumentID string
	// RelayID is the same under the name doc_id, as in Relay's examples.
	RelayID string

	// hash is the document's hash in extensions.persistedQuery, which Apollo's and other clients send;
	// "" if it is missing.
	hash string
}

// readIDs sets DocumentID and hash. It returns a message if they are invalid.
func (r *requestParams) readIDs() string {
	if r.DocumentID == "" {
		r.DocumentID = r.RelayID
	}
	raw, there := r.Extensions["persistedQuery"]
	if raw == nil || !there {
		return ""
	}
	persisted, _ := raw.(map[string]any)
	version, _ := persisted["version"].(json.Number)
	r.hash, _ = persisted["sha256Hash"].(string)
	switch {
	case r.hash == "":
		return "extensions.persistedQuery has no sha256Hash"
	case version != "1":
		return "the version of extensions.persistedQuery is not 1"
	}
	return ""
}

// library has the documents that requests may name instead of sending them: those of manifests, and those
// that were sent once with their hash (automatic persisted queries). The latter are available only to the
// view that sent them.
type library struct {
	store   cache.Store // of automatic persisted queries; nil stores none
	trusted *Trusted
	only    bool // only trusted documents are executed
}

// The bounds of automatic persisted queries: their lifetime and length. A day suffices, since a client
// sends a document again when it has expired. Longer documents are not stored, because a few would fill
// the cache, which is bounded by bytes.
const (
	persistedLife = 24 * time.Hour
	maxPersisted  = 64 << 10
)

// refusal is the error of a request whose document is not executed.
type refusal struct {
	code    types.ErrorCode
	message string
}

func (r *refusal) err() *gqlerror.Error {
	return WithCode(gqlerror.Errorf("%s", r.message), r.code)
}

// The refusals. Clients recognize the message of Apollo's protocol, PersistedQueryNotFound.
var (
	errNotPersisted = &refusal{types.ErrorCodePersistedQueryNotFound, "PersistedQueryNotFound"}
	errNoDocument   = &refusal{types.ErrorCodePersistedQueryNotFound, "documentId: the gateway has no document with this id. Send the query, or add the document to TRUSTED_DOCUMENTS."}
	errNotTrusted   = &refusal{types.ErrorCodeDocumentNotTrusted, "This gateway executes only the documents of its TRUSTED_DOCUMENTS, and this is not one of them."}
)

// resolve sets the query of a request that names its document. problem is the message for a request
// without either, or with ids that contradict the query.
func (l *library) resolve(ctx context.Context, r *requestParams) (problem string, err *gqlerror.Error) {
	if r.Query != "" {
		return l.check(r)
	}
	for _, id := range []string{r.DocumentID, r.hash} {
		if text, ok := l.find(ctx, id); id != "" && ok {
			r.Query = text
			return "", nil
		}
	}
	refused := errNotPersisted
	switch {
	case r.DocumentID == "" && r.hash == "":
		return "the request has no query", nil
	case l.only:
		refused = errNotTrusted
	case r.DocumentID != "":
		refused = errNoDocument
	}
	return "", refused.err()
}

// check compares a document that was sent with the ids that were sent.
func (l *library) check(r *requestParams) (problem string, err *gqlerror.Error) {
	sum := hashOf(r.Query)
	for _, id := range []string{r.DocumentID, r.hash} {
		hash, isHash := hashIn(id)
		switch text, known := l.trusted.text(id); {
		case id == "", known && text == r.Query:
			// no id, or that of a manifest
		case known, isHash && hash != sum, !isHash && id == r.hash:
			return "provided sha does not match query", nil // the message of Apollo's server
		}
	}
	if _, ok := l.trusted.text(sum); l.only && !ok {
		return "", errNotTrusted.err()
	}
	return "", nil
}

// find returns the text of the document with an id.
func (l *library) find(ctx context.Context, id string) (string, bool) {
	if text, ok := l.trusted.text(id); ok {
		return text, true
	}
	hash, ok := hashIn(id)
	if !ok {
		return "", false
	}
	if text, ok := l.trusted.text(hash); ok {
		return text, true
	}
	if l.only || l.store == nil {
		return "", false
	}
	entry, _ := l.store.Get(ctx, l.key(ctx, hash))
	if entry == nil || !entry.Fresh(time.Now()) {
		return "", false
	}
	body, err := entry.Body()
	if text := string(body); err == nil && hashOf(text) == hash {
		return text, true
	}
	return "", false
}

// remember stores a document that was sent with its hash. The caller has validated the document.
func (l *library) remember(ctx context.Context, r *requestParams) {
	hash, ok := hashIn(r.hash)
	if !ok {
		hash, ok = hashIn(r.DocumentID)
	}
	if !ok || l.store == nil || l.only || len(r.Query) > maxPersisted || hash != hashOf(r.Query) {
		return
	}
	entry, ticket := l.store.Get(ctx, l.key(ctx, hash))
	if entry != nil {
		return
	}
	now := time.Now()
	entry = cache.Encoded([]byte(r.Query))
	entry.Stored, entry.Expires, entry.Size = now, now.Add(persistedLife), len(r.Query)+500
	l.store.Set(ctx, l.key(ctx, hash), ticket, entry)
}

// key returns the key in the store of a document that was sent with the credential of ctx. It is a hash,
// so that it does not show the account.
func (l *library) key(ctx context.Context, hash string) string {
	return "document:" + hashOf(identity.From(ctx).ID()+hash)
}

// hashOf returns the SHA-256 hash of a text in lower-case hex.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// hashIn returns the SHA-256 hash in an id: lower-case hex, with or without the prefix
// "sha256:".
func hashIn(id string) (string, bool) {
	hash := strings.TrimPrefix(id, "sha256:")
	if len(hash) != 2*sha256.Size || strings.Trim(hash, "0123456789abcdef") != "" {
		return "", false
	}
	return hash, true
}
