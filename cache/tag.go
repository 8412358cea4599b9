package cache

import "strings"

// A Tag names one thing that entries depend on, such as "meeting:123". An entry
// carries the tags of all the things that it depends on, and an eviction of one of
// them makes it invisible. Make tags with [NewTag] and [Tag.In].
type Tag string

// All is the implicit tag of every entry. Evict(ctx, All) empties a store, for a caller
// that may have missed evictions.
const All Tag = "*"

// NewTag returns the tag of a thing, named by its kind and by its id within the kind:
// NewTag("user", "u1", "meetings") is "user:u1:meetings".
func NewTag(kind string, parts ...string) Tag {
	return Tag(strings.Join(append([]string{kind}, parts...), ":"))
}

// In returns the tag within a scope, such as an account: the same thing in another
// scope has another tag.
func (t Tag) In(scope string) Tag { return Tag(scope + "|" + string(t)) }

// A tagName is the name of a tag in tickets and, if the store is shared, outside
// this process: there it is hashed.
type tagName string

// allName is the name of All, in every store.
const allName = tagName(All)

// namesOf returns the names of tags; a nil name leaves them as they are.
func namesOf(tags []Tag, name func(Tag) tagName) []tagName {
	if len(tags) == 0 {
		return nil
	}
	names := make([]tagName, len(tags))
	for i, tag := range tags {
		if name == nil {
			names[i] = tagName(tag)
		} else {
			names[i] = name(tag)
		}
	}
	return names
}
