package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/cache/redistest"
	"zoomql/internal/sandbox"
)

// replicas are two gateways of one account over one Redis.
type replicas struct {
	*sandbox.Sandbox
	t     *testing.T
	redis *redistest.Server
	a, b  *process
}

func startReplicas(t *testing.T, env ...string) *replicas {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{Plan: sandbox.PlanNone})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	redis := redistest.Start(t)
	env = append(env, "REDIS_URL="+redis.URL(), "ZOOM_API_URL="+server.URL+"/v2", "ZOOM_OAUTH_URL="+server.URL, "ZOOM_PLAN=none",
		"ZOOM_ACCOUNT_ID="+sandbox.AccountID, "ZOOM_CLIENT_ID="+sandbox.ClientID, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret)
	r := &replicas{Sandbox: box, t: t, redis: redis, a: start(t, nil, env...), b: start(t, nil, env...)}
	for _, p := range []*process{r.a, r.b} { // tokens are there, and Redis is
		p.ask(t, `{ account { users(first: 1) { nodes { email } } } }`)
	}
	r.ResetCalls()
	return r
}

// fill puts the landmarks of the sandbox in the place of their names.
func (r *replicas) fill(text string) string {
	raw, err := json.Marshal(r.Landmarks())
	if err != nil {
		r.t.Fatal(err)
	}
	var marks map[string]any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&marks); err != nil {
		r.t.Fatal(err)
	}
	return regexp.MustCompile(`\$\{\w+\}`).ReplaceAllStringFunc(text, func(name string) string {
		switch v := marks[strings.Trim(name, "${}")].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		r.t.Fatalf("no landmark %s", name)
		return ""
	})
}

// send sends a mutation and returns its payload, or the code of its error.
func (r *replicas) send(p *process, mutation string) any {
	r.t.Helper()
	_, answer := p.ask(r.t, r.fill("mutation { it: "+mutation+" }"))
	if errs, failed := answer["errors"].([]any); failed {
		extensions, _ := errs[0].(map[string]any)["extensions"].(map[string]any)
		return extensions["code"]
	}
	payload, _ := answer["data"].(map[string]any)["it"].(map[string]any)
	if meeting, ok := payload["meeting"].(map[string]any); ok { // a link that is another each second
		link, _ := meeting["startUrl"].(string)
		meeting["startUrl"], _, _ = strings.Cut(link, "?zak=sandbox")
	}
	return payload
}

// mistake returns the code of the first of userErrors.
func mistake(payload any) string {
	fields, _ := payload.(map[string]any)
	if list, _ := fields["userErrors"].([]any); len(list) > 0 {
		return list[0].(map[string]any)["code"].(string)
	}
	return ""
}

// creates counts the calls that make something.
func (r *replicas) creates() (n int) {
	for _, c := range r.Calls() {
		if strings.HasPrefix(c.Pattern, "POST /") && !strings.Contains(c.Pattern, "oauth") {
			n++
		}
	}
	return n
}

const newMeeting = `createMeeting(input: { idempotencyKey: "KEY", host: { zoomId: "${HostID}" }, meeting: { topic: "Once", password: "canary1" } }) {
	meeting { id number topic startUrl joinUrl password } userErrors { code message } }`

func withKey(key string) string { return strings.Replace(newMeeting, "KEY", key, 1) }

