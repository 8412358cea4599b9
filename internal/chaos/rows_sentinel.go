package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// behindSentinel breaks a Redis that Sentinels watch, under load.
func (c *chaos) behindSentinel(ctx context.Context) error {
	g, err := c.startGuarded(ctx)
	if err != nil {
		return err
	}
	defer g.stop()
	f := &failover{guarded: g}
	return c.under(ctx, same(g.url(), 3), []fault{
		{name: "Sentinel: planned failover", ready: g.whole, breaks: f.planned, mend: f.follow, ended: f.ended, more: f.both, asks: unwritten},
		{name: "Sentinel: kill -9 of the master", ready: g.whole, breaks: f.kill, mend: f.elect, ended: f.ended, more: f.more},
		{name: "Sentinel: it comes back, as a master first", breaks: f.restart, mend: f.demote, more: f.stale, asks: unwritten},
		{name: "Sentinel: the master stalls, and a Sentinel; both go on after the election", ready: g.whole, breaks: f.stall, mend: f.follow, ended: f.ended, more: f.both, asks: unwritten},
	})
}

// unwritten is asked of a master that is none any more and does not know it.
const unwritten = ", 0 writes to the old master"

// failover is what happens to the master, and what came of it.
type failover struct {
	*guarded
	old              *server
	silent           *sentinel // nil where all answer
	begun            time.Time
	firstNamed, told time.Time // when one Sentinel named another master, and all
	writes           int       // to the old master
}

// begin looks who is the master.
func (f *failover) begin(ctx context.Context) (err error) {
	f.old, _, err = f.master(ctx)
	f.silent, f.writes, f.begun = nil, 0, time.Now()
	return err
}

func (f *failover) planned(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	return f.sentinels[0].client.Failover(ctx, masterName).Err()
}

func (f *failover) kill(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	f.old.Stop()
	return nil
}

// stall has the master say nothing, and the Sentinel that most gateways listen to,
// as when the machine is lost that both were on: nobody closes their connections.
func (f *failover) stall(ctx context.Context) (err error) {
	if err := f.begin(ctx); err != nil {
		return err
	}
	if f.silent, err = f.busiest(ctx); err != nil {
		return err
	}
	f.old.stall()
	f.silent.Signal(syscall.SIGSTOP)
	return nil
}

// elect waits for another master.
func (f *failover) elect(ctx context.Context) (err error) {
	by := slices.DeleteFunc(slices.Clone(f.sentinels), func(p *sentinel) bool { return p == f.silent })
	f.firstNamed, f.told, err = elected(ctx, by, f.old)
	return err
}

// follow waits for another master, and until the old one, which lives on, is one of
// its replicas. One that stalled goes on when there is another: it does not know
// that, and has the connections that it had.
func (f *failover) follow(ctx context.Context) error {
	err := f.elect(ctx)
	if f.silent != nil {
		f.old.resume()
		f.silent.Signal(syscall.SIGCONT)
	}
	if err != nil {
		return err
	}
	// What waits on its connections is done now, and nobody hears the answers.
	if err := pause(ctx, time.Second/2); err != nil {
		return err
	}
	return f.demote(ctx)
}

func (f *failover) restart(ctx context.Context) error { return f.old.run(ctx) }

func (f *failover) demote(ctx context.Context) (err error) {
	f.writes, err = f.demoted(ctx, f.old)
	return err
}

func (f *failover) ended() time.Time { return f.firstNamed }

func (f *failover) more() (string, bool) {
	return fmt.Sprintf("another master was named after %.1f s, by all Sentinels after %.1f s", f.firstNamed.Sub(f.begun).Seconds(), f.told.Sub(f.begun).Seconds()), true
}

func (f *failover) stale() (string, bool) {
	return fmt.Sprintf("%d writes to the old master until it was a replica", f.writes), f.writes == 0
}

func (f *failover) both() (string, bool) {
	election, _ := f.more()
	stale, ok := f.stale()
	return election + "; " + stale, ok
}
