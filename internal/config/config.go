// Package config reads the settings. It alone reads the environment.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"zoomql/cache"
	"zoomql/internal/access"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// Secret is a setting that must not be seen. It prints as [secret].
type Secret string

// String hides the value from fmt.
func (Secret) String() string { return "[secret]" }

// GoString hides the value from %#v.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the value from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Config holds all settings. The default of every setting works: without any, the
// gateway runs on the sandbox.
type Config struct {
	Addr string `env:"ADDR" envDefault:"127.0.0.1:8080" help:"address to listen on"`

	ZoomAccountID    string `env:"ZOOM_ACCOUNT_ID" help:"account of a Server-to-Server OAuth app; without it and the two below, the gateway uses the sandbox"`
	ZoomClientID     string `env:"ZOOM_CLIENT_ID" help:"client id of the app"`
	ZoomClientSecret Secret `env:"ZOOM_CLIENT_SECRET" help:"client secret of the app"`
	ZoomAPIURL       string `env:"ZOOM_API_URL" help:"base of the REST API, including /v2; default: the one in Zoom's token response"`
	ZoomOAuthURL     string `env:"ZOOM_OAUTH_URL" envDefault:"https://zoom.us" help:"base of the OAuth server of the account's cloud, such as https://zoomgov.com; the token is sent to hosts under its domain and zoom.us"`
	ZoomPlan         string `env:"ZOOM_PLAN" help:"the account's plan, which sets the budgets: free, pro, business or none; default: free (the sandbox: business)"`

	WebhookSecrets []Secret `env:"ZOOM_WEBHOOK_SECRETS" help:"secret tokens of the app's event subscription, two separated by a comma while one is being replaced: Zoom delivers events to /webhooks/zoom, and each evicts the answers that it makes stale"`

	EventsURL string `env:"ZOOM_EVENTS_URL" help:"the WebSocket endpoint of the app's event subscription, as Zoom shows it, wss://ws.zoom.us/ws?subscriptionId=ID: the gateway opens it, and events arrive over it, with or without webhooks"`

	EventLifetimes string `env:"EVENT_LIFETIMES" envDefault:"on" help:"on: answers whose changes cause events are cached for an hour while events arrive; off: lifetimes as without events"`

	AccountList Secret `env:"ACCOUNTS" help:"several accounts instead of the one above: a JSON list of {name, accountId, clientId, clientSecret, plan, apiKeys, webhookSecrets, eventsUrl}, or the path of a file with one; see the README"`

	RedisURL     Secret        `env:"REDIS_URL" help:"Redis shared by all replicas, redis://host:6379; for a cluster add ?addr=host2:6379; behind Sentinels redis://sentinel:26379?master_name=NAME&addr=sentinel2:26379; without it, nothing is shared"`
	CacheBytes   int64         `env:"CACHE_BYTES" envDefault:"67108864" help:"memory for cached answers"`
	CacheKeys    cache.Keys    `env:"CACHE_KEYS" help:"keys that encrypt the entries in Redis, id:base64 of 32 bytes, separated by commas; the first encrypts, all decrypt; without any, the entries are not encrypted"`
	MaxInFlight  int           `env:"MAX_IN_FLIGHT" envDefault:"100" help:"concurrent calls of one rate limit label, for the account"`
	Timeout      time.Duration `env:"REQUEST_TIMEOUT" envDefault:"30s" help:"the longest that an operation may take"`
	MaxObjects   int           `env:"MAX_OBJECTS" envDefault:"200000" help:"objects in one answer; one with edges below it counts as four"`
	MaxPriceText string        `env:"MAX_PRICE" help:"calls to Zoom that one operation may cost at most, by label: heavy=20,medium=200; one that may cost more is refused before execution"`
	MaxAnswer    int           `env:"MAX_ANSWER_BYTES" envDefault:"16777216" help:"bytes of one answer"`

	BreakerCalls int           `env:"BREAKER_CALLS" envDefault:"10" help:"number of calls of one operation in ten seconds from which its circuit breaker may open"`
	BreakerShare float64       `env:"BREAKER_SHARE" envDefault:"0.5" help:"the share of failed calls that opens it, from 0 to 1"`
	BreakerSlow  time.Duration `env:"BREAKER_SLOW" envDefault:"10s" help:"duration from which a call counts as failed"`
	BreakerRest  time.Duration `env:"BREAKER_REST" envDefault:"5s" help:"how long the circuit breaker is open; then two trial calls must succeed to close it"`

	MaxConnections   int `env:"MAX_CONNECTIONS" envDefault:"10000" help:"connections for subscriptions that one caller may have"`
	MaxSubscriptions int `env:"MAX_SUBSCRIPTIONS" envDefault:"10000" help:"subscriptions that one caller may have, over all connections"`

	DrainTime time.Duration `env:"DRAIN_TIME" envDefault:"10s" help:"time for requests in flight to finish at shutdown"`

	Key            Secret   `env:"CALLER_KEY" help:"API key that zoomql price sends to the gateway"`
	APIKeys        []string `env:"API_KEYS" help:"keys of the callers: SHA-256 of each, in hex, or name:SHA-256, separated by commas; required with real credentials if other machines can reach ADDR"`
	AllowedOrigins []string `env:"ALLOWED_ORIGINS" help:"web origins whose pages may send requests, separated by commas"`
	AllowedHeaders []string `env:"ALLOWED_HEADERS" help:"headers that these pages may send in addition to those of GraphQL clients and tracing libraries, separated by commas"`
	Playground     string   `env:"PLAYGROUND" help:"on or off, with introspection; default: on if only this machine can send requests, or with the sandbox"`

	TrustedDocuments []string `env:"TRUSTED_DOCUMENTS" help:"manifests of documents that callers name by id, as relay-compiler, graphql-codegen or Apollo write them: paths of files, separated by commas"`
	TrustedOnly      string   `env:"TRUSTED_ONLY" envDefault:"off" help:"on: only these documents are executed"`

	RawRequests string `env:"RAW_REQUESTS" envDefault:"off" help:"on: callers may send any operation of the table with arbitrary parameters (zoomRequest)"`

	PublicURL string `env:"PUBLIC_URL" help:"the address at which callers reach the gateway, for links to files; default: the one that each request was sent to"`
	LinkKey   Secret `env:"LINK_KEY" help:"encrypts the links to files; 32 characters or more, the same for all replicas; default: a new one at each start"`

	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"INFO" help:"DEBUG, INFO, WARN or ERROR"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" help:"text or json"`

	Drift     string `env:"DRIFT" envDefault:"off" help:"on: answers list, under extensions.drift, where Zoom's answers differ from the schema"`
	DriftFile string `env:"DRIFT_FILE" help:"file for the counts of these differences by operation; zoomql drift prints it"`

	RedisNameKey Secret `env:"REDIS_NAME_KEY" help:"hides ids and addresses in the names of keys in Redis (HMAC-SHA-256), 32 characters or more, the same for all replicas; without it they are plain SHA-256"`

	LogRemoteAddr string `env:"LOG_REMOTE_ADDR" envDefault:"off" help:"on: the audit log has the remote address of each mutation"`

	SandboxUsers        int           `env:"SANDBOX_USERS" envDefault:"40" help:"size of the sandbox's account"`
	SandboxParticipants int           `env:"SANDBOX_PARTICIPANTS" envDefault:"60" help:"participants of the sandbox's large meeting"`
	SandboxSeed         uint64        `env:"SANDBOX_SEED" envDefault:"1" help:"seed from which the sandbox's account is generated"`
	SandboxLatency      time.Duration `env:"SANDBOX_LATENCY" help:"how long the sandbox waits before each answer"`
	SandboxFaults       string        `env:"SANDBOX_FAULTS" help:"faults in the sandbox's answers: kinds, separated by commas, each with its share of calls, refused:0.01,small-pages; zoomql sandbox --help lists them"`

	Plan     zoom.Plan         `env:"-"` // ZoomPlan, read
	MaxPrice map[zoom.Rate]int `env:"-"` // MaxPriceText, read; nil bounds nothing
	Accounts []Account         `env:"-"` // at least one, which has no name if there is no list
}

