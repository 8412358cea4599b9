package zoom

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zoomql/internal/zoom/types"
)

var pages = cmp.Options{exported, cmpopts.IgnoreUnexported(Page[types.User]{})}

func TestPage_decodes(t *testing.T) {
	user := func(id types.Text) *types.User {
		u := &types.User{ZoomID: id}
		u.Op = ListUsers.Pattern
		return u
	}
	for _, c := range []struct {
		why, body string
		want      *Page[types.User] // nil if the body cannot be read
	}{
		{"as documented", `{"page_count":1,"page_number":1,"page_size":30,"total_records":2,"next_page_token":"t","users":[{"id":"a"},{"id":"b"}]}`,
			&Page[types.User]{Items: []*types.User{user("a"), user("b")}, Next: "t", Total: types.Int{N: 2, Valid: true}, Size: types.Int{N: 30, Valid: true}, Pages: types.Int{N: 1, Valid: true}}},
		{"a length of less than what is there", `{"total_records":1,"users":[{"id":"a"},{"id":"b"}]}`, &Page[types.User]{Items: []*types.User{user("a"), user("b")}}},
		{"a length of less than nothing", `{"total_records":-1,"users":[]}`, &Page[types.User]{Items: []*types.User{}}},
		{"the last page", `{"next_page_token":"","users":[{"id":"a"}]}`, &Page[types.User]{Items: []*types.User{user("a")}}},
		{"as the cache stores it", `{"zoomql_items":[{"id":"a"}],"next_page_token":"t"}`, &Page[types.User]{Items: []*types.User{user("a")}, Next: "t"}},
		{"unknown fields", `{"new":{"users":[{"id":"x"}]},"users":[{"id":"a","newer":[1]}],"newest":[[]]}`, &Page[types.User]{Items: []*types.User{user("a")}}},
		{"another list's array", `{"groups":[{"id":"x"}],"users":[]}`, &Page[types.User]{Items: []*types.User{}}},
		{"null among the items", `{"users":[null,{"id":"a"},null]}`, &Page[types.User]{Items: []*types.User{user("a")}, LeftOut: 2}},
		{"a text among the items", `{"users":["x",{"id":"a"},null],"next_page_token":"t"}`, &Page[types.User]{Items: []*types.User{user("a")}, LeftOut: 2, Next: "t"}},
		{"an item without an id", `{"users":[{"first_name":"x"},{"id":"a"}]}`, &Page[types.User]{Items: []*types.User{user("a")}, LeftOut: 1}},
		{"an item with an object for its id", `{"users":[{"id":{}},{"id":"a"}]}`, &Page[types.User]{Items: []*types.User{user("a")}, LeftOut: 1}},
		{"an item twice", `{"users":[{"id":"a"},{"id":"a"}]}`, &Page[types.User]{Items: []*types.User{user("a")}, Repeated: 1}},
		{"the cache's own fields", `{"zoomql_items":[{"id":"a"}],"zoomql_left_out":2,"zoomql_repeated":1,"zoomql_cut":true}`, &Page[types.User]{Items: []*types.User{user("a")}, LeftOut: 2, Repeated: 1, Cut: true}},
		{"fields of Zoom's that are called like ours", `{"users":[{"id":"a"}],"items":[{"id":"x"}],"left_out":2,"repeated":1,"cut":true,"beside":{}}`, &Page[types.User]{Items: []*types.User{user("a")}}},
		{"a number that is called like the items", `{"items":3,"users":[{"id":"a"}]}`, &Page[types.User]{Items: []*types.User{user("a")}}},
		{"an object for the token", `{"users":[{"id":"a"}],"next_page_token":{"t":1}}`, &Page[types.User]{Items: []*types.User{user("a")}, Cut: true}},
		{"false for the token", `{"users":[{"id":"a"}],"next_page_token":false}`, &Page[types.User]{Items: []*types.User{user("a")}, Next: "", Cut: true}},
		{"a range", `{"from":"2026-03-01","to":"2026-03-10T23:59:59Z","users":[]}`, &Page[types.User]{
			Items: []*types.User{}, From: types.Time{Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, To: types.Time{Time: time.Date(2026, 3, 10, 23, 59, 59, 0, time.UTC)},
		}},
		{"null for the items", `{"users":null}`, &Page[types.User]{}},
		{"no items and no name for them, and there are none", `{"total_records":0}`, &Page[types.User]{Total: types.Int{Valid: true}}},
		{"no items and no name for them", `{}`, nil},
		{"numbers as strings, strings as numbers", `{"total_records":"2","next_page_token":7,"users":[{"id":7}]}`, &Page[types.User]{Items: []*types.User{user("7")}, Next: "7", Total: types.Int{N: 2, Valid: true}}},
		{"null for the rest", `{"total_records":null,"next_page_token":null,"users":[]}`, &Page[types.User]{Items: []*types.User{}}},
		{"a duplicate name", `{"users":[{"id":"x"}],"users":[{"id":"a"}]}`, &Page[types.User]{Items: []*types.User{user("a")}}},
		{"a blank at the end", "{\"users\":[]}\n", &Page[types.User]{Items: []*types.User{}}},

		{"a top-level array", `[{"id":"a"}]`, nil},
		{"a string", `"users"`, nil},
		{"null", `null`, nil},
		{"nothing", ``, nil},
		{"cut off in the items", `{"users":[{"id":"a"}`, nil},
		{"cut off after the items", `{"users":[{"id":"a"}]`, nil},
		{"cut off in a name", `{"use`, nil},
		{"cut off in what is skipped", `{"new":{"a":`, nil},
		{"no value", `{"users":}`, nil},
		{"data after the object", `{"users":[]}{"users":[]}`, nil},
		{"an object for the items", `{"users":{"id":"a"}}`, nil},
		{"strings for the items", `{"users":["a"]}`, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			client := newTestClient(func(*http.Request) *http.Response { return answer(200, c.body) })
			got, err := ListUsers.Page(t.Context(), client, UserFilter{}, Paging{})
			if c.want == nil {
				if !errors.Is(asError(t, err), ErrBadAnswer) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got, pages); diff != "" || err != nil {
				t.Errorf("%v -want +got\n%s", err, diff)
			}
		})
	}
}

