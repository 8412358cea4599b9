package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/internal/lab/proc"
)

// A server is a redis-server process without persistence.
type server struct {
	c    *chaos
	addr string
	args []string
	*proc.Process
}

// startRedis starts a Redis.
func (c *chaos) startRedis(ctx context.Context) (*server, error) {
	addr, err := proc.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{c: c, addr: addr}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// run starts the process, or restarts it, empty.
func (s *server) run(ctx context.Context) (err error) {
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"}, s.args...)
	s.Process, err = s.c.place.StartElsewhere(ctx, "redis", s.addr, nil, "redis-server", args...)
	return err
}

func (s *server) url() string { return "redis://" + s.addr }

func (s *server) flush(ctx context.Context) error {
	return s.command(ctx, "FLUSHALL")
}

// command sends a command and returns its error.
func (s *server) command(ctx context.Context, args ...any) error {
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	return client.Do(ctx, args...).Err()
}

// stall makes the process accept connections and not reply, until resume.
func (s *server) stall()  { s.Signal(syscall.SIGSTOP) }
func (s *server) resume() { s.Signal(syscall.SIGCONT) }

// A cluster is three masters with a replica each.
type cluster struct {
	nodes []*server
}

// nodeTimeout is how long a node of the cluster must not reply before the others count
// it as failed: a value for a quick failover.
const nodeTimeout = time.Second

// startCluster starts six nodes and makes a cluster of them with redis-cli.
func (c *chaos) startCluster(ctx context.Context) (*cluster, error) {
	k := &cluster{}
	for len(k.nodes) < 6 {
		addr, err := clusterAddr(ctx)
		if err != nil {
			k.stop()
			return nil, err
		}
		dir, err := os.MkdirTemp(c.place.Tmp, "node-")
		if err != nil {
			k.stop()
			return nil, err
		}
		s := &server{c: c, addr: addr, args: []string{
			"--cluster-enabled", "yes", "--cluster-config-file", filepath.Join(dir, "nodes.conf"), "--dir", dir,
			"--cluster-node-timeout", strconv.FormatInt(nodeTimeout.Milliseconds(), 10), "--repl-diskless-sync-delay", "0",
		}}
		if err := s.run(ctx); err != nil {
			k.stop()
			return nil, err
		}
		k.nodes = append(k.nodes, s)
	}
	if err := k.join(ctx); err != nil {
		k.stop()
		return nil, err
	}
	return k, nil
}

// clusterAddr returns an address that is free with the one that is 10,000 ports
// higher, the cluster bus of the nodes.
func clusterAddr(ctx context.Context) (string, error) {
	free := func(port int) bool {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			return false
		}
		return l.Close() == nil
	}
	for range 100 {
		if port := 20_000 + rand.IntN(10_000); free(port) && free(port+10_000) {
			return "127.0.0.1:" + strconv.Itoa(port), nil
		}
	}
	return "", errors.New("no two free ports for a node of a cluster")
}

// join makes a cluster of the nodes and waits until all of them report it as ok, with a
// replica for every master.
func (k *cluster) join(ctx context.Context) error {
	args := []string{"--cluster", "create"}
	for _, s := range k.nodes {
		args = append(args, s.addr)
	}
	if out, err := exec.CommandContext(ctx, "redis-cli", append(args, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput(); err != nil {
		return fmt.Errorf("redis-cli --cluster create: %w\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for !k.whole(ctx) {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("the cluster does not form: %w", err)
		}
	}
	return nil
}

// whole reports whether every node is ok and every replica in sync.
func (k *cluster) whole(ctx context.Context) bool {
	for _, s := range k.nodes {
		client := redis.NewClient(&redis.Options{Addr: s.addr})
		info, err := client.ClusterInfo(ctx).Result()
		repl, err2 := client.Info(ctx, "replication").Result()
		_ = client.Close()
		inStep := strings.Contains(repl, "role:master") && strings.Contains(repl, "connected_slaves:1") || strings.Contains(repl, "master_link_status:up")
		if err != nil || err2 != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:6") || !inStep {
			return false
		}
	}
	return true
}

// url names all nodes, since any of them may be down when a replica starts.
func (k *cluster) url() string {
	others := url.Values{}
	for _, s := range k.nodes[1:] {
		others.Add("addr", s.addr)
	}
	return "redis://" + k.nodes[0].addr + "?" + others.Encode()
}

// holder returns the master that holds a key, and a replica of it.
func (k *cluster) holder(ctx context.Context, key string) (master, replica *server, err error) {
	client := redis.NewClient(&redis.Options{Addr: k.nodes[0].addr})
	defer client.Close()
	slot, err := client.ClusterKeySlot(ctx, key).Result()
	if err != nil {
		return nil, nil, err
	}
	shards, err := client.ClusterShards(ctx).Result()
	if err != nil {
		return nil, nil, err
	}
	for _, shard := range shards {
		if !slices.ContainsFunc(shard.Slots, func(r redis.SlotRange) bool { return slot >= r.Start && slot <= r.End }) {
			continue
		}
		for _, n := range shard.Nodes {
			switch s := k.at(net.JoinHostPort(n.IP, strconv.FormatInt(n.Port, 10))); {
			case n.Role == "master":
				master = s
			case n.Health == "online":
				replica = s
			}
		}
	}
	if master == nil || replica == nil {
		return nil, nil, fmt.Errorf("slot %d has no master with a replica", slot)
	}
	return master, replica, nil
}

func (k *cluster) at(addr string) *server {
	for _, s := range k.nodes {
		if s.addr == addr {
			return s
		}
	}
	return nil
}

func (k *cluster) stop() {
	for _, s := range k.nodes {
		if s.Process != nil {
			s.Stop()
		}
	}
}