// Load parses the settings of an environment and returns all errors joined.
func Load(environ []string) (*Config, error) {
	c := &Config{}
	var errs []error
	// The defaults first: they remain where a setting cannot be parsed, so that one
	// mistake is reported once.
	for _, vars := range []map[string]string{{}, env.ToMap(environ)} {
		if err := env.ParseWithOptions(c, env.Options{Environment: vars}); err != nil {
			errs = append(errs, explain(err)...)
		}
	}
	return c, errors.Join(append(errs, c.check()...)...)
}

// explain converts the library's errors, one for each setting.
func explain(err error) []error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []error{err}
	}
	var errs []error
	for _, e := range all.Errors {
		if parse, ok := errors.AsType[env.ParseError](e); ok {
			e = fmt.Errorf("%s: not %s", name(parse.Name), form(parse.Type))
			if parse.Type == reflect.TypeFor[cache.Keys]() {
				e = fmt.Errorf("%s: %w", name(parse.Name), parse.Err) // names the key, and quotes none
			}
		}
		errs = append(errs, e)
	}
	return errs
}

// form describes the syntax of a setting of a type.
func form(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration, such as 30s or 1m30s"
	case reflect.TypeFor[slog.Level]():
		return "DEBUG, INFO, WARN or ERROR"
	case reflect.TypeFor[float64]():
		return "a number"
	}
	return "a whole number"
}

