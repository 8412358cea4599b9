package sandbox

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Files are made when they are read: lines of text up to the size that their
// address names, whatever their name ends with. To get one takes a token, and
// then a redirect to an address that needs none, as at Zoom. The addresses are
// the sandbox's own, since a made-up host could not be asked.

// filesPath is where files lie; filesStore is where their redirects lead.
const (
	filesPath  = "/files/"
	filesStore = "/store/"
)

func (w *world) fileID(v uint64) string { return sealID(w.seed, sealFile, v) }

// fileURL returns the address of a file. It holds a sum, so that no other size
// or name can be had.
func (c *call) fileURL(kind, id string, size int64, extension string) string {
	scheme := "http://"
	if c.request.TLS != nil {
		scheme = "https://"
	}
	path := fmt.Sprintf("%s/%s/%d/%s", kind, id, size, extension)
	return scheme + c.request.Host + filesPath + path + "/" + c.world.sum(path)
}

// sum signs an address, well enough for a sandbox.
func (w *world) sum(path string) string {
	d := w.dice(path, 1)
	return strconv.FormatUint(d.next(), 36)
}

// serveFile answers a call for a file; ok is false for any other call.
func (s *Sandbox) serveFile(w http.ResponseWriter, r *http.Request) (ok bool) {
	path, asked := strings.CutPrefix(r.URL.Path, filesPath)
	stored := strings.HasPrefix(r.URL.Path, filesStore)
	if stored {
		path = strings.TrimPrefix(r.URL.Path, filesStore)
	}
	if !asked && !stored {
		return false
	}
	at := strings.LastIndexByte(path, '/')
	parts := strings.Split(path, "/")
	if at < 0 || len(parts) != 5 || path[at+1:] != s.world.sum(path[:at]) {
		http.NotFound(w, r)
		return true
	}
	if asked {
		if !s.mayHave(r) {
			http.Error(w, "the file needs an access token", http.StatusUnauthorized)
			return true
		}
		http.Redirect(w, r, filesStore+(&url.URL{Path: path}).EscapedPath(), http.StatusFound)
		return true
	}
	size, _ := strconv.ParseInt(parts[2], 10, 64) // the sum says that it is one
	w.Header().Set("Content-Type", fileTypes[parts[3]])
	http.ServeContent(w, r, "", s.world.start.Truncate(time.Second), &text{size: size})
	return true
}

var fileTypes = map[string]string{
	"mp4": "video/mp4", "m4a": "audio/mp4", "mp3": "audio/mpeg", "vtt": "text/vtt", "txt": "text/plain",
	"json": "application/json", "jpg": "image/jpeg",
}

// mayHave reports whether a call shows a token that is good.
func (s *Sandbox) mayHave(r *http.Request) bool {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	g := s.tokens.live[bearer]
	return g != nil && s.opt.Now().Before(g.expires)
}

// line is what files are filled with.
const line = "This file is the sandbox's: nothing was recorded and nobody is meant.\n"

// text is a file of any size that takes no room.
type text struct{ size, at int64 }

// Read fills p from the place where the last one ended.
func (t *text) Read(p []byte) (n int, err error) {
	for n < len(p) && t.at < t.size {
		part := line[t.at%int64(len(line)):]
		part = part[:min(int64(len(part)), t.size-t.at)]
		k := copy(p[n:], part)
		n, t.at = n+k, t.at+int64(k)
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek moves the place.
func (t *text) Seek(offset int64, whence int) (int64, error) {
	t.at = offset + []int64{0, t.at, t.size}[whence]
	return t.at, nil
}
