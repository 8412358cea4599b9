package list

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"zoomql/graph/errs"
	"zoomql/internal/zoom"
)

// The ranges are cut on 1 January 2000, the day of synctest's clock.
func TestMonthly(t *testing.T) {
	for _, c := range []struct {
		why, from, to string
		spec          zoom.Spec
		want          string
		noted, err    error
	}{
		{why: "a month each, newest first", from: "1999-11-15", to: "2000-01-01", want: "01-01…01-01 12-01…12-31 11-15…11-30"},
		{why: "days to come, within the month", from: "1999-12-31", to: "2000-03-15", want: "12-31…01-31"},
		{why: "the future", from: "2000-02-01", to: "2000-02-15"},
		{why: "the future of a report on it", from: "2000-02-01", to: "2000-02-15", spec: zoom.Spec{Ahead: true}, want: "02-01…02-15"},
		{why: "no range", want: "01-01…01-01"},
		{why: "partly older than Zoom keeps", from: "1999-10-01", to: "1999-12-31", spec: zoom.Spec{Months: 1}, want: "12-01…12-31", noted: zoom.ErrExpired},
		{why: "older than Zoom keeps", from: "1999-10-01", to: "1999-11-30", spec: zoom.Spec{Months: 1}, err: zoom.ErrExpired},
		{why: "too many months", from: "1990-01-01", to: "1999-12-31", err: &errs.InputError{}},
		{why: "half a range", from: "1999-12-31", err: &errs.InputError{}},
		{why: "backwards", from: "1999-12-31", to: "1999-12-30", err: ErrBackwards},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := graphql.WithResponseContext(t.Context(), graphql.DefaultErrorPresenter, graphql.DefaultRecover)
			parse := func(day string) (at time.Time) {
				if day != "" {
					at, _ = time.Parse(time.DateOnly, day)
				}
				return at
			}
			w, err := Monthly(ctx, &c.spec, Days(parse(c.from), parse(c.to)), nil)
			_, mistaken := errors.AsType[*errs.InputError](err)
			if _, expected := errors.AsType[*errs.InputError](c.err); !errors.Is(err, c.err) && (!expected || !mistaken) {
				t.Fatalf("%s: %v, want %v", c.why, err, c.err)
			}
			var got []string
			for _, days := range w.Cut {
				got = append(got, fmt.Sprintf("%s…%s", days.From.Format("01-02"), days.To.Format("01-02")))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: %v, want %s", c.why, got, c.want)
			}
			if noted := graphql.GetErrors(ctx); len(noted) > 0 != (c.noted != nil) || c.noted != nil && !errors.Is(noted[0], c.noted) {
				t.Errorf("%s: it reports %v, want %v", c.why, noted, c.noted)
			}
		})
	}
}

// A list that is continued after midnight is cut as on the day when it was begun.
func TestBegunOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := BegunOn(t.Context(), nil)
		cursor := Place{Size: 30, Day: DayOf(begun)}.Encode(Fingerprint{})
		time.Sleep(48 * time.Hour)
		if got := BegunOn(t.Context(), &cursor); !got.Equal(begun) {
			t.Errorf("it began on %s, want %s", got, begun)
		}
		for _, bad := range []string{"garbage", Place{Size: 30, Day: DayOf(begun) + 100}.Encode(Fingerprint{})} {
			if got := BegunOn(t.Context(), &bad); !got.Equal(Today(t.Context())) {
				t.Errorf("by %q it began on %s", bad, got)
			}
		}
	})
}
