package operations

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func rows(t *testing.T) []Row {
	t.Helper()
	schema, err := Schema(filepath.Join(root, "graph", "schema"))
	if err != nil {
		t.Fatal(err)
	}
	return TableOf(schema)
}

func TestNoSchema(t *testing.T) {
	if _, err := Schema(t.TempDir()); err == nil {
		t.Error("an empty folder has a schema")
	}
}

// OPERATIONS.md is up to date, and its links lead to existing files.
func TestPage(t *testing.T) {
	var want bytes.Buffer
	if err := WriteMarkdown(&want, rows(t), "../../"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf(`run "make generate": -want +got%s`, diff)
	}
	for _, link := range regexp.MustCompile(`\]\((\.\./[^)]+)\)`).FindAllStringSubmatch(string(got), -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("a link leads nowhere: %v", err)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var got bytes.Buffer
	err := WriteMarkdown(&got, []Row{
		{Operation: "GET /users", Method: "GET", Paths: []string{"/users", "/accounts/{accountId}/users"}, Label: "MEDIUM", Scopes: []string{"user:read", "user:write"}, Coordinates: []string{"Account.users"}, Paging: &Paging{"users", 2000, "next_page_token"}, Question: "testdata/operations/users/get_users.graphql"},
		{Operation: "GET /chat", Method: "GET", Paths: []string{"/chat"}, Label: "LIGHT", Question: "testdata/operations/chat/get_chat.graphql"},
	}, "/")
	if err != nil {
		t.Fatal(err)
	}
	const want = `
- [chat](#chat)
- [users](#users)

## chat

### ` + "`GET /chat`" + `

LIGHT · [question](/testdata/operations/chat/get_chat.graphql)

- fields: none
- scopes: none

## users

### ` + "`GET /users`" + `

MEDIUM · pages of 2000 by ` + "`next_page_token`" + ` · [question](/testdata/operations/users/get_users.graphql)

- also ` + "`GET /accounts/{accountId}/users`" + `
- fields: ` + "`Account.users`" + `
- scopes: ` + "`user:read`, `user:write`" + `
`
	if _, after, _ := strings.Cut(got.String(), "chooses.\n"); after != want {
		t.Errorf("-want +got\n%s", cmp.Diff(want, after))
	}
}

// The README shows how an operation was added: the lines of its diff are in the files
// that it names.
func TestReadme_diffMatchesFiles(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "```diff\n")
	shown, _, found := strings.Cut(shown, "```")
	if !found {
		t.Fatal("the README shows no diff")
	}
	files, gap := 0, false
	var file []string // the rest of the file
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "+++ b/"):
			text, err := os.ReadFile(filepath.Join(root, line[len("+++ b/"):]))
			if err != nil {
				t.Fatal(err)
			}
			files, file, gap = files+1, strings.Split(string(text), "\n"), true
		case line == "@@":
			gap = true
		case strings.HasPrefix(line, "+"):
			i := slices.Index(file, line[1:])
			if i < 0 || i > 0 && !gap {
				t.Fatalf("file %d has no such line, or not in that place: %s", files, line)
			}
			file, gap = file[i+1:], false
		}
	}
	if files != 4 {
		t.Errorf("the diff is of %d files, want 4", files)
	}
}
