package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"zoomql/internal/zoom"
)

const tokenPattern = "POST /oauth/token"

// grant has the permissions of an access token.
type grant struct {
	scopes  map[string]bool
	expires time.Time
}

type tokens struct {
	mu     sync.Mutex
	scopes []string // of the next token
	live   map[string]*grant
	issued int
}

func (t *tokens) init(opt Options) {
	t.live = map[string]*grant{}
	t.scopes = opt.Scopes
	if t.scopes == nil {
		t.scopes = allScopes()
	}
}

var allScopes = sync.OnceValue(func() []string {
	var all []string
	for _, spec := range zoom.Specs() {
		all = append(all, strings.Fields(spec.Scopes)...)
		if len(spec.Paths()) > 1 {
			all = append(all, strings.Fields(spec.ScopesIn("a sub account"))...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
})

// Grant sets the scopes of the tokens issued from now on; without arguments they have all
// scopes. Issued tokens keep theirs, as at Zoom.
func (s *Sandbox) Grant(scopes ...string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.scopes = scopes
	if len(scopes) == 0 {
		s.tokens.scopes = allScopes()
	}
}

// RevokeTokens invalidates all issued tokens, as deactivating an app does.
func (s *Sandbox) RevokeTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.live)
}

// TokensIssued returns the number of issued access tokens.
func (s *Sandbox) TokensIssued() int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.issued
}

// oauthError is an error in the format of the token endpoint.
type oauthError struct {
	status int
	Reason string `json:"reason"`
	Err    string `json:"error"`
}

func (e *oauthError) Error() string { return e.Err + ": " + e.Reason }

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	APIURL      string `json:"api_url"`
}

// issueToken serves the Server-to-Server grant. api_url is the sandbox's own address, since
// the caller's cluster is this process.
//
// Source: https://developers.zoom.us/docs/internal-apps/s2s-oauth/
func issueToken(c *call) (any, error) {
	id, secret, ok := c.request.BasicAuth()
	if !ok || id != ClientID || secret != ClientSecret {
		return nil, &oauthError{http.StatusBadRequest, "Invalid client_id or client_secret", "invalid_client"}
	}
	form, _ := url.ParseQuery(string(c.body))
	parameter := func(name string) string { return orElse(form.Get(name), c.query.Get(name)) }
	if parameter("grant_type") != "account_credentials" {
		return nil, &oauthError{http.StatusBadRequest, "unsupported grant type", "unsupported_grant_type"}
	}
	if parameter("account_id") != c.opt.AccountID {
		return nil, &oauthError{http.StatusBadRequest, "Bad Request", "invalid_request"}
	}
	scheme := "http://"
	if c.request.TLS != nil {
		scheme = "https://"
	}
	token, scopes := c.tokens.issue(c.opt.Seed, c.now, c.opt.TokenTTL)
	return &tokenAnswer{
		AccessToken: token,
		TokenType:   "bearer",
		ExpiresIn:   int(c.opt.TokenTTL/time.Second) - 1,
		Scope:       strings.Join(scopes, " "),
		APIURL:      scheme + c.request.Host,
	}, nil
}

func (t *tokens) issue(seed uint64, now time.Time, ttl time.Duration) (string, []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.issued++
	for old, g := range t.live {
		if now.Sub(g.expires) > ttl {
			delete(t.live, old)
		}
	}
	b := seal(seed, sealOther, uint64(t.issued))
	token := fmt.Sprintf("sandbox.%x", b)
	set := make(map[string]bool, len(t.scopes))
	for _, scope := range t.scopes {
		set[scope] = true
	}
	t.live[token] = &grant{scopes: set, expires: now.Add(ttl)}
	return token, t.scopes
}

// authenticate finds the token of a call and checks that it permits the operation. Any one of
// the operation's scopes suffices.
func (s *Sandbox) authenticate(c *call) error {
	bearer, ok := strings.CutPrefix(c.request.Header.Get("Authorization"), "Bearer ")
	s.tokens.mu.Lock()
	c.token = s.tokens.live[bearer]
	s.tokens.mu.Unlock()
	switch {
	case !ok || c.token == nil:
		return &zoomError{http.StatusUnauthorized, 124, "Invalid access token.", nil}
	case !c.now.Before(c.token.expires):
		return &zoomError{http.StatusUnauthorized, 124, "Access token is expired.", nil}
	}
	account := "" // the token's own
	if c.world != s.world {
		account = c.path("accountId")
	}
	wanted := strings.Fields(c.route.spec.ScopesIn(account))
	if len(wanted) > 0 && !slices.ContainsFunc(wanted, func(scope string) bool { return c.token.scopes[scope] }) {
		return badRequest(4711, "Invalid access token, does not contain scopes:["+strings.Join(wanted, ", ")+"].")
	}
	if c.route.paid && c.opt.Plan == PlanFree {
		return badRequest(200, "Only available for paid account: "+c.opt.AccountID+".")
	}
	if c.route.business && (c.opt.Plan == PlanFree || c.opt.Plan == PlanPro) {
		return badRequest(400, "This API is only available for ZMP and Business or higher accounts that have enabled the Dashboard feature.")
	}
	return nil
}
