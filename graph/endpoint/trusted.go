package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Trusted has the documents that clients name by ids, from manifests that are written when the clients are
// built. A nil *Trusted is empty.
type Trusted struct {
	texts map[string]string // by the manifests' ids, and by hash
}

// text returns the document with an id or a hash.
func (t *Trusted) text(id string) (string, bool) {
	if t == nil {
		return "", false
	}
	text, ok := t.texts[id]
	return text, ok
}

// Manifest is a file of documents: a JSON object from ids to texts, as relay-compiler
// and the client preset of graphql-codegen write it, or a manifest of Apollo's.
type Manifest struct {
	Name string // for error messages
	Text []byte
}

// apolloFormat is the value of the field format in Apollo's manifests.
const apolloFormat = "apollo-persisted-query-manifest"

// apolloManifest is a manifest of Apollo's.
type apolloManifest struct {
	Format     string `json:"format"`
	Version    int    `json:"version"`
	Operations []struct {
		ID   string `json:"id"`
		Body string `json:"body"`
	} `json:"operations"`
}

// ReadTrusted reads manifests and validates their documents against a schema, so that invalid documents are
// reported when the gateway starts. The error lists the first maxMistakesShown mistakes.
func ReadTrusted(schema *ast.Schema, manifests ...Manifest) (*Trusted, error) {
	t, errs := &Trusted{texts: map[string]string{}}, manifestErrors(nil)
	for _, m := range manifests {
		documents, err := m.documents()
		if err != nil {
			errs.add(m.Name, err)
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(documents)) {
			if err := t.add(schema, id, documents[id]); err != nil {
				errs.add(m.Name+": document "+quotedID(id), err)
			}
		}
	}
	return t, errs.err()
}

// documents returns the documents of a manifest by their ids.
func (m Manifest) documents() (map[string]string, error) {
	text := bytes.TrimPrefix(m.Text, byteOrderMark)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("not JSON (at byte %d)", syntax.Offset)
		}
		return nil, errors.New("neither a JSON object from ids to documents nor a manifest of Apollo's")
	}
	if _, ok := fields["operations"]; ok {
		return apolloDocuments(text)
	}
	documents := make(map[string]string, len(fields))
	for id, raw := range fields {
		var document string
		if json.Unmarshal(raw, &document) != nil {
			return nil, fmt.Errorf("%s: not the text of a document", quotedID(id))
		}
		documents[id] = document
	}
	if len(documents) == 0 {
		return nil, errors.New("contains no document")
	}
	return documents, nil
}

// apolloDocuments returns the documents of a manifest of Apollo's by their ids.
func apolloDocuments(text []byte) (map[string]string, error) {
	var manifest apolloManifest
	switch err := json.Unmarshal(text, &manifest); {
	case err != nil:
		return nil, errors.New("not a manifest of Apollo's: operations is not a list of {id, name, type, body}")
	case manifest.Format != apolloFormat || manifest.Version != 1:
		return nil, fmt.Errorf("not a supported manifest: format and version are not %s and 1", apolloFormat)
	case len(manifest.Operations) == 0:
		return nil, errors.New("contains no document")
	}
	documents := map[string]string{}
	for i, op := range manifest.Operations {
		if op.ID == "" || op.Body == "" {
			return nil, fmt.Errorf("operation %d has no id or no body", i+1)
		}
		if other, ok := documents[op.ID]; ok && other != op.Body {
			return nil, fmt.Errorf("two operations have the id %s", quotedID(op.ID))
		}
		documents[op.ID] = op.Body
	}
	return documents, nil
}

// add adds a document if it is valid.
func (t *Trusted) add(schema *ast.Schema, id, document string) error {
	if id == "" {
		return errors.New("the id is empty")
	}
	if other, ok := t.texts[id]; ok && other != document {
		return errors.New("another document has this id")
	}
	parsed, err := gqlparser.LoadQueryWithRules(schema, document, quietRules)
	if err != nil {
		return firstOf(err)
	}
	if len(parsed.Operations) == 0 {
		return errors.New("it has no operation")
	}
	t.texts[id], t.texts[hashOf(document)] = document, document
	return nil
}

// firstOf returns the first of the errors of a document, with its line and column.
func firstOf(errs gqlerror.List) error {
	place := ""
	if len(errs[0].Locations) > 0 {
		place = fmt.Sprintf(" (line %d, column %d)", errs[0].Locations[0].Line, errs[0].Locations[0].Column)
	}
	return errors.New(errs[0].Message + place)
}

// quotedID returns an id for a message, truncated and quoted.
func quotedID(id string) string {
	if len(id) > maxShownName {
		id = id[:maxShownName] + "…"
	}
	return strconv.Quote(id)
}

// manifestErrors are the errors of manifests. Only the first are shown: a field that is removed from the
// schema may cause hundreds.
type manifestErrors []error

const maxMistakesShown = 10

func (m *manifestErrors) add(where string, err error) {
	*m = append(*m, fmt.Errorf("%s: %w", where, err))
}

func (m manifestErrors) err() error {
	if more := len(m) - maxMistakesShown; more > 0 {
		return errors.Join(append(slices.Clone(m[:maxMistakesShown]), fmt.Errorf("and %d more errors", more))...)
	}
	return errors.Join(m...)
}
