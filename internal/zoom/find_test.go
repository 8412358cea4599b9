package zoom

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"zoomql/internal/zoom/types"
)

// fakeUsers is a server with the users of an account. It answers GET /users and
// GET /users/{id}.
type fakeUsers struct {
	lists   map[string][]string // status → ids in order
	hidden  []string            // users that are in no listing
	totals  bool                // lists report their length
	failing string              // the status of the list that answers 403
	pageMax int                 // maximum page size; 0 means the requested one
	more    int                 // how many more items a list counts than it returns
	calls   log
}

func (z *fakeUsers) wire(r *http.Request) *http.Response {
	z.calls.note(r)
	id, one := strings.CutPrefix(r.URL.Path, "/v2/users/")
	if one {
		id = strings.TrimSuffix(id, "@example.com")
		for _, ids := range z.lists {
			if slices.Contains(ids, id) {
				return answer(200, userBody(id))
			}
		}
		if slices.Contains(z.hidden, id) {
			return answer(200, userBody(id))
		}
		return answer(404, `{"code":1001,"message":"User does not exist."}`)
	}
	q := r.URL.Query()
	if q.Get("status") == z.failing {
		return answer(403, `{"code":200,"message":"No permission."}`)
	}
	ids := z.lists[q.Get("status")]
	from, _ := strconv.Atoi(q.Get("next_page_token"))
	size, _ := strconv.Atoi(q.Get("page_size"))
	if z.pageMax > 0 {
		size = min(size, z.pageMax)
	}
	to, next := from+size, ""
	if to < len(ids) {
		next = strconv.Itoa(to)
	}
	to = min(to, len(ids))
	items := make([]string, 0, to-from)
	for _, id := range ids[from:to] {
		items = append(items, userBody(id))
	}
	total := ""
	if z.totals {
		total = fmt.Sprintf(`"total_records":%d,`, len(ids)+z.more)
	}
	return answer(200, fmt.Sprintf(`{%s"next_page_token":%q,"users":[%s]}`, total, next, strings.Join(items, ",")))
}

func userBody(id string) string { return fmt.Sprintf(`{"id":%q,"email":"%s@Example.com"}`, id, id) }

func ids(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = prefix + strconv.Itoa(i)
	}
	return list
}

// wantFound fails the test unless the objects are those of the keys, in order, and
// ErrNotFound for keys that do not exist.
func wantFound(t rapid.TB, keys []string, found []Found[types.User], exists func(string) bool) {
	t.Helper()
	if len(found) != len(keys) {
		t.Fatalf("%d keys became %d objects", len(keys), len(found))
	}
	for i, key := range keys {
		f := found[i]
		switch {
		case !exists(key):
			if f.Object != nil || !errors.Is(f.Err, ErrNotFound) {
				t.Fatalf("%s, which is not there, is %+v, %v", key, f.Object, f.Err)
			}
		case f.Err != nil || f.Object == nil:
			t.Fatalf("%s is %v, %v", key, f.Object, f.Err)
		case string(f.Object.ZoomID) != key && strings.ToLower(string(f.Object.Email)) != key:
			t.Fatalf("%s is %s", key, f.Object.ZoomID)
		}
	}
}

// spent counts calls: pages of lists and single users.
func spent(calls []string) (lists, gets int) {
	for _, call := range calls {
		if strings.HasPrefix(call, "GET /users?") {
			lists++
		} else {
			gets++
		}
	}
	return lists, gets
}

