package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// gqlgen generates about fifty lines for each field of each type, which take most of the time
// of a build. thin replaces them with calls of package resolve, which does the same for any
// field: fields that are read with their objects have no function of their own, and the
// contexts of fields do not list the fields below them, since no code reads that list. The
// schema is not repeated as text, since package schema has it.
func thin(pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	t := thinner{fields: map[string]string{}, contexts: map[string]fieldContext{}, done: map[string]int{}}
	parts := map[string][]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parts[file] = functions(string(source))
		for _, f := range parts[file] {
			t.readContext(f)
		}
	}
	for _, file := range files {
		for _, f := range parts[file] {
			t.readField(f)
		}
	}
	for _, file := range files {
		var out strings.Builder
		for _, f := range parts[file] {
			out.WriteString(t.rewrite(f))
		}
		if err := write(file, imported(out.String())); err != nil {
			return err
		}
	}
	for _, what := range []string{"schema", "input", "object", "field", "value", "concurrent"} {
		if t.done[what] == 0 {
			return fmt.Errorf("%s: gqlgen generates each %s in another way: adapt thin.go", pattern, what)
		}
	}
	return nil
}

// functions splits a file into its functions and the text between them.
func functions(source string) (parts []string) {
	const begin, end = "\nfunc (ec *executionContext) ", "\n}\n"
	source = "\n" + source
	for {
		i := strings.Index(source, begin)
		if i < 0 {
			return append(parts, source)
		}
		n := strings.Index(source[i+1:], end)
		parts = append(parts, source[:i+1], source[i+1:i+1+n+len(end)])
		source = source[i+n+len(end):] // from the line's end on, since another function may follow at once
	}
}

// thinner rewrites generated functions.
type thinner struct {
	// fields has the call that resolves each field that is read with its object, and contexts
	// the context of each field without arguments, by the names of gqlgen's functions.
	fields   map[string]string
	contexts map[string]fieldContext
	done     map[string]int // how many rewrites there were of each sort
}

