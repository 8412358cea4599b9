package zoom

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zoomql/internal/zoom/types"
)

var variables = regexp.MustCompile(`\{([a-zA-Z]+)\}`)

// variablesOf returns the names in braces, each once.
func variablesOf(patterns ...string) []string {
	var names []string
	for _, p := range patterns {
		for _, m := range variables.FindAllStringSubmatch(p, -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Every row of the table is complete.
func TestRows(t *testing.T) {
	if len(Specs()) < 16 {
		t.Fatalf("the table has %d rows only", len(Specs()))
	}
	for _, s := range Specs() {
		t.Run(s.Pattern, func(t *testing.T) {
			if !slices.Contains(Rates, s.Rate) {
				t.Errorf("its rate is %v", s.Rate)
			}
			if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, s.Method()) || !strings.HasPrefix(s.Path(), "/") || s.Method()+" "+s.Path() != s.Pattern {
				t.Errorf("it is no method and path")
			}
			if Lookup(s.Pattern) != s {
				t.Errorf("it is not found by its pattern")
			}
			testScopes(t, s)
			testLife(t, s)
			testPaging(t, s)
			testInput(t, s)
		})
	}
	if Lookup("GET /nowhere") != nil {
		t.Error("an unknown pattern has a row")
	}
}

func testScopes(t *testing.T, s *Spec) {
	scope := regexp.MustCompile(`^[a-z_]+(:[a-z_]+){0,3}$`)
	scopes := strings.Fields(s.Scopes)
	if s == ListChannelSurveyInstances.Spec && len(scopes) == 0 {
		return // no document of Zoom's has them yet
	}
	if len(scopes) == 0 {
		t.Fatal("it has no scopes")
	}
	for _, one := range scopes {
		if !scope.MatchString(one) {
			t.Errorf("%q is no scope", one)
		}
		if !s.Allows("", []string{"other:scope", one}) {
			t.Errorf("any one scope is enough, and %s is not", one)
		}
	}
	if s.Allows("", []string{"other:scope", scopes[0] + "x"}) || s.Allows("", nil) {
		t.Error("it is allowed without its scopes")
	}
}

// A read has a life and tags; a write evicts tags.
func testLife(t *testing.T, s *Spec) {
	path := variablesOf(s.Path())
	known := map[string]bool{}
	for _, other := range Specs() {
		for _, tag := range other.Tags {
			known[tag] = true
		}
	}
	switch {
	case s.Reads() && (s.Life == Never || s.Life.TTL() <= 0 || len(s.Tags) == 0 || len(s.Evicts) > 0):
		t.Errorf("a read has a life and tags and evicts nothing: %v, %v, %v", s.Life, s.Tags, s.Evicts)
	case s.Pattern == CreateSipDialing.Pattern:
		// A write by its method alone: it returns an address and changes nothing.
	case !s.Reads() && (s.Life != Never || s.LifeOf != nil || len(s.Tags) > 0 || len(s.Evicts) == 0):
		t.Errorf("a write has no life and no tags and evicts something: %v, %v, %v", s.Life, s.Tags, s.Evicts)
	}
	for _, tag := range slices.Concat(s.Tags, s.Evicts) {
		for _, v := range variablesOf(tag) {
			if !slices.Contains(path, v) {
				t.Errorf("the tag %s is filled by nothing in the path", tag)
			}
		}
	}
	for _, tag := range s.Evicts {
		if list, ok := strings.CutPrefix(tag, "host-of:{meetingId}:"); ok {
			if !known[list] || !known["user:{userId}:"+list] {
				t.Errorf("no read carries what %s stands for", tag)
			}
		} else if !known[strings.TrimPrefix(tag, "^")] {
			t.Errorf("no read carries %s", tag)
		}
	}
	for _, q := range s.Quotas {
		if q.Name == "" || q.perDay(Pro) < 1 || len(q.vars()) == 0 && s != CreateGroup.Spec { // all groups of the account
			t.Errorf("it has a quota of nothing: %+v", q)
		}
	}
	if s.AcceptsUUID && !slices.Contains(path, "meetingId") && !slices.Contains(path, "webinarId") {
		t.Error("it has no {meetingId} or {webinarId} that could be a UUID")
	}
	if s.Aliases != nil && len(path) != 1 {
		t.Error("other names stand for one variable, and its path has not one")
	}
}

func testPaging(t *testing.T, s *Spec) {
	var names []string
	for _, q := range s.input.query {
		names = append(names, q.name)
	}
	token := "next_page_token"
	if s.Numbered {
		token = "page_number"
	}
	paged := slices.Contains(names, "page_size") && slices.Contains(names, token)
	if paged != (s.MaxPage > 0) || paged && s.Array == "" {
		t.Errorf("pages need an array, a largest size and parameters: %q, %d, %v", s.Array, s.MaxPage, names)
	}
	if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("a parameter is there twice: %v", names)
	}
}

func testInput(t *testing.T, s *Spec) {
	var filled []string
	for _, p := range s.input.path {
		filled = append(filled, p.name)
	}
	slices.Sort(filled)
	if diff := cmp.Diff(variablesOf(strings.Replace(s.Path(), accountVar, "", 1)), filled); diff != "" {
		t.Errorf("the variables of the path: -want +got\n%s", diff)
	}
	wantsBody := !s.Reads() && s.Method() != "DELETE"
	if has := s.input.body != nil || s.input.file != nil; wantsBody != has {
		t.Errorf("a %s with a body: %v", s.Method(), has)
	}
}

// The order of the table is what "zoomql operations" prints.
func TestSpecs_order(t *testing.T) {
	rows := Specs()
	if !slices.IsSortedFunc(rows, func(a, b *Spec) int { return strings.Compare(a.Path()+" "+a.Method(), b.Path()+" "+b.Method()) }) {
		t.Error("the rows are not ordered by path and method")
	}
}

func TestNames(t *testing.T) {
	for rate, want := range map[Rate]string{Light: "LIGHT", Medium: "MEDIUM", Heavy: "HEAVY", ResourceIntensive: "RESOURCE_INTENSIVE", 0: "Rate(0)", 9: "Rate(9)"} {
		if got := rate.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if (&Spec{}).Allows("", nil) != true {
		t.Error("what needs no scope is allowed without")
	}
	if Never.TTL() != 0 || Live.TTL() >= Scheduled.TTL() || Scheduled.TTL() >= Slow.TTL() || Slow.TTL() >= Closed.TTL() {
		t.Errorf("data that changes less is cached longer: %v", lifetimes)
	}
}

// documents reads a file of Zoom's documents, which are in a directory next to the
// working copy, or skips the test without them.
func documents(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "zoom", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("LEFT OUT: the comparison with Zoom's documents, which are not beside this copy (../shared/zoom)")
	}
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func words(s string) []string {
	list := strings.Fields(s)
	slices.Sort(list)
	return slices.Compact(list) // one operation has a scope that is both classic and granular
}

// Every row agrees with Zoom's documents.
func TestRows_documented(t *testing.T) {
	r := csv.NewReader(strings.NewReader(string(documents(t, "operations.tsv"))))
	r.Comma, r.LazyQuotes = '\t', true
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]map[string]string{}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		documented[row["method"]+" "+row["path"]] = row
	}
	for _, s := range Specs() {
		row, ok := documented[s.Pattern]
		if !ok {
			t.Errorf("%s is not documented", s.Pattern)
			continue
		}
		type facts struct {
			Rate    string
			Scopes  []string
			Array   string
			MaxPage int
		}
		want := facts{Rate: row["rate_label"], Scopes: words(row["classic_scopes"] + " " + row["granular_scopes"])}
		if row["paging"] != "none" {
			want.Array = row["list_field"]
			want.MaxPage, _ = strconv.Atoi(row["max_page_size"])
			if row["max_page_size"] == "" {
				want.MaxPage = s.MaxPage // Zoom documents none
			}
		} else if s.Array != "" {
			want.Array = row["list_field"] // a list without pages
		}
		if diff := cmp.Diff(want, facts{s.Rate.String(), words(s.Scopes), s.Array, s.MaxPage}); diff != "" {
			t.Errorf("%s: -documented +row\n%s", s.Pattern, diff)
		}
		if uuid := strings.Contains(row["notes"], "UUID"); uuid != s.AcceptsUUID {
			t.Errorf("%s: a UUID is accepted: documented %v, row %v", s.Pattern, uuid, s.AcceptsUUID)
		}
	}
}

