package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"zoomql/internal/lab/proc"
)

// A monitored Redis is a master and a replica, which three Sentinels monitor.
type monitored struct {
	nodes     []*server
	sentinels []*sentinel
}

// A sentinel is the process of a Sentinel, and a client of it.
type sentinel struct {
	*proc.Process
	client *redis.SentinelClient
}

const (
	// masterName is the name of the master at the Sentinels.
	masterName = "main"
	// downAfter is how long the master must not reply before a Sentinel counts it as
	// down, and failoverTimeout how long a failover may take before it is retried:
	// values for a quick failover.
	downAfter       = time.Second
	failoverTimeout = 5 * time.Second
	// formed bounds how long Sentinels and nodes take to be in sync. A Sentinel waits
	// for 8 s before it makes an old master a replica.
	formed = 30 * time.Second
)

// startMonitored starts the processes and waits until they are connected to each other.
func (c *chaos) startMonitored(ctx context.Context) (*monitored, error) {
	g := &monitored{}
	if err := g.start(ctx, c); err != nil {
		g.stop()
		return nil, err
	}
	return g, nil
}

func (g *monitored) start(ctx context.Context, c *chaos) error {
	for i := range 2 {
		addr, err := proc.FreeAddr(ctx)
		if err != nil {
			return err
		}
		s := &server{c: c, addr: addr, args: []string{"--repl-diskless-sync-delay", "0"}}
		if err := s.run(ctx); err != nil {
			return err
		}
		g.nodes = append(g.nodes, s)
		if i == 0 {
			continue
		}
		host, port, _ := net.SplitHostPort(g.nodes[0].addr)
		if err := s.command(ctx, "REPLICAOF", host, port); err != nil {
			return err
		}
	}
	for range 3 {
		if err := g.startSentinel(ctx, c); err != nil {
			return err
		}
	}
	return g.inSync(ctx)
}

func (g *monitored) startSentinel(ctx context.Context, c *chaos) error {
	addr, err := proc.FreeAddr(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(c.place.Tmp, "sentinel-")
	if err != nil {
		return err
	}
	_, own, _ := net.SplitHostPort(addr)
	host, port, _ := net.SplitHostPort(g.nodes[0].addr)
	conf := filepath.Join(dir, "sentinel.conf") // a Sentinel stores its state in it
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor %[3]s %s %s 2\nsentinel down-after-milliseconds %[3]s %[6]d\nsentinel failover-timeout %[3]s %[7]d\n",
		own, dir, masterName, host, port, downAfter.Milliseconds(), failoverTimeout.Milliseconds())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	p, err := c.place.StartElsewhere(ctx, "sentinel", addr, nil, "redis-server", conf, "--sentinel")
	if err == nil {
		client := redis.NewSentinelClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1})
		g.sentinels = append(g.sentinels, &sentinel{p, client})
	}
	return err
}

func (g *monitored) stop() {
	for _, p := range g.sentinels {
		_ = p.client.Close()
		p.Stop()
	}
	for _, s := range g.nodes {
		if s.Process != nil {
			s.Stop()
		}
	}
}

// url names all Sentinels, since any of them may be down when a gateway starts.
func (g *monitored) url() string {
	query := url.Values{"master_name": {masterName}}
	for _, p := range g.sentinels[1:] {
		query.Add("addr", p.Addr)
	}
	return "redis://" + g.sentinels[0].Addr + "?" + query.Encode()
}

// named returns the address of the master that a Sentinel names.
func (p *sentinel) named(ctx context.Context) (string, error) {
	addr, err := p.client.GetMasterAddrByName(ctx, masterName).Result()
	if err != nil || len(addr) != 2 {
		return "", errors.Join(err, errors.New("a Sentinel names no master"))
	}
	return net.JoinHostPort(addr[0], addr[1]), nil
}

