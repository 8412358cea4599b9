// Command chaos runs several replicas of the gateway over one Redis and one Zoom,
// injects faults, and compares the outcome with targets: "make chaos".
//
// Everything is real: the gateway as users run it, redis-server processes, a cluster of
// them made by redis-cli, and between them the proxies of toxiproxy. Zoom is a sandbox
// in a process of its own, with the limits of a Business+ account and a ledger of all
// calls. Counts are strict. Times are of a machine that runs all of this at once, so
// their bounds are generous.
//
//	go -C internal/chaos run . [flags]
//
// It is a module of its own, so that toxiproxy's requirements are not the gateway's.
//
// It ends with status 1 when a row misses its target.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zoomql/internal/lab/proc"
	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
)

func main() {
	var err error
	if args := os.Args[1:]; len(args) == 2 && args[0] == "sandbox" {
		err = upstream.Serve(args[1])
	} else {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, args, os.Stdout, os.Stderr)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// options configure a run.
type options struct {
	rows    []string // numbers; none means all
	seed    uint64
	size    size
	keep    bool
	gateway string // a binary; "" builds this module's
}

// size is the duration and the number of the steps of a run.
type size struct {
	offered time.Duration // rows 1 and 2
	queries int           // row 3
	steps   int           // row 4: reads and writes
	hold    time.Duration // row 5: how long a fault lasts
	settle  time.Duration // how long replicas have to count each other
	rounds  int           // rows 5 and 7: how often each fault comes; row 6: how often a replica dies
	settled time.Duration // rows 4 and 5: when all replicas must serve a write
	timeout time.Duration // of a query; 0 is the gateway's own

	keys     int           // row 8
	creating time.Duration // row 8: how long they are sent while Redis stalls
}

// registered is longer than the second after which every replica has sent a heartbeat
// and counts the others.
const registered = 1500 * time.Millisecond

var (
	usual = size{offered: time.Minute, queries: 1000, steps: 100_000, hold: 2 * time.Second, settle: registered, rounds: 1, settled: settled, keys: 1000, creating: 30 * time.Second}
	// long is a soak test: the same for longer, to find rare failures.
	long = size{offered: 5 * time.Minute, queries: 5000, steps: 1_000_000, hold: 10 * time.Second, settle: registered, rounds: 10, settled: settled, keys: 10_000, creating: 5 * time.Minute}
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := options{size: usual}
	only := flags.String("rows", "", "run these rows only, such as 1,3")
	soak := flags.Bool("long", false, "do everything longer and more often: a soak test of an hour or so")
	offered := flags.Duration("for", 0, "how long rows 1 and 2 offer their load; 0 is a minute")
	asJSON := flags.Bool("json", false, "print the rows as JSON, with the values behind them")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000), "seed of all random choices")
	flags.StringVar(&o.gateway, "gateway", "", "measure this program, by its absolute path, instead of building the gateway")
	flags.BoolVar(&o.keep, "keep", false, "leave the logs of all processes and Zoom's ledger, and print where")
	flags.Usage = func() {
		fmt.Fprint(stderr, "Usage: go -C internal/chaos run . [flags]\n\n")
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nRows:\n")
		for i, figure := range figures {
			fmt.Fprintf(stderr, "  %d  %s\n", i+1, figure.name)
		}
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return errors.New("unexpected arguments")
	}
	o.rows = strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	if *soak {
		o.size = long
	}
	if *offered > 0 {
		o.size.offered = *offered
	}
	c, err := newChaos(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer c.close()
	fmt.Fprintln(stderr, "seed", o.seed)
	err = c.measure(ctx)
	if *asJSON {
		return errors.Join(err, table.WriteJSON(stdout, c.rows), c.missed())
	}
	return errors.Join(err, table.Write(stdout, c.rows), c.missed())
}

// chaos is one run.
type chaos struct {
	options
	place    *proc.Place
	zoomql   string // the gateway
	client   *http.Client
	up       *upstream.Upstream
	marks    *upstream.Landmarks // of the world that is up
	redis    *server             // of all rows but the fifth and the seventh
	unused   *ids                // users of that world that no query has been about
	mixes    int                 // how many have been made
	progress io.Writer
	rows     []table.Row
}

func newChaos(ctx context.Context, o options, progress io.Writer) (*chaos, error) {
	place, err := proc.NewPlace(ctx, "zoomql-chaos")
	if err != nil {
		return nil, err
	}
	place.Keep = o.keep
	c := &chaos{options: o, place: place, client: newClient(o.size.timeout), progress: progress}
	if err := errors.Join(c.findGateway(ctx), c.startUpstream(ctx)); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// findGateway builds the gateway, unless a binary was given.
func (c *chaos) findGateway(ctx context.Context) (err error) {
	if c.gateway != "" {
		c.zoomql, err = filepath.Abs(c.gateway)
		return err
	}
	fmt.Fprintln(c.progress, "building")
	c.zoomql = filepath.Join(c.place.Tmp, "zoomql")
	return c.place.BuildGateway(ctx, c.zoomql)
}

func (c *chaos) startUpstream(ctx context.Context) error {
	self, err := os.Executable()
	if err == nil {
		c.up, err = upstream.Start(ctx, c.place, self, c.client)
	}
	return err
}

func (c *chaos) close() {
	if c.redis != nil {
		c.redis.Stop()
	}
	if c.up != nil {
		c.up.Stop()
	}
	if c.keep {
		fmt.Fprintln(c.progress, "the logs are in", c.place.Tmp)
	}
	c.place.Close()
}

// random returns the random source of one part of the run, independent of its other
// parts.
func (c *chaos) random(part string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(part)) // never fails
	return rand.New(rand.NewPCG(c.seed, h.Sum64()))
}

// figures are the rows of the table, or several that belong together.
var figures = []struct {
	name    string
	measure func(*chaos, context.Context) error
}{
	{"4 replicas, offered 3 × the budget", (*chaos).offered},
	{"another app spends 30 % of the budget unseen", (*chaos).withOtherApp},
	{"identical cold queries over 4 replicas", (*chaos).identical},
	{"evict on one replica, read on all", (*chaos).evicted},
	{"faults of Redis, under load", (*chaos).redisFaults},
	{"a replica dies in the middle of its calls", (*chaos).death},
	{"Redis behind Sentinel, its master lost, under load", (*chaos).behindSentinel},
	{"creates with a key, while Redis stalls", (*chaos).keyed},
}

// measure runs the rows of the table, or those that were picked.
func (c *chaos) measure(ctx context.Context) error {
	for i, figure := range figures {
		if len(c.options.rows) > 0 && !slices.Contains(c.options.rows, strconv.Itoa(i+1)) {
			continue
		}
		fmt.Fprintf(c.progress, "%d. %s\n", i+1, figure.name)
		if err := figure.measure(c, ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.add(table.Row{Work: figure.name, Measured: "failed: " + err.Error(), OK: new(false)})
		}
	}
	return nil
}

// add records a row and prints it.
func (c *chaos) add(r table.Row) {
	c.rows = append(c.rows, r)
	r.Write(c.progress)
}

// missed returns an error if rows miss their targets.
func (c *chaos) missed() error {
	n := 0
	for _, r := range c.rows {
		if r.OK != nil && !*r.OK {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of %d rows miss their targets; -seed %d repeats the run", n, len(c.rows), c.seed)
	}
	return nil
}

// failed returns the error of a query that must succeed.
func failed(what string, r *reply) error {
	return fmt.Errorf("%s: %s: %.300s", what, r.code, r.message)
}

// get requests a page whose status must be 200.
func (c *chaos) get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200s", url, resp.Status, body)
	}
	return err
}