func (c *Config) check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		bad("ADDR: %q is not host:port", c.Addr)
	}
	for _, u := range [][2]string{{"ZOOM_API_URL", c.ZoomAPIURL}, {"ZOOM_OAUTH_URL", c.ZoomOAuthURL}} {
		if err := checkURL(u[1]); u[1] != "" && err != nil {
			bad("%s: %w", u[0], err)
		}
	}
	if missing := c.missingCredentials(); c.AccountList == "" && len(missing) > 0 && len(missing) < 3 {
		bad("%s: not set, though the others of ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET are", strings.Join(missing, ", "))
	}
	if c.ZoomAPIURL != "" && c.Sandbox() {
		bad("ZOOM_API_URL: set, but there are no credentials to use there: set ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET too")
	}
	if err := checkEventsURL(c.EventsURL); c.EventsURL != "" && err != nil {
		bad("ZOOM_EVENTS_URL: %w", err)
	}
	if c.EventsURL != "" && c.Sandbox() {
		bad("ZOOM_EVENTS_URL: set, but there are no credentials to use there: set ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET too")
	}
	if err := c.readPlan(); err != nil {
		errs = append(errs, err)
	}
	if c.CacheBytes < 1<<20 {
		bad("CACHE_BYTES: must be at least 1048576")
	}
	if c.MaxInFlight < 1 {
		bad("MAX_IN_FLIGHT: must be at least 1")
	}
	if c.MaxConnections < 1 {
		bad("MAX_CONNECTIONS: must be at least 1")
	}
	if c.MaxSubscriptions < 1 {
		bad("MAX_SUBSCRIPTIONS: must be at least 1")
	}
	if c.MaxObjects < 1 {
		bad("MAX_OBJECTS: must be at least 1")
	}
	if c.MaxAnswer < 1 {
		bad("MAX_ANSWER_BYTES: must be at least 1")
	}
	if c.Timeout <= 0 {
		bad("REQUEST_TIMEOUT: must be longer than 0s")
	}
	if c.BreakerCalls < 1 {
		bad("BREAKER_CALLS: must be at least 1")
	}
	if !(c.BreakerShare > 0 && c.BreakerShare <= 1) { // NaN is neither
		bad("BREAKER_SHARE: must be more than 0, and at most 1")
	}
	if c.BreakerSlow <= 0 {
		bad("BREAKER_SLOW: must be longer than 0s")
	}
	if c.BreakerRest <= 0 {
		bad("BREAKER_REST: must be longer than 0s")
	}
	if c.DrainTime < 0 {
		bad("DRAIN_TIME: must not be negative")
	}
	if c.Playground != "" && c.Playground != "on" && c.Playground != "off" {
		bad("PLAYGROUND: %q is neither on nor off", c.Playground)
	}
	if c.RawRequests != "on" && c.RawRequests != "off" {
		bad("RAW_REQUESTS: %q is neither on nor off", c.RawRequests)
	}
	switch {
	case c.TrustedOnly != "on" && c.TrustedOnly != "off":
		bad("TRUSTED_ONLY: %q is neither on nor off", c.TrustedOnly)
	case c.TrustedOnly == "on" && len(c.TrustedDocuments) == 0:
		bad("TRUSTED_ONLY: on, but TRUSTED_DOCUMENTS names no file: no document would be executed")
	}
	if c.Drift != "on" && c.Drift != "off" {
		bad("DRIFT: %q is neither on nor off", c.Drift)
	}
	if c.EventLifetimes != "on" && c.EventLifetimes != "off" {
		bad("EVENT_LIFETIMES: %q is neither on nor off", c.EventLifetimes)
	}
	if c.LogRemoteAddr != "on" && c.LogRemoteAddr != "off" {
		bad("LOG_REMOTE_ADDR: %q is neither on nor off", c.LogRemoteAddr)
	}
	if n := len(c.LinkKey); n > 0 && n < 32 {
		bad("LINK_KEY: shorter than 32 characters; make one with: openssl rand -base64 32")
	}
	if n := len(c.RedisNameKey); n > 0 && n < 32 {
		bad("REDIS_NAME_KEY: shorter than 32 characters; make one with: openssl rand -base64 32")
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		bad("PUBLIC_URL: not a URL such as https://zoomql.example.com")
	}
	errs = append(errs, c.readPages()...)
	errs = append(errs, c.readMaxPrice()...)
	if _, err := sandbox.ParseFaults(c.SandboxFaults); err != nil {
		bad("SANDBOX_FAULTS: %w", err)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		bad("LOG_FORMAT: %q is neither text nor json", c.LogFormat)
	}
	keys, wrong := c.readKeys()
	errs = append(errs, wrong...)
	if !c.Sandbox() && c.AccountList == "" && !c.Loopback() && len(c.APIKeys) == 0 {
		bad("API_KEYS: not set, although other machines can reach %s: any of them could read the account. Set API_KEYS, or set ADDR to 127.0.0.1:8080", c.Addr)
	}
	return append(errs, c.readAccounts(keys)...)
}

