package cache_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"zoomql/cache"
	"zoomql/internal/redisname"
)

// hashed returns the name of a key or a tag in Redis.
func hashed(text string) string { return redisname.Hasher{}.Name(text) }

// A fakeRedis replies over pipes in memory, so that it can be used in virtual time.
// It has a number of evictions, one lease, and subscribers that get no messages.
type fakeRedis struct {
	mu        sync.Mutex
	ignore    func(cmd string, args []string) bool // commands that get no reply
	evictions int
	fence     string    // of the lease
	until     time.Time // when the lease ends
	renewed   []time.Time
}

// client returns a client as Dial does.
func (f *fakeRedis) client(t testing.TB) *redis.Client {
	c := redis.NewClient(&redis.Options{
		Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true, DialerRetries: 1,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			c, s := net.Pipe()
			go f.serve(s)
			return c, nil
		},
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// change calls do while no command is under way.
func (f *fakeRedis) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fakeRedis) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		if reply := f.answer(strings.ToLower(args[0]), args[1:]); reply != "" {
			if _, err := io.WriteString(c, reply); err != nil {
				return
			}
		}
	}
}

func (f *fakeRedis) answer(cmd string, args []string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ignore != nil && f.ignore(cmd, args) {
		return ""
	}
	left := time.Until(f.until).Milliseconds()
	switch {
	case cmd == "get" && args[0] == cache.EvictionCounter:
		return bulk(strconv.Itoa(f.evictions))
	case cmd == "get":
		return bulk("12345678") // the version of a tag
	case cmd == "del":
		return ":1\r\n"
	case cmd == "ping":
		return "*2\r\n" + bulk("pong") + bulk("")
	case cmd == "subscribe":
		var b strings.Builder
		for i, name := range args {
			fmt.Fprintf(&b, "*3\r\n%s%s:%d\r\n", bulk("subscribe"), bulk(name), i+1)
		}
		return b.String()
	case cmd != "evalsha":
		return "-ERR unknown command\r\n"
	case args[0] == cache.PublishScript.Hash():
		f.evictions++
		return ":1\r\n"
	case args[0] == cache.AcquireScript.Hash() && left > 0:
		return "*3\r\n$-1\r\n" + bulk("") + ":" + strconv.FormatInt(left, 10) + "\r\n"
	case args[0] == cache.AcquireScript.Hash():
		f.fence = strconv.FormatInt(time.Now().UnixMicro(), 10)
		f.until = time.Now().Add(milliseconds(args[7]))
		return "*3\r\n$-1\r\n" + bulk(f.fence) + ":0\r\n"
	case args[0] == cache.RenewScript.Hash() && args[6] == f.fence && left > 0:
		f.until = time.Now().Add(milliseconds(args[7]))
		f.renewed = append(f.renewed, time.Now())
		return ":1\r\n"
	case args[0] == cache.ReleaseScript.Hash() && args[6] == f.fence && left > 0:
		f.until = time.Time{}
		return ":1\r\n"
	}
	return ":0\r\n"
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func milliseconds(s string) time.Duration {
	n, _ := strconv.Atoi(s)
	return time.Duration(n) * time.Millisecond
}

func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readLength(r)
	args := make([]string, 0, n)
	for range n {
		length, err := readLength(r)
		if err != nil {
			return nil, err
		}
		b := make([]byte, length+len("\r\n"))
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		args = append(args, string(b[:length]))
	}
	return args, err
}

// readLength reads the line that begins an array or a string.
func readLength(r *bufio.Reader) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
