// Package playground serves GraphiQL, an editor for GraphQL.
//
// The page works offline and under a strict Content-Security-Policy, so it
// loads nothing from other origins. GraphiQL is bundled from npm packages into
// dist (see web/), which is built and not committed; without it, a plain page is
// served, under the same policy. Every asset has the hash of its content in its
// name and may be cached for ever; the page is not cached, since it has a nonce.
//
// GraphiQL stays at version 4: version 5 edits in Monaco, which needs workers
// and three times the bytes.
package playground

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

var (
	//go:embed all:dist
	dist embed.FS

	//go:embed page
	page embed.FS

	pages = template.Must(template.ParseFS(page, "page/*.html"))
)

// Options configure the page. The zero value is a page at / that queries
// /graphql.
type Options struct {
	Path         string // where the handler is mounted; its assets are below
	Endpoint     string // the GraphQL endpoint, as the browser sees it
	Schema       string // the URL of the SDL; no link if empty
	Title        string
	Badge        string // a label beside the title: "sandbox", an account's name
	DefaultQuery string // the query of a new tab
	Bundle       fs.FS  // built by web/build.mjs; nil for the one in the binary
}

func (o Options) withDefaults() Options {
	o.Path = "/" + strings.Trim(o.Path, "/")
	if o.Endpoint == "" {
		o.Endpoint = "/graphql"
	}
	if o.Title == "" {
		o.Title = "zoomql"
	}
	if o.Bundle == nil {
		o.Bundle, _ = fs.Sub(dist, "dist") // fails only for an invalid path
	}
	return o
}

// Handler serves the page at opts.Path and its assets below it, and 404 for
// everything else. It panics if opts.Bundle has files that cannot be read;
// those of an embedded one always can.
func Handler(opts Options) http.Handler {
	opts = opts.withDefaults()
	view := view{Options: opts}
	name := "graphiql.html"
	script, style := bundled(opts.Bundle)
	if script == nil {
		name = "plain.html"
		script, style = hashed("plain.js"), hashed("plain.css")
	}

	assets := path.Join(opts.Path, "assets")
	view.Script, view.Style = path.Join(assets, script.name), path.Join(assets, style.name)
	served := map[string]http.Handler{
		opts.Path:   view.serve(name),
		view.Script: script,
		view.Style:  style,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := served["/"+strings.Trim(r.URL.Path, "/")]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		default:
			w.Header().Set("X-Content-Type-Options", "nosniff")
			h.ServeHTTP(w, r)
		}
	})
}

// view is the data of the templates.
type view struct {
	Options
	Script, Style, Nonce string
}

func (v view) serve(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		v := v // each request has its own nonce
		v.Nonce = rand.Text()
		var buf bytes.Buffer
		if err := pages.ExecuteTemplate(&buf, name, v); err != nil {
			slog.Error("playground: page", "err", err)
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy(v.Nonce))
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Write(buf.Bytes())
	})
}

// policy returns the Content-Security-Policy of the page: its one script by nonce;
// inline styles, because CodeMirror sizes its lines with them; fonts and icons
// from the style sheet itself; the endpoint, by HTTP and WebSocket, on this
// origin alone. No base, form target or frame: a page that can change an account
// must not be framed.
func policy(nonce string) string {
	return "default-src 'none'" +
		"; script-src 'nonce-" + nonce + "'" +
		"; style-src 'self' 'unsafe-inline'" +
		"; font-src 'self' data:" +
		"; img-src 'self' data:" +
		"; connect-src 'self'" +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// bundled returns the script and the style sheet of a built bundle, or nil if
// there is none: before the first build, dist has only .keep.
func bundled(bundle fs.FS) (script, style *asset) {
	scripts, _ := fs.Glob(bundle, "main-*.js")
	styles, _ := fs.Glob(bundle, "main-*.css")
	if len(scripts) != 1 || len(styles) != 1 {
		return nil, nil
	}
	return open(bundle, scripts[0]), open(bundle, styles[0])
}

// hashed reads a file of the plain page and puts its hash into its name.
func hashed(name string) *asset {
	a := open(page, "page/"+name)
	sum := sha256.Sum256(a.body)
	ext := path.Ext(name)
	a.name = strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
	return a
}

// asset is a file whose name changes with its bytes.
type asset struct {
	name string
	body []byte
	gzip func() []byte // made by the first request: it takes some 100 ms
}

func open(fsys fs.FS, name string) *asset {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		panic(fmt.Sprintf("playground: %v", err))
	}
	return &asset{name: path.Base(name), body: body, gzip: sync.OnceValue(func() []byte {
		var buf bytes.Buffer
		zip, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // fails only for an unknown level
		zip.Write(body)
		zip.Close()
		return buf.Bytes()
	})}
}

// types are set here because the table of package mime depends on the machine.
var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, body := w.Header(), a.body
	h.Set("Content-Type", types[path.Ext(a.name)])
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body = a.gzip()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func acceptsGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if name == "gzip" {
			return weight == "" || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}
