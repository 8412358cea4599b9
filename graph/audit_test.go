package graph

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zoomql/internal/sandbox"
	"zoomql/internal/zoom"
)

// clients contains GraphQL programs of other projects, at the versions of its
// package-lock.json.
const clients = "../testdata/clients"

// TestAudit runs graphql-http's audits of the handler: all 61 pass. It needs Node, and a network
// the first time.
func TestAudit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left out: -short")
	}
	node := installClients(t)
	box, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	behind := httptest.NewServer(box)
	defer behind.Close()
	server := httptest.NewServer(New(Config{Introspection: true, Credential: sandboxApp(behind), Client: zoom.New(zoom.Config{
		AccountID: sandbox.AccountID, Plan: zoom.NoLimits, BaseURL: behind.URL + "/v2",
		HTTP: behind.Client(),
	})}))
	defer server.Close()

	cmd := exec.CommandContext(t.Context(), node, "audit.mjs", server.URL+"/graphql")
	cmd.Dir = clients
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	audits := 0
	for line := range bytes.Lines(out) {
		var audit struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal(line, &audit); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		audits++
		if audit.Status != "ok" {
			t.Errorf("%s %s: %s: %s", audit.ID, audit.Status, audit.Name, audit.Reason)
		}
	}
	if audits != 61 {
		t.Errorf("there were %d audits, want 61", audits)
	}
}

// installClients returns the path of node, after installing the clients' packages.
func installClients(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("left out: node is not installed")
	}
	lock, installed := filepath.Join(clients, "package-lock.json"), filepath.Join(clients, "node_modules", ".lock-of-install")
	if same(lock, installed) {
		return node
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("left out: npm is not installed")
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund",
		"--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000") // without a network npm would try for a minute
	cmd.Dir = clients
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("left out: npm ci in %s: %v: %s", clients, err, lastLine(out))
	}
	text, err := os.ReadFile(lock)
	if err == nil {
		err = os.WriteFile(installed, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func same(a, b string) bool {
	one, err1 := os.ReadFile(a)
	two, err2 := os.ReadFile(b)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
