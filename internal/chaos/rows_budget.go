package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zoomql/internal/lab/table"
	"zoomql/internal/lab/upstream"
	"zoomql/internal/sandbox"
)

// A label of a Business+ account, with a query that costs one call of it.
//
// Source: https://developers.zoom.us/docs/api/rate-limits/
type label struct {
	name      string
	perSecond int
	query     func(user string) string
}

var labels = []label{
	{"LIGHT", 80, lightQuery},
	{"MEDIUM", 60, mediumQuery},
	{"HEAVY", 40, heavyQuery},
}

// largeAccount is an account so large that no query has to be repeated.
func largeAccount(offered time.Duration) upstream.World {
	users := 3*labels[0].perSecond*int(offered/time.Second) + 1000
	return upstream.World{Users: users + users/5, Plan: sandbox.PlanBusiness, Names: true}
}

// requestTimeout is how long a caller waits in rows 1 and 2. Queries beyond the budget
// are refused after it; the longer it is, the more connections wait.
const requestTimeout = "REQUEST_TIMEOUT=5s"

// offered sends three times the budget of every label.
func (c *chaos) offered(ctx context.Context) error {
	over := c.size.offered
	f, err := c.setUp(ctx, largeAccount(over), 4, requestTimeout)
	if err != nil {
		return err
	}
	defer f.stop()
	var t tally
	machine := watchScheduling(ctx)
	began := time.Now()
	var all sync.WaitGroup
	for _, l := range labels {
		users := c.shuffled("offered " + l.name)
		n := min(3*l.perSecond*int(over/time.Second), len(users))
		all.Go(func() {
			offer(ctx, n, over, func(i int) { t.add(c.send(ctx, f.of(i), l.query(users[i]))) })
		})
	}
	all.Wait()
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := table.Row{
		Work: fmt.Sprintf("4 replicas, offered 3 × the Business+ budget for %s", over), Target: "0 answers 429; ≥ 95 % of the budget used",
		Values: map[string]float64{"throttled": float64(ledger.Throttled), "well": float64(t.ok), "refused": float64(t.refused), "failed": float64(t.failed)},
	}
	ok := ledger.Throttled == 0 && t.failed == 0
	var used []string
	for _, l := range labels {
		u := spent(ledger.Calls, l.name, began, began.Add(over), anyApp)
		share := float64(u.taken) / (float64(l.perSecond) * over.Seconds())
		ok = ok && share >= 0.95
		used = append(used, fmt.Sprintf("%s %.1f %%", l.name, 100*share))
		row.Values["used_"+strings.ToLower(l.name)] = share
	}
	row.OK = &ok
	row.Measured = fmt.Sprintf("%d answers 429; %s; %d queries answered, %d refused in time, %d failed%s; %s",
		ledger.Throttled, strings.Join(used, ", "), t.ok, t.refused, t.failed, t.why(), machine)
	c.add(row)
	return ctx.Err()
}

// why returns the first query that failed.
func (t *tally) why() string {
	if t.first == nil {
		return ""
	}
	return fmt.Sprintf(" (the first: %s: %.120s)", t.first.code, t.first.message)
}

// shuffled returns all users of the world in random order.
func (c *chaos) shuffled(part string) []string {
	users := append([]string(nil), c.marks.Users...)
	c.random(part).Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
	return users
}

// withOtherApp runs another app of the same account, which spends 30 % of a label's budget.
// It starts after the gateway and stops before it: only Zoom's refusals show its usage.
func (c *chaos) withOtherApp(ctx context.Context) error {
	over, l := c.size.offered, labels[0]
	f, err := c.setUp(ctx, largeAccount(over), 4, requestTimeout)
	if err != nil {
		return err
	}
	defer f.stop()
	other, err := c.newOtherApp(ctx)
	if err != nil {
		return err
	}
	machine := watchScheduling(ctx)
	began := time.Now()
	comes, leaves := began.Add(over/12), began.Add(over*10/12)
	var t tally
	var all sync.WaitGroup
	users := c.shuffled("other app")
	all.Go(func() {
		n := min(3*l.perSecond*int(over/time.Second), len(users))
		offer(ctx, n, over, func(i int) { t.add(c.send(ctx, f.of(i), l.query(users[i]))) })
	})
	all.Go(func() { other.spend(ctx, comes, leaves, float64(l.perSecond)*0.3, c.random("pace")) })
	all.Wait()
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := otherAppRow(ledger.Calls, l, &t, began, comes, leaves, began.Add(over))
	row.Measured += "; " + machine.String()
	c.add(row)
	return ctx.Err()
}