// Whatever is made: a repeat on another replica makes nothing, and is told what
// the first one was, credentials included, which Redis does not know.
func TestARepeatElsewhereAnswersWithTheFirstResult(t *testing.T) {
	r := startReplicas(t)
	for _, mutation := range []string{
		withKey("k"),
		`addRegistrant(input: { idempotencyKey: "k", meeting: { number: "${MeetingNumber}" }, registrant: { email: "ada@guests.example.org", firstName: "Ada" } }) {
			registrant { registrantId joinUrl participantPinCode meetingNumber topic startTime meeting { topic } registrant { email } } userErrors { code message } }`,
		`addWebinarRegistrant(input: { idempotencyKey: "k", webinar: { number: "${WebinarNumber}" }, registrant: { email: "ada@guests.example.org", firstName: "Ada" } }) {
			registrant { registrantId joinUrl meetingNumber topic startTime webinar { topic } registrant { email } } userErrors { code message } }`,
		`createUser(input: { idempotencyKey: "k", action: CUST_CREATE, user: { email: "new.one@example.com", type: BASIC, firstName: "New", lastName: "One" } }) {
			user { zoomId email firstName lastName type } userErrors { code message } }`,
		`createPoll(input: { idempotencyKey: "k", meeting: { number: "${MeetingNumber}" }, poll: { title: "Lunch", questions: [{ name: "When?", type: SINGLE, answers: ["12", "13"] }] } }) {
			poll { id zoomId title questions { name answers } } userErrors { code message } }`,
		`createRole(input: { idempotencyKey: "k", role: { name: "Helper", description: "Helps" } }) { role { id name } userErrors { code message } }`,
		`createGroup(input: { idempotencyKey: "k", group: { name: "Helpers" } }) { group { id zoomId name totalMembers } userErrors { code message } }`,
		`createMeetingTemplate(input: { idempotencyKey: "k", user: { zoomId: "${HostID}" }, meeting: { number: "${MeetingNumber}" }, name: "Mine" }) {
			template { zoomId name } userErrors { code message } }`,
		`createInformationBarrierPolicy(input: { idempotencyKey: "k", policy: { name: "Two desks", assignedGroupId: "sandboxGroup1", toGroupId: "sandboxGroup2", settings: { meeting: true, inMeetingChat: true, fileTransfer: false, screenShare: true, recording: false, im: true, completePhoneCalls: true, messageViaSms: false } } }) {
			policy { id zoomId name status } userErrors { code message } }`,
		`createSubAccount(input: { idempotencyKey: "k", account: { firstName: "Sub", lastName: "Owner", email: "sub@sub.example.com", password: "canary1A" } }) {
			account { zoomId owner { email } } userErrors { code message } }`,
	} {
		name, _, _ := strings.Cut(mutation, "(")
		r.ResetCalls()
		first := r.send(r.a, mutation)
		if _, made := first.(map[string]any); !made || mistake(first) != "" {
			t.Errorf("%s: %v", name, first)
			continue
		}
		again, here := r.send(r.b, mutation), r.send(r.a, mutation)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%s (-first +other replica):\n%s", name, diff)
		}
		if diff := cmp.Diff(first, here); diff != "" {
			t.Errorf("%s (-first +same replica):\n%s", name, diff)
		}
		if n := r.creates(); n != 1 {
			t.Errorf("%s: %d were made", name, n)
		}
	}
	if other := r.send(r.b, strings.Replace(withKey("k"), "Once", "Twice", 1)); mistake(other) != "INVALID" {
		t.Errorf("the same key for something else, on the other replica: %v", other)
	}
	client := r.redis.Client()
	notes, err := client.Keys(t.Context(), "zoomql:v1:n:*").Result()
	if err != nil || len(notes) < 8 {
		t.Fatalf("%d notes, %v", len(notes), err)
	}
	for _, key := range notes {
		note, err := client.HGetAll(t.Context(), key).Result()
		// A sum and Zoom's id, and nothing besides.
		if err != nil || len(note) != 3 || note["state"] != "done" || !keyForm.MatchString(key) || !noteForm.MatchString(note["outcome"]) {
			t.Errorf("Redis knows too much: %q, %v", note, err)
		}
		if left := client.TTL(t.Context(), key).Val(); left < 23*time.Hour || left > 24*time.Hour {
			t.Errorf("the note lives %s", left)
		}
	}
}

var (
	keyForm = regexp.MustCompile(`^zoomql:v1:n:\{:[0-9A-Za-z_-]{22}\}$`)
	// Zoom tells no id of a new role, which is found by its name.
	noteForm = regexp.MustCompile(`^p\{"input":"[A-Za-z0-9+/]{43}=","id":"[\w-]*"\}$`)
)

// Many at once, on both replicas, make one.
func TestCreatesAtOnceOnTwoReplicas(t *testing.T) {
	r := startReplicas(t)
	r.SetLatency(200 * time.Millisecond)
	var all sync.WaitGroup
	told := make([]any, 10)
	for i := range told {
		all.Go(func() { told[i] = r.send([]*process{r.a, r.b}[i%2], withKey("k")) })
	}
	all.Wait()
	for _, other := range told {
		if diff := cmp.Diff(told[0], other); diff != "" || mistake(other) != "" {
			t.Errorf("-first +other:\n%s", diff)
		}
	}
	if n := r.creates(); n != 1 {
		t.Errorf("%d were made", n)
	}
}

