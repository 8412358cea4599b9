package config

import (
	"strings"
	"testing"
)

func TestLoad_allowedOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.com":         "https://app.example.com",
		"https://App.Example.com:8443":    "https://app.example.com:8443",
		"https://app.example.com/":        "https://app.example.com",
		"https://app.example.com:443":     "https://app.example.com",
		"http://localhost:80":             "http://localhost",
		"http://localhost:3000":           "http://localhost:3000",
		"http://[::1]:3000":               "http://[::1]:3000",
		"capacitor://localhost":           "capacitor://localhost",
		"chrome-extension://abcdefghijkl": "chrome-extension://abcdefghijkl",
	} {
		cfg, err := Load([]string{"ALLOWED_ORIGINS=" + text})
		if err != nil || len(cfg.AllowedOrigins) != 1 || cfg.AllowedOrigins[0] != want {
			t.Errorf("%q: %q, %v", text, cfg.AllowedOrigins, err)
		}
	}
	for text, want := range map[string]string{
		"https://app.example.com/page":           "omit everything",
		"https://app.example.com?x=1":            "omit everything",
		"https://app.example.com/#top":           "omit everything",
		"https://me:test-secret@app.example.com": "omit everything",
		"app.example.com":                        "is not an origin such as https://app.example.com",
		"localhost:3000":                         "is not an origin",
		"//app.example.com":                      "is not an origin",
		"https://":                               "is not an origin",
		"https://:443":                           "is not an origin",
		"null":                                   "is not an origin",
		"*":                                      "list each one",
		"https://*.example.com":                  "list each one",
		"https://büro.example":                   "xn--",
		"https://a.example,https://b.x/y,":       "omit everything",
	} {
		_, err := Load([]string{"ALLOWED_ORIGINS=" + text})
		if err == nil || !strings.Contains(err.Error(), "ALLOWED_ORIGINS: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "test-secret") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestLoad_allowedHeaders(t *testing.T) {
	if cfg, err := Load([]string{"ALLOWED_HEADERS=X-Tenant, x-trace"}); err != nil || strings.Join(cfg.AllowedHeaders, ";") != "X-Tenant;x-trace" {
		t.Errorf("%q, %v", cfg.AllowedHeaders, err)
	}
	for _, text := range []string{"X Tenant", "X-Tenant:", "*", "X-Tenant,,Y"} {
		if _, err := Load([]string{"ALLOWED_HEADERS=" + text}); err == nil || !strings.Contains(err.Error(), "ALLOWED_HEADERS: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPublicOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"https://Gateway.example":            "https://gateway.example",
		"https://gateway.example:443/zoom":   "https://gateway.example",
		"http://gateway.example:8080/zoom/q": "http://gateway.example:8080",
	} {
		if got := (&Config{PublicURL: text}).PublicOrigin(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
