package config

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/cache"
	"zoomql/internal/access"
	"zoomql/internal/zoom"
)

var (
	credentials = []string{"ZOOM_ACCOUNT_ID=account", "ZOOM_CLIENT_ID=client", "ZOOM_CLIENT_SECRET=test-secret"}
	aKey        = "API_KEYS=" + strings.Repeat("0a", 32)
)

// sameKeys compares keys, whose fields are not exported.
var sameKeys = cmp.Comparer(func(a, b cache.Keys) bool { return reflect.DeepEqual(a, b) })

func with(settings ...string) []string {
	return append(append([]string{}, credentials...), settings...)
}

func TestLoad_defaults(t *testing.T) {
	got, err := Load(nil)
	want := &Config{
		Addr: "127.0.0.1:8080", ZoomOAuthURL: "https://zoom.us",
		CacheBytes: 64 << 20, MaxInFlight: 100, Timeout: 30 * time.Second, MaxObjects: 200_000, MaxAnswer: 16 << 20, DrainTime: 10 * time.Second,
		BreakerCalls: 10, BreakerShare: 0.5, BreakerSlow: 10 * time.Second, BreakerRest: 5 * time.Second, MaxConnections: 10_000, MaxSubscriptions: 10_000,
		RawRequests: "off", TrustedOnly: "off", LogLevel: slog.LevelInfo, LogFormat: "text", LogRemoteAddr: "off", Drift: "off", EventLifetimes: "on",
		SandboxUsers: 40, SandboxParticipants: 60, SandboxSeed: 1,
		Plan: zoom.Business, Accounts: []Account{{OAuthURL: "https://zoom.us", Plan: zoom.Business, PlanKnown: true}},
	}
	if diff := cmp.Diff(want, got, sameKeys); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	if !got.Sandbox() || !got.Loopback() || !got.PlaygroundOn() {
		t.Errorf("sandbox %v, loopback %v, playground %v", got.Sandbox(), got.Loopback(), got.PlaygroundOn())
	}
}

// A compose file sets an unset variable to the empty string.
func TestLoad_emptyVariablesAreUnset(t *testing.T) {
	var environ []string
	for f := range reflect.TypeFor[Config]().Fields() {
		if name := f.Tag.Get("env"); name != "-" {
			environ = append(environ, name+"=")
		}
	}
	none, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(environ)
	if diff := cmp.Diff(none, got, sameKeys); diff != "" || err != nil {
		t.Errorf("%v -none +empty\n%s", err, diff)
	}
}

// cacheKeys are two keys of 32 bytes.
var cacheKeys = "new:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("n", 32))) + ",old:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("o", 32)))

