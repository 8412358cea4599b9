package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// behindSentinel runs the faults of a Redis that Sentinels monitor.
func (c *chaos) behindSentinel(ctx context.Context) error {
	g, err := c.startMonitored(ctx)
	if err != nil {
		return err
	}
	defer g.stop()
	f := &failover{monitored: g}
	return c.under(ctx, same(g.url(), 3), []fault{
		{name: "Sentinel: planned failover", ready: g.inSync, breaks: f.planned, mend: f.follow, ended: f.ended, more: f.both, target: noWrites},
		{name: "Sentinel: kill -9 of the master", ready: g.inSync, breaks: f.kill, mend: f.elect, ended: f.ended, more: f.more},
		{name: "Sentinel: it comes back, as a master first", breaks: f.restart, mend: f.demote, more: f.stale, target: noWrites},
		{name: "Sentinel: the master stalls, and a Sentinel; both go on after the election", ready: g.inSync, breaks: f.stall, mend: f.follow, ended: f.ended, more: f.both, target: noWrites},
	})
}

// noWrites is the target for an old master that has not been demoted yet.
const noWrites = ", 0 writes to the old master"

// failover is a failover of the master, and its measurements.
type failover struct {
	*monitored
	old                  *server
	stalled              *sentinel // nil where all reply
	begun                time.Time
	firstNamed, allNamed time.Time // when one Sentinel named another master, and all
	writes               int       // to the old master
}

// begin finds the master.
func (f *failover) begin(ctx context.Context) (err error) {
	f.old, _, err = f.master(ctx)
	f.stalled, f.writes, f.begun = nil, 0, time.Now()
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

// stall stops the master and the Sentinel that most gateways are subscribed to, as if
// the machine of both were lost: their connections are not closed.
func (f *failover) stall(ctx context.Context) (err error) {
	if err := f.begin(ctx); err != nil {
		return err
	}
	if f.stalled, err = f.busiest(ctx); err != nil {
		return err
	}
	f.old.stall()
	f.stalled.Signal(syscall.SIGSTOP)
	return nil
}

// elect waits for another master.
func (f *failover) elect(ctx context.Context) (err error) {
	by := slices.DeleteFunc(slices.Clone(f.sentinels), func(p *sentinel) bool { return p == f.stalled })
	f.firstNamed, f.allNamed, err = elected(ctx, by, f.old)
	return err
}

// follow waits for another master, and until the old one is one of its replicas. A
// stalled one resumes after the election, with its old connections.
func (f *failover) follow(ctx context.Context) error {
	err := f.elect(ctx)
	if f.stalled != nil {
		f.old.resume()
		f.stalled.Signal(syscall.SIGCONT)
	}
	if err != nil {
		return err
	}
	// Commands in its buffers are executed now, and their replies are lost.
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
	return fmt.Sprintf("another master was named after %.1f s, by all Sentinels after %.1f s", f.firstNamed.Sub(f.begun).Seconds(), f.allNamed.Sub(f.begun).Seconds()), true
}

func (f *failover) stale() (string, bool) {
	return fmt.Sprintf("%d writes to the old master until it was a replica", f.writes), f.writes == 0
}

func (f *failover) both() (string, bool) {
	election, _ := f.more()
	stale, ok := f.stale()
	return election + "; " + stale, ok
}