func TestFind(t *testing.T) {
	active := ids("a", 100)
	const page = "GET /users?page_size=2000&status="
	for _, c := range []struct {
		why   string
		zoom  *fakeUsers
		first []string // requested before
		keys  []string
		calls []string
	}{
		{"no keys", &fakeUsers{}, nil, nil, nil},
		{"one key", &fakeUsers{lists: map[string][]string{"active": active}}, nil, []string{"a7"}, []string{"GET /users/a7"}},
		{"few keys: a call for each", &fakeUsers{lists: map[string][]string{"active": active}}, nil, active[:3], []string{"GET /users/a0", "GET /users/a1", "GET /users/a2"}},
		{"many keys: one page", &fakeUsers{lists: map[string][]string{"active": active}}, nil, active[10:60], []string{page + "active"}},
		{"in the order of the keys", &fakeUsers{lists: map[string][]string{"active": active}}, nil, []string{"a9", "a3", "a50", "a1", "a2", "a3", "a99", "a0"}, []string{page + "active"}},
		{"by e-mail and by id", &fakeUsers{lists: map[string][]string{"active": active}}, nil, []string{"a0@example.com", "a1", "a2@example.com", "a3", "a4", "a5", "a6"}, []string{page + "active"}},
		{
			"a user in none of the lists, all read to their ends, does not exist",
			&fakeUsers{lists: map[string][]string{"active": active, "inactive": {"i0"}, "pending": {"p0"}}}, nil,
			append(ids("stranger", 30), "a0", "i0", "p0"), []string{page + "active", page + "inactive", page + "pending"},
		},
		{
			"few unknown ids are requested by key: more lists would cost more",
			&fakeUsers{lists: map[string][]string{"active": active}}, nil,
			append(slices.Clone(active[:20]), "stranger0", "stranger1"), []string{page + "active", "GET /users/stranger0", "GET /users/stranger1"},
		},
		{
			"a list that may not be read: the users are requested by key",
			&fakeUsers{lists: map[string][]string{"active": active}, failing: "active"}, nil,
			active[:8], append([]string{page + "active"}, prefixed("GET /users/", active[:8])...),
		},
		{
			"users of a list that may not be read are requested by key",
			&fakeUsers{lists: map[string][]string{"active": active, "inactive": ids("i", 9)}, failing: "inactive"}, nil,
			append(slices.Clone(active[:20]), ids("i", 9)...), append([]string{page + "active", page + "inactive"}, prefixed("GET /users/", ids("i", 9))...),
		},
		{
			"a list that is known to be long does not pay, nor do less likely ones",
			&fakeUsers{lists: map[string][]string{"active": ids("a", 20_000)}, totals: true}, ids("a", 30),
			[]string{"a19999", "a19998", "a19997", "a19996", "a19995", "a19994", "a19993"}, prefixed("GET /users/", []string{"a19993", "a19994", "a19995", "a19996", "a19997", "a19998", "a19999"}),
		},
		{
			"those that are missing on the first page are looked for in the next list, since a call for each would make the page one in vain; the last two cost less one by one",
			&fakeUsers{lists: map[string][]string{"active": active, "inactive": ids("i", 3)}}, nil,
			[]string{"a1", "i0", "i1", "i2", "stranger0", "stranger1"}, []string{page + "active", page + "inactive", "GET /users/stranger0", "GET /users/stranger1"},
		},
		{
			"half of them on the first page: the others cost less one by one",
			&fakeUsers{lists: map[string][]string{"active": active, "inactive": ids("i", 3)}}, nil,
			append(slices.Clone(active[:4]), ids("i", 3)...), append([]string{page + "active"}, prefixed("GET /users/", ids("i", 3))...),
		},
		{
			"users on a cached page cost no call",
			&fakeUsers{lists: map[string][]string{"active": active}}, active[:30],
			[]string{"a99"}, nil,
		},
		{
			"nor do cached users",
			&fakeUsers{lists: map[string][]string{"active": active}}, active[:2],
			[]string{"a1", "a0@example.com"}, nil,
		},
		{
			"users missing in incomplete lists are requested by key",
			&fakeUsers{lists: map[string][]string{"active": active}, hidden: ids("h", 10), totals: true, more: 3}, nil,
			append(slices.Clone(active[:20]), ids("h", 10)...), append([]string{page + "active"}, prefixed("GET /users/", ids("h", 10))...),
		},
		{
			"a list without totals is read page by page as long as it pays",
			&fakeUsers{lists: map[string][]string{"active": active}, pageMax: 50}, nil,
			active[20:90], []string{page + "active", "GET /users?next_page_token=50&page_size=2000&status=active"},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := newTestClient(c.zoom.wire, func(cfg *Config) { cfg.Plan = Business })
			if c.first != nil {
				FindUsers(t.Context(), client, c.first, nil)
				c.zoom.calls.take()
			}
			found := FindUsers(t.Context(), client, c.keys, nil)
			wantFound(t, c.keys, found, func(key string) bool { return !strings.HasPrefix(key, "stranger") })
			got := c.zoom.calls.take()
			if lists, _ := spent(got); lists < len(got) {
				slices.Sort(got[lists:]) // they are concurrent
			}
			if diff := cmp.Diff(c.calls, got); diff != "" {
				t.Errorf("%s: the calls: -want +got\n%s", c.why, diff)
			}
		})
	}
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = prefix + s
	}
	return out
}