func TestLoad_everySetting(t *testing.T) {
	keys, err := cache.ParseKeys(cacheKeys)
	if err != nil || keys.Len() != 2 {
		t.Fatal(keys.Len(), err)
	}
	got, err := Load([]string{
		"ADDR=:9090", "ZOOM_ACCOUNT_ID=account", "ZOOM_CLIENT_ID=client", "ZOOM_CLIENT_SECRET=test-secret=with=signs", "ZOOM_WEBHOOK_SECRETS=test-secret1,test-secret2", "ZOOM_EVENTS_URL=wss://ws.zoom.us/ws?subscriptionId=x",
		"ZOOM_API_URL=https://api-eu.zoom.us/v2", "ZOOM_OAUTH_URL=http://127.0.0.1:1", "ZOOM_PLAN=Pro", "REDIS_URL=redis://:pass@redis:6379",
		"CACHE_BYTES=1048576", "CACHE_KEYS=" + cacheKeys, "REDIS_NAME_KEY=0123456789abcdef0123456789abcdef", "MAX_IN_FLIGHT=7", "REQUEST_TIMEOUT=1m30s", "MAX_OBJECTS=500", "MAX_PRICE=heavy=20, Resource_Intensive=0", "CALLER_KEY=own", "MAX_ANSWER_BYTES=65536", "BREAKER_CALLS=20", "BREAKER_SHARE=0.8", "BREAKER_SLOW=3s", "BREAKER_REST=1s", "MAX_CONNECTIONS=8", "MAX_SUBSCRIPTIONS=9", "DRAIN_TIME=0s",
		aKey + ",app:" + strings.Repeat("B1", 32), "ALLOWED_ORIGINS=https://a.example,https://b.example", "ALLOWED_HEADERS=X-Tenant", "TRUSTED_DOCUMENTS=a.json,b.json", "TRUSTED_ONLY=on", "PLAYGROUND=off", "RAW_REQUESTS=on", "PUBLIC_URL=https://gateway.example", "LINK_KEY=0123456789abcdef0123456789abcdef", "LOG_LEVEL=debug", "LOG_FORMAT=json", "LOG_REMOTE_ADDR=on", "EVENT_LIFETIMES=off", "DRIFT=on", "DRIFT_FILE=drift.json",
		"SANDBOX_USERS=9", "SANDBOX_PARTICIPANTS=10", "SANDBOX_SEED=3", "SANDBOX_LATENCY=100ms", "SANDBOX_FAULTS=refused:0.1",
		"PATH=/bin", "UNRELATED", "=odd",
	})
	want := &Config{
		Addr: ":9090", ZoomAccountID: "account", ZoomClientID: "client", ZoomClientSecret: "test-secret=with=signs", WebhookSecrets: []Secret{"test-secret1", "test-secret2"}, EventsURL: "wss://ws.zoom.us/ws?subscriptionId=x",
		ZoomAPIURL: "https://api-eu.zoom.us/v2", ZoomOAuthURL: "http://127.0.0.1:1", ZoomPlan: "Pro", RedisURL: "redis://:pass@redis:6379",
		CacheBytes: 1 << 20, CacheKeys: keys, RedisNameKey: "0123456789abcdef0123456789abcdef", MaxInFlight: 7, Timeout: 90 * time.Second, MaxObjects: 500, MaxPriceText: "heavy=20, Resource_Intensive=0", Key: "own", MaxAnswer: 1 << 16, BreakerCalls: 20, BreakerShare: 0.8, BreakerSlow: 3 * time.Second, BreakerRest: time.Second, MaxConnections: 8, MaxSubscriptions: 9,
		APIKeys: []string{strings.Repeat("0a", 32), "app:" + strings.Repeat("B1", 32)}, AllowedOrigins: []string{"https://a.example", "https://b.example"}, AllowedHeaders: []string{"X-Tenant"}, TrustedDocuments: []string{"a.json", "b.json"}, TrustedOnly: "on",
		Playground: "off", RawRequests: "on", PublicURL: "https://gateway.example", LinkKey: "0123456789abcdef0123456789abcdef", LogLevel: slog.LevelDebug, LogFormat: "json", LogRemoteAddr: "on", EventLifetimes: "off", Drift: "on", DriftFile: "drift.json",
		SandboxUsers: 9, SandboxParticipants: 10, SandboxSeed: 3, SandboxLatency: 100 * time.Millisecond, SandboxFaults: "refused:0.1",
		Plan: zoom.Pro, MaxPrice: map[zoom.Rate]int{zoom.Heavy: 20, zoom.ResourceIntensive: 0},
		Accounts: []Account{{
			ID: "account", ClientID: "client", ClientSecret: "test-secret=with=signs", APIURL: "https://api-eu.zoom.us/v2", OAuthURL: "http://127.0.0.1:1", Plan: zoom.Pro, PlanKnown: true, WebhookSecrets: []Secret{"test-secret1", "test-secret2"}, EventsURL: "wss://ws.zoom.us/ws?subscriptionId=x",
			Keys: []access.Key{{Name: "key 0a0a0a0a0a0a0a0a", Hash: [32]byte(bytes.Repeat([]byte{0x0a}, 32))}, {Name: "app", Hash: [32]byte(bytes.Repeat([]byte{0xb1}, 32))}},
		}},
	}
	if diff := cmp.Diff(want, got, sameKeys); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	if got.Sandbox() || got.Loopback() || got.PlaygroundOn() {
		t.Errorf("sandbox %v, loopback %v, playground %v", got.Sandbox(), got.Loopback(), got.PlaygroundOn())
	}
	if names := len(settings()); reflect.TypeFor[Config]().NumField() != names+3 {
		t.Errorf("there are %d settings; this test sets all fields but Plan, MaxPrice and Accounts", names)
	}
	for f, v := range reflect.ValueOf(*got).Fields() {
		if v.IsZero() && f.Name != "DrainTime" && f.Name != "AccountList" {
			t.Errorf("%s was left out of this test", f.Name)
		}
	}
}

// settings returns the names of all variables.
func settings() []string {
	var names []string
	for f := range reflect.TypeFor[Config]().Fields() {
		if name := f.Tag.Get("env"); name != "-" && name != "" {
			names = append(names, name)
		}
	}
	return names
}

