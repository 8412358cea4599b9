package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/internal/lab/proc"
)

// A hammer sends one request, or several in rotation, over some connections, each again
// after the answer (closed loop). It writes prepared bytes and only finds the end of an
// answer, so that it takes little CPU time, and the same for every server. wrk measures
// the same ratios.
type hammer struct {
	addr     string
	requests [][]byte
	conns    int
}

// nonce is a placeholder for a number of the same length, which differs in each request.
const nonce = "turn 000000000000"

var nonces atomic.Int64

// post returns the bytes of a request.
func post(addr, path string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n", path, addr, len(body))
	b.Write(body)
	return b.Bytes()
}

// run sends for a duration d and returns the answers a second.
func (h hammer) run(ctx context.Context, d time.Duration) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var answers atomic.Int64
	var stop atomic.Bool
	var wait sync.WaitGroup
	began := time.Now()
	for i := range h.conns {
		wait.Go(func() {
			n, err := h.connection(ctx, i, &stop)
			answers.Add(n)
			if err != nil {
				cancel(err)
			}
		})
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	stop.Store(true)
	wait.Wait()
	return float64(answers.Load()) / time.Since(began).Seconds(), context.Cause(ctx)
}

// connection sends requests until stop is set, and counts the answers.
func (h hammer) connection(ctx context.Context, number int, stop *atomic.Bool) (int64, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", h.addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReaderSize(conn, 16<<10)
	requests := make([][]byte, len(h.requests))
	for i := range requests {
		requests[i] = bytes.Clone(h.requests[i])
	}
	answers := int64(0)
	for !stop.Load() {
		request := requests[(int64(number)+answers)%int64(len(requests))]
		if at := bytes.Index(request, []byte(nonce[:5])); at >= 0 {
			copy(request[at+5:], fmt.Appendf(nil, "%012d", nonces.Add(1)))
		}
		if _, err := conn.Write(request); err != nil {
			return answers, err
		}
		if err := skipAnswer(in); err != nil {
			return answers, err
		}
		answers++
	}
	return answers, nil
}

// skipAnswer reads a whole answer. A status other than 200 is an error.
func skipAnswer(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(status) < 12 || string(status[9:12]) != "200" {
		return fmt.Errorf("answer: %q", status)
	}
	length, chunked := -1, false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	switch {
	case chunked:
		return skipChunks(in)
	case length < 0:
		return errors.New("answer: neither Content-Length nor chunks")
	}
	_, err = in.Discard(length)
	return err
}

func skipChunks(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return fmt.Errorf("chunk: %w", err)
		}
		if _, err := io.CopyN(io.Discard, in, size+2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}

// hammer sends requests to a server for a duration d, and returns the answers a second
// and the CPU time of one in the server's process, in microseconds.
func (b *bench) hammer(ctx context.Context, p *proc.Process, bodies [][]byte, conns int, d time.Duration) (perSecond, cost float64, err error) {
	before, err := p.CPU()
	if err != nil {
		return 0, 0, err
	}
	h := hammer{addr: p.Addr, conns: conns}
	for _, body := range bodies {
		h.requests = append(h.requests, post(p.Addr, "/graphql", body))
	}
	began := time.Now()
	if perSecond, err = h.run(ctx, d); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	after, err := p.CPU()
	return perSecond, float64((after - before).Microseconds()) / (perSecond * took.Seconds()), err
}
