package gateway

import (
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"zoomql/cache/redistest"
	"zoomql/internal/sandbox"
	"zoomql/internal/zoom/types"
)

// A name in Redis holds hashes: of keys in braces, and of tags.
var nameForm = regexp.MustCompile(`^zoomql:(v1:[a-z]:(r:|[0-9A-Z]{26})?\{:HASH\}|v1:t:(\*|HASH)|v1:evictions|rl:replicas|rl:\{zoomql:rl:replicas\}:sessions|rl:\{HASH\}:HASH(:state)?)$`)

func init() {
	nameForm = regexp.MustCompile(strings.ReplaceAll(nameForm.String(), "HASH", `[0-9A-Za-z_-]{22}`))
}

var address = regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.]+`)

// TestNamesInRedisHoldNoIDAndNoAddress asks the golden questions of two replicas,
// with and without a key for names, and looks at all keys that Redis ever had, and
// at all that was published.
func TestNamesInRedisHoldNoIDAndNoAddress(t *testing.T) {
	for _, secret := range []string{"", "0123456789abcdef0123456789abcdef"} {
		t.Run("key of "+secret, func(t *testing.T) {
			t.Parallel()
			r := startNamed(t, "REDIS_NAME_KEY="+secret)
			heard := r.hear()
			asked := 0
			for _, q := range r.questions() {
				for _, p := range []*process{r.a, r.b} {
					p.post(t, q)
				}
				asked++
			}
			r.a.ask(t, r.fill(`mutation { updateMeeting(input: {meeting: {number: "${MeetingNumber}"}, patch: {topic: "a"}}) { userErrors { code } } }`))
			r.a.ask(t, r.fill(`mutation { addRegistrant(input: { idempotencyKey: "k", meeting: { number: "${MeetingNumber}" }, registrant: { email: "ada@guests.example.org", firstName: "Ada" } }) { userErrors { code } } }`))
			names, messages := heard()
			known := r.known()
			if asked < 100 || len(names) < 100 || messages < 1 || len(known) < 50 {
				t.Fatalf("%d questions made %d names and %d messages; %d ids are known", asked, len(names), messages, len(known))
			}
			for name, what := range names {
				if what == "key" && !nameForm.MatchString(name) {
					t.Errorf("the name %q has another form", name)
				}
				for _, id := range known {
					if strings.Contains(name, id) {
						t.Errorf("the %s %q holds %q", what, name, id)
					}
				}
				if found := address.FindString(name); found != "" {
					t.Errorf("the %s %q holds %q", what, name, found)
				}
			}
		})
	}
}

func startNamed(t *testing.T, env ...string) *replicas {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{Plan: sandbox.PlanBusiness})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	redis := redistest.Start(t)
	env = append(env, "REDIS_URL="+redis.URL(), "ZOOM_API_URL="+server.URL+"/v2", "ZOOM_OAUTH_URL="+server.URL, "ZOOM_PLAN=business",
		"ZOOM_ACCOUNT_ID="+sandbox.AccountID, "ZOOM_CLIENT_ID="+sandbox.ClientID, "ZOOM_CLIENT_SECRET="+sandbox.ClientSecret)
	return &replicas{Sandbox: box, t: t, redis: redis, a: start(t, nil, env...), b: start(t, nil, env...)}
}

// hear takes note of each name of a key that Redis has, and of each message. What it
// returns ends it.
func (r *replicas) hear() func() (names map[string]string, messages int) {
	client := r.redis.Client()
	if err := client.ConfigSet(r.t.Context(), "notify-keyspace-events", "KA").Err(); err != nil {
		r.t.Fatal(err)
	}
	sub := client.PSubscribe(r.t.Context(), "*")
	if _, err := sub.Receive(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	names, messages := map[string]string{}, 0
	var mu sync.Mutex
	over := make(chan struct{})
	go func() {
		defer close(over)
		for msg := range sub.Channel() {
			mu.Lock()
			if key, ok := strings.CutPrefix(msg.Channel, "__keyspace@0__:"); ok {
				names[key] = "key"
			} else {
				names[msg.Payload] = "message"
				messages++
			}
			mu.Unlock()
		}
	}()
	return func() (map[string]string, int) {
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			mu.Lock()
			n := messages
			mu.Unlock()
			if n > 0 || time.Now().After(end) {
				break
			}
		}
		_ = sub.Close()
		<-over
		for keys := client.Scan(r.t.Context(), 0, "*", 1000).Iterator(); keys.Next(r.t.Context()); {
			names[keys.Val()] = "key"
		}
		return names, messages
	}
}

// questions are the bodies of the golden questions that need no answer of others.
func (r *replicas) questions() (bodies []string) {
	mark := regexp.MustCompile(`\$\{(\w+) (\w+)\}`)
	fill := func(text string) string {
		text = mark.ReplaceAllStringFunc(text, func(m string) string {
			part := mark.FindStringSubmatch(m)
			return types.NodeID{Type: part[1], Key: r.fill("${" + part[2] + "}")}.Encode(types.TenantOf(sandbox.AccountID))
		})
		if strings.Contains(regexp.MustCompile(`\$\{\w+\}`).ReplaceAllString(text, ""), "${") {
			return ""
		}
		return r.fill(text)
	}
	err := filepath.WalkDir("../../testdata/graphql", func(path string, _ fs.DirEntry, err error) error {
		if !strings.HasSuffix(path, ".txtar") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, f := range txtar.Parse(raw).Files {
			query := ""
			if strings.HasSuffix(f.Name, ".graphql") {
				query = fill(string(f.Data))
			}
			if query != "" {
				bodies = append(bodies, toJSON(r.t, map[string]string{"query": query}))
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return bodies
}

// known are ids and addresses of the sandbox.
func (r *replicas) known() (ids []string) {
	raw, err := json.Marshal(r.Landmarks())
	if err != nil {
		r.t.Fatal(err)
	}
	_, users := r.a.ask(r.t, `{ account { zoomId users(first: 300) { nodes { zoomId email } } } }`)
	for _, text := range []string{string(raw), toJSON(r.t, users)} {
		for _, id := range regexp.MustCompile(`:"?([\w.+@/=-]{8,})"?[,}]`).FindAllStringSubmatch(text, -1) {
			ids = append(ids, id[1])
		}
	}
	return ids
}

// A join link's passcode is in no value in Redis, and a replica that reads the link
// there shows all of it, without a call.
func TestALinkThatAnotherReplicaReadIsWhole(t *testing.T) {
	r := startReplicas(t)
	const question = `{ user(by: {zoomId: "${HostID}"}) { personalMeetingUrl meetings(first: 30) { nodes { joinUrl } } } meeting(by: {number: "${MeetingNumber}"}) { joinUrl } }`
	_, first := r.a.ask(t, r.fill(question))
	r.ResetCalls()
	_, second := r.b.ask(t, r.fill(question))
	if n := len(r.Calls()); n != 0 {
		t.Errorf("the other replica made %d calls", n)
	}
	one, two := toJSON(t, first["data"]), toJSON(t, second["data"])
	if one != two || !strings.Contains(one, "?pwd=") {
		t.Errorf("the first said\n%s\nand the other\n%s", one, two)
	}
	client := r.redis.Client()
	for keys := client.Scan(t.Context(), 0, "*:e:*", 1000).Iterator(); keys.Next(t.Context()); {
		if value := client.Get(t.Context(), keys.Val()).Val(); strings.Contains(value, "pwd=") {
			t.Errorf("Redis keeps %q", value)
		}
	}
}