func TestPages_followToken(t *testing.T) {
	var calls log
	c := newTestClient(logged(&calls, func(r *http.Request) *http.Response {
		switch r.URL.Query().Get("next_page_token") {
		case "":
			return answer(200, `{"users":[{"id":"a"}],"next_page_token":"t 1"}`)
		case "t 1":
			return answer(200, `{"users":[],"next_page_token":"t2"}`)
		case "t2":
			return answer(200, `{"users":[{"id":"b"}],"next_page_token":""}`)
		}
		return answer(400, `{"code":300,"message":"The next page token is invalid or expired."}`)
	}))
	ask := func(from string, stop int) (ids []string, err error) {
		for page, err := range ListUsers.Pages(t.Context(), c, UserFilter{Status: types.UserStatusActive}, Paging{Size: 300, Token: from}) {
			if err != nil {
				return ids, err
			}
			for _, u := range page.Items {
				ids = append(ids, string(u.ZoomID))
			}
			if stop--; stop == 0 {
				break
			}
		}
		return ids, nil
	}
	ids, err := ask("", 0)
	if diff := cmp.Diff([]string{"a", "b"}, ids); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	calls.want(t, "one request with each token, until there is none; an empty page is no end",
		"GET /users?page_size=300&status=active",
		"GET /users?next_page_token=t+1&page_size=300&status=active",
		"GET /users?next_page_token=t2&page_size=300&status=active")
	if ids, err := ask("dead", 0); len(ids) != 0 || !errors.Is(err, ErrPageToken) {
		t.Errorf("an expired token: got %v, %v", ids, err)
	}
	calls.take()
	c.Evict(t.Context(), "users")
	if _, err := ask("", 1); err != nil {
		t.Error(err)
	}
	calls.want(t, "a caller that stops reads no further", "GET /users?page_size=300&status=active")
}

func TestPageIndex(t *testing.T) {
	page := &Page[types.User]{Items: []*types.User{{ZoomID: "a", Email: "Ann@Example.com"}, {ZoomID: "b"}}}
	var wait sync.WaitGroup
	for range 8 { // a page is shared
		wait.Go(func() {
			for name, want := range map[string]*types.User{"a": page.Items[0], "ann@example.com": page.Items[0], "b": page.Items[1], "Ann@Example.com": nil, "": nil, "c": nil} {
				if got := UserIn(page, name); got != want {
					t.Errorf("%q is %v", name, got)
				}
			}
		})
	}
	wait.Wait()
}

