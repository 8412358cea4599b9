package zoom

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Cloud is one of Zoom's clouds: the hosts under one domain, such as zoom.us or, for
// governments, zoomgov.com. Secrets are sent to no other hosts. The zero value is the cloud
// of zoom.us, which the other clouds trust too.
type Cloud struct {
	domain string // "" is zoom.us
	origin string // of the OAuth server, which gets the client secret in any case
}

// mainCloud is the domain of nearly every account.
const mainCloud = "zoom.us"

// clouds are the domains whose API is at the host api.
var clouds = []string{mainCloud, "zoomgov.com"}

// CloudOf returns the cloud of an OAuth server's URL.
func CloudOf(oauthURL string) Cloud {
	u, err := url.Parse(oauthURL)
	if err != nil || u.Host == "" {
		return Cloud{}
	}
	c := Cloud{domain: strings.ToLower(u.Hostname()), origin: originOf(u)}
	for _, domain := range clouds {
		if under(c.domain, domain) {
			c.domain = domain
		}
	}
	return c
}

// Domain returns the domain of the cloud's hosts.
func (c Cloud) Domain() string {
	if c.domain == "" {
		return mainCloud
	}
	return c.domain
}

// API returns the base URL of the cloud's API, without "/v2".
func (c Cloud) API() string {
	for _, domain := range clouds {
		if domain == c.domain {
			return "https://api." + domain
		}
	}
	return "https://api." + mainCloud
}

// Owns reports whether a URL is one of the cloud's, over HTTPS, or has the origin of its
// OAuth server.
func (c Cloud) Owns(u *url.URL) bool {
	switch {
	case u.User != nil:
		return false
	case c.origin != "" && originOf(u) == c.origin:
		return true
	case u.Scheme != "https" || u.Port() != "" && u.Port() != "443":
		return false
	}
	return c.has(u.Hostname())
}

// has reports whether a host is one of the cloud's.
func (c Cloud) has(host string) bool {
	host = strings.ToLower(host)
	return under(host, mainCloud) || under(host, c.Domain())
}

func under(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// originOf returns the origin (RFC 6454) in canonical form: scheme, host and port.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// APIURL returns the base URL that a token response names for its account, if the host is
// one of the cloud's, and the cloud's own if it names none. foreign is a named host that is
// not the cloud's: the token is valid there, but no setting allows sending it there.
//
// Source: changelog "Regional cluster API URL returned in access token response".
func (c Cloud) APIURL(named string) (base, foreign string) {
	u, err := url.Parse(named)
	switch {
	case err != nil || u.Host == "":
		return c.API(), ""
	case u.User == nil && originOf(u) == c.origin:
		return u.Scheme + "://" + u.Host, ""
	case !c.has(u.Hostname()):
		return "", HostText(u.Hostname())
	case u.Scheme != "https" || u.Port() != "" && u.Port() != "443":
		return c.API(), ""
	}
	return "https://" + u.Host, ""
}

// HostText truncates a host name to 100 bytes, and drops characters that no host name has.
func HostText(host string) string {
	host = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`"'<>\`, r) {
			return r
		}
		return -1
	}, host)
	return host[:min(len(host), 100)]
}

// foreignHost returns the error for a token that names a host which is not the cloud's.
func foreignHost(op string, c Cloud, host string) *Error {
	return &Error{By: ByGateway, Op: op, Kind: ErrNotZoom, Message: "Zoom's token names the host " + host + " for the API, which is not under " + c.Domain() +
		": set ZOOM_OAUTH_URL to the account's cloud, such as https://zoomgov.com, or ZOOM_API_URL to the API's base"}
}

// maxUploadHops bounds the redirects of an upload.
const maxUploadHops = 3

// send sends a call. Zoom may redirect an upload: send follows it, with the token, if the
// target is a host of the cloud or has the origin of the base URL. It follows no other
// redirects.
//
// Source: uploads are answered with HTTP 307 since 2022, and Zoom's own client for
// Node.js sends the token again.
func (t *transport) send(req *Request, call *http.Request) (*http.Response, error) {
	base := originOf(call.URL)
	for hop := 0; ; hop++ {
		answer, err := t.cfg.HTTP.Do(call)
		if err != nil || req.Spec.input.file == nil || hop == maxUploadHops ||
			answer.StatusCode != http.StatusTemporaryRedirect && answer.StatusCode != http.StatusPermanentRedirect {
			return answer, err
		}
		next, err := answer.Location()
		if err != nil || next.User != nil || originOf(next) != base && !t.cfg.Cloud.Owns(next) {
			return answer, nil //nolint:nilerr // not followed: the redirect is the answer
		}
		again := call.Clone(call.Context())
		again.Body = io.NopCloser(bytes.NewReader(req.Body))
		_ = answer.Body.Close()
		again.URL, again.Host = next, ""
		call = again
	}
}