// For any account, all users are found and no others, and never at a higher price than that of
// one call for each key, as long as the lists can be read, hold all that they count, and have the
// lengths that are assumed. Otherwise that shows only when they were read, and a quarter of that
// price, or fewPages pages, may be spent in vain.
func TestFind_calls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 30), rapid.IntRange(0, 9000))
		z := &fakeUsers{
			lists: map[string][]string{
				"active":   ids("a", size.Draw(t, "active")),
				"inactive": ids("i", size.Draw(t, "inactive")),
				"pending":  ids("p", rapid.IntRange(0, 30).Draw(t, "pending")),
			},
			hidden:  ids("h", 20),
			totals:  rapid.Bool().Draw(t, "totals"),
			failing: rapid.SampledFrom([]string{"-", "active", "inactive", "pending"}).Draw(t, "failing"),
			pageMax: rapid.SampledFrom([]int{0, 7, 300}).Draw(t, "page"),
		}
		all := slices.Concat(z.lists["active"], z.lists["inactive"], z.lists["pending"])
		if z.failing != "-" {
			all = append(all, z.hidden...) // complete listings prove that other users do not exist
		}
		plan := rapid.SampledFrom([]Plan{Free, Pro, Business, NoLimits}).Draw(t, "plan")
		client := newTestClient(z.wire, func(c *Config) { c.Plan = plan })
		exists := map[string]bool{}
		for _, id := range all {
			exists[id] = true
			exists[id+"@example.com"] = true
		}
		for range rapid.IntRange(1, 3).Draw(t, "questions") {
			n := rapid.OneOf(rapid.IntRange(0, 12), rapid.IntRange(0, 400)).Draw(t, "keys")
			keys := make([]string, n)
			for i := range keys {
				kind := rapid.IntRange(0, 3).Draw(t, "kind")
				switch {
				case kind == 0 || len(all) == 0:
					keys[i] = "stranger" + strconv.Itoa(rapid.IntRange(0, 500).Draw(t, "stranger"))
				case kind == 1:
					keys[i] = rapid.SampledFrom(all).Draw(t, "user") + "@example.com"
				default:
					keys[i] = rapid.SampledFrom(all).Draw(t, "user")
				}
			}
			slices.Sort(keys)
			keys = slices.Compact(keys)                                 // as loaders do
			found := FindUsers(context.Background(), client, keys, nil) //nolint:usetesting // rapid.T has a context for each try
			wantFound(t, keys, found, func(key string) bool { return exists[key] })

			lists, gets := spent(z.calls.take())
			w := plan.weights(Scarcity{}, ListUsers.Spec, GetUser.Spec)
			most := w.price(0, len(keys))
			if z.failing != "-" || z.pageMax > 0 || slices.ContainsFunc(slices.Collect(maps.Values(z.lists)), func(ids []string) bool { return len(ids) > ListUsers.MaxPage }) {
				most += max(most/listingPays, w.price(fewPages, 0))
			}
			if w.price(lists, gets) > most+1e-9 {
				t.Fatalf("%d pages and %d calls for %d keys", lists, gets, len(keys))
			}
		}
	})
}

