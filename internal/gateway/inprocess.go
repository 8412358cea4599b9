package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"zoomql/internal/config"
	"zoomql/internal/zoom"
)

// InProcess is a gateway without a port, for a program that measures it: the program calls
// its handler and answers its calls to Zoom, so that the program's clock applies to all.
type InProcess struct {
	// Environ has the settings, in the form of [os.Environ].
	Environ []string
	// Zoom answers the calls to Zoom, including those for tokens.
	Zoom http.RoundTripper
	// Lifetime is that of [zoom.Config]; 0 is none.
	Lifetime time.Duration
	// Log is the logger.
	Log *slog.Logger
}

// Start starts the gateway's background work, which ends with ctx. It returns the handler
// of all routes, including the webhook's, and end, which MUST be called after ctx has ended.
func (p *InProcess) Start(ctx context.Context) (handler http.Handler, end func(), err error) {
	cfg, err := config.Load(p.Environ)
	if err != nil {
		return nil, nil, fmt.Errorf("invalid settings:\n%w", err)
	}
	all, end, err := assemble(ctx, cfg, cfg.Accounts, &box{}, p.Log, func(m *maker) {
		m.calls, m.logins = zoom.NewHTTP(cfg.MaxInFlight), &http.Client{Transport: p.Zoom}
		m.calls.Transport = p.Zoom
		m.lifetime = p.Lifetime
	})
	if err != nil {
		return nil, nil, err
	}
	return all, end, nil
}
