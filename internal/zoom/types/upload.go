package types

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
)

// Upload is a file that a caller sent with a query, by the GraphQL multipart
// request specification. It has no form in a query or in JSON.
//
// Spec: https://github.com/jaydenseric/graphql-multipart-request-spec
type Upload struct {
	Name    string
	Type    string // media type, detected from the content; the caller's is ignored
	Content []byte
}

// NewUpload returns an upload of a caller's file. The directories of its name are dropped.
func NewUpload(name string, content []byte) Upload {
	name = path.Base(strings.ReplaceAll(strings.Map(printable, name), `\`, "/"))
	if name == "." || name == "/" {
		name = "file"
	}
	return Upload{Name: name, Type: http.DetectContentType(content), Content: content}
}

// printable drops control characters, which would end a header.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// UnmarshalGQL accepts a file that the transport has put into the variables.
func (u *Upload) UnmarshalGQL(v any) error {
	file, ok := v.(Upload)
	if !ok {
		return errors.New("a file is sent as a part of a multipart request, not in the query or its variables")
	}
	*u = file
	return nil
}

// MarshalGQL writes null: no field returns a file.
func (u Upload) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, null) }

// MarshalJSON keeps the content of a file out of logs.
func (u Upload) MarshalJSON() ([]byte, error) { return []byte(`"[file]"`), nil }