// slowly is fakeUsers with a delay of one second, so that the duration of a search is the
// number of its round trips.
func slowly(z *fakeUsers) wire {
	return func(r *http.Request) *http.Response {
		time.Sleep(time.Second)
		return z.wire(r)
	}
}

// An e-mail address may be in none of the lists, so they are read concurrently. An id is
// most likely in the first.
func TestFind_roundTrips(t *testing.T) {
	for _, c := range []struct {
		why   string
		known []string // requested before
		keys  []string
		trips time.Duration
		calls int
	}{
		{"by id: one list after the other", nil, ids("stranger", 30), 3 * time.Second, 3},
		{"by e-mail: all lists at once", nil, append(ids("stranger", 29), "stranger@example.com"), time.Second, 3},
		{"of a list that is known the page is not read again", ids("a", 9), append(ids("stranger", 29), "stranger@example.com"), time.Second, 2},
		{"few keys are not worth three lists", nil, []string{"a0@example.com", "a1", "a2", "a3", "a4", "a5"}, time.Second, 1},
		{"many calls by key are made at once", nil, []string{"a0", "a1", "a2"}, time.Second, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			z := &fakeUsers{lists: map[string][]string{"active": ids("a", 40)}}
			client := newTestClient(slowly(z), func(cfg *Config) { cfg.Plan = Business })
			if c.known != nil {
				FindUsers(t.Context(), client, c.known, nil)
				z.calls.take()
			}
			began := time.Now()
			found := FindUsers(t.Context(), client, c.keys, nil)
			wantFound(t, c.keys, found, func(key string) bool { return !strings.HasPrefix(key, "stranger") })
			if trips, calls := time.Since(began), z.calls.take(); trips != c.trips || len(calls) != c.calls {
				t.Errorf("%s: took %v and %d calls, want %v and %d: %v", c.why, trips, len(calls), c.trips, c.calls, calls)
			}
		})
	}
}

// A list saves no call for users who are requested one by one later. As long as it is not known who
// they are, a page has to pay for the others alone.
func TestFind_requestedLater(t *testing.T) {
	for _, c := range []struct{ keys, later, pages, calls int }{
		{8, 0, 1, 0},
		{8, 2, 1, 0},
		{8, 3, 0, 8}, // Business: a page pays for six users
		{40, 100, 0, 40},
	} {
		z, asked := &fakeUsers{lists: map[string][]string{"active": ids("a", 40)}}, 0
		client := newTestClient(z.wire, func(cfg *Config) { cfg.Plan = Business })
		find := func() (pages, calls int) {
			found := FindUsers(t.Context(), client, ids("a", c.keys), func(context.Context) int { asked++; return c.later })
			wantFound(t, ids("a", c.keys), found, func(string) bool { return true })
			return spent(z.calls.take())
		}
		if pages, calls := find(); pages != c.pages || calls != c.calls {
			t.Errorf("%d of %d later: %d pages and %d calls, want %d and %d", c.later, c.keys, pages, calls, c.pages, c.calls)
		}
		if find(); asked != 1 {
			t.Errorf("%d times computed, want once: the second search found all in the cache", asked)
		}
	}
}

// A list that may not be read is requested once, also where all lists are read at once.
func TestFind_refusedList(t *testing.T) {
	z := &fakeUsers{lists: map[string][]string{"active": ids("a", 40), "inactive": ids("i", 9)}, failing: "inactive"}
	client := newTestClient(z.wire, func(cfg *Config) { cfg.Plan = Business })
	keys := append(ids("a", 30), "i1@example.com")
	wantFound(t, keys, FindUsers(t.Context(), client, keys, nil), func(string) bool { return true })
	if lists, gets := spent(z.calls.take()); lists != 3 || gets != 1 {
		t.Errorf("%d pages and %d calls, want one page of each list and one call", lists, gets)
	}
}