// master returns the node that the first Sentinel names, and the other one.
func (g *monitored) master(ctx context.Context) (master, other *server, err error) {
	addr, err := g.sentinels[0].named(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i, s := range g.nodes {
		if s.addr == addr {
			return s, g.nodes[1-i], nil
		}
	}
	return nil, nil, fmt.Errorf("%s, which a Sentinel names, is not one of the nodes", addr)
}

// busiest returns the Sentinel that most gateways have subscribed to for changes of the
// master.
func (g *monitored) busiest(ctx context.Context) (*sentinel, error) {
	var most *sentinel
	subscribed := -1
	for _, p := range g.sentinels {
		cmd := redis.NewStringCmd(ctx, "client", "list", "type", "pubsub")
		if err := p.client.Process(ctx, cmd); err != nil {
			return nil, err
		}
		if n := strings.Count(cmd.Val(), "\n"); n > subscribed {
			most, subscribed = p, n
		}
	}
	return most, nil
}

// elected waits until none of some Sentinels names old any more. It returns when
// the first of them named another, and when all did.
func elected(ctx context.Context, by []*sentinel, old *server) (first, all time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, formed)
	defer cancel()
	for {
		others := 0
		for _, p := range by {
			addr, err := p.named(ctx)
			if err != nil {
				return first, all, err
			}
			if addr != old.addr {
				others++
			}
		}
		all = time.Now()
		if others > 0 && first.IsZero() {
			first = all
		}
		if others == len(by) {
			return first, all, nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return first, all, fmt.Errorf("no other master is elected: %w", err)
		}
	}
}

// inSync waits until there is a master with a replica in sync, and all Sentinels report
// it and each other.
func (g *monitored) inSync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, formed)
	defer cancel()
	for !g.isInSync(ctx) {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("master, replica and Sentinels do not get in sync: %w", err)
		}
	}
	return nil
}

func (g *monitored) isInSync(ctx context.Context) bool {
	master, other, err := g.master(ctx)
	if err != nil {
		return false
	}
	up, err := master.info(ctx, "replication")
	if err != nil || up["role"] != "master" || up["connected_slaves"] != "1" {
		return false
	}
	down, err := other.info(ctx, "replication")
	if err != nil || down["role"] != "slave" || down["master_link_status"] != "up" {
		return false
	}
	for _, p := range g.sentinels {
		state, err := p.client.Master(ctx, masterName).Result()
		if err != nil || state["flags"] != "master" || state["num-other-sentinels"] != "2" || net.JoinHostPort(state["ip"], state["port"]) != master.addr {
			return false
		}
		replicas, err := p.client.Replicas(ctx, masterName).Result()
		if err != nil || len(replicas) != 1 || replicas[0]["flags"] != "slave" || replicas[0]["master-link-status"] != "ok" {
			return false
		}
	}
	return true
}

// info returns the fields of INFO of a node.
func (s *server) info(ctx context.Context, sections ...string) (map[string]string, error) {
	client := redis.NewClient(&redis.Options{Addr: s.addr, ContextTimeoutEnabled: true})
	defer client.Close()
	text, err := client.Info(ctx, sections...).Result()
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, err
}

// written counts the write commands of gateways that a node has executed.
func (s *server) written(ctx context.Context) (n int, master bool, err error) {
	fields, err := s.info(ctx, "replication", "commandstats")
	for _, command := range []string{"set", "del", "expire", "eval", "evalsha"} {
		// Such as calls=21,usec=175,usec_per_call=8.33.
		calls, _, _ := strings.Cut(strings.TrimPrefix(fields["cmdstat_"+command], "calls="), ",")
		m, _ := strconv.Atoi(calls) // "" where there was none
		n += m
	}
	return n, fields["role"] == "master", err
}

// demoted waits until an old master has been made a replica. It returns the writes to
// it until then, without those that were sent before.
func (g *monitored) demoted(ctx context.Context, s *server) (writes int, err error) {
	ctx, cancel := context.WithTimeout(ctx, formed)
	defer cancel()
	before, master, err := s.written(ctx)
	for master && err == nil {
		var now int
		if now, master, err = s.written(ctx); err == nil && master {
			writes = now - before
			err = pause(ctx, 20*time.Millisecond)
		}
	}
	return writes, err
}
