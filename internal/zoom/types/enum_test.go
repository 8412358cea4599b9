package types

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// enumTable is a call of newCodes in enums_gen.go.
type enumTable struct {
	numeric bool
	pairs   [][2]string // name, Zoom's code
}

func enumTables(t *testing.T) map[string]enumTable {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "enums_gen.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]enumTable{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "newCodes" {
			return true
		}
		text := func(i int) string {
			s, err := strconv.Unquote(call.Args[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		table := enumTable{numeric: call.Args[1].(*ast.Ident).Name == "true"}
		for i := 2; i < len(call.Args); i += 2 {
			table.pairs = append(table.pairs, [2]string{text(i), text(i + 1)})
		}
		tables[text(0)] = table
		return true
	})
	if len(tables) < 40 {
		t.Fatalf("found %d enums only", len(tables))
	}
	return tables
}

func TestEnumTables(t *testing.T) {
	for enum, table := range enumTables(t) {
		names, codes := map[string]bool{}, map[string]bool{}
		for _, p := range table.pairs {
			if p[0] == "" || p[1] == "" || names[p[0]] || codes[p[1]] {
				t.Errorf("%s: %q stands for %q, and one of them is empty or stands twice", enum, p[0], p[1])
			}
			names[p[0]], codes[p[1]] = true, true
			if _, err := strconv.Atoi(p[1]); table.numeric && err != nil {
				t.Errorf("%s: %q is to be written as a number", enum, p[1])
			}
		}
	}
}

type enumValue interface {
	Code() string
	MarshalGQL(w io.Writer)
}

// enumsOf returns the enums that are reachable from the types.
func enumsOf(roots ...reflect.Type) []reflect.Type {
	var enums []reflect.Type
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch {
		case seen[t]:
			return
		case t.Implements(reflect.TypeFor[enumValue]()) && t.Kind() == reflect.String:
			enums = append(enums, t)
		case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice:
			walk(t.Elem())
		case t.Kind() == reflect.Struct:
			seen[t] = true
			for f := range t.Fields() {
				walk(f.Type)
			}
		}
		seen[t] = true
	}
	for _, t := range roots {
		walk(t)
	}
	return enums
}

func TestEnums_roundTrip(t *testing.T) {
	tables := enumTables(t)
	enums := enumsOf(
		reflect.TypeFor[User](), reflect.TypeFor[Meeting](), reflect.TypeFor[MeetingInstance](), reflect.TypeFor[MeetingReport](),
		reflect.TypeFor[Participant](), reflect.TypeFor[Registrant](), reflect.TypeFor[AddedRegistrant](),
		reflect.TypeFor[NewMeeting](), reflect.TypeFor[MeetingPatch](), reflect.TypeFor[NewRegistrant](),
	)
	if len(enums) < 30 {
		t.Fatalf("reached %d enums only", len(enums))
	}
	for _, enum := range enums {
		table, ok := tables[enum.Name()]
		if !ok {
			t.Errorf("%s has no table", enum)
		}
		for _, pair := range table.pairs {
			testEnumValue(t, enum, table, pair[0], pair[1])
		}
		testUnknownValue(t, enum)
	}
}

func testEnumValue(t *testing.T, enum reflect.Type, table enumTable, name, code string) {
	written := code
	if !table.numeric {
		written = strconv.Quote(code)
	}
	v := reflect.New(enum)
	if err := v.Interface().(interface{ UnmarshalGQL(any) error }).UnmarshalGQL(name); err != nil {
		t.Errorf("%s: a caller's %s is refused: %v", enum, name, err)
	}
	if got := v.Elem().Interface().(enumValue).Code(); got != code {
		t.Errorf("%s: the code of %s is %q, want %q", enum, name, got, code)
	}
	if body, err := Marshal(v.Interface()); err != nil || string(body) != written {
		t.Errorf("%s: %s is written for Zoom as %s, %v; want %s", enum, name, body, err, written)
	}
	for _, form := range []string{written, strconv.Quote(code)} {
		back := reflect.New(enum)
		if err := Unmarshal([]byte(form), back.Interface()); err != nil || back.Elem().String() != name {
			t.Errorf("%s: Zoom's %s is read as %q, %v; want %s", enum, form, back.Elem(), err, name)
		}
	}
	var shown strings.Builder
	v.Elem().Interface().(enumValue).MarshalGQL(&shown)
	if shown.String() != strconv.Quote(name) {
		t.Errorf("%s: %s is shown as %s", enum, name, &shown)
	}
}

