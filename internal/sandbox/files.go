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

// Files are generated when they are read: lines of text up to the size in their address,
// whatever their extension. A download needs a token and yields a redirect to an address that
// needs none, as at Zoom. The addresses are on the sandbox's own host, because an invented
// host could not be reached.

// filesPath is the path of files, and filesStore that of their redirects.
const (
	filesPath  = "/files/"
	filesStore = "/store/"
)

func (w *world) fileID(v uint64) string { return sealID(w.seed, sealFile, v) }

// fileURL returns the address of a file. It contains a checksum, so that a changed size or
// name is refused.
func (c *call) fileURL(kind, id string, size int64, extension string) string {
	scheme := "http://"
	if c.request.TLS != nil {
		scheme = "https://"
	}
	path := fmt.Sprintf("%s/%s/%d/%s", kind, id, size, extension)
	return scheme + c.request.Host + filesPath + path + "/" + c.sum(path)
}

// sum returns the checksum of an address. It covers files of all accounts, because an address
// does not name the account.
func (s *Sandbox) sum(path string) string {
	d := s.world.rng(path, 1)
	return strconv.FormatUint(d.next(), 36)
}

// serveFile answers a request for a file. ok is false for all other requests.
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
	if at < 0 || len(parts) != 5 || path[at+1:] != s.sum(path[:at]) {
		http.NotFound(w, r)
		return true
	}
	if asked {
		if !s.authorized(r) {
			http.Error(w, "the file needs an access token", http.StatusUnauthorized)
			return true
		}
		http.Redirect(w, r, filesStore+(&url.URL{Path: path}).EscapedPath(), http.StatusFound)
		return true
	}
	size, _ := strconv.ParseInt(parts[2], 10, 64) // the checksum covers it
	w.Header().Set("Content-Type", fileTypes[parts[3]])
	http.ServeContent(w, r, "", s.world.start.Truncate(time.Second), &text{size: size})
	return true
}

var fileTypes = map[string]string{
	"mp4": "video/mp4", "m4a": "audio/mp4", "mp3": "audio/mpeg", "vtt": "text/vtt", "txt": "text/plain",
	"json": "application/json", "jpg": "image/jpeg",
}

// authorized reports whether a request has a valid token.
func (s *Sandbox) authorized(r *http.Request) bool {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	g := s.tokens.live[bearer]
	return g != nil && s.opt.Now().Before(g.expires)
}

// line is the content of files, repeated.
const line = "This file is the sandbox's: nothing was recorded and nobody is meant.\n"

// text is a file of any size that is generated while it is read.
type text struct{ size, at int64 }

// Read fills p from the current offset.
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

// Seek sets the offset.
func (t *text) Seek(offset int64, whence int) (int64, error) {
	t.at = offset + []int64{0, t.at, t.size}[whence]
	return t.at, nil
}
