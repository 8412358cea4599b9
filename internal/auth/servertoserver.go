// Package auth gets the tokens that calls to Zoom carry.
package auth

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"zoomql/internal/identity"
	"zoomql/internal/zoom"
)

// tokenOp is the name of the token endpoint in errors.
const tokenOp = "POST /oauth/token"

const (
	// refreshBefore is how long before its end a token is replaced: a call that waits
	// in the limiter's queue must not find it expired, nor wait for the new one.
	refreshBefore = 2 * time.Minute
	// requestTimeout bounds one request for a token.
	requestTimeout = 15 * time.Second
	// failureTTL is how long a refusal is repeated without asking again, so that a
	// wrong secret does not become a flood of requests.
	failureTTL = 2 * time.Second
	// life is how long a token lives when its answer does not say.
	life = time.Hour
)

// ServerToServer gets tokens for an account with the credentials of a
// Server-to-Server OAuth app. It is safe for concurrent use.
//
// Source: https://developers.zoom.us/docs/internal-apps/s2s-oauth/
type ServerToServer struct {
	conf  clientcredentials.Config
	http  *http.Client
	cloud zoom.Cloud

	flight singleflight.Group
	mu     sync.Mutex
	token  *identity.Token
	until  time.Time // when the token is to be replaced
	end    time.Time // when it ends
	err    error
	asked  time.Time
}

// NewServerToServer returns a source of tokens. oauthURL is the base of Zoom's
// OAuth server, such as https://zoom.us; a nil client means a default one. No
// redirect is followed, whatever the client says: a request carries the secret,
// which is for the configured address alone.
func NewServerToServer(accountID, clientID, secret, oauthURL string, client *http.Client) *ServerToServer {
	if client == nil {
		client = &http.Client{Timeout: requestTimeout}
	}
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &ServerToServer{
		http: &direct, cloud: zoom.CloudOf(oauthURL),
		conf: clientcredentials.Config{
			ClientID: clientID, ClientSecret: secret,
			TokenURL:  strings.TrimSuffix(oauthURL, "/") + "/oauth/token",
			AuthStyle: oauth2.AuthStyleInHeader,
			EndpointParams: url.Values{
				"grant_type": {"account_credentials"},
				"account_id": {accountID},
			},
		},
	}
}

var _ identity.Tokens = (*ServerToServer)(nil)

// Token returns a token that is good. Many callers wait for one request; each
// leaves when its own context ends. Towards its end, a token is replaced while
// it is still handed out, so nobody waits then, also not for a server that is
// down.
func (s *ServerToServer) Token(ctx context.Context) (*identity.Token, error) {
	s.mu.Lock()
	token, err := s.token, s.err
	now := time.Now()
	fresh, good, lately := now.Before(s.until), now.Before(s.end), now.Sub(s.asked) < failureTTL
	s.mu.Unlock()
	switch {
	case token != nil && (fresh || good && err != nil && lately):
		return token, nil
	case token != nil && good:
		s.request(ctx)
		return token, nil
	case err != nil && lately:
		return nil, err
	}
	select {
	case r := <-s.request(ctx):
		if r.Err != nil {
			return nil, r.Err
		}
		token, _ := r.Val.(*identity.Token)
		return token, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// request asks for a token, once for all who do so at the same time.
func (s *ServerToServer) request(ctx context.Context) <-chan singleflight.Result {
	return s.flight.DoChan("", func() (any, error) {
		return s.ask(context.WithoutCancel(ctx))
	})
}

// Refused drops a token that Zoom did not take.
func (s *ServerToServer) Refused(t *identity.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == t {
		s.token = nil
	}
}

func (s *ServerToServer) ask(ctx context.Context) (*identity.Token, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, s.http), requestTimeout)
	defer cancel()
	answer, err := s.conf.Token(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = time.Now()
	if err != nil {
		s.err = refusal(err)
		return nil, s.err
	}
	s.err = nil
	s.token = &identity.Token{Access: answer.AccessToken}
	named, _ := answer.Extra("api_url").(string)
	s.token.APIURL, s.token.ForeignHost = s.cloud.APIURL(named)
	if scopes, ok := answer.Extra("scope").(string); ok {
		s.token.Scopes = strings.Fields(scopes)
	}
	s.end = answer.Expiry
	if s.end.IsZero() {
		s.end = s.asked.Add(life)
	}
	s.token.Expires = s.end
	s.until = s.end.Add(-min(refreshBefore, s.end.Sub(s.asked)/2))
	return s.token, nil
}

// refusal tells wrong credentials from a server that does not answer. The
// library's error may quote the answer, so it goes no further.
func refusal(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrUnavailable}
	}
	switch status := refused.Response.StatusCode; {
	case status >= 300 && status < 400:
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrBadAnswer, Status: status, Message: "a redirect, which is not followed: credentials go to the configured address alone"}
	case status < 500 && status != http.StatusTooManyRequests && !bytes.HasPrefix(bytes.TrimSpace(refused.Body), []byte("{")):
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrNotZoom, Status: status, ContentType: zoom.ContentType(refused.Response.Header)}
	case status < 500 && status != http.StatusTooManyRequests:
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrUnauthenticated, Status: status, Message: shortened(refused.ErrorCode)}
	}
	return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrUnavailable}
}

// shortened bounds a code of the OAuth server's, such as invalid_client, which a
// proxy in between may have made of any length.
func shortened(code string) string { return code[:min(len(code), 64)] }
