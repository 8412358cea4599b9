package zoom

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/ratelimit"
	"zoomql/internal/zoom/types"
)

func TestParsePlan(t *testing.T) {
	for _, c := range []struct {
		name string
		want Plan // "" for an error
	}{
		{"free", Free}, {"pro", Pro}, {"business", Business}, {"none", NoLimits}, {"Business", Business}, {"PRO", Pro},
		{"", ""}, {"enterprise", ""}, {" pro", ""},
	} {
		got, err := ParsePlan(c.name)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v", c.name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "free, pro, business, none") {
			t.Errorf("%q: the refusal does not say what there is: %v", c.name, err)
		}
	}
}

// The figures are those of zoom/facts.md, section 1, repeated here to detect a typing
// mistake in the table.
func TestBudgets(t *testing.T) {
	second := func(key string, n int) ratelimit.Limit {
		l := ratelimit.Limit{Key: "a:" + key, Calls: n, Window: time.Second}
		if n >= 20 {
			l.Burst = n * 2 / 3 // paced
		}
		return l
	}
	minute := func(key string, n int) ratelimit.Limit {
		return ratelimit.Limit{Key: "a:" + key, Calls: n, Window: time.Minute}
	}
	daily := func(key string, n int) ratelimit.Limit {
		return ratelimit.Limit{Key: "a:" + key, Calls: n, Daily: true}
	}
	for _, c := range []struct {
		plan Plan
		rate Rate
		want []ratelimit.Limit
	}{
		{Free, Light, []ratelimit.Limit{second("LIGHT", 4), daily("LIGHT:day", 6_000)}},
		{Free, Medium, []ratelimit.Limit{second("MEDIUM", 2), daily("MEDIUM:day", 2_000)}},
		{Free, Heavy, []ratelimit.Limit{second("HEAVY", 1), daily("HEAVY:day", 1_000)}},
		{Free, ResourceIntensive, []ratelimit.Limit{minute("RESOURCE_INTENSIVE", 10), daily("RESOURCE_INTENSIVE:day", 30_000)}},
		{Pro, Light, []ratelimit.Limit{second("LIGHT", 30)}},
		{Pro, Medium, []ratelimit.Limit{second("MEDIUM", 20)}},
		{Pro, Heavy, []ratelimit.Limit{second("HEAVY", 10), daily("pool", 30_000)}},
		{Pro, ResourceIntensive, []ratelimit.Limit{minute("RESOURCE_INTENSIVE", 10), daily("pool", 30_000)}},
		{Business, Light, []ratelimit.Limit{second("LIGHT", 80)}},
		{Business, Medium, []ratelimit.Limit{second("MEDIUM", 60)}},
		{Business, Heavy, []ratelimit.Limit{second("HEAVY", 40), daily("pool", 60_000)}},
		{Business, ResourceIntensive, []ratelimit.Limit{minute("RESOURCE_INTENSIVE", 20), daily("pool", 60_000)}},
		{NoLimits, Light, nil},
		{NoLimits, ResourceIntensive, nil},
	} {
		got := c.plan.labels("a", &Spec{}, c.rate)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, %v: -want +got\n%s", c.plan, c.rate, diff)
		}
	}
}

// The quotas of one object follow the label's limits.
func TestQuotas(t *testing.T) {
	of := func(host string) []ratelimit.Limit {
		req, err := CreateMeeting.request(anyone, NewMeeting{UserID: host, Meeting: &types.NewMeeting{}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return dues{Business.labels("a", req.Spec, Light), Business.quotas("a", req, nil)}.all()
	}
	got := of("u")
	if len(got) != 2 || got[0].Key != "a:LIGHT" || got[1].Calls != 100 || !got[1].Daily {
		t.Errorf("got %+v", got)
	}
	if got[1].Key == of("v")[1].Key || got[1].Key != of("u")[1].Key {
		t.Error("each host has an allowance of its own")
	}
	if NoLimits.labels("a", CreateMeeting.Spec, Light) != nil || NoLimits.quotas("a", &Request{Spec: CreateMeeting.Spec}, nil) != nil {
		t.Error("a plan without limits has limits")
	}
}

func TestPlan_perSecond(t *testing.T) {
	for _, c := range []struct {
		plan Plan
		rate Rate
		want float64
	}{
		{Free, Light, 4},
		{Business, Medium, 60},
		{Pro, ResourceIntensive, 10.0 / 60},
		{NoLimits, Medium, 60}, // without limits, labels are weighed as on the largest plan
	} {
		if got := c.plan.perSecond(c.rate); got != c.want {
			t.Errorf("%s, %v: got %v, want %v", c.plan, c.rate, got, c.want)
		}
	}
}

func TestUsage(t *testing.T) {
	u := &Usage{}
	ctx := WithUsage(t.Context(), u)
	usageFrom(ctx).called(Light)
	usageFrom(ctx).called(Light)
	usageFrom(ctx).called(Heavy)
	usageFrom(ctx).hit()
	usageFrom(ctx).wait(time.Second)
	usageFrom(ctx).wait(time.Millisecond) // concurrent with the other: the longest wait counts
	if u.Calls(Light) != 2 || u.Calls(Heavy) != 1 || u.Calls(Medium) != 0 || u.Hits() != 1 || u.Waited() != time.Second {
		t.Errorf("got %d, %d, %d calls, %d hits, %v", u.Calls(Light), u.Calls(Heavy), u.Calls(Medium), u.Hits(), u.Waited())
	}
	none := usageFrom(t.Context())
	none.called(Light)
	none.hit()
	none.wait(time.Second)
	if fresh := (&Usage{}); fresh.Calls(Light) != 0 || fresh.Hits() != 0 || fresh.Waited() != 0 {
		t.Error("the zero Usage has counted something")
	}
}
