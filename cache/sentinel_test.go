package cache

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/cache/redistest"
)

// listenTCP accepts connections and holds them, until the end of the test.
func listenTCP(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return l.Addr().String()
}

// Once there is a connection to another master, those to the old one are closed, also
// one that is blocked in a read, as a subscription is.
func TestFollower_closesConnectionsToTheOldMaster(t *testing.T) {
	old, current := listenTCP(t), listenTCP(t)
	f := &follower{}
	dial := func(addr string, before func()) (net.Conn, error) {
		return f.DialHook(func(ctx context.Context, network, _ string) (net.Conn, error) {
			if before != nil {
				before()
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		})(t.Context(), "tcp", "FailoverClient")
	}
	must := func(addr string) net.Conn {
		conn, err := dial(addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	reads := func(conn net.Conn) chan error {
		end := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			end <- err
		}()
		return end
	}
	first, second := reads(must(old)), reads(must(old))
	closed := must(old)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	var stays chan error
	// One that was dialled before, and leads to the old master, is established late.
	if _, err := dial(old, func() { stays = reads(must(current)) }); err == nil {
		t.Error("a late connection to the old master is used")
	}
	for _, end := range []chan error{first, second} {
		if err := <-end; !errors.Is(err, net.ErrClosed) {
			t.Errorf("at the old master: %v", err)
		}
	}
	must(current)
	select {
	case err := <-stays:
		t.Errorf("at the new master: %v", err)
	default:
	}
	if err := f.observe(nil); err != nil {
		t.Fatal(err)
	}
	// A failover that takes no time is turned into an outage.
	if _, err := dial(old, nil); !errors.Is(err, errFailover) {
		t.Errorf("right after a failover: %v", err)
	}
	f.lastReply.Store(0)
	must(current)
}

// A replica is refused, although it would answer reads.
func TestRefuseReplica(t *testing.T) {
	_, master := redistest.StartTCP(t)
	host, port, _ := net.SplitHostPort(master)
	server, addr := redistest.StartTCP(t)
	client := redis.NewClient(&redis.Options{Addr: addr, OnConnect: refuseReplica})
	defer client.Close()
	if err := client.Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("a master: %v", err)
	}
	if err := server.Client().ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	again := redis.NewClient(&redis.Options{Addr: addr, OnConnect: refuseReplica})
	defer again.Close()
	if err := again.Get(t.Context(), "key").Err(); !errors.Is(err, errReplica) {
		t.Errorf("a replica: %v", err)
	}
}

// The follower records the time of each reply.
func TestFollower_recordsReplies(t *testing.T) {
	f := &follower{}
	client, err := dialFollowed(redistest.Sentinel(t), f)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for end := time.Now().Add(10 * time.Second); client.Set(t.Context(), "key", "value", 0).Err() != nil; {
		if time.Now().After(end) {
			t.Fatal("the Sentinel names no master")
		}
	}
	for name, send := range map[string]func(){
		"command":  func() { client.Get(t.Context(), "key") },
		"pipeline": func() { p := client.Pipeline(); p.Get(t.Context(), "none"); _, _ = p.Exec(t.Context()) },
	} {
		f.lastReply.Store(0)
		if send(); f.lastReply.Load() == 0 {
			t.Errorf("the reply to a %s is not recorded", name)
		}
	}
}
