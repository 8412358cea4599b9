package attendees

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"zoomql/graph/errs"
	"zoomql/internal/attendance"
	"zoomql/internal/attendancecsv"
	"zoomql/internal/zoom/types"
)

// LongestRule bounds the times of rules, in seconds: a week. No meeting lasts that long.
const LongestRule = 7 * 24 * 60 * 60

// UsualRules are the schema's defaults.
func UsualRules(byName bool) types.AttendanceRules {
	return types.AttendanceRules{LateAfterSeconds: 300, LeftEarlyBeforeSeconds: 300, WaitingRoom: types.WaitingRoomTimeExclude, ByName: byName}
}

// RulesOf returns the rules of package attendance for those of a caller, or an error if one is out of
// bounds.
func RulesOf(in types.AttendanceRules) (attendance.Rules, error) {
	for _, rule := range []struct {
		name    string
		seconds int
	}{
		{"lateAfterSeconds", in.LateAfterSeconds}, {"leftEarlyBeforeSeconds", in.LeftEarlyBeforeSeconds},
		{"minimumSeconds", in.MinimumSeconds}, {"mergeGapSeconds", in.MergeGapSeconds},
	} {
		if rule.seconds < 0 || rule.seconds > LongestRule {
			return attendance.Rules{}, errs.Invalid(fmt.Sprintf("rules.%s: %d is not between 0 and %d", rule.name, rule.seconds, LongestRule))
		}
	}
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return attendance.Rules{
		LateAfter: seconds(in.LateAfterSeconds), LeftEarlyBefore: seconds(in.LeftEarlyBeforeSeconds), Minimum: seconds(in.MinimumSeconds),
		MergeGap: seconds(in.MergeGapSeconds), CountWaiting: in.WaitingRoom == types.WaitingRoomTimeInclude, ByName: in.ByName,
	}, nil
}

// CSVPath returns the gateway's path of an attendance as CSV, with the id of the instance, meeting or
// webinar. Its parameters are more, and the rules that differ from [UsualRules]; it changes more.
func CSVPath(tenant types.Tenant, id types.NodeID, in types.AttendanceRules, more url.Values) string {
	usual := UsualRules(false)
	seconds := func(name string, value, usual int) {
		if value != usual {
			more.Set(name, strconv.Itoa(value))
		}
	}
	seconds("lateAfterSeconds", in.LateAfterSeconds, usual.LateAfterSeconds)
	seconds("leftEarlyBeforeSeconds", in.LeftEarlyBeforeSeconds, usual.LeftEarlyBeforeSeconds)
	seconds("minimumSeconds", in.MinimumSeconds, usual.MinimumSeconds)
	seconds("mergeGapSeconds", in.MergeGapSeconds, usual.MergeGapSeconds)
	if in.WaitingRoom != usual.WaitingRoom {
		more.Set("waitingRoom", string(in.WaitingRoom))
	}
	if in.ByName {
		more.Set("byName", "true")
	}
	return attendancecsv.PathOf(tenant, id, more)
}
