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

	"zoomql/internal/bench/proc"
)

// A hammer sends one request, or some by turns, over some connections, each again
// as soon as it has the answer. It writes bytes that were put together once and
// reads no more of an answer than where it ends, so that it takes little of the
// cores it shares with the server, and the same for every server. wrk finds the
// same ratios.
type hammer struct {
	addr     string
	requests [][]byte
	conns    int
}

// turn stands for a number of the same length that is another in each request.
const turn = "turn 000000000000"

var turns atomic.Int64

// post puts a request together as a client would send it.
func post(addr, path string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n", path, addr, len(body))
	b.Write(body)
	return b.Bytes()
}

// run hammers for some time and returns the answers a second.
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

// connection sends requests until it is told to stop, and counts the answers.
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
		if at := bytes.Index(request, []byte(turn[:5])); at >= 0 {
			copy(request[at+5:], fmt.Appendf(nil, "%012d", turns.Add(1)))
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

// skipAnswer reads an answer to its end. One that is no 200 is an error.
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

// hammer asks a server the same again and again, and returns the answers a second and what one costs the server's process, in microseconds on the cores.
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