var (
	plainField = regexp.MustCompile(`(?s)^func \(ec \*executionContext\) (_\w+)\(ctx context\.Context, field graphql\.CollectedField, obj \S+\) \(ret graphql\.Marshaler\) \{
	return graphql\.ResolveField\(
		ctx,
		ec\.OperationContext,
		field,
		func\(ctx context\.Context, field graphql\.CollectedField\) \(\*graphql\.FieldContext, error\) \{
			return ec\.(fieldContext_\w+)\(ctx, field\)
		\},
		func\(ctx context\.Context\) \(any, error\) \{
			return obj\.(\w+)(\(\))?, nil
		\},
		nil,
		func\(ctx context\.Context, selections ast\.SelectionSet, v [^\n]+\) graphql\.Marshaler \{
			return (ec\.\S+)\(ctx, selections, v\)
		\},
		true,
		(true|false),
	\)
\}
$`)
	scalarContext = regexp.MustCompile(`(?s)^func \(ec \*executionContext\) (fieldContext_\w+)\(_ context\.Context, .*\treturn graphql\.NewScalarFieldContext\(("\w+"), field, (true|false), (true|false), [^\n]*\n\}\n$`)
	objectContext = regexp.MustCompile(`(?s)^func \(ec \*executionContext\) (fieldContext_\w+)\(_ context\.Context, .*
		Object:     ("\w+"),
		Field:      field,
		IsMethod:   (true|false),
		IsResolver: (true|false),
		Child: func.*
	return fc, nil
\}
$`)
	contextCall = regexp.MustCompile(`(?s)\t\tfunc\(ctx context\.Context, field graphql\.CollectedField\) \(\*graphql\.FieldContext, error\) \{
			return ec\.(fieldContext_\w+)\(ctx, field\)
		\},
`)
	children    = regexp.MustCompile(`(?s)\t\tChild: func.*?\n\t\t\},\n`)
	childrenDoc = regexp.MustCompile(`(?m)^// childFields_\* (?:.*\n//)*.*\n`)
	inPlace     = regexp.MustCompile(`\t\t\tout\.Values\[i\] = ec\.(_\w+)\(ctx, field, obj\)
			if out\.Values\[i\] == graphql\.(Null|RequiredNull) \{
				\S.*
			\}
`)
	concurrent = regexp.MustCompile(`(?s)\t\t\tfield := field

			innerFunc := func\(ctx context\.Context, fs \*graphql\.FieldSet\) \(res graphql\.Marshaler\) \{
				defer func\(\) \{
					if r := recover\(\); r != nil \{
						ec\.Error\(ctx, ec\.Recover\(ctx, r\)\)
					\}
				\}\(\)
				res = ec\.(_\w+)\(ctx, field, obj\)
				if res == graphql\.(Null|RequiredNull) \{
.*?
			out\.Concurrently\(i, func\(ctx context\.Context\) graphql\.Marshaler \{ return innerFunc\(ctx, out\) \}\)
`)
	objectHead = regexp.MustCompile(`\tdeferredFieldSet := graphql\.NewFieldSet\(nil\)
	deferLabelToView := make\(map\[string\]\*graphql\.FieldSetView\)
`)
	objectEnd = regexp.MustCompile(`(?s)\tout\.Dispatch\(ctx\)
	if out\.Invalids > 0 \{
		return graphql\.Null
	\}

	atomic\.AddInt32\(&ec\.Deferred, .*?
	return out
`)
	inputFields = regexp.MustCompile(`(?s)\tfieldsInOrder := .*?
		switch k \{
(.*)
		\}
	\}
	return it, nil
`)
	inputField = regexp.MustCompile(`(?s)\t\tcase ("\w+"):
			ctx := graphql\.WithPathContext\(ctx, graphql\.NewPathWithField\("\w+"\)\)
			data, err := (ec\.\S+)\(ctx, v\)
			if err != nil \{
				return it, err
			\}
			(it\.\w+) = data
?`)
	sources = regexp.MustCompile("(?s)var sources = \\[\\]\\*ast\\.Source\\{.*\n\\}\nvar parsedSchema = gqlparser\\.MustLoadSchema\\(sources\\.\\.\\.\\)\n")
)

// fieldContext is the context of a field without arguments.
type fieldContext struct{ object, method, resolver string }

// readContext records the context that a function makes.
func (t *thinner) readContext(f string) {
	for _, form := range []*regexp.Regexp{scalarContext, objectContext} {
		if m := form.FindStringSubmatch(f); m != nil {
			t.contexts[m[1]] = fieldContext{m[2], m[3], m[4]}
		}
	}
}

// readField records the call that replaces a function which resolves a field.
func (t *thinner) readField(f string) {
	m := plainField.FindStringSubmatch(f)
	if len(m) == 0 || t.contexts[m[2]] == (fieldContext{}) {
		return
	}
	resolve := "Value"
	if m[4] != "" {
		resolve = "Method"
	}
	t.fields[m[1]] = fmt.Sprintf("resolve.%s(ctx, ec.OperationContext, field, %s, obj.%s, %s, %s)", resolve, t.contexts[m[2]].object, m[3], m[6], m[5])
}

// rewrite returns the replacement of a function, or of the text between two.
func (t *thinner) rewrite(f string) string {
	name, _, isFunction := strings.Cut(strings.TrimPrefix(f, "func (ec *executionContext) "), "(")
	switch {
	case !strings.HasPrefix(f, "func (ec *executionContext) "):
		t.done["schema"] += len(sources.FindAllString(f, -1))
		f = childrenDoc.ReplaceAllString(f, "")
		return sources.ReplaceAllString(f, "var parsedSchema = schema.Load()\n")
	case isFunction && t.fields[name] != "":
		t.done["value"]++
		return ""
	case t.contexts[name] != (fieldContext{}), strings.HasPrefix(name, "childFields_"):
		return ""
	case strings.HasPrefix(name, "unmarshalInput"):
		return t.input(f)
	case strings.HasPrefix(name, "fieldContext_"):
		return children.ReplaceAllString(f, "")
	}
	f = contextCall.ReplaceAllStringFunc(f, func(call string) string {
		if c := t.contexts[contextCall.FindStringSubmatch(call)[1]]; c != (fieldContext{}) {
			return fmt.Sprintf("\t\tresolve.Context(%s, %s, %s),\n", c.object, c.method, c.resolver)
		}
		return call
	})
	return t.object(f)
}