// A list that lacks items is asked for again shortly, and another one is not.
func TestPage_lackingItems(t *testing.T) {
	for body, want := range map[string]int{
		`{"users":[{"id":"a"},null],"total_records":2}`:                  2,
		`{"users":[{"id":"a"}],"total_records":2}`:                       2,
		`{"users":[{"id":"a"}],"total_records":1,"next_page_token":{}}`:  2,
		`{"users":[{"id":"a"}],"total_records":2,"next_page_token":"t"}`: 1,
		`{"users":[{"id":"a"},{"id":"a"}],"total_records":2}`:            1,
		`{"users":[{"id":"a"}],"total_records":1}`:                       1,
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			c := newTestClient(func(*http.Request) *http.Response { calls++; return answer(200, body) })
			ask := func() {
				if _, err := ListUsers.Page(t.Context(), c, UserFilter{}, Paging{}); err != nil {
					t.Fatal(err)
				}
			}
			ask()
			ask()
			if calls != 1 {
				t.Errorf("%s: %d calls at once", body, calls)
			}
			time.Sleep(absent)
			ask()
			if calls != want {
				t.Errorf("%s: %d calls, want %d", body, calls, want)
			}
		})
	}
}

// A page with a token is fresh no longer than the token.
func TestPage_lifetimeOfToken(t *testing.T) {
	for _, c := range []struct {
		why  string
		next string
		want string
	}{
		{"without a token it lives as its kind does", "", "24h0m0s"},
		{"with one no longer than the token", "t", "14m0s"},
	} {
		if got := (&Page[types.User]{Next: c.next}).keep(Closed.TTL(), true).String(); got != c.want {
			t.Errorf("%s: got %s", c.why, got)
		}
		if got := (&Page[types.User]{Next: c.next}).keep(Live.TTL(), true); got != Live.TTL() {
			t.Errorf("%s: what lives shorter anyway lives %v", c.why, got)
		}
	}
	if tokenLife.Minutes() >= 15 || !strings.HasSuffix(tokenLife.String(), "m0s") {
		t.Errorf("a token expires after 15 minutes at Zoom; tokenLife is %v", tokenLife)
	}
}