// openAPI is the part of Zoom's OpenAPI documents that the tests use.
type openAPI struct {
	Paths map[string]map[string]struct {
		Parameters []struct{ Name, In string }
		Body       struct {
			Content map[string]struct{ Schema *schema }
		} `json:"requestBody"`
		Responses map[string]struct {
			Description string
			Content     map[string]struct{ Schema *schema }
		}
	}
}

type schema struct {
	Type       any
	Example    any
	Enum       []any
	Properties map[string]*schema
	Items      *schema
	AllOf      []*schema
	OneOf      []*schema
	AnyOf      []*schema
}

// property returns the documented schemas of a property, also within arrays and
// alternatives.
func (s *schema) property(name string) []*schema {
	if s == nil {
		return nil
	}
	var found []*schema
	if p, ok := s.Properties[name]; ok {
		found = append(found, p)
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf, s.AnyOf, []*schema{s.Items}) {
		found = append(found, part.property(name)...)
	}
	return found
}

func openAPIs(t *testing.T) openAPI {
	t.Helper()
	all := openAPI{}
	// If both documents have a path, that of ordinary accounts is the newer.
	for _, name := range []string{"users.master", "meetings.master", "accounts.master", "users", "meetings", "accounts", "team-chat", "phone.subset"} {
		if err := json.Unmarshal(documents(t, "openapi/"+name+".json"), &all); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// A row has a form of its path for sub accounts if and only if Zoom's documents of the
// master account APIs have it.
func TestRows_subAccountForms(t *testing.T) {
	unnamed := func(path string) string { return variables.ReplaceAllString(path, "{}") }
	documented := map[string]bool{} // method and path without the names of variables
	for path, methods := range openAPIs(t).Paths {
		for method := range methods {
			documented[strings.ToUpper(method)+" "+unnamed(path)] = true
		}
	}
	for line := range strings.SplitSeq(string(documents(t, "operations.tsv")), "\n") {
		if cells := strings.Split(line, "\t"); len(cells) > 1 {
			documented[cells[0]+" "+unnamed(cells[1])] = true
			for _, m := range regexp.MustCompile(`master path: ([^;\s]+)`).FindAllStringSubmatch(line, -1) {
				documented[cells[0]+" "+unnamed(m[1])] = true
			}
		}
	}
	for _, s := range Specs() {
		form := "/accounts/" + accountVar + s.Path()
		if strings.Contains(s.Path(), accountVar) {
			form = s.Path()
		}
		if has := documented[s.Method()+" "+unnamed(form)]; has == s.OwnOnly {
			t.Errorf("%s: a form for sub accounts (%s) is documented: %v, and the row is for the own account only: %v", s.Pattern, form, has, s.OwnOnly)
		}
	}
}

func TestRows_documentedParameters(t *testing.T) {
	docs := openAPIs(t)
	for _, s := range Specs() {
		op, ok := docs.Paths[s.Path()][strings.ToLower(s.Method())]
		if !ok && s == ListChannelSurveyInstances.Spec {
			continue // newer than the document
		}
		if !ok {
			t.Errorf("%s is not documented", s.Pattern)
			continue
		}
		documented := map[string]bool{}
		for _, p := range op.Parameters {
			documented[p.In+" "+p.Name] = true
		}
		for _, q := range s.input.query {
			if s.Numbered && q.name == "next_page_token" {
				continue // sent only after Zoom has returned one
			}
			if !documented["query "+q.name] {
				t.Errorf("%s has no parameter %s; it has %v", s.Pattern, q.name, slices.Sorted(maps.Keys(documented)))
			}
		}
		for _, p := range s.input.path {
			if !documented["path "+p.name] {
				t.Errorf("%s has no variable %s; it has %v", s.Pattern, p.name, slices.Sorted(maps.Keys(documented)))
			}
		}
	}
}

// Every field that is read is in a documented answer, and every field that is written in a
// documented body. For a type of several operations, one is enough.
func TestRows_documentedFields(t *testing.T) {
	docs := openAPIs(t)
	documented := map[reflect.Type][]*schema{}
	for _, c := range []struct {
		of      reflect.Type
		within  string // the field that holds it; "" for the whole
		pattern string
	}{
		{reflect.TypeFor[types.User](), "", GetUser.Pattern},
		{reflect.TypeFor[types.User](), "users", ListUsers.Pattern},
		{reflect.TypeFor[types.Meeting](), "", GetMeeting.Pattern},
		{reflect.TypeFor[types.Meeting](), "", CreateMeeting.Pattern},
		{reflect.TypeFor[types.MeetingInstance](), "", GetPastMeeting.Pattern},
		{reflect.TypeFor[types.MeetingReport](), "", GetMeetingReport.Pattern},
		{reflect.TypeFor[types.MeetingReport](), "meetings", ListPastMeetings.Pattern},
		{reflect.TypeFor[types.Participant](), "participants", ListPastParticipants.Pattern},
		{reflect.TypeFor[types.Participant](), "participants", ListReportParticipants.Pattern},
		{reflect.TypeFor[types.Registrant](), "", GetRegistrant.Pattern},
		{reflect.TypeFor[types.AddedRegistrant](), "", AddRegistrant.Pattern},
		{reflect.TypeFor[types.DailyReport](), "", GetDailyReport.Pattern},
		{reflect.TypeFor[types.Poll](), "", GetPoll.Pattern},
		{reflect.TypeFor[types.Poll](), "polls", ListPolls.Pattern},
		{reflect.TypeFor[types.MeetingSurvey](), "", GetMeetingSurvey.Pattern},
		{reflect.TypeFor[types.RegistrationQuestions](), "", GetRegistrationQuestions.Pattern},
		{reflect.TypeFor[types.Livestream](), "", GetLivestream.Pattern},
		{reflect.TypeFor[types.MeetingInvitation](), "", GetMeetingInvitation.Pattern},
		{reflect.TypeFor[MeetingToken](), "", GetMeetingToken.Pattern},
		{reflect.TypeFor[types.SipDialing](), "", CreateSipDialing.Pattern},
		{reflect.TypeFor[types.PersonalAudioConference](), "pac_accounts", ListPersonalAudioConferences.Pattern},
		{reflect.TypeFor[types.MeetingTemplate](), "templates", ListMeetingTemplates.Pattern},
		{reflect.TypeFor[types.UpcomingMeeting](), "meetings", ListUpcomingMeetings.Pattern},
		{reflect.TypeFor[types.MeetingRecordings](), "", GetRecordings.Pattern},
		{reflect.TypeFor[types.MeetingSummary](), "", GetMeetingSummary.Pattern},
		{reflect.TypeFor[types.ChatChannel](), "channels", ListChatChannels.Pattern},
		{reflect.TypeFor[types.ChatMessage](), "messages", ListChatMessages.Pattern},
		{reflect.TypeFor[types.PhoneRecording](), "recordings", ListPhoneRecordings.Pattern},
		{reflect.TypeFor[NewMeetingTemplateBody](), "", CreateMeetingTemplate.Pattern},
		{reflect.TypeFor[LivestreamStatusBody](), "", UpdateLivestreamStatus.Pattern},
		{reflect.TypeFor[SipDialingBody](), "", CreateSipDialing.Pattern},
		{reflect.TypeFor[types.NewMeeting](), "", CreateMeeting.Pattern},
		{reflect.TypeFor[types.MeetingPatch](), "", UpdateMeeting.Pattern},
		{reflect.TypeFor[types.NewRegistrant](), "", AddRegistrant.Pattern},
		{reflect.TypeFor[RegistrantStatusBody](), "", UpdateRegistrantStatus.Pattern},
		{reflect.TypeFor[MeetingActionBody](), "", UpdateMeetingStatus.Pattern},
		{reflect.TypeFor[types.Webinar](), "", GetWebinar.Pattern},
		{reflect.TypeFor[types.Webinar](), "webinars", ListWebinars.Pattern},
		{reflect.TypeFor[types.Registrant](), "", GetWebinarRegistrant.Pattern},
		{reflect.TypeFor[types.AddedRegistrant](), "", AddWebinarRegistrant.Pattern},
		{reflect.TypeFor[types.NewRegistrant](), "", AddWebinarRegistrant.Pattern},
		{reflect.TypeFor[types.Participant](), "participants", ListWebinarParticipants.Pattern},
		{reflect.TypeFor[types.CreatedUser](), "", CreateUser.Pattern},
		{reflect.TypeFor[types.NewUser](), "user_info", CreateUser.Pattern},
		{reflect.TypeFor[types.UserPatch](), "", UpdateUser.Pattern},
		{reflect.TypeFor[types.Role](), "", GetRole.Pattern},
		{reflect.TypeFor[types.NewRole](), "", CreateRole.Pattern},
		{reflect.TypeFor[types.RolePatch](), "", UpdateRole.Pattern},
		{reflect.TypeFor[types.RoleMember](), "members", ListRoleMembers.Pattern},
		{reflect.TypeFor[MembersBody](), "", AddRoleMembers.Pattern},
		{reflect.TypeFor[types.RoleAssignment](), "", AddRoleMembers.Pattern},
		{reflect.TypeFor[types.Group](), "groups", ListGroups.Pattern},
		{reflect.TypeFor[types.NewGroup](), "", CreateGroup.Pattern},
		{reflect.TypeFor[types.GroupPatch](), "", UpdateGroup.Pattern},
		{reflect.TypeFor[types.GroupMember](), "members", ListGroupMembers.Pattern},
		{reflect.TypeFor[MembersBody](), "", AddGroupMembers.Pattern},
		{reflect.TypeFor[types.GroupAddition](), "", AddGroupMembers.Pattern},
		{reflect.TypeFor[types.InformationBarrierPolicy](), "policies", ListPolicies.Pattern},
		{reflect.TypeFor[PolicyBody](), "", UpdatePolicy.Pattern},
		{reflect.TypeFor[types.Survey](), "", GetSurvey.Pattern},
		{reflect.TypeFor[types.SurveyInstance](), "survey_instances", ListSurveyInstances.Pattern},
		{reflect.TypeFor[types.SurveyAnswer](), "survey_answers", ListSurveyAnswers.Pattern},
		{reflect.TypeFor[types.Account](), "", GetAccount.Pattern},
		{reflect.TypeFor[types.Account](), "accounts", ListSubAccounts.Pattern},
		{reflect.TypeFor[types.NewSubAccount](), "", CreateSubAccount.Pattern},
		{reflect.TypeFor[types.AccountOptionsPatch](), "", UpdateAccountOptions.Pattern},
		{reflect.TypeFor[NewOwnerBody](), "", UpdateAccountOwner.Pattern},
		{reflect.TypeFor[types.AccountSettings](), "", GetSettings.Pattern},
		{reflect.TypeFor[types.AccountAuthentication](), "", GetSettings.Pattern},
		{reflect.TypeFor[types.AccountSecurity](), "security", GetSettings.Pattern},
		{reflect.TypeFor[types.AccountMeetingSecurity](), "meeting_security", GetSettings.Pattern},
		{reflect.TypeFor[types.AccountSettingsPatch](), "", UpdateSettings.Pattern},
		{reflect.TypeFor[types.AccountLockedSettings](), "", GetLockedSettings.Pattern},
		{reflect.TypeFor[types.LockedMeetingSecurity](), "meeting_security", GetLockedSettings.Pattern},
		{reflect.TypeFor[types.ManagedDomain](), "domains", ListManagedDomains.Pattern},
		{reflect.TypeFor[types.WebinarRegistrationSettings](), "", GetRegistrationSettings.Pattern},
		{reflect.TypeFor[types.WebinarRegistrationSettingsPatch](), "", UpdateRegistrationSettings.Pattern},
		{reflect.TypeFor[types.VirtualBackgroundFile](), "", UploadVirtualBackground.Pattern},
	} {
		isBody := regexp.MustCompile(`^New|Patch$|Body$`).MatchString(c.of.Name())
		roots := docs.schemas(c.pattern, isBody)
		if c.within != "" {
			roots = propertiesOf(roots, c.within)
		}
		if len(roots) == 0 {
			t.Errorf("%s: nothing is documented for %s", c.of, c.pattern)
		}
		collect(documented, c.of, roots)
	}
	if len(documented) < 40 {
		t.Errorf("only %d types were compared", len(documented))
	}
	// undocumented are fields that no document has, with the source of each.
	undocumented := map[string]string{
		"enable_dedicated_group_chat":       "recorded answers have it",
		"host_email":                        "recorded answers of recordings have it",
		"host_id":                           "recorded answers of reports have it",
		"share_url":                         "recorded answers of recordings have it",
		"timezone":                          "recorded answers of recordings have it",
		"notify_registrants":                "Zoom tells it to users of its own integrations only",
		"webinar_ai_companion_questions":    "newer than the document of the accounts; that of the users has it",
		"webinar_summary_with_ai_companion": "newer than the document of the accounts; that of the users has it",
	}
	for of, schemas := range documented {
		for f := range of.Fields() {
			name := jsonNameOf(f)
			if name == "" || len(schemas) == 0 { // the missing parent is reported already
				continue
			}
			found := propertiesOf(schemas, name)
			if len(found) == 0 && undocumented[name] == "" {
				t.Errorf("%s.%s: no %q is documented", of, f.Name, name)
			}
			checkValues(t, of.String()+"."+f.Name, f.Type, found)
		}
	}
}

// schemas returns the documented schemas of an operation's body or answers.
func (docs openAPI) schemas(pattern string, body bool) []*schema {
	method, path, _ := strings.Cut(pattern, " ")
	op := docs.Paths[path][strings.ToLower(method)]
	var found []*schema
	if body {
		for _, content := range op.Body.Content {
			found = append(found, content.Schema)
		}
		return found
	}
	for status, resp := range op.Responses {
		for _, content := range resp.Content {
			if strings.HasPrefix(status, "2") {
				found = append(found, content.Schema)
			}
		}
	}
	return found
}

func propertiesOf(in []*schema, name string) []*schema {
	var found []*schema
	for _, s := range in {
		found = append(found, s.property(name)...)
	}
	return found
}

// checkValues checks that a field's enum has every documented value.
func checkValues(t *testing.T, at string, of reflect.Type, documented []*schema) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if !of.Implements(reflect.TypeFor[interface{ Code() string }]()) {
		return
	}
	for _, s := range documented {
		for _, value := range s.Enum {
			if n, ok := value.(float64); ok && n > 1<<53 {
				continue // the document's numbers are rounded above it
			}
			body, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			v := reflect.New(of)
			if err := types.Unmarshal(body, v.Interface()); err != nil || (v.Elem().IsZero() && value != "") {
				t.Errorf("%s: %s has no name for the documented %s", at, of, body)
			}
		}
		checkValues(t, at, of, slices.DeleteFunc([]*schema{s.Items}, func(s *schema) bool { return s == nil }))
	}
}

func jsonNameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return strings.TrimPrefix(name, "-")
}

// collect records the documented schemas of a type and of the types of its fields.
func collect(documented map[reflect.Type][]*schema, of reflect.Type, schemas []*schema) {
	documented[of] = append(documented[of], schemas...)
	for f := range of.Fields() {
		elem := f.Type
		for elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		if name := jsonNameOf(f); name != "" && elem.Kind() == reflect.Struct && elem.NumField() > 0 && jsonNameOf(elem.Field(0)) != "" {
			collect(documented, elem, propertiesOf(schemas, name))
		}
	}
}