// A page whose call is under way costs nothing to join.
func TestFind_pageUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &fakeUsers{lists: map[string][]string{"active": ids("a", 40)}}
		client := newTestClient(slowly(z), func(cfg *Config) { cfg.Plan = Business })
		many := make(chan struct{})
		go func() {
			FindUsers(t.Context(), client, ids("a", 30), nil)
			close(many)
		}()
		synctest.Wait()
		found := FindUsers(t.Context(), client, []string{"a39"}, nil) // without the page, it would be requested by key
		wantFound(t, []string{"a39"}, found, func(string) bool { return true })
		<-many
		z.calls.want(t, "one page for both", "GET /users?page_size=2000&status=active")
	})
}

// The length of a list is stored when it is read. If Zoom does not report it, it is at least
// one more than the items read.
func TestFind_knownLengths(t *testing.T) {
	for _, totals := range []bool{true, false} {
		z := &fakeUsers{lists: map[string][]string{"active": ids("a", 9000)}, totals: totals}
		client := newTestClient(z.wire, func(cfg *Config) { cfg.Plan, cfg.Store = Business, nil })
		FindUsers(t.Context(), client, []string{"a0", "a1", "a2", "a3", "a4", "a1999", "a2001"}, nil) // a page, and one by key
		if lists, gets := spent(z.calls.take()); lists != 1 || gets != 1 {
			t.Errorf("at first it is taken to be one page: %d pages, %d calls", lists, gets)
		}
		FindUsers(t.Context(), client, ids("a", 8), nil)
		if lists, gets := spent(z.calls.take()); lists != 0 || gets != 8 {
			t.Errorf("totals %v: the second time it is known to be longer: %d pages, %d calls", totals, lists, gets)
		}
	}
}

// A list that cannot be read to its end, or whose pages are many, proves of nobody that there is no
// such user: no page is read where that might make few keys dearer than a call for each.
func TestFind_cannotProve(t *testing.T) {
	for why, z := range map[string]*fakeUsers{
		"a list beside is long":       {lists: map[string][]string{"active": ids("a", 100), "inactive": ids("i", 9_000)}, totals: true},
		"the list itself is too long": {lists: map[string][]string{"active": ids("a", 9_000)}, totals: true},
	} {
		client := newTestClient(z.wire, func(cfg *Config) { cfg.Plan, cfg.Store = Business, nil })
		FindUsers(t.Context(), client, ids("stranger", 200), nil) // tells the lengths
		z.calls.take()
		FindUsers(t.Context(), client, ids("a", 8), nil)
		if lists, gets := spent(z.calls.take()); lists != 0 || gets != 8 {
			t.Errorf("%s: %d pages, %d calls", why, lists, gets)
		}
		FindUsers(t.Context(), client, ids("a", 80), nil)
		if lists, gets := spent(z.calls.take()); lists == 0 || gets != 0 {
			t.Errorf("%s: of many keys: %d pages, %d calls", why, lists, gets)
		}
	}
}

// Users who have to be read whole are asked for by e-mail address, few of them one by one: a list
// that is not at hand would be paid beside. Of many, of whom a few were asked for and most are
// nobody's, lists tell which addresses are nobody's.
func TestFindUsersWhole(t *testing.T) {
	mails := func(prefix string, n int) []string {
		names := ids(prefix, n)
		for i := range names {
			names[i] += "@example.com"
		}
		return names
	}
	z := &fakeUsers{lists: map[string][]string{"active": ids("a", 40)}, totals: true}
	done := make(chan struct{})
	close(done)
	for _, c := range []struct {
		why         string
		first, keys []string
		lists, gets int
	}{
		{"few", nil, mails("a", 9), 0, 9},
		{"few, with a list at hand", ids("a", 20), append(mails("a", 3), mails("stranger", 2)...), 0, 2}, // the others stand in the list
		{"many who are users", nil, mails("a", 40), 0, 40},
		{"many of whom half are users", nil, append(mails("a", 30), mails("stranger", 30)...), 0, 60},
		{"many strangers", nil, append(mails("a", 4), mails("stranger", 56)...), 3, 8},
		{"few after many", append(mails("a", 30), mails("stranger", 30)...), mails("stranger", 9), 0, 0},
	} {
		client := newTestClient(z.wire, func(cfg *Config) { cfg.Plan = Business })
		if c.first != nil {
			FindUsers(t.Context(), client, c.first, nil)
			z.calls.take()
		}
		found := FindUsersWhole(t.Context(), client, c.keys, done)
		wantFound(t, c.keys, found, func(key string) bool { return !strings.HasPrefix(key, "stranger") })
		if lists, gets := spent(z.calls.take()); lists != c.lists || gets != c.gets {
			t.Errorf("%s: %d pages and %d calls, want %d and %d", c.why, lists, gets, c.lists, c.gets)
		}
	}
}