// A page with irregular items survives the encoding for other processes.
func TestPage_encodingRoundTrip(t *testing.T) {
	for _, body := range []string{
		`{"users":["x",null,{"id":"a"},{"id":"a"},{"first_name":"none"}],"total_records":9,"page_size":5,"page_count":2,"from":"2026-03-01","to":"2026-03-02"}`,
		`{"users":[{"id":"a"}],"next_page_token":[]}`,
	} {
		c := newTestClient(func(*http.Request) *http.Response { return answer(200, body) })
		page, err := ListUsers.Page(t.Context(), c, UserFilter{}, Paging{})
		if err != nil {
			t.Fatal(err)
		}
		req, err := ListUsers.request(c, ListUsers.input(UserFilter{}, Paging{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := pack(req, page)
		if err != nil {
			t.Fatal(err)
		}
		again, err := unpack(req, packed)
		if diff := cmp.Diff(page, again, pages); diff != "" || err != nil {
			t.Errorf("%v -want +got\n%s", err, diff)
		}
	}
}

// Pages ends with an error if the list is not complete by Zoom's count.
func TestPages_endEarly(t *testing.T) {
	for _, c := range []struct {
		why   string
		pages map[string]string
		want  error
	}{
		{"as many as Zoom counts", map[string]string{"": `{"users":[{"id":"a"}],"total_records":2,"next_page_token":"t"}`, "t": `{"users":[{"id":"b"}],"total_records":2}`}, nil},
		{"more than Zoom counts", map[string]string{"": `{"users":[{"id":"a"},{"id":"b"}],"total_records":1}`}, nil},
		{"no count", map[string]string{"": `{"users":[{"id":"a"}]}`}, nil},
		{"no items", map[string]string{"": `{"users":[],"total_records":0}`}, nil},
		{"fewer than Zoom counts", map[string]string{"": `{"users":[{"id":"a"}],"total_records":2}`}, ErrIncomplete},
		{"an empty second page", map[string]string{"": `{"users":[{"id":"a"}],"total_records":2,"next_page_token":"t"}`, "t": `{"users":[],"total_records":2}`}, ErrIncomplete},
		{"one that was on the page before", map[string]string{"": `{"users":[{"id":"a"}],"total_records":3,"next_page_token":"t"}`, "t": `{"users":[{"id":"a"},{"id":"b"}],"total_records":3}`}, ErrIncomplete},
		{"a page that came before", map[string]string{"": `{"users":[{"id":"a"}],"next_page_token":"t"}`, "t": `{"users":[{"id":"a"}],"next_page_token":"u"}`}, ErrBadAnswer},
		{"one without an id", map[string]string{"": `{"users":[{"id":"a"},{}]}`}, ErrBadAnswer},
		{"more pages than came", map[string]string{"": `{"users":[{"id":"a"},{"id":"b"}],"page_size":2,"page_count":3}`}, ErrIncomplete},
		{"more pages than came, and as many items as Zoom counts", map[string]string{"": `{"users":[{"id":"a"}],"total_records":1,"page_size":1,"page_count":3}`}, nil},
		{"as many pages as came", map[string]string{"": `{"users":[{"id":"a"},{"id":"b"}],"page_size":2,"page_count":2,"next_page_token":"t"}`, "t": `{"users":[{"id":"c"}],"page_size":2,"page_count":2}`}, nil},
		{"a page count without a size", map[string]string{"": `{"users":[{"id":"a"}],"page_count":3}`}, nil},
		{"an overflowing page count", map[string]string{"": `{"users":[{"id":"a"}],"page_size":9223372036854775807,"page_count":9223372036854775807}`}, nil},
		{"a token that cannot be read", map[string]string{"": `{"users":[{"id":"a"}],"next_page_token":{}}`}, ErrBadAnswer},
	} {
		client := newTestClient(func(r *http.Request) *http.Response {
			return answer(200, c.pages[r.URL.Query().Get("next_page_token")])
		})
		var last error
		for _, err := range ListUsers.Pages(t.Context(), client, UserFilter{}, Paging{Size: 300}) {
			last = err
		}
		if !errors.Is(last, c.want) || c.want == nil && last != nil {
			t.Errorf("%s: %v, want %v", c.why, last, c.want)
		}
	}
}

// A list with new items on every page is read up to maxPages.
func TestPages_neverEnd(t *testing.T) {
	pages := 0
	client := newTestClient(func(*http.Request) *http.Response {
		pages++
		return answer(200, fmt.Sprintf(`{"users":[{"id":"u%[1]d"}],"total_records":3,"next_page_token":"t%[1]d"}`, pages))
	}, func(cfg *Config) { cfg.Store = nil })
	var last error
	for _, err := range ListUsers.Pages(t.Context(), client, UserFilter{}, Paging{Size: 300}) {
		last = err
	}
	if !errors.Is(last, ErrBadAnswer) || pages != maxPages {
		t.Errorf("%v after %d pages", last, pages)
	}
}

// Numbered pages are read as long as Zoom's figures say that there are more; an invalid
// length does not end them.
func TestPages_numbered(t *testing.T) {
	full := `"webinars":[{"id":1},{"id":2}]`
	for _, c := range []struct{ body, token, next string }{
		{`{"total_records":5,` + full + `}`, "", "2"},
		{`{"total_records":5,` + full + `}`, "3", ""},
		{`{"total_records":0,` + full + `}`, "", "2"},
		{`{"total_records":-1,` + full + `}`, "4", "5"},
		{`{"total_records":2,"page_count":3,` + full + `}`, "", "2"},
		{`{"total_records":2,"page_count":3,` + full + `}`, "3", ""},
		{`{"total_records":2,"page_count":1,` + full + `}`, "", ""},
		{`{"page_count":2,"webinars":[{"id":1}]}`, "", "2"},
		{`{"page_count":2,"webinars":[]}`, "", ""},
	} {
		client := newTestClient(func(*http.Request) *http.Response { return answer(200, c.body) })
		paging := Paging{Size: 2, Token: c.token}
		page, err := ListWebinars.Page(t.Context(), client, WebinarFilter{UserID: "u"}, paging)
		if err != nil {
			t.Fatal(err)
		}
		if next := ListWebinars.After(paging, page, page.Count()); next != c.next {
			t.Errorf("the page after %q of %s is %q, want %q", c.token, c.body, next, c.next)
		}
	}
}

// Reading compares Zoom's count with the items returned.
func TestReading(t *testing.T) {
	page := func(total int, ids ...types.Text) *Page[types.User] {
		p := &Page[types.User]{Items: []*types.User{}, Total: types.Int{N: int64(total), Valid: total >= 0}}
		for _, id := range ids {
			p.Items = append(p.Items, &types.User{ZoomID: id})
		}
		return p
	}
	for _, c := range []struct {
		why   string
		pages []*Page[types.User]
		read  int // before
		early error
	}{
		{"all", []*Page[types.User]{page(2, "a"), page(2, "b")}, 0, nil},
		{"one was added while reading, and one is on two pages", []*Page[types.User]{page(3, "a", "b"), page(4, "b", "c")}, 0, nil},
		{"one is on two pages, in the place of another", []*Page[types.User]{page(4, "a", "b"), page(4, "b", "c")}, 0, ErrIncomplete},
		{"one is on two pages, and all have come", []*Page[types.User]{page(3, "a", "b"), page(3, "b", "c")}, 0, nil},
		{"one was removed while reading", []*Page[types.User]{page(4, "a", "b"), page(3, "d")}, 0, nil},
		{"after a part that was read before", []*Page[types.User]{page(12, "a", "b")}, 10, nil},
		{"a count that grew by much", []*Page[types.User]{page(2, "a"), page(9, "b")}, 0, ErrIncomplete},
		{"a count that grew with what came", []*Page[types.User]{page(2, "a"), page(3, "b", "c")}, 0, nil},
		{"a count that grew, after a part that was read before", []*Page[types.User]{page(11, "a"), page(13, "b")}, 10, ErrIncomplete},
		{"few", []*Page[types.User]{page(3, "a"), page(3, "b")}, 0, ErrIncomplete},
		{"few, after a part that was read before", []*Page[types.User]{page(13, "a", "b")}, 10, ErrIncomplete},
		{"none at all", []*Page[types.User]{page(3)}, 0, ErrIncomplete},
		{"the last page again", []*Page[types.User]{page(-1, "a"), page(-1, "a")}, 0, ErrBadAnswer},
		{"the last page again, of a complete list", []*Page[types.User]{page(1, "a"), page(1, "a")}, 0, nil},
	} {
		var r Reading[types.User]
		r.Part(c.read)
		for _, p := range c.pages {
			r.Add(p)
		}
		if err := r.Early(ListUsers.Spec); !errors.Is(err, c.early) || c.early == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.why, err, c.early)
		}
	}
}

// A stay that is not in an incomplete list may exist.
func TestFindStays_listEndsEarly(t *testing.T) {
	for _, c := range []struct {
		total string
		want  error
	}{{`"total_records":1,`, ErrNotFound}, {`"total_records":2,`, ErrIncomplete}, {"", ErrNotFound}} {
		client := newTestClient(func(*http.Request) *http.Response {
			return answer(200, `{`+c.total+`"next_page_token":"","participants":[{"user_id":"1"}]}`)
		})
		found := FindStays(t.Context(), client, RunParticipants{RunKey: RunKey{Run: "a=="}}, false, []string{"1", "2"})
		if found[0].Object == nil || found[0].Err != nil || !errors.Is(found[1].Err, c.want) {
			t.Errorf("%s: %v, %v", c.total, found[0].Err, found[1].Err)
		}
	}
}

// A missing list within an object is an error for that list, and the object is not stored
// without it.
func TestWithin(t *testing.T) {
	for past, want := range map[string]error{
		``: ErrBadAnswer, `,"past_meetings":""`: ErrBadAnswer, `,"past_meetings":{}`: ErrBadAnswer, `,"past_meetings":{"meetings":""}`: ErrBadAnswer,
		`,"past_meetings":{"meetings":null,"total_records":2}`: ErrBadAnswer,
		`,"past_meetings":{"total_records":0}`:                 nil, `,"past_meetings":{"meetings":[]}`: nil, `,"past_meetings":{"meetings":[{"uuid":"a=="}]}`: nil,
	} {
		calls := 0
		client := newTestClient(func(*http.Request) *http.Response { calls++; return answer(200, `{"id":"z"`+past+`}`) })
		for range 2 {
			_, err := ListZoomRoomMeetings.Page(t.Context(), client, ZoomRoomFilter{RoomID: "z"}, Paging{Size: 30})
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s is %v, want %v", past, err, want)
			}
		}
		if stored := calls == 1; stored != (want == nil) {
			t.Errorf("%s cost %d calls", past, calls)
		}
		room, err := GetZoomRoom.Do(t.Context(), client, listInput[ZoomRoomFilter]{Filter: ZoomRoomFilter{RoomID: "z"}})
		if err != nil || room.ZoomID != "z" {
			t.Errorf("the room of %s is %v, %v", past, room, err)
		}
	}
}

// A list of texts of another JSON type is null; it does not fail the list that the operation
// is about.
func TestZoomRoom_misfitIsNull(t *testing.T) {
	for _, issues := range []string{`["x"]`, `true`, `"x"`, `{}`} {
		var room ZoomRoom
		body := `{"id":"a","issues":` + issues + `,"past_meetings":{"meetings":[]}}`
		if err := types.Unmarshal([]byte(body), &room); err != nil || room.ZoomID != "a" {
			t.Errorf("%s: %v, %q", body, err, room.ZoomID)
		}
	}
}
