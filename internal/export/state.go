package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// state is how far a walk has come. It stands in a file beside the output, from the first
// page until the output is whole.
type state struct {
	// Question names what is asked, and where.
	Question string `json:"question"`
	// After is the cursor of the next page; "" before the first one.
	After string `json:"after"`
	// Offset is the number of bytes of the output that are good.
	Offset int64 `json:"offset"`
	// Rows and Pages have been written, and Calls were made for them, by label.
	Rows  int            `json:"rows"`
	Pages int            `json:"pages"`
	Calls map[string]int `json:"calls"`
	// Whole tells that there is no more page.
	Whole bool `json:"whole"`
}

// output is the file that rows are written to. Until it is whole it has another name, so
// nobody takes a part of it for all.
type output struct {
	name string
	file *os.File
}

func partOf(name string) string  { return name + ".part" }
func stateOf(name string) string { return name + ".state" }

// open opens an output, and returns how far an earlier walk of the same question has come.
// A file that is there already, or is of another question, is an error: nothing is
// overwritten.
func open(name, question string) (*output, *state, error) {
	if _, err := os.Stat(name); err == nil {
		return nil, nil, fmt.Errorf("%s is there already: it is not overwritten", name)
	}
	done, err := load(name, question)
	if err != nil {
		return nil, nil, err
	}
	flags := os.O_RDWR | os.O_CREATE
	if done == nil { // a part without a state is of somebody else
		flags |= os.O_EXCL
		done = &state{Question: question, Calls: map[string]int{}}
	}
	file, err := os.OpenFile(partOf(name), flags, 0o600) // rows have personal data
	if errors.Is(err, fs.ErrExist) {
		return nil, nil, fmt.Errorf("%s is there without %s: it is not known how far it is good; remove it to begin again", partOf(name), stateOf(name))
	} else if err != nil {
		return nil, nil, err
	}
	o := &output{name, file}
	if err := o.cut(done); err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	err = o.save(done)
	return o, done, err
}

// load reads the state of an earlier walk; nil is none.
func load(name, question string) (*state, error) {
	text, err := os.ReadFile(stateOf(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	done := &state{}
	if json.Unmarshal(text, done) != nil || done.Offset < 0 {
		return nil, fmt.Errorf("%s is no state of an export", stateOf(name))
	}
	if done.Question != question {
		return nil, fmt.Errorf("%s is of another query, other variables, or another gateway: go on with these, or remove it and %s to begin again", stateOf(name), partOf(name))
	}
	if done.Calls == nil {
		done.Calls = map[string]int{}
	}
	return done, nil
}

// cut removes what was written after the last page that the state knows.
func (o *output) cut(done *state) error {
	size, err := o.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size < done.Offset {
		return fmt.Errorf("%s is shorter than %s says: remove both to begin again", partOf(o.name), stateOf(o.name))
	}
	if err := o.file.Truncate(done.Offset); err != nil {
		return err
	}
	_, err = o.file.Seek(done.Offset, io.SeekStart)
	return err
}

// append writes the lines of a page, and then how far the walk has come. Whichever of the
// two a crash keeps from the disk, the next walk begins behind the last whole page.
func (o *output) append(lines []byte, done *state) error {
	if _, err := o.file.Write(lines); err != nil {
		return err
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	done.Offset += int64(len(lines))
	return o.save(done)
}

// save replaces the state by one that is whole.
func (o *output) save(done *state) error {
	text, err := json.Marshal(done)
	if err != nil {
		return err
	}
	next := stateOf(o.name) + ".next"
	if err := writeSynced(next, text); err != nil {
		return err
	}
	return os.Rename(next, stateOf(o.name))
}

func writeSynced(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// finish gives a whole output its name.
func (o *output) finish() error {
	if err := o.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(partOf(o.name), o.name); err != nil {
		return err
	}
	return os.Remove(stateOf(o.name))
}

// discard removes an output that has no page.
func (o *output) discard() error {
	return errors.Join(os.Remove(partOf(o.name)), os.Remove(stateOf(o.name)))
}

func (o *output) close() { _ = o.file.Close() }
