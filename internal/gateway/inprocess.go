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

// InProcess is what a gateway is made of that serves no port: a program that measures the
// gateway calls its handler, and answers its calls, so that a clock of the program's own
// holds for all.
type InProcess struct {
	// Environ are the settings, as [os.Environ] has them.
	Environ []string
	// Zoom answers the calls, those for tokens too.
	Zoom http.RoundTripper
	// Lifetime is that of [zoom.Config]; 0 is none.
	Lifetime time.Duration
	// Log takes the log.
	Log *slog.Logger
}

// Start begins what the gateway does beside requests, until ctx ends. It returns the
// handler of all routes, the webhook's included, and end, which MUST be called once ctx has
// ended.
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
