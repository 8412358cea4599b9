// Package auth gets the tokens that calls to Zoom carry.
package auth

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
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
	// failureTTL is how long a failure is returned without another request, so that a
	// wrong secret does not cause a flood of requests.
	failureTTL = 2 * time.Second
	// life is the lifetime of a token without expires_in.
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

	flight  singleflight.Group
	mu      sync.Mutex
	token   *identity.Token
	until   time.Time // when the token is to be replaced
	end     time.Time // when it ends
	err     error
	triedAt time.Time // when the last request ended
}

// NewServerToServer returns a source of tokens. oauthURL is the base of Zoom's
// OAuth server, such as https://zoom.us; a nil client means a default one. No redirect
// is followed, whatever the client's CheckRedirect: a request carries the secret, which
// is for the configured address alone.
func NewServerToServer(accountID, clientID, secret, oauthURL string, client *http.Client) *ServerToServer {
	if client == nil {
		client = &http.Client{Timeout: requestTimeout}
	}
	direct := *client
	direct.Transport = checked{cmp.Or[http.RoundTripper](client.Transport, http.DefaultTransport)}
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

// Token returns a valid token. Concurrent callers share one request, and each stops
// waiting when its own context ends. refreshBefore its expiry, a token is replaced in
// the background while it is still returned, so no caller waits for that, even if the
// OAuth server is down.
func (s *ServerToServer) Token(ctx context.Context) (*identity.Token, error) {
	s.mu.Lock()
	token, err := s.token, s.err
	now := time.Now()
	fresh, valid, recent := now.Before(s.until), now.Before(s.end), now.Sub(s.triedAt) < failureTTL
	s.mu.Unlock()
	switch {
	case token != nil && (fresh || valid && err != nil && recent):
		return token, nil
	case token != nil && valid:
		s.request(ctx)
		return token, nil
	case err != nil && recent:
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

// request requests a token, once for all concurrent callers.
func (s *ServerToServer) request(ctx context.Context) <-chan singleflight.Result {
	return s.flight.DoChan("", func() (any, error) {
		return s.fetch(context.WithoutCancel(ctx))
	})
}

// Refused drops a token that Zoom has rejected.
func (s *ServerToServer) Refused(t *identity.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == t {
		s.token = nil
	}
}

func (s *ServerToServer) fetch(ctx context.Context) (*identity.Token, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, s.http), requestTimeout)
	defer cancel()
	answer, err := s.conf.Token(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.triedAt = time.Now()
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
		s.end = s.triedAt.Add(life)
	}
	s.token.Expires = s.end
	s.until = s.end.Add(-min(refreshBefore, s.end.Sub(s.triedAt)/2))
	return s.token, nil
}

// notOAuth is the message about an answer that is not of Zoom's OAuth server.
const notOAuth = "the answer for a token is not of Zoom's OAuth server; ZOOM_OAUTH_URL is its address"

// maxAnswer bounds the body of an answer, in bytes; the library reads no more either.
const maxAnswer = 1 << 20

// checked reads the answers under HTTP 200 before the library, which has one error for all that
// it cannot read, and accepts only whole seconds for the lifetime.
type checked struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	odd := func(kind error, message string) (*http.Response, error) {
		return nil, &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: kind, Status: answer.StatusCode, ContentType: zoom.ContentType(answer.Header), Message: message}
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return odd(zoom.ErrNotZoom, notOAuth)
	}
	text := func(name string) (s string) {
		_ = json.Unmarshal(fields[name], &s)
		return s
	}
	code := strings.Trim(string(fields["code"]), `"`)
	switch n, _ := strconv.Atoi(code); {
	case text("access_token") != "", text("error") != "": // the library reads a refusal
	case n != 0:
		return odd(zoom.ErrUnauthenticated, "code "+shortened(code))
	default:
		return odd(zoom.ErrBadAnswer, "the answer has no access_token")
	}
	if seconds, err := strconv.ParseFloat(strings.Trim(string(fields["expires_in"]), `"`), 64); err == nil {
		if seconds < 0 {
			return odd(zoom.ErrBadAnswer, "the token has ended by its expires_in")
		}
		fields["expires_in"] = json.RawMessage(strconv.FormatInt(int64(min(seconds, math.MaxInt32)), 10))
		if body, err = json.Marshal(fields); err != nil {
			return nil, err
		}
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return answer, nil
}

// refusal distinguishes wrong credentials from a server that does not answer. The
// library's error may quote the answer, so it is not wrapped.
func refusal(err error) error {
	if odd, ok := errors.AsType[*zoom.Error](err); ok {
		return odd
	}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrUnavailable}
	}
	switch status := refused.Response.StatusCode; {
	case status >= 300 && status < 400:
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrBadAnswer, Status: status, Message: "a redirect, which is not followed: credentials go to the configured address alone"}
	case status < 500 && status != http.StatusTooManyRequests && !bytes.HasPrefix(bytes.TrimSpace(refused.Body), []byte("{")):
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrNotZoom, Status: status, ContentType: zoom.ContentType(refused.Response.Header), Message: notOAuth}
	case status < 500 && status != http.StatusTooManyRequests:
		return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrUnauthenticated, Status: status, Message: shortened(refused.ErrorCode)}
	}
	return &zoom.Error{By: zoom.ByOAuth, Op: tokenOp, Kind: zoom.ErrUnavailable}
}

// shortened bounds an error code of the OAuth server, such as invalid_client, which a
// proxy in between may have made of any length.
func shortened(code string) string { return code[:min(len(code), 64)] }