func TestLoad_errors(t *testing.T) {
	for _, c := range []struct {
		why     string
		environ []string
		want    string // the beginning of the one error; "" for none
	}{
		{"no port", []string{"ADDR=localhost"}, `ADDR: "localhost" is not host:port`},
		{"one credential of three", []string{"ZOOM_CLIENT_ID=x"}, "ZOOM_ACCOUNT_ID, ZOOM_CLIENT_SECRET: not set"},
		{"two of three", []string{"ZOOM_CLIENT_ID=x", "ZOOM_ACCOUNT_ID=x"}, "ZOOM_CLIENT_SECRET: not set"},
		{"an API without credentials", []string{"ZOOM_API_URL=https://api.zoom.us/v2"}, "ZOOM_API_URL: set, but there are no credentials"},
		{"events without credentials", []string{"ZOOM_EVENTS_URL=wss://ws.zoom.us/ws?subscriptionId=x"}, "ZOOM_EVENTS_URL: set, but there are no credentials"},
		{"events without encryption", with("ZOOM_EVENTS_URL=ws://ws.zoom.us/ws?subscriptionId=x"), "ZOOM_EVENTS_URL: must be wss, or ws to this machine"},
		{"events of no subscription", with("ZOOM_EVENTS_URL=wss://ws.zoom.us/ws"), "ZOOM_EVENTS_URL: not a URL such as"},
		{"events of no host", with("ZOOM_EVENTS_URL=wss:///ws?subscriptionId=x"), "ZOOM_EVENTS_URL: not a URL such as"},
		{"events with a token", with("ZOOM_EVENTS_URL=wss://ws.zoom.us/ws?subscriptionId=x&access_token=test-secret"), "ZOOM_EVENTS_URL: must not contain an access_token"},
		{"events of this machine", with("ZOOM_EVENTS_URL=ws://127.0.0.1:1/ws?subscriptionId=x"), ""},
		{"credentials without encryption", with("ZOOM_API_URL=http://api.zoom.us/v2"), "ZOOM_API_URL: must be https"},
		{"without encryption to this machine", with("ZOOM_API_URL=http://localhost:1/v2", "ZOOM_OAUTH_URL=http://[::1]:1"), ""},
		{"a name with localhost as its prefix", with("ZOOM_OAUTH_URL=http://localhost.example"), "ZOOM_OAUTH_URL: must be https"},
		{"no URL", with("ZOOM_OAUTH_URL=zoom.us"), "ZOOM_OAUTH_URL: not a URL"},
		{"another protocol", with("ZOOM_OAUTH_URL=file://localhost/etc"), "ZOOM_OAUTH_URL: must be https"},
		{"no URL at all", with("ZOOM_OAUTH_URL=https://%zz"), "ZOOM_OAUTH_URL: not a URL"},
		{"an unknown plan", []string{"ZOOM_PLAN=enterprise"}, `ZOOM_PLAN: "enterprise" is none of free, pro, business, none`},
		{"no number", []string{"MAX_IN_FLIGHT=many"}, "MAX_IN_FLIGHT: not a whole number"},
		{"no room for answers", []string{"CACHE_BYTES=1000"}, "CACHE_BYTES: must be at least 1048576"},
		{"an invalid key", []string{"CACHE_KEYS=" + cacheKeys + ",third:c2hvcnQ="}, "CACHE_KEYS: key 3: not 32 bytes in base64; make one with: openssl rand -base64 32"},
		{"a key without a name", []string{"CACHE_KEYS=c2hvcnQ="}, "CACHE_KEYS: key 1: not id:key"},
		{"no size", []string{"CACHE_BYTES=64MB"}, "CACHE_BYTES: not a whole number"},
		{"a key that can be guessed", []string{"REDIS_NAME_KEY=test-secret"}, "REDIS_NAME_KEY: shorter than 32 characters"},
		{"no calls", []string{"MAX_IN_FLIGHT=0"}, "MAX_IN_FLIGHT: must be at least 1"},
		{"the least of everything", []string{"MAX_IN_FLIGHT=1", "CACHE_BYTES=1048576", "REQUEST_TIMEOUT=1ns", "DRAIN_TIME=0s"}, ""},
		{"a breaker that opens at once", []string{"BREAKER_CALLS=0"}, "BREAKER_CALLS: must be at least 1"},
		{"one that is always open", []string{"BREAKER_SHARE=0"}, "BREAKER_SHARE: must be more than 0"},
		{"one that never opens", []string{"BREAKER_SHARE=1.1"}, "BREAKER_SHARE: must be more than 0, and at most 1"},
		{"a share that is not a number", []string{"BREAKER_SHARE=NaN"}, "BREAKER_SHARE: must be more than 0"},
		{"a share in words", []string{"BREAKER_SHARE=half"}, "BREAKER_SHARE: not a number"},
		{"every call is slow", []string{"BREAKER_SLOW=0s"}, "BREAKER_SLOW: must be longer than 0s"},
		{"no connections", []string{"MAX_CONNECTIONS=0"}, "MAX_CONNECTIONS: must be at least 1"},
		{"no subscriptions", []string{"MAX_SUBSCRIPTIONS=0"}, "MAX_SUBSCRIPTIONS: must be at least 1"},
		{"no rest", []string{"BREAKER_REST=0s"}, "BREAKER_REST: must be longer than 0s"},
		{"no time", []string{"REQUEST_TIMEOUT=0s"}, "REQUEST_TIMEOUT: must be longer than 0s"},
		{"less than no time", []string{"DRAIN_TIME=-1s"}, "DRAIN_TIME: must not be negative"},
		{"a time without a unit", []string{"REQUEST_TIMEOUT=30"}, "REQUEST_TIMEOUT: not a duration"},
		{"a playground that is neither", []string{"PLAYGROUND=true"}, `PLAYGROUND: "true" is neither on nor off`},
		{"a price of no label", []string{"MAX_PRICE=gold=3"}, `MAX_PRICE: "gold" is not one of light`},
		{"a price without a number", []string{"MAX_PRICE=heavy=3,light"}, "MAX_PRICE: light has no number of calls"},
		{"a price that is less than nothing", []string{"MAX_PRICE=light=-1"}, "MAX_PRICE: light has no number of calls"},
		{"a duplicate price", []string{"MAX_PRICE=light=1,LIGHT=2"}, "MAX_PRICE: LIGHT occurs twice"},
		{"raw requests that are neither", []string{"RAW_REQUESTS=true"}, `RAW_REQUESTS: "true" is neither on nor off`},
		{"a form that is neither", []string{"LOG_FORMAT=xml"}, `LOG_FORMAT: "xml" is neither text nor json`},
		{"drift that is neither", []string{"DRIFT=true"}, `DRIFT: "true" is neither on nor off`},
		{"lifetimes that are neither", []string{"EVENT_LIFETIMES=1h"}, `EVENT_LIFETIMES: "1h" is neither on nor off`},
		{"addresses that are neither", []string{"LOG_REMOTE_ADDR=true"}, `LOG_REMOTE_ADDR: "true" is neither on nor off`},
		{"an unknown level", []string{"LOG_LEVEL=loud"}, "LOG_LEVEL: not DEBUG, INFO, WARN or ERROR"},
		{"a key instead of its hash", []string{"API_KEYS=my-key-test-secret"}, "API_KEYS: one is not 64 hex digits"},
		{"a truncated hash", []string{aKey + ",0a"}, "API_KEYS: one is not 64 hex digits"},
		{"64 letters that are no hex", []string{"API_KEYS=" + strings.Repeat("xy", 32)}, "API_KEYS: one is not 64 hex digits"},
		{"the hash of nothing", []string{"API_KEYS=E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, "API_KEYS: one is the hash of nothing"},
		{"an account on all addresses, without keys", with("ADDR=:8080"), "API_KEYS: not set, although other machines can reach :8080"},
		{"on all addresses", with("ADDR=0.0.0.0:8080"), "API_KEYS: not set"},
		{"on an address of the network", with("ADDR=192.168.0.7:8080"), "API_KEYS: not set"},
		{"on all addresses, with keys", with("ADDR=:8080", aKey), ""},
		{"on this machine, without keys", with("ADDR=localhost:8080"), ""},
		{"on this machine, by number", with("ADDR=[::1]:8080"), ""},
		{"the sandbox on all addresses, without keys", []string{"ADDR=:8080"}, ""},
	} {
		_, err := Load(c.environ)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.why, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: got %q, want %q alone", c.why, fmt.Sprint(err), c.want)
		case err != nil && strings.Contains(err.Error(), "test-secret"):
			t.Errorf("%s: a secret is printed: %v", c.why, err)
		}
	}
}

func TestLoad_allErrorsAtOnce(t *testing.T) {
	environ := []string{
		"ADDR=x", "ZOOM_CLIENT_SECRET=test-secret", "ZOOM_API_URL=x", "ZOOM_OAUTH_URL=x", "ZOOM_PLAN=x", "CACHE_BYTES=0", "MAX_IN_FLIGHT=x",
		"REQUEST_TIMEOUT=x", "DRAIN_TIME=x", "PLAYGROUND=x", "LOG_FORMAT=x", "LOG_LEVEL=x", "API_KEYS=x,y", "SANDBOX_USERS=x", "SANDBOX_PARTICIPANTS=x",
		"SANDBOX_SEED=-1", "SANDBOX_LATENCY=x",
	}
	_, err := Load(environ)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, set := range environ {
		name, _, _ := strings.Cut(set, "=")
		n := 0
		for _, line := range lines {
			if strings.HasPrefix(line, name+": ") || strings.Contains(line, name+",") && strings.Contains(line, ": ") {
				n++
			}
		}
		want := 1
		switch name {
		case "API_KEYS": // one for each
			want = 2
		case "ZOOM_CLIENT_SECRET": // the other two are missing
			want = 0
		}
		if n != want {
			t.Errorf("%s is reported %d times, not %d:\n%v", name, n, want, err)
		}
	}
	if _, second := Load(environ); second.Error() != err.Error() {
		t.Errorf("the order of errors changes:\n%v", second)
	}
}

func TestLoad_plan(t *testing.T) {
	for _, c := range []struct {
		why     string
		environ []string
		want    zoom.Plan
	}{
		{"the sandbox has the largest", nil, zoom.Business},
		{"an account has the smallest by default: too small is slow, too large is refused", with(), zoom.Free},
		{"as set", with("ZOOM_PLAN=pro"), zoom.Pro},
		{"a sandbox, as set", []string{"ZOOM_PLAN=none"}, zoom.NoLimits},
	} {
		got, err := Load(c.environ)
		if err != nil || got.Plan != c.want {
			t.Errorf("%s: got %q, %v", c.why, got.Plan, err)
		}
	}
}

func TestPlayground(t *testing.T) {
	for _, c := range []struct {
		why     string
		environ []string
		want    bool
	}{
		{"on this machine", with(), true},
		{"the sandbox, on all addresses", []string{"ADDR=:8080"}, true},
		{"a real account, on all addresses", with("ADDR=:8080", aKey), false},
		{"as set", with("ADDR=:8080", aKey, "PLAYGROUND=on"), true},
		{"as set", []string{"PLAYGROUND=off"}, false},
	} {
		got, err := Load(c.environ)
		if err != nil || got.PlaygroundOn() != c.want {
			t.Errorf("%s: got %v, %v", c.why, got.PlaygroundOn(), err)
		}
	}
}

func TestConfig_secretsAreNotPrinted(t *testing.T) {
	c, err := Load(with("REDIS_URL=redis://:test-secret@redis", "CACHE_KEYS="+cacheKeys))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", *c)
		fmt.Fprintf(&out, verb+"\n", c.ZoomClientSecret)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("start", "config", c, "secret", c.ZoomClientSecret)
	}
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(body)
	if s := out.String(); strings.Contains(s, "test-secret") || strings.Contains(s, cacheKeys[10:20]) || strings.Contains(s, fmt.Sprintf("%x", "test-secret")) || !strings.Contains(s, "[secret]") {
		t.Errorf("a secret is printed: %s", s)
	}
	if string(c.ZoomClientSecret) != "test-secret" {
		t.Error("the secret is lost")
	}
}

// Help lists each setting with its default.
func TestHelp(t *testing.T) {
	help := Help()
	lines := strings.Split(strings.TrimRight(help, "\n"), "\n")
	names := settings()
	if len(lines) != len(names) || len(names) < 20 {
		t.Fatalf("%d lines for %d settings:\n%s", len(lines), len(names), help)
	}
	text := regexp.MustCompile(`^  [A-Z_]+ +`)
	for i, name := range names {
		if fields := strings.Fields(lines[i]); fields[0] != name || len(fields) < 3 || len(text.FindString(lines[i])) != len(text.FindString(lines[0])) {
			t.Errorf("line %d is not that of %s, or is not aligned:\n%s", i+1, name, help)
		}
	}
	if strings.Contains(help, "()") {
		t.Errorf("an empty default is printed:\n%s", help)
	}
	for _, want := range []string{"(127.0.0.1:8080)", "(https://zoom.us)", "(67108864)", "(30s)", "(INFO)"} {
		if !strings.Contains(help, want) {
			t.Errorf("no default is printed as %s", want)
		}
	}
	if got := name("NoSuchField"); got != "NoSuchField" {
		t.Errorf("got %s", got)
	}
}
