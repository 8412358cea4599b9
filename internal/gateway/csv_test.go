package gateway

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestAttendanceCSV reads who attended as files: with a key alone, as many persons as queries
// tell, for runs of meetings and webinars and for both.
func TestAttendanceCSV(t *testing.T) {
	sum := sha256.Sum256([]byte("the key"))
	p := start(t, nil, "API_KEYS=tester:"+hex.EncodeToString(sum[:]), "ALLOWED_ORIGINS=https://app.example.com")
	send := func(method, path, body string, header map[string]string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer the key")
		for name, value := range header {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	type told struct {
		CSVPath   string
		Totals    struct{ Attendees int }
		Attendees struct{ TotalCount int }
		Absentees struct{ TotalCount int }
	}
	var data struct {
		Data struct {
			Meeting struct {
				Attendance     told
				LatestInstance struct{ Attendance told }
			}
			Webinar struct {
				Attendance told
				Instances  struct{ Nodes []struct{ Attendance told } }
			}
		}
		Errors []any
	}
	query := `query ($from: Date!, $to: Date!) {
		meeting(by: {number: "176 1223 7059"}) {
			attendance(from: $from, to: $to) { csvPath attendees { totalCount } absentees { totalCount } }
			latestInstance { attendance(rules: {lateAfterSeconds: 60, byName: true}) { csvPath totals { attendees } absentees { totalCount } } }
		}
		webinar(by: {number: "WEBINAR"}) {
			attendance { csvPath attendees { totalCount } absentees { totalCount } }
			instances(first: 1) { nodes { attendance { csvPath totals { attendees } absentees { totalCount } } } }
		}
	}`
	var webinars struct {
		Data struct {
			Account struct {
				Users struct {
					Nodes []struct {
						Webinars *struct {
							Nodes []struct{ Number, Topic string }
						}
					}
				}
			}
		}
	}
	_, text := send(http.MethodPost, "/graphql", toJSON(t, map[string]string{"query": `{ account { users(first: 3) { nodes { webinars { nodes { number topic } } } } } }`}), map[string]string{"Content-Type": "application/json"})
	if err := json.Unmarshal([]byte(text), &webinars); err != nil {
		t.Fatal(err, text)
	}
	for _, u := range webinars.Data.Account.Users.Nodes {
		if u.Webinars == nil {
			continue
		}
		for _, w := range u.Webinars.Nodes {
			if w.Topic == "Product news, weekly" {
				query = strings.Replace(query, "WEBINAR", w.Number, 1)
			}
		}
	}
	body := toJSON(t, map[string]any{"query": query, "variables": map[string]any{"from": "2020-01-01", "to": "2099-01-01"}})
	_, text = send(http.MethodPost, "/graphql", body, map[string]string{"Content-Type": "application/json"})
	if err := json.Unmarshal([]byte(text), &data); err != nil || len(data.Errors) > 0 || len(data.Data.Webinar.Instances.Nodes) != 1 {
		t.Fatal(err, text)
	}
	for why, of := range map[string]told{
		"a run of a meeting": data.Data.Meeting.LatestInstance.Attendance, "a run of a webinar": data.Data.Webinar.Instances.Nodes[0].Attendance,
		"a meeting": data.Data.Meeting.Attendance, "a webinar": data.Data.Webinar.Attendance,
	} {
		resp, text := send(http.MethodGet, of.CSVPath, "", map[string]string{"Origin": "https://app.example.com"})
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if want := 1 + of.Totals.Attendees + of.Attendees.TotalCount + of.Absentees.TotalCount; err != nil || resp.StatusCode != http.StatusOK || len(lines) != want || want < 10 {
			t.Errorf("%s, %s: %s, %v, %d lines, want %d\n%.500s", why, of.CSVPath, resp.Status, err, len(lines), want, text)
		}
		if vary := strings.Join(resp.Header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Authorization") {
			t.Errorf("Vary: %s", vary)
		}
		if again, _ := send(http.MethodGet, of.CSVPath, "", map[string]string{"If-None-Match": resp.Header.Get("Etag")}); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s, once more: %s", why, again.Status)
		}
		if refused, _ := send(http.MethodGet, of.CSVPath, "", map[string]string{"Authorization": "Bearer another key"}); refused.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s, with a wrong key: %s", why, refused.Status)
		}
		if posted, _ := send(http.MethodPost, of.CSVPath, "", nil); posted.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s, by POST: %s", why, posted.Status)
		}
	}
	path := data.Data.Meeting.LatestInstance.Attendance.CSVPath
	if resp, _ := send(http.MethodOptions, path, "", map[string]string{"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}); resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("the question of a page ahead of its own: %s %v", resp.Status, resp.Header)
	}
	if resp, _ := send(http.MethodGet, path, "", map[string]string{"Sec-Fetch-Site": "cross-site"}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %s", resp.Status)
	}
}

// With TRUSTED_ONLY there are files all the same, since their documents are the gateway's own;
// any other document is refused.
func TestAttendanceCSV_trustedOnly(t *testing.T) {
	manifest := t.TempDir() + "/documents.json"
	const id = `{ meeting(by: {number: "176 1223 7059"}) { attendance { csvPath } latestInstance { attendance { csvPath } } } }`
	if err := os.WriteFile(manifest, []byte(toJSON(t, map[string]string{"it": id})), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "TRUSTED_DOCUMENTS="+manifest, "TRUSTED_ONLY=on")
	_, answer := p.post(t, `{"documentId": "it"}`)
	paths := strings.Split(toJSON(t, answer["data"]), `"csvPath":"`)[1:]
	for _, path := range paths {
		path, _, _ = strings.Cut(path, `"`)
		if status, body := p.get(t, path); status != http.StatusOK || !strings.HasPrefix(body, "name,email,") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if len(paths) != 2 {
		t.Errorf("paths: %q", paths)
	}
	if _, answer := p.ask(t, `{ meeting(by: {number: "176 1223 7059"}) { topic } }`); !strings.Contains(toJSON(t, answer["errors"]), "DOCUMENT_NOT_TRUSTED") {
		t.Errorf("another document: %v", answer)
	}
}
