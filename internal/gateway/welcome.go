package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"zoomql/internal/config"
	"zoomql/internal/sandbox"
)

// welcome prints the URLs, and the accounts or the sandbox that they serve.
func welcome(w io.Writer, cfg *config.Config, addr net.Addr, b *box) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // errors of stderr are ignored
	line("zoomql serves GraphQL at http://%s/graphql", addr)
	if cfg.PlaygroundOn() {
		line("The playground is at     http://%s/", addr)
	}
	if b.Sandbox == nil {
		for _, a := range cfg.Accounts {
			line("Account %s, plan %s.", cmp.Or(a.Name, a.ID), a.Plan)
		}
		if cfg.AccountList == "" && cfg.ZoomPlan == "" {
			line("ZOOM_PLAN is not set: the smallest budget applies, that of a free account. Set it to free, pro or business.")
		}
		return
	}
	line("")
	line("This is the sandbox: %d simulated users and the budgets of a %s account; none of the data is real.", cfg.SandboxUsers, cfg.Plan)
	line("For a real account, create a Server-to-Server OAuth app at https://marketplace.zoom.us and set")
	line("ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET and ZOOM_PLAN. All settings: zoomql --help")
	line("")
}

// badge returns the account for the playground's title. If callers need keys, it does not
// name the account, since the page needs no key.
func (b *box) badge(cfg *config.Config) string {
	if b.Sandbox != nil {
		return "sandbox"
	}
	if n := len(cfg.Accounts); n > 1 {
		return fmt.Sprintf("%d accounts", n)
	}
	if len(cfg.Accounts[0].Keys) > 0 {
		return ""
	}
	return cmp.Or(cfg.Accounts[0].Name, cfg.Accounts[0].ID)
}

// query returns the default query of the playground.
func (b *box) query() string {
	if b.Sandbox == nil {
		return "{\n  account {\n    users(first: 5) {\n      nodes { displayName email meetings(first: 3) { nodes { topic startTime } } }\n    }\n  }\n}\n"
	}
	mark := b.Landmarks()
	return fmt.Sprintf(`# Who attended the latest instance of a meeting, and which of them are users of the account.
# Try the same for a user, a meeting, a report: Ctrl+Space lists the available fields.
{
  meeting(by: { number: "%d" }) {
    topic
    host { displayName }
    registrants(first: 3) { totalCount nodes { firstName status } }
  }
  meetingInstance(by: { latestOf: "%d" }) {
    topic
    startTime
    participants(first: 5) {
      source
      nodes { name durationSeconds user { department } }
    }
  }
}
`, mark.MeetingNumber, mark.BigMeeting)
}

// serveSandbox runs the sandbox alone until ctx ends.
func serveSandbox(ctx context.Context, cfg *config.Config, c sandboxCommand, stderr io.Writer) error {
	if !(c.Speed > 0) {
		return errors.New("--speed: must be more than 0")
	}
	s, err := newSandbox(cfg, c.Speed)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	mark := s.Landmarks()
	_, _ = fmt.Fprintf(stderr, `The sandbox, a simulator of Zoom, is at http://%[1]s
  ZOOM_API_URL=http://%[1]s/v2 ZOOM_OAUTH_URL=http://%[1]s
  ZOOM_ACCOUNT_ID=%[2]s ZOOM_CLIENT_ID=%[3]s ZOOM_CLIENT_SECRET=%[4]s
  ZOOM_EVENTS_URL='ws://%[1]s/ws?subscriptionId=any'
It has the user %[5]s, the meeting %[6]d and the large meeting %[7]d.
`, l.Addr(), sandbox.AccountID, sandbox.ClientID, sandbox.ClientSecret, mark.HostEmail, mark.MeetingNumber, mark.BigMeeting)
	h := &holder{Sandbox: s, sandboxCommand: c, ctx: ctx, seed: cfg.SandboxSeed, log: newLog(cfg, stderr)}
	if c.Meeting != "" {
		if _, err := h.begin(c.Meeting, c.Webhooks, c.Random); err != nil {
			return err
		}
	}
	return listen(ctx, l, h, cfg.DrainTime)
}