func (c *Config) readKeys() (keys []access.Key, errs []error) {
	for _, text := range c.APIKeys {
		key, err := access.ParseKey(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("API_KEYS: one is %w", err))
			continue
		}
		keys = append(keys, key)
	}
	return keys, errs
}

func (c *Config) missingCredentials() []string {
	var missing []string
	if c.ZoomAccountID == "" {
		missing = append(missing, "ZOOM_ACCOUNT_ID")
	}
	if c.ZoomClientID == "" {
		missing = append(missing, "ZOOM_CLIENT_ID")
	}
	if c.ZoomClientSecret == "" {
		missing = append(missing, "ZOOM_CLIENT_SECRET")
	}
	return missing
}

func (c *Config) readPlan() (err error) {
	name := c.ZoomPlan
	switch {
	case name != "":
	case c.Sandbox():
		name = string(zoom.Business)
	default:
		name = string(zoom.Free) // too small a budget is slow, too large a one is refused
	}
	if c.Plan, err = zoom.ParsePlan(name); err != nil {
		return fmt.Errorf("ZOOM_PLAN: %w", err)
	}
	return nil
}

// checkURL refuses URLs that would send credentials unencrypted.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return errors.New("not a URL such as https://zoom.us")
	case u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())):
		return nil
	}
	return errors.New("must be https, or http to this machine")
}

// checkEventsURL refuses what is no WebSocket of a subscription, or would send a token over
// an open line.
func checkEventsURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Query().Get("subscriptionId") == "":
		return errors.New("not a URL such as wss://ws.zoom.us/ws?subscriptionId=ID")
	case u.Query().Has("access_token"):
		return errors.New("must not contain an access_token: the gateway requests one itself")
	case u.Scheme == "wss" || (u.Scheme == "ws" && loopback(u.Hostname())):
		return nil
	}
	return errors.New("must be wss, or ws to this machine")
}

// Sandbox reports whether the sandbox answers, because no credentials are set.
func (c *Config) Sandbox() bool { return c.AccountList == "" && len(c.missingCredentials()) == 3 }

// Loopback reports whether only this machine can reach the gateway.
func (c *Config) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Addr)
	return err == nil && loopback(host)
}

// PlaygroundOn reports whether the playground and introspection are served.
func (c *Config) PlaygroundOn() bool {
	return c.Playground == "on" || (c.Playground == "" && (c.Loopback() || c.Sandbox()))
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
