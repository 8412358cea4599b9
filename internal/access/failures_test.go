package access

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// guarded is a handler with one key, and its log.
type guarded struct {
	http.Handler
	log bytes.Buffer
}

func newGuarded() *guarded {
	d := &guarded{}
	d.Handler = Tenants([]Tenant{{Keys: keys([]string{hash("key")}), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(passed) })}}, slog.New(slog.NewJSONHandler(&d.log, nil)))
	return d
}

// send sends a key from an address and returns the answer, and how long it took.
func (d *guarded) send(ctx context.Context, remote, key string) (*httptest.ResponseRecorder, time.Duration) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", nil)
	r.RemoteAddr = remote
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	began := time.Now()
	d.ServeHTTP(w, r)
	return w, time.Since(began)
}

func TestKeys_wrongKeysAreDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newGuarded()
		var longest time.Duration
		for i := range 100 {
			w, took := d.send(t.Context(), "192.0.2.1:1000", "wrong")
			if w.Code != http.StatusUnauthorized {
				t.Fatalf("HTTP %d", w.Code)
			}
			if i < freeFailures && took > 0 || i >= freeFailures && took == 0 || took > longestDelay {
				t.Errorf("the answer to wrong key %d took %s", i+1, took)
			}
			longest = max(longest, took)
			if w, took := d.send(t.Context(), "192.0.2.1:1001", "key"); w.Code != passed || took != 0 {
				t.Fatalf("the right key: HTTP %d after %s", w.Code, took)
			}
		}
		if longest < longestDelay/2 {
			t.Errorf("no answer took longer than %s", longest)
		}
		for remote, key := range map[string]string{"192.0.2.1:1": "", "198.51.100.7:1": "wrong"} {
			if w, took := d.send(t.Context(), remote, key); w.Code != http.StatusUnauthorized || took != 0 {
				t.Errorf("the key %q from %s: HTTP %d after %s", key, remote, w.Code, took)
			}
		}
		time.Sleep(10 * time.Minute)
		if _, took := d.send(t.Context(), "192.0.2.1:1000", "wrong"); took != 0 {
			t.Errorf("after ten minutes, a wrong key is delayed by %s", took)
		}
	})
}

func TestNetwork_groupsAddresses(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.2]:1", false},
		{"[2001:db8::1]:1", "[2001:db8::ffff]:2", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::2%eth0]:1", true},
		{"", "@", false},
	} {
		if same := network(c.a) == network(c.b); same != c.same {
			t.Errorf("%s is %s, and %s is %s", c.a, network(c.a), c.b, network(c.b))
		}
	}
}

// Wrong keys are delayed from however many addresses they come.
func TestKeys_wrongKeysOfManyAddressesAreDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newGuarded()
		var last time.Duration
		for i := range 1000 {
			_, last = d.send(t.Context(), fmt.Sprintf("10.%d.%d.1:1", i/256, i%256), "wrong")
		}
		if last == 0 {
			t.Error("they are not delayed")
		}
		if _, took := d.send(t.Context(), "10.0.0.1:1", "key"); took != 0 {
			t.Errorf("the right key took %s", took)
		}
	})
}

func TestFailures_bounds(t *testing.T) {
	if size := unsafe.Sizeof(failures{}); size > 100<<10 {
		t.Errorf("the table takes %d bytes", size)
	}
	synctest.Test(t, func(t *testing.T) {
		d := newGuarded()
		for range freeFailures {
			d.send(t.Context(), "192.0.2.1:1", "wrong")
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		held, closed := 0, 0
		for range 2 * maxDelayed {
			all.Go(func() {
				w, took := d.send(t.Context(), "192.0.2.1:1", "wrong")
				mu.Lock()
				defer mu.Unlock()
				if took > 0 {
					held++
				}
				if w.Header().Get("Connection") == "close" {
					closed++
				}
			})
		}
		all.Wait()
		if held != maxDelayed || closed != maxDelayed {
			t.Errorf("%d answers were delayed, and %d connections closed", held, closed)
		}
	})
}

func TestKeys_clientLeavesDuringDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newGuarded()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for range 100 {
			if _, took := d.send(ctx, "192.0.2.1:1", "wrong"); took > time.Millisecond {
				t.Fatalf("it is delayed for %s", took)
			}
		}
	})
}

func TestKeys_wrongKeysAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newGuarded()
		const sent = 5 * 60 * 10
		for i := range sent {
			d.send(t.Context(), fmt.Sprintf("10.0.%d.%d:1", i/256, i%256), "wrong-key-"+strings.Repeat("x", 100))
			time.Sleep(100 * time.Millisecond)
		}
		d.send(t.Context(), "192.0.2.1:1", "") // no key
		time.Sleep(5 * time.Minute)
		synctest.Wait() // the last line is written
		var lines, n int
		var last time.Time
		for text := range strings.Lines(d.log.String()) {
			var line struct {
				Time time.Time
				N    int
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			if lines++; line.Time.Sub(last) < time.Minute || line.N == 0 {
				t.Errorf("%s after the line before: %s", line.Time.Sub(last), text)
			}
			last = line.Time
			n += line.N
		}
		if n != sent || lines < 5 || lines > 8 {
			t.Errorf("%d lines report %d wrong keys, and %d were sent", lines, n, sent)
		}
		if strings.Contains(d.log.String(), "wrong-key") || strings.Contains(d.log.String(), hash("wrong-key")[:8]) {
			t.Errorf("the log holds keys: %s", d.log.String())
		}
	})
}
