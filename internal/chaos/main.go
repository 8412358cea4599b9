// Command chaos runs several replicas of the gateway over one Redis and one Zoom,
// breaks what can break, and holds the outcome against what is asked: "make chaos".
//
// Everything is real: the gateway as users run it, redis-server processes, a
// cluster of them that redis-cli has made, and between them the proxies of
// toxiproxy, which lose what they are told to lose. Zoom is a sandbox in a process
// of its own, with the limits of a Business+ account, whose ledger tells what was
// spent. Counts are strict. Times are of a machine that does all of this at once,
// so they are held against generous bounds.
//
//	go -C internal/chaos run . [flags]
//
// It is a module of its own, so that what toxiproxy requires is no requirement of the
// gateway.
//
// It ends with status 1 when a row misses what is asked.
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

	"zoomql/internal/bench/proc"
	"zoomql/internal/bench/table"
	"zoomql/internal/bench/upstream"
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

// options say what is run, and how much of it.
type options struct {
	rows    []string // numbers; none means all
	seed    uint64
	size    size
	keep    bool
	gateway string // a program that is built already; "" builds this module's
}

// size is how long things are done, and how often.
type size struct {
	offered time.Duration // rows 1 and 2
	queries int           // row 3
	steps   int           // row 4: reads and writes
	hold    time.Duration // row 5: how long a fault lasts
	settle  time.Duration // how long replicas have to count each other
	rounds  int           // rows 5 and 7: how often each fault comes; row 6: how often a replica dies
	settled time.Duration // rows 4 and 5: when all replicas must know of a write
	timeout time.Duration // of a question; 0 is the gateway's own

	keys     int           // row 8
	creating time.Duration // row 8: how long they are sent while Redis stalls
}

// registered is longer than the second after which every replica has sent a heartbeat
// and counts the others.
const registered = 1500 * time.Millisecond

var (
	usual = size{offered: time.Minute, queries: 1000, steps: 100_000, hold: 2 * time.Second, settle: registered, rounds: 1, settled: settled, keys: 1000, creating: 30 * time.Second}
	// long is a soak: the same for so long that what is rare comes to light.
	long = size{offered: 5 * time.Minute, queries: 5000, steps: 1_000_000, hold: 10 * time.Second, settle: registered, rounds: 10, settled: settled, keys: 10_000, creating: 5 * time.Minute}
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := options{size: usual}
	only := flags.String("rows", "", "run these rows only, such as 1,3")
	soak := flags.Bool("long", false, "do everything longer and more often: a soak of an hour or so")
	offered := flags.Duration("for", 0, "how long rows 1 and 2 offer their load; 0 is a minute")
	asJSON := flags.Bool("json", false, "print the rows as JSON, with the values behind them")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000), "what happens by chance follows from this")
	flags.StringVar(&o.gateway, "gateway", "", "measure this program, by its absolute path, instead of building the gateway")
	flags.BoolVar(&o.keep, "keep", false, "leave the logs of all processes and what Zoom saw, and say where")
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
		return errors.New("nothing else can be said")
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
	unasked  *ids                // users of that world whom nobody has asked about
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

// findGateway builds the gateway, unless there is one.
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

// chance returns the source of what happens by chance in one part of the run,
// whichever other parts there are.
func (c *chaos) chance(part string) *rand.Rand {
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
	{"another app spends 30 % of the budget unseen", (*chaos).stranger},
	{"identical cold queries over 4 replicas", (*chaos).identical},
	{"evict on one replica, read on all", (*chaos).evicted},
	{"Redis in trouble, under load", (*chaos).trouble},
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

// add notes a row and says so.
func (c *chaos) add(r table.Row) {
	c.rows = append(c.rows, r)
	r.Write(c.progress)
}

// missed says how many rows are not as asked.
func (c *chaos) missed() error {
	n := 0
	for _, r := range c.rows {
		if r.OK != nil && !*r.OK {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of %d rows are not as asked; -seed %d asks the same again", n, len(c.rows), c.seed)
	}
	return nil
}

// failed says what became of a question that must be answered.
func failed(what string, r *reply) error {
	return fmt.Errorf("%s: %s: %.300s", what, r.code, r.words)
}

// get asks for a page that is to answer 200.
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
