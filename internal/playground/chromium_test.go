package playground

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// tab is one page of a headless Chromium. It speaks the DevTools protocol over
// the browser's debugging pipe: JSON messages, each ended by a NUL, on file
// descriptors 3 and 4. So the test needs Chromium alone: no driver, no Node, no
// WebSocket, no port.
type tab struct {
	t       *testing.T
	to      *os.File
	session string

	mu      sync.Mutex
	last    int
	waiting map[int]chan message
	broken  error    // why the pipe ended
	asked   []string // URL of every request and socket
	wrong   []string // what the browser complains of: violations, errors
}

type message struct {
	ID      int                       `json:"id,omitempty"`
	Session string                    `json:"sessionId,omitempty"`
	Method  string                    `json:"method,omitempty"`
	Params  json.RawMessage           `json:"params,omitempty"`
	Result  json.RawMessage           `json:"result,omitempty"`
	Error   *struct{ Message string } `json:"error,omitempty"`
}

// patience bounds every wait of the browser test. Only a hang exceeds it: on a busy
// machine the start of a browser alone takes half a minute.
const patience = 5 * time.Minute

// openTab starts a browser that can reach this machine and nothing else, and
// ends it with the test. Without Chromium the test is skipped, in CI it fails.
func openTab(t *testing.T) *tab {
	t.Helper()
	profile, err := os.MkdirTemp("", "chromium") //nolint:usetesting // TempDir fails a test if a child of the browser still writes there
	if err != nil {
		t.Fatal(err)
	}
	read, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(chromium(t),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--window-size=1360,820", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{read, write}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	write.Close()

	p := &tab{t: t, to: to, waiting: map[int]chan message{}}
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		p.listen(from)
	}()
	t.Cleanup(func() {
		p.session = ""
		if _, err := p.try("Browser.close", nil); err != nil {
			cmd.Process.Kill()
		}
		cmd.Wait() // its exit code after a close says nothing
		to.Close()
		from.Close()
		<-listened
		os.RemoveAll(profile) // a child may still hold a file; it lies in the temporary directory
	})

	var target struct{ TargetID string }
	p.call("Target.createTarget", params{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.call("Target.attachToTarget", params{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.call("Page.addScriptToEvaluateOnNewDocument", params{"source": `
		addEventListener('securitypolicyviolation', (e) =>
			console.error('policy violated: ' + e.violatedDirective + ' by ' + e.blockedURI))`}, nil)
	return p
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	without(t, "Chromium (Debian's package chromium)")
	return ""
}

// without skips a test for want of something, except in CI, where a test that
// does not run would be taken for one that passes.
func without(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI must have %s", what)
	}
	t.Skipf("skipped: needs %s", what)
}

type params map[string]any

func (p *tab) call(method string, in params, out any) {
	p.t.Helper()
	result, err := p.try(method, in)
	if err == nil && out != nil {
		err = json.Unmarshal(result, out)
	}
	if err != nil {
		p.t.Fatalf("chromium: %s: %v", method, err)
	}
}

func (p *tab) try(method string, in params) (json.RawMessage, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	reply := make(chan message, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = reply
	broken := p.broken
	p.mu.Unlock()
	if broken != nil {
		return nil, broken
	}

	line, err := json.Marshal(message{ID: id, Session: p.session, Method: method, Params: raw})
	if err != nil {
		return nil, err
	}
	if _, err := p.to.Write(append(line, 0)); err != nil {
		return nil, err
	}
	select {
	case m, ok := <-reply:
		switch {
		case !ok:
			return nil, errors.New("the browser is gone")
		case m.Error != nil:
			return nil, errors.New(m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("no reply in %v", patience)
	}
}

// listen hands replies to their callers and notes events, until the pipe ends.
func (p *tab) listen(from *os.File) {
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadBytes(0)
		var m message
		if err == nil {
			err = json.Unmarshal(line[:len(line)-1], &m)
		}
		p.mu.Lock()
		if err != nil {
			p.broken = err
			for _, reply := range p.waiting {
				close(reply)
			}
			p.waiting = nil
			p.mu.Unlock()
			return
		}
		if reply := p.waiting[m.ID]; reply != nil {
			reply <- m
			delete(p.waiting, m.ID)
		}
		p.note(m)
		p.mu.Unlock()
	}
}

func (p *tab) note(m message) {
	var e struct {
		URL     string
		Request struct{ URL string }
		Type    string
		Args    []struct {
			Value       any
			Description string
		}
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
		Entry struct{ Level, Source, Text, URL string }
	}
	if json.Unmarshal(m.Params, &e) != nil {
		return // an event of another shape than those below
	}
	switch m.Method {
	case "Network.requestWillBeSent":
		p.asked = append(p.asked, e.Request.URL)
	case "Network.webSocketCreated":
		p.asked = append(p.asked, e.URL)
	case "Runtime.exceptionThrown":
		p.wrong = append(p.wrong, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case "Runtime.consoleAPICalled":
		if e.Type == "error" || e.Type == "assert" {
			p.wrong = append(p.wrong, fmt.Sprint(e.Args))
		}
	case "Log.entryAdded":
		if e.Entry.Level == "error" {
			p.wrong = append(p.wrong, e.Entry.Source+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// visit opens a page, or reloads it, and waits until ready is true in it.
func (p *tab) visit(address, ready string) {
	p.t.Helper()
	p.call("Page.navigate", params{"url": address}, nil)
	p.wait("location.href.startsWith('" + address + "') && " + ready)
}

// eval answers the value of an expression in the page; a promise is waited for.
func (p *tab) eval(expr string) any {
	p.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	p.call("Runtime.evaluate", params{"expression": expr, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &out)
	if out.ExceptionDetails != nil {
		p.t.Fatalf("chromium: %s\n%s", expr, out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value
}

// wait looks at the page until the expression is true, and gives up in the end.
func (p *tab) wait(expr string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); p.frame() {
		if p.eval("Boolean("+expr+")") == true {
			return
		}
	}
	text := p.eval("document.body.innerText")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Fatalf("never true in %v: %s\ncomplaints: %q\npage: %v", patience, expr, p.wrong, text)
}

// frame lets the page draw once.
func (p *tab) frame() {
	p.t.Helper()
	p.eval("new Promise(requestAnimationFrame)")
}

// shoot keeps a picture of the page, when the flag asks for pictures.
func (p *tab) shoot(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	var shot struct{ Data string }
	p.call("Page.captureScreenshot", params{"format": "png"}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// clean fails the test if the browser complained, or asked anyone but host.
func (p *tab) clean(host string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.wrong {
		p.t.Errorf("the browser complains: %s", w)
	}
	if len(p.asked) == 0 {
		p.t.Error("no request was seen: the test is blind")
	}
	for _, asked := range p.asked {
		u, err := url.Parse(asked)
		if err != nil || u.Host != host && !slices.Contains([]string{"data", "about", "blob"}, u.Scheme) {
			p.t.Errorf("the page asked another host: %.200s", asked)
		}
	}
}