// Where nobody knows whether Zoom did it, nobody does it again.
func TestUnknownOutcomeOnTwoReplicas(t *testing.T) {
	r := startReplicas(t, "CACHE_KEYS=one:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	const create = "POST /users/{userId}/meetings"
	r.Fault(sandbox.Fault{Pattern: create, CloseConnection: true})
	if first := r.send(r.a, withKey("k")); first != "OUTCOME_UNKNOWN" {
		t.Errorf("no answer came, and the caller is told %v", first)
	}
	for _, p := range []*process{r.b, r.a, r.b} {
		if again := r.send(p, withKey("k")); again != "OUTCOME_UNKNOWN" {
			t.Errorf("a repeat: %v", again)
		}
	}
	if n := r.creates(); n != 1 {
		t.Errorf("%d were made", n)
	}

	// What Zoom refused was not done: the next one may.
	r.ResetCalls()
	r.Fault(sandbox.Fault{Pattern: create, Status: 400, Code: 300, Message: "Not now."})
	if first := r.send(r.a, withKey("refused")); mistake(first) != "INVALID" {
		t.Errorf("refused: %v", first)
	}
	if again := r.send(r.b, withKey("refused")); mistake(again) != "" || r.creates() != 2 {
		t.Errorf("after a refusal: %v, %d tries", again, r.creates())
	}

	// A replica that ends in the middle of it has told nobody.
	r.ResetCalls()
	r.SetLatency(2 * time.Second)
	body := toJSON(t, map[string]string{"query": r.fill("mutation { it: " + withKey("killed") + " }")})
	go func() { // nobody hears the answer
		if resp, err := http.Post(r.a.url+"/graphql", "application/json", strings.NewReader(body)); err == nil {
			_ = resp.Body.Close()
		}
	}()
	for end := time.Now().Add(10 * time.Second); r.creates() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was sent")
		}
	}
	_ = r.a.cmd.Process.Kill()
	began := time.Now()
	if again := r.send(r.b, withKey("killed")); again != "OUTCOME_UNKNOWN" || r.creates() != 1 {
		t.Errorf("after %s: %v, %d were made", time.Since(began), again, r.creates())
	}
}

// Without Redis nobody can tell whether another replica does it: a create with a key
// is refused before anything is sent, one without a key is made.
func TestCreatesWithoutRedis(t *testing.T) {
	r := startReplicas(t)
	r.redis.Kill()
	_, answer := r.a.ask(t, r.fill("mutation { it: "+withKey("k")+" }"))
	var refusal struct {
		Errors []struct {
			Extensions struct {
				Code    string
				RetryAt time.Time
			}
		}
	}
	if err := json.Unmarshal([]byte(toJSON(t, answer)), &refusal); err != nil {
		t.Fatal(err)
	}
	if len(refusal.Errors) != 1 || refusal.Errors[0].Extensions.Code != "IDEMPOTENCY_UNAVAILABLE" || refusal.Errors[0].Extensions.RetryAt.IsZero() || r.creates() != 0 {
		t.Errorf("with a key: %v, %d were made", answer, r.creates())
	}
	bare := r.send(r.a, strings.Replace(newMeeting, `idempotencyKey: "KEY", `, "", 1))
	if mistake(bare) != "" || r.creates() != 1 {
		t.Errorf("without a key: %v, %d were made", bare, r.creates())
	}

	r.ResetCalls()
	r.redis.Run()
	for _, p := range []*process{r.b, r.a} {
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if again := r.send(p, withKey("k")); again != "IDEMPOTENCY_UNAVAILABLE" {
				if mistake(again) != "" {
					t.Errorf("with Redis again: %v", again)
				}
				break
			}
			if time.Now().After(end) {
				t.Fatal("Redis is back, and creates are refused still")
			}
		}
	}
	if n := r.creates(); n != 1 {
		t.Errorf("%d were made", n)
	}
}