// A code that Zoom writes as a float is the same number.
func TestEnums_floatIsInteger(t *testing.T) {
	for body, want := range map[string]UserType{`2.0`: UserTypeLicensed, `2e0`: UserTypeLicensed, `"2.0"`: unknownMark + "2.0", `2.5`: unknownMark + "2.5", `42.0`: unknownMark + "42.0"} {
		var got UserType
		if err := Unmarshal([]byte(body), &got); err != nil || got != want {
			t.Errorf("%s is read as %q, %v; want %q", body, got, err, want)
		}
	}
}

func testUnknownValue(t *testing.T, enum reflect.Type) {
	for _, c := range []struct{ body, code, written string }{
		{`"brand new"`, "brand new", `"brand new"`}, {`"08"`, "08", `"08"`}, {`4711`, "4711", `4711`},
		{`null`, "", "null"}, {`""`, "", "null"}, {`{"a":1}`, "", "null"}, {`[1]`, "", "null"},
	} {
		v := reflect.New(enum)
		v.Elem().SetString("OLD")
		if err := Unmarshal([]byte(c.body), v.Interface()); err != nil || v.Elem().Interface().(enumValue).Code() != c.code {
			t.Errorf("%s: Zoom's %s is read as %q, %v; want the code %q", enum, c.body, v.Elem(), err, c.code)
		}
		again := reflect.New(enum)
		again.Interface().(interface{ SetCode(string) }).SetCode(c.code)
		if !again.Elem().Equal(v.Elem()) {
			t.Errorf("%s: the code %q makes %q, and is read as %q", enum, c.code, again.Elem(), v.Elem())
		}
		var shown strings.Builder
		v.Elem().Interface().(enumValue).MarshalGQL(&shown)
		if shown.String() != "null" {
			t.Errorf("%s: Zoom's %s is shown as %s", enum, c.body, &shown)
		}
		out, err := Marshal(v.Interface())
		if written := strings.Trim(string(out), `"`); err != nil || written != strings.Trim(c.written, `"`) {
			t.Errorf("%s: Zoom's %s is written as %s, %v", enum, c.body, out, err)
		}
	}
	for _, caller := range []any{"brand new", "", "0", int64(1), true, nil} {
		if err := reflect.New(enum).Interface().(interface{ UnmarshalGQL(any) error }).UnmarshalGQL(caller); err == nil {
			t.Errorf("%s: a caller's %#v is taken", enum, caller)
		} else if !strings.Contains(err.Error(), enum.Name()) {
			t.Errorf("%s: the refusal of %#v does not say of which enum: %v", enum, caller, err)
		}
	}
}

// The numeric codes are those that Zoom documents. The tables read from the generated file
// do not show a code that is wrong in the schema.
//
// Source: the OpenAPI document of Meetings and Users.
func TestEnums_documentedCodes(t *testing.T) {
	for _, c := range []struct {
		value interface{ Code() string }
		want  string
	}{
		{MeetingTypeInstant, "1"}, {MeetingTypeScheduled, "2"}, {MeetingTypeRecurringNoFixedTime, "3"}, {MeetingTypeRecurringFixedTime, "8"},
		{ApprovalTypeAutomatic, "0"}, {ApprovalTypeManual, "1"}, {ApprovalTypeNoRegistration, "2"},
		{WeekdaySunday, "1"}, {WeekdaySaturday, "7"},
		{UserTypeBasic, "1"}, {UserTypeLicensed, "2"},
		{RecurrenceTypeDaily, "1"}, {RecurrenceTypeMonthly, "3"},
		{UserStatusActive, "active"}, {RegistrantStatusPending, "pending"}, {RegistrantActionApprove, "approve"},
	} {
		if got := c.value.Code(); got != c.want {
			t.Errorf("%v is %s at Zoom, not %s", c.value, c.want, got)
		}
	}
}