// otherAppRow returns the row of the time with another app.
func otherAppRow(calls []upstream.Call, l label, t *tally, began, comes, leaves, ends time.Time) table.Row {
	theirs := spent(calls, l.name, comes, leaves, isOtherApp)
	ours := spent(calls, l.name, comes, leaves, func(c upstream.Call) bool { return !isOtherApp(c) })
	all := spent(calls, l.name, began, ends, func(c upstream.Call) bool { return !isOtherApp(c) })
	middle := comes.Add(leaves.Sub(comes) / 2)
	late := after(all.throttled, middle)
	left := float64(l.perSecond)*leaves.Sub(comes).Seconds() - float64(theirs.taken)
	share := float64(ours.taken) / left
	settledFrom := leaves.Add(ends.Sub(leaves) / 2)
	again := spent(calls, l.name, settledFrom, ends, anyApp)
	back := float64(again.taken) / (float64(l.perSecond) * ends.Sub(settledFrom).Seconds())
	ok := len(all.throttled) <= 5 && late == 0 && share >= 0.9 && t.failed == 0
	return table.Row{
		Work: "another app takes 30 % of the budget unseen", Target: "≤ 5 answers 429, then none; ≥ 90 % of what is left used", OK: &ok,
		Measured: fmt.Sprintf("%d answers 429, %d of them in the second half of its time; %.1f %% of what it left used (it got %d, and %d answers 429); %.0f %% of the budget used when it had left; %d failed%s",
			len(all.throttled), late, 100*share, theirs.taken, len(theirs.throttled), 100*back, t.failed, t.why()),
		Values: map[string]float64{"throttled": float64(len(all.throttled)), "throttled_late": float64(late), "used": share, "others_throttled": float64(len(theirs.throttled)), "used_after": back, "failed": float64(t.failed)},
	}
}

// otherAppMark marks the calls of the other app in the ledger. Zoom ignores unknown
// query parameters.
const otherAppMark = "app=other"

func isOtherApp(c upstream.Call) bool { return strings.Contains(c.Path, otherAppMark) }

// otherApp is an app of the same account, independent of the gateway.
type otherApp struct {
	client *http.Client
	call   *http.Request
	got    atomic.Int64
}

// newOtherApp returns an app with a token of its own.
func (c *chaos) newOtherApp(ctx context.Context) (*otherApp, error) {
	base := "http://" + c.up.Addr
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {sandbox.AccountID}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(sandbox.ClientID, sandbox.ClientSecret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		return nil, err
	}
	call, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v2/users/"+c.marks.HostID+"?"+otherAppMark, nil)
	if err != nil {
		return nil, err
	}
	call.Header.Set("Authorization", "Bearer "+token.Access)
	return &otherApp{client: c.client, call: call}, nil
}

// spend makes calls from one time to another, at a rate with jitter, and ignores
// refusals.
func (a *otherApp) spend(ctx context.Context, from, to time.Time, perSecond float64, rng interface{ Float64() float64 }) {
	var under sync.WaitGroup
	defer under.Wait()
	for due := from; due.Before(to); {
		if pause(ctx, time.Until(due)) != nil {
			return
		}
		under.Go(func() {
			resp, err := a.client.Do(a.call.Clone(ctx))
			if err != nil {
				return // the end of the run
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			a.got.Add(1)
		})
		due = due.Add(time.Duration((0.5 + rng.Float64()) / perSecond * float64(time.Second)))
	}
}