// resolved returns the call that resolves a field, in a function with the object obj.
func (t *thinner) resolved(name string) string {
	if call := t.fields[name]; call != "" {
		return call
	}
	return "ec." + name + "(ctx, field, obj)"
}

// object thins the function that resolves the fields of an object.
func (t *thinner) object(f string) string {
	if !objectEnd.MatchString(f) || strings.Contains(f, "WithRootFieldContext") {
		return f
	}
	t.done["object"]++
	f = inPlace.ReplaceAllStringFunc(f, func(field string) string {
		t.done["field"]++
		m := inPlace.FindStringSubmatch(field)
		return fmt.Sprintf("\t\t\tresolve.Put(out, i, %s, %t)\n", t.resolved(m[1]), m[2] == "Null")
	})
	f = concurrent.ReplaceAllStringFunc(f, func(field string) string {
		t.done["concurrent"]++
		m := concurrent.FindStringSubmatch(field)
		return fmt.Sprintf("\t\t\tresolve.Concurrently(ec.OperationContext, out, i, %t, func(ctx context.Context) graphql.Marshaler { return %s })\n", m[2] == "Null", t.resolved(m[1]))
	})
	return objectEnd.ReplaceAllString(objectHead.ReplaceAllString(f, ""), "\treturn resolve.Object(ctx, out)\n")
}

// input thins the function that reads an input.
func (t *thinner) input(f string) string {
	m := inputFields.FindStringSubmatch(f)
	if len(m) == 0 || inputField.ReplaceAllString(m[1], "") != "" {
		return f
	}
	t.done["input"]++
	reads := inputField.ReplaceAllString(m[1], "\tresolve.Read(ctx, &in, $1, &$3, $2)\n")
	return strings.Replace(f, m[0], "\tin := resolve.Input{Given: asMap}\n"+reads+"\treturn it, in.Err\n", 1)
}

var importLine = regexp.MustCompile(`\n\t(?:(\w+) )?"([^"\n]+)"`)

// imported returns the file with imports of the packages that its functions now call, and
// without those that they no longer call.
func imported(source string) string {
	head, rest, ok := strings.Cut(source, "\n)\n")
	if !ok {
		return source
	}
	uses := func(name string) bool { return regexp.MustCompile(`[^\w.]` + name + `\.\w`).MatchString(rest) }
	head = importLine.ReplaceAllStringFunc(head, func(line string) string {
		m := importLine.FindStringSubmatch(line)
		name := m[1]
		if name == "" {
			name = m[2][strings.LastIndex(m[2], "/")+1:]
		}
		if uses(name) {
			return line
		}
		return ""
	})
	for _, name := range []string{"resolve", "schema"} {
		if uses(name) && !strings.Contains(head, `"zoomql/graph/`+name+`"`) {
			head = addImport(head, "zoomql/graph/"+name)
		}
	}
	return head + "\n)\n" + rest
}

// addImport adds a package of ours to the imports, which end with these.
func addImport(head, path string) string {
	lines := strings.Split(head, "\n")
	own := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "\t\"zoomql/") })
	if own < 0 {
		return head + "\n\n\t\"" + path + "\""
	}
	for own < len(lines) && lines[own] < "\t\""+path {
		own++
	}
	return strings.Join(slices.Insert(lines, own, "\t\""+path+"\""), "\n")
}
