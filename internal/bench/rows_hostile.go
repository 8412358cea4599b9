package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
)

// The keys of a normal caller and of a hostile one.
const (
	goodKey, badKey = "good-key", "bad-key"
	hostileConns    = 12
)

// maxMemory bounds the memory of the gateway in MiB, as the README states.
const maxMemory = 228

// hostile sends a small query by one caller during expensive requests on twelve
// connections of another: it compares the p99 of the answers with that during the small
// query on twelve connections.
func (b *bench) hostile(ctx context.Context) error {
	if err := b.enter(ctx, office); err != nil {
		return err
	}
	keys := make([]string, 0, 2)
	for name, key := range map[string]string{"good": goodKey, "bad": badKey} {
		sum := sha256.Sum256([]byte(key))
		keys = append(keys, name+":"+hex.EncodeToString(sum[:]))
	}
	p, err := b.gateway().start(ctx, "API_KEYS="+strings.Join(keys, ","))
	if err != nil {
		return err
	}
	defer p.Stop()
	small := withNonces(userQuery(b.marks.HostID))[0]
	const rounds = 9
	const each = time.Second
	for _, kind := range b.hostileKinds() {
		var beside, control []float64
		for range rounds {
			for _, way := range []struct {
				took *[]float64
				send func(ctx context.Context, p *proc.Process) error
			}{{&control, repeat(small)}, {&beside, kind.send}} {
				took, err := underHostileLoad(ctx, p, small, way.send, each)
				if err != nil {
					return fmt.Errorf("%s: %w", kind.name, err)
				}
				*way.took = append(*way.took, took...)
			}
		}
		p99, usual := table.Percentile(beside, 99), table.Percentile(control, 99)
		ok := p99 <= 3*usual
		b.add(table.Row{
			Work: "a small question beside 12 connections: " + kind.name, Bound: fmt.Sprintf("beside 12 with the same: p99 %s ms", table.Short(usual)), Target: "≤ 3 × it", OK: &ok,
			Measured: fmt.Sprintf("%.1f ×: p99 %s ms of %d answers", p99/usual, table.Short(p99), len(beside)),
			Values:   map[string]float64{"ratio": p99 / usual, "p99": p99, "usual": usual},
		})
	}
	m, err := p.Memory()
	if err != nil {
		return err
	}
	ok := m.Most <= maxMemory
	b.add(table.Row{
		Work: "memory under all of these", Bound: "–", Target: fmt.Sprintf("≤ %d MiB", maxMemory), OK: &ok,
		Measured: fmt.Sprintf("%.0f MiB", m.Most), Values: map[string]float64{"mib": m.Most},
	})
	return nil
}

// hostileKind is a kind of expensive requests; send sends them over one connection
// until its context ends.
type hostileKind struct {
	name string
	send func(ctx context.Context, p *proc.Process) error
}

func (b *bench) hostileKinds() []hostileKind {
	doubling := &strings.Builder{}
	doubling.WriteString(`{ account { ...F0 } }`)
	for i := range 40 {
		fmt.Fprintf(doubling, ` fragment F%d on Account { ...F%d ...F%[2]d }`, i, i+1)
	}
	doubling.WriteString(` fragment F40 on Account { zoomId }`)
	cyclic := strings.Repeat(`meetings(first: 30) { nodes { host { `, 4) + `email` + strings.Repeat(` } } }`, 4)
	large := crowdQuery(b.marks.BigMeeting, listedFields)
	body := func(query, variables string) []byte {
		return fmt.Appendf(nil, `{"query":%s,"variables":{"turn":%q%s}}`, quoted(query), nonce, variables)
	}
	return []hostileKind{
		{"long names of types", repeat(body(`{ ... on `+strings.Repeat("A", 50_000)+` { id } }`, ""))},
		{"4,900 times one field", repeat(body(`{ account { `+strings.Repeat("zoomId ", 4900)+`} }`, ""))},
		{"fragments that double", repeat(body(doubling.String(), ""))},
		{"lists in lists, cached", repeat(body(`{ account { users(first: 30) { nodes { `+cyclic+` } } } }`, ""))},
		{"long answers, other variables", repeat(body(large, ""))},
		{"230,000 values in variables", repeat(body(`{ account { zoomId } }`, `,"list":[0`+strings.Repeat(",0", 230_000)+`]`))},
		{"bodies of 1 MB", repeat(body(`{ account { zoomId } }`+strings.Repeat(" ", 1_000_000), ""))},
		{"answers that are not read", unread(body(large, ""))},
	}
}

// repeat sends a body repeatedly, whatever the answers are.
func repeat(body []byte) func(ctx context.Context, p *proc.Process) error {
	return func(ctx context.Context, p *proc.Process) error {
		client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
		defer client.CloseIdleConnections()
		for ctx.Err() == nil {
			resp, err := asCaller(ctx, client, p, badKey, body)
			if err != nil {
				continue // the gateway closed the connection
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		return nil
	}
}

// unread sends a body and leaves the answer unread.
func unread(body []byte) func(ctx context.Context, p *proc.Process) error {
	return func(ctx context.Context, p *proc.Process) error {
		var open []net.Conn // until the slice ends
		defer func() {
			for _, conn := range open {
				_ = conn.Close()
			}
		}()
		for ctx.Err() == nil {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Addr)
			if err != nil {
				return err
			}
			open = append(open, conn)
			head, rest, _ := bytes.Cut(post(p.Addr, "/graphql", withNonce(body)), []byte("\r\n"))
			_, _ = fmt.Fprintf(conn, "%s\r\nAuthorization: Bearer %s\r\n%s", head, badKey, rest)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
		return nil
	}
}

// asCaller sends a body with another nonce each time.
func asCaller(ctx context.Context, client *http.Client, p *proc.Process, key string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addr+"/graphql", bytes.NewReader(withNonce(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	return client.Do(req)
}

// withNonce returns a body with the next nonce.
func withNonce(body []byte) []byte {
	return bytes.Replace(body, []byte(nonce), fmt.Appendf(nil, "turn %012d", nonces.Add(1)), 1)
}

// underHostileLoad sends the small query repeatedly for a duration each, while other
// connections call send, and returns the milliseconds of each answer.
func underHostileLoad(ctx context.Context, p *proc.Process, small []byte, send func(ctx context.Context, p *proc.Process) error, each time.Duration) ([]float64, error) {
	others, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer stop()
	for range hostileConns {
		wait.Go(func() { _ = send(others, p) })
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	var took []float64
	for until := time.Now().Add(each); time.Now().Before(until); {
		began := time.Now()
		resp, err := asCaller(ctx, client, p, goodKey, small)
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.HasPrefix(answer, []byte(`{"data"`)) {
			return nil, fmt.Errorf("%s: %.200s: %w", resp.Status, answer, err)
		}
		took = append(took, table.Millis(time.Since(began)))
	}
	return took, nil
}
