// Command bench measures the gateway, compares the figures with targets, and prints
// them as a table: "make bench".
//
// Every server runs in a process of its own: the gateway as users run it, the baseline
// (package baseline), a static server, and the sandbox as Zoom, with a ledger of all
// calls. All figures are ratios or counts of one run on one machine, taken in turns;
// the milliseconds are printed as context, and do not transfer to other machines.
//
//	go run ./internal/bench [flags]
//
// It runs itself as two of these servers: "bench sandbox ADDR" and "bench baseline
// ADDR".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

	"zoomql/internal/bench/baseline"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "sandbox":
		err = upstream.Serve(args[1])
	case len(args) == 2 && args[0] == "baseline":
		err = proc.Serve(args[1], baseline.New(baseline.Config{
			APIURL: os.Getenv("ZOOM_API_URL"), OAuthURL: os.Getenv("ZOOM_OAUTH_URL"), AccountID: os.Getenv("ZOOM_ACCOUNT_ID"),
			ClientID: os.Getenv("ZOOM_CLIENT_ID"), ClientSecret: os.Getenv("ZOOM_CLIENT_SECRET"),
		}))
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, args, os.Stdout, os.Stderr)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print the rows as JSON, with the values behind them")
	only := flags.String("rows", "", "measure these rows only, such as 1,3,7")
	build := flags.Bool("build", true, "measure a cold build too, which takes a minute or two")
	samples := flags.Int("n", 16, "samples of each cold query")
	profiles := flags.String("profile", "", "instead of measuring, write profiles of rows 1, 2 and 7 into this directory")
	guide := flags.String("pgo", "", "instead of measuring, write the profile for the gateway's optimization (PGO) into this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *samples < 1 {
		flags.Usage()
		return errors.New("unexpected arguments")
	}
	b, err := newBench(ctx, *samples, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	if *profiles != "" {
		return b.profile(ctx, *profiles)
	}
	if *guide != "" {
		return b.guide(ctx, *guide)
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	err = b.measure(ctx, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), *build)
	if *asJSON {
		return errors.Join(err, table.WriteJSON(stdout, b.rows))
	}
	return errors.Join(err, table.Write(stdout, b.rows))
}

// bench is one run.
type bench struct {
	place    *proc.Place
	self     string // this program
	zoomql   string // the gateway
	bare     string // the static server
	samples  int
	client   *http.Client
	up       *upstream.Upstream
	marks    *upstream.Landmarks // of the world that is up
	progress io.Writer
	rows     []table.Row
}

func newBench(ctx context.Context, samples int, progress io.Writer) (*bench, error) {
	place, err := proc.NewPlace(ctx, "zoomql-bench")
	if err != nil {
		return nil, err
	}
	b := &bench{place: place, samples: samples, progress: progress}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.DisableCompression = 100, true
	b.client = &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	b.zoomql, b.bare = filepath.Join(place.Tmp, "zoomql"), filepath.Join(place.Tmp, "static")
	if b.up, err = upstream.Start(ctx, place, b.self, b.client); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// build builds the gateway and the static server.
func (b *bench) build(ctx context.Context) error {
	fmt.Fprintln(b.progress, "building")
	return errors.Join(b.place.BuildGateway(ctx, b.zoomql), b.place.Build(ctx, b.bare, "./internal/bench/static"))
}

func (b *bench) close() {
	if b.up != nil {
		b.up.Stop()
	}
	b.place.Close()
}

// enter makes a new world.
func (b *bench) enter(ctx context.Context, w upstream.World) error {
	marks, err := b.up.Enter(ctx, w)
	b.marks = marks
	return err
}

// add records a row and prints it.
func (b *bench) add(r table.Row) {
	b.rows = append(b.rows, r)
	r.Write(b.progress)
}

// measure measures the rows of the table, or those of the numbers given.
func (b *bench) measure(ctx context.Context, only []string, build bool) error {
	for i, figure := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"users → meetings → hosts, cold", b.nested},
		{"meeting → registrants and participants → users, cold", b.crowd},
		{"the same under the limits of a Business+ account", b.budget},
		{"the same again, cached", b.cached},
		{"64 identical queries at once", b.identical},
		{"64 different queries at once", b.different},
		{"hot small query", b.hot},
		{"100 to 1,000 users", b.growth},
		{"idle memory, start", b.footprint},
		{"full first tier", b.full},
		{"cold build", func(ctx context.Context) error { return b.coldBuild(ctx, build) }},
		{"beside a hostile caller", b.hostile},
		{"hot queries beside events", b.hotBesideEvents},
	} {
		if len(only) > 0 && !slices.Contains(only, strconv.Itoa(i+1)) {
			continue
		}
		fmt.Fprintf(b.progress, "%d. %s\n", i+1, figure.name)
		if err := figure.measure(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			no := false
			b.add(table.Row{Work: figure.name, Measured: "failed: " + err.Error(), OK: &no})
		}
	}
	return nil
}
