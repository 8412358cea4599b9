// Command bench measures the gateway against the figures that are asked of it,
// and prints them as a table: "make bench".
//
// Every server runs in a process of its own: the gateway as users run it, the
// baseline (package baseline), a static server, and the sandbox as the Zoom that
// they ask, whose ledger tells the calls. All figures are ratios or counts of one
// run on one machine, taken by turns; the milliseconds are printed to judge them
// by, and mean little elsewhere.
//
//	go run ./internal/bench [flags]
//
// The programs beside it are its own servers: "bench sandbox ADDR" and
// "bench baseline ADDR".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zoomql/internal/bench/baseline"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "sandbox":
		err = serveUpstream(args[1])
	case len(args) == 2 && args[0] == "baseline":
		err = serve(args[1], baseline.New(baseline.Config{
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
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *samples < 1 {
		flags.Usage()
		return errors.New("nothing else can be said")
	}
	b, err := newBench(ctx, *samples, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	if *profiles != "" {
		return b.profile(ctx, *profiles)
	}
	err = b.measure(ctx, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), *build)
	if *asJSON {
		return errors.Join(err, writeJSON(stdout, b.rows))
	}
	return errors.Join(err, writeTable(stdout, b.rows))
}

// bench is one run.
type bench struct {
	root, tmp string
	self      string // this program
	zoomql    string // the gateway
	bare      string // the static server
	samples   int
	client    *http.Client
	up        *upstream
	marks     *landmarks // of the world that is up
	progress  io.Writer
	rows      []row
}

func newBench(ctx context.Context, samples int, progress io.Writer) (*bench, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMOD: %w", err)
	}
	b := &bench{root: filepath.Dir(strings.TrimSpace(string(mod))), samples: samples, progress: progress}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.tmp, err = os.MkdirTemp("", "zoomql-bench-"); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.DisableCompression = 100, true
	b.client = &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	b.zoomql, b.bare = filepath.Join(b.tmp, "zoomql"), filepath.Join(b.tmp, "static")
	fmt.Fprintln(progress, "building")
	err = errors.Join(b.build(ctx, b.zoomql, "."), b.build(ctx, b.bare, "./internal/bench/static"))
	if err == nil {
		err = b.startUpstream(ctx)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) startUpstream(ctx context.Context) error {
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	p, err := b.start(ctx, "sandbox", addr, nil, b.self, "sandbox", addr)
	if err != nil {
		return err
	}
	b.up = &upstream{p, b.client}
	return nil
}

func (b *bench) close() {
	if b.up != nil {
		b.up.stop()
	}
	_ = os.RemoveAll(b.tmp) // nothing of it is worth a word
}

// enter makes a world the one that is asked.
func (b *bench) enter(ctx context.Context, w world) error {
	marks, err := b.up.world(ctx, w)
	b.marks = marks
	return err
}

// add notes a row and says so.
func (b *bench) add(r row) {
	b.rows = append(b.rows, r)
	r.write(b.progress)
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
		{"cold build", func(ctx context.Context) error { return b.coldBuild(ctx, build) }},
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
			b.add(row{Work: figure.name, Measured: "failed: " + err.Error(), OK: &no})
		}
	}
	return nil
}