// Users whom the caller requests at the same time are looked for after these were read.
func TestFindUsersWhole_requestedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := ids("a", 40)
		for i := range keys {
			keys[i] += "@example.com"
		}
		z := &fakeUsers{lists: map[string][]string{"active": ids("a", 40)}, totals: true}
		client := newTestClient(z.wire, func(cfg *Config) { cfg.Plan = Business })
		read, found := make(chan struct{}), make(chan []Found[types.User])
		go func() { found <- FindUsersWhole(t.Context(), client, keys, read) }()
		synctest.Wait()
		if _, gets := spent(z.calls.take()); gets != sampled {
			t.Errorf("%d calls before the others were read, want %d", gets, sampled)
		}
		for i := range 40 {
			if _, err := GetUser.Do(t.Context(), client, UserKey{fmt.Sprint("a", i)}); err != nil {
				t.Fatal(err)
			}
		}
		z.calls.take()
		close(read)
		wantFound(t, keys, <-found, func(string) bool { return true })
		if calls := z.calls.take(); len(calls) > 0 {
			t.Errorf("users who were read meanwhile are requested again: %v", calls)
		}
	})
}

// Registrants are in three lists, by status.
func TestFindRegistrants(t *testing.T) {
	var calls log
	const page = "/meetings/7/registrants?page_size=300&status="
	c := newTestClient(logged(&calls, zoomWith(map[string]string{
		page + "approved":           `{"registrants":[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"},{"id":"e"},{"id":"f"}]}`,
		page + "pending":            `{"registrants":[{"id":"p"}]}`,
		page + "denied":             `{"registrants":[]}`,
		"/meetings/7/registrants/p": `{"id":"p"}`,
	})), func(c *Config) { c.Plan = Business })
	ask := func(ids ...string) (got []string) {
		for _, f := range FindRegistrants(t.Context(), c, RegistrantsOf{Number: 7}, ids, nil) {
			switch {
			case errors.Is(f.Err, ErrNotFound):
				got = append(got, "none")
			case f.Err != nil || f.Object.Meeting != 7:
				t.Errorf("%v: got %+v, %v", ids, f.Object, f.Err)
			default:
				got = append(got, string(f.Object.ZoomID))
			}
		}
		return got
	}
	if diff := cmp.Diff([]string{"p"}, ask("p")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	calls.want(t, "one is requested by key", "GET /meetings/7/registrants/p")
	if diff := cmp.Diff([]string{"f", "e", "d", "c", "b", "a", "p"}, ask("f", "e", "d", "c", "b", "a", "p")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	calls.want(t, "many are listed", "GET "+page+"approved")
	if diff := cmp.Diff([]string{"a", "none", "none"}, ask("a", "x", "y")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	got := calls.take()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"GET /meetings/7/registrants/x", "GET /meetings/7/registrants/y"}, got); diff != "" {
		t.Errorf("the cached list costs nothing, and few unknown ids are requested by key: -want +got\n%s", diff)
	}
	if len(FindRegistrants(t.Context(), c, RegistrantsOf{Number: 8}, nil, nil)) != 0 {
		t.Error("no ids, but objects")
	}
}

// Each bounds the concurrent calls.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(nil, func(c *Config) { c.MaxInFlight = 3 })
		var now, most, done atomic.Int32
		c.Each(10, func(i int) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			done.Add(int32(i))
		})
		if most.Load() != 3 || done.Load() != 45 {
			t.Errorf("%d at once; the sum is %d", most.Load(), done.Load())
		}
	})
}
