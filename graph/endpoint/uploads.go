package endpoint

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"zoomql/internal/zoom/types"
)

// multipartForm is the media type of a request with files. Files are parts of it and not base64 in JSON,
// because upload clients send them so, and because base64 takes four bytes for three, which would have to
// be parsed.
//
// Spec: https://github.com/jaydenseric/graphql-multipart-request-spec
const multipartForm = "multipart/form-data"

// The bounds of a request with files: the number of files, and the bytes of the body, which has room for one
// file of the largest size.
const (
	maxUploads    = 4
	maxUploadBody = MaxUpload + maxBody
)

// MaxUpload bounds a file, in bytes: Zoom accepts no larger virtual background.
//
// Source: POST /accounts/{accountId}/settings/virtual_backgrounds.
const MaxUpload = 15 << 20

// preflights are headers that a page of another site cannot send without a CORS preflight.
// One of them is required, because an HTML form can send the rest of a multipart request
// with a visitor's credentials (CSRF).
var preflights = []string{"Authorization", "Apollo-Require-Preflight", "X-Apollo-Operation-Name", "GraphQL-Require-Preflight"}

// readUploads reads a request with files: the parts "operations" and "map", and then the files. If it is
// invalid, readUploads returns the status and the message of the refusal.
func readUploads(w http.ResponseWriter, r *http.Request) (*requestParams, int, string) {
	if !hasAny(r.Header, preflights) {
		return nil, http.StatusBadRequest, "a multipart request needs the header Apollo-Require-Preflight: true"
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUploadBody)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, http.StatusBadRequest, "the body is not a multipart form"
	}
	operations := readPart(form, "operations")
	if valuesIn(operations) > DefaultLimits.Values {
		return nil, http.StatusRequestEntityTooLarge, "the part \"operations\" has more than " + strconv.Itoa(DefaultLimits.Values) + " values"
	}
	params := readJSON(operations)
	if params == nil {
		return nil, http.StatusBadRequest, "the first part is not \"operations\", a JSON object with query and variables"
	}
	var places map[string][]string
	if decode(readPart(form, "map"), &places) != nil || len(places) > maxUploads {
		return nil, http.StatusBadRequest, "the second part is not \"map\", a JSON object that assigns up to " + strconv.Itoa(maxUploads) + " files to places in the variables"
	}
	for range places {
		err := readUpload(form, places, params.Variables)
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, http.StatusRequestEntityTooLarge, "the files are larger than 15 MiB"
		} else if err != nil {
			return nil, http.StatusBadRequest, err.Error()
		}
	}
	return params, 0, ""
}

// hasAny reports whether one of the headers is set.
func hasAny(h http.Header, names []string) bool {
	for _, name := range names {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// readPart reads the next part, up to maxBody bytes; nil if its name is not the expected one.
func readPart(form *multipart.Reader, name string) []byte {
	part, err := form.NextPart()
	if err != nil || part.FormName() != name {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(part, maxBody))
	if err != nil {
		return nil
	}
	return body
}

// readUpload reads the next file and puts it at its places in the variables.
func readUpload(form *multipart.Reader, places map[string][]string, variables map[string]any) error {
	part, err := form.NextPart()
	if err != nil {
		return errors.New("a file of the map is missing")
	}
	paths, ok := places[part.FormName()]
	if !ok {
		return errors.New("a file is not in the map")
	}
	content, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if !putFile(variables, strings.Split(path, "."), types.NewUpload(part.FileName(), content)) {
			return errors.New("the map names a place that the variables do not have, or that is not null")
		}
	}
	return nil
}

// putFile replaces a null in the variables by a file. path is "variables", followed by names and indices.
// It reports whether there was a null.
func putFile(variables map[string]any, path []string, file types.Upload) bool {
	if len(path) < 2 || path[0] != "variables" {
		return false
	}
	var at any = variables
	for i, name := range path[1:] {
		last := i == len(path)-2
		switch x := at.(type) {
		case map[string]any:
			old, there := x[name]
			if last {
				if there && old == nil {
					x[name] = file
				}
				return there && old == nil
			}
			at = old
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(x) {
				return false
			}
			old := x[n]
			if last {
				if old == nil {
					x[n] = file
				}
				return old == nil
			}
			at = old
		default:
			return false
		}
	}
	return false
}
