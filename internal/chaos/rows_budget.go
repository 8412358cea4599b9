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

	"zoomql/internal/bench/table"
	"zoomql/internal/bench/upstream"
	"zoomql/internal/sandbox"
)

// A label of a Business+ account, with a question that costs one call of it.
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

// crowd is an account so large that nobody need be asked about twice.
func crowd(offered time.Duration) upstream.World {
	users := 3*labels[0].perSecond*int(offered/time.Second) + 1000
	return upstream.World{Users: users + users/5, Plan: sandbox.PlanBusiness, Names: true}
}

// patience is how long a caller waits in rows 1 and 2. What is offered beyond the
// budget is refused after it; the longer it is, the more connections wait.
const patience = "REQUEST_TIMEOUT=5s"

// offered asks three times as much as the budget has, of every label.
func (c *chaos) offered(ctx context.Context) error {
	over := c.size.offered
	f, err := c.scene(ctx, crowd(over), 4, patience)
	if err != nil {
		return err
	}
	defer f.stop()
	var t tally
	machine := watchHiccups(ctx)
	began := time.Now()
	var all sync.WaitGroup
	for _, l := range labels {
		users := c.shuffled("offered " + l.name)
		n := min(3*l.perSecond*int(over/time.Second), len(users))
		all.Go(func() {
			offer(ctx, n, over, func(i int) { t.add(c.ask(ctx, f.of(i), l.query(users[i]))) })
		})
	}
	all.Wait()
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := table.Row{
		Work: fmt.Sprintf("4 replicas, offered 3 × the Business+ budget for %s", over), Asked: "0 answers 429; ≥ 95 % of the budget used",
		Values: map[string]float64{"throttled": float64(ledger.Throttled), "well": float64(t.well), "refused": float64(t.refused), "failed": float64(t.failed)},
	}
	ok := ledger.Throttled == 0 && t.failed == 0
	var used []string
	for _, l := range labels {
		u := spent(ledger.Calls, l.name, began, began.Add(over), everybody)
		share := float64(u.taken) / (float64(l.perSecond) * over.Seconds())
		ok = ok && share >= 0.95
		used = append(used, fmt.Sprintf("%s %.1f %%", l.name, 100*share))
		row.Values["used_"+strings.ToLower(l.name)] = share
	}
	row.OK = &ok
	row.Measured = fmt.Sprintf("%d answers 429; %s; %d queries answered, %d refused in time, %d failed%s; %s",
		ledger.Throttled, strings.Join(used, ", "), t.well, t.refused, t.failed, t.why(), machine)
	c.add(row)
	return ctx.Err()
}

// why tells of the first question that failed.
func (t *tally) why() string {
	if t.first == nil {
		return ""
	}
	return fmt.Sprintf(" (the first: %s: %.120s)", t.first.code, t.first.words)
}

// shuffled returns all users of the world in an order by chance.
func (c *chaos) shuffled(part string) []string {
	users := append([]string(nil), c.marks.Users...)
	c.chance(part).Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
	return users
}

// stranger has another app of the same account spend 30 % of a label's budget. It
// begins after the gateway and leaves before it: what it spends is unseen but for
// what Zoom refuses.
func (c *chaos) stranger(ctx context.Context) error {
	over, l := c.size.offered, labels[0]
	f, err := c.scene(ctx, crowd(over), 4, patience)
	if err != nil {
		return err
	}
	defer f.stop()
	other, err := c.newStranger(ctx)
	if err != nil {
		return err
	}
	machine := watchHiccups(ctx)
	began := time.Now()
	comes, leaves := began.Add(over/12), began.Add(over*10/12)
	var t tally
	var all sync.WaitGroup
	users := c.shuffled("stranger")
	all.Go(func() {
		n := min(3*l.perSecond*int(over/time.Second), len(users))
		offer(ctx, n, over, func(i int) { t.add(c.ask(ctx, f.of(i), l.query(users[i]))) })
	})
	all.Go(func() { other.spend(ctx, comes, leaves, float64(l.perSecond)*0.3, c.chance("pace")) })
	all.Wait()
	ledger, err := c.ledger(ctx)
	if err != nil {
		return err
	}
	row := stranded(ledger.Calls, l, &t, began, comes, leaves, began.Add(over))
	row.Measured += "; " + machine.String()
	c.add(row)
	return ctx.Err()
}

// stranded makes a row of what the account saw while another app was there.
func stranded(calls []upstream.Call, l label, t *tally, began, comes, leaves, ends time.Time) table.Row {
	theirs := spent(calls, l.name, comes, leaves, isStranger)
	ours := spent(calls, l.name, comes, leaves, func(c upstream.Call) bool { return !isStranger(c) })
	all := spent(calls, l.name, began, ends, func(c upstream.Call) bool { return !isStranger(c) })
	middle := comes.Add(leaves.Sub(comes) / 2)
	late := after(all.throttled, middle)
	left := float64(l.perSecond)*leaves.Sub(comes).Seconds() - float64(theirs.taken)
	share := float64(ours.taken) / left
	calm := leaves.Add(ends.Sub(leaves) / 2)
	again := spent(calls, l.name, calm, ends, everybody)
	back := float64(again.taken) / (float64(l.perSecond) * ends.Sub(calm).Seconds())
	ok := len(all.throttled) <= 5 && late == 0 && share >= 0.9 && t.failed == 0
	return table.Row{
		Work: "another app takes 30 % of the budget unseen", Asked: "≤ 5 answers 429, then none; ≥ 90 % of what is left used", OK: &ok,
		Measured: fmt.Sprintf("%d answers 429, %d of them in the second half of its stay; %.1f %% of what it left used (it got %d, and %d answers 429); %.0f %% of the budget used when it had left; %d failed%s",
			len(all.throttled), late, 100*share, theirs.taken, len(theirs.throttled), 100*back, t.failed, t.why()),
		Values: map[string]float64{"throttled": float64(len(all.throttled)), "throttled_late": float64(late), "used": share, "others_throttled": float64(len(theirs.throttled)), "used_after": back, "failed": float64(t.failed)},
	}
}

// strangerMark stands in the query of the other app's calls, by which the ledger
// tells them apart. Zoom ignores parameters that it does not know.
const strangerMark = "app=other"

func isStranger(c upstream.Call) bool { return strings.Contains(c.Path, strangerMark) }

// another is an app of the same account that knows nothing of the gateway.
type another struct {
	client *http.Client
	call   *http.Request
	got    atomic.Int64
}

// newStranger returns an app with a token of its own.
func (c *chaos) newStranger(ctx context.Context) (*another, error) {
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
	call, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v2/users/"+c.marks.HostID+"?"+strangerMark, nil)
	if err != nil {
		return nil, err
	}
	call.Header.Set("Authorization", "Bearer "+token.Access)
	return &another{client: c.client, call: call}, nil
}

// spend makes calls from one moment to another, so many a second, not quite evenly,
// and shrugs off what is refused.
func (a *another) spend(ctx context.Context, from, to time.Time, perSecond float64, chance interface{ Float64() float64 }) {
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
		due = due.Add(time.Duration((0.5 + chance.Float64()) / perSecond * float64(time.Second)))
	}
}
