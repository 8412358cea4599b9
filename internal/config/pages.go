package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// readPages parses the allowed origins and headers, and normalizes origins as browsers do.
func (c *Config) readPages() []error {
	var errs []error
	for i, text := range c.AllowedOrigins {
		origin, err := parseOrigin(text)
		if err != nil {
			shown := strconv.Quote(text)
			if strings.Contains(text, "@") {
				shown = "one" // it may contain a password
			}
			errs = append(errs, fmt.Errorf("ALLOWED_ORIGINS: %s %w", shown, err))
			continue
		}
		c.AllowedOrigins[i] = origin
	}
	for i, name := range c.AllowedHeaders {
		c.AllowedHeaders[i] = strings.TrimSpace(name)
		if !isToken(c.AllowedHeaders[i]) {
			errs = append(errs, fmt.Errorf("ALLOWED_HEADERS: %q is not the name of a header", name))
		}
	}
	return errs
}

// parseOrigin reads an origin: a scheme, a host, and a port if it is not the scheme's
// own. A slash at the end is ignored.
//
// Spec: https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
func parseOrigin(text string) (string, error) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "*") {
		return "", errors.New("stands for many origins: list each one")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Hostname() == "" {
		return "", errors.New("is not an origin such as https://app.example.com")
	}
	origin := strings.ToLower(u.Scheme + "://" + u.Host)
	switch {
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "", u.ForceQuery, u.User != nil:
		return "", fmt.Errorf("is more than an origin: omit everything except scheme, host and port (%s)", origin)
	case strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("has characters that browsers do not send: write the host in ASCII (xn--…)")
	}
	for _, own := range []string{"http:80", "https:443"} {
		if scheme, port, _ := strings.Cut(own, ":"); scheme == strings.ToLower(u.Scheme) && port == u.Port() {
			origin = strings.TrimSuffix(origin, ":"+port)
		}
	}
	return origin, nil
}

// isToken reports whether a text is a valid name of a header.
//
// Spec: RFC 9110, section 5.6.2.
func isToken(s string) bool {
	const allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && s != "*" && strings.Trim(s, allowed) == ""
}

// PublicOrigin returns the origin of PublicURL, "" where that is not set.
func (c *Config) PublicOrigin() string {
	origin, err := parseOrigin(c.PublicURL)
	if u, bad := url.Parse(c.PublicURL); err != nil && bad == nil && u.Host != "" {
		origin, _ = parseOrigin(u.Scheme + "://" + u.Host) // without its path
	}
	return origin
}
