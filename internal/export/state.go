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
// A file that is there already, is of another question, or is written by another process, is
// an error: nothing is overwritten.
func open(name, question string) (_ *output, done *state, err error) {
	if _, err := os.Stat(name); err == nil {
		return nil, nil, fmt.Errorf("%s is there already: it is not overwritten", name)
	}
	file, err := openLocked(partOf(name))
	if err != nil {
		return nil, nil, err
	}
	o := &output{name, file}
	defer func() {
		if err != nil {
			o.removeEmpty()
			o.close()
		}
	}()
	if done, err = load(name, question); err != nil {
		return nil, nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	switch {
	case err != nil:
		return nil, nil, err
	case done == nil && size > 0: // a part without a state is of somebody else
		return nil, nil, fmt.Errorf("%s is there without %s: it is not known how far it is good; remove it to begin again", partOf(name), stateOf(name))
	case done == nil:
		done = &state{Question: question, Calls: map[string]int{}}
	case size < done.Offset:
		return nil, nil, fmt.Errorf("%s is shorter than %s says: remove both to begin again", partOf(name), stateOf(name))
	}
	if err := o.cut(done); err != nil {
		return nil, nil, err
	}
	if err := o.save(done); err != nil {
		return nil, nil, err
	}
	return o, done, nil
}

// openLocked opens a file, or makes one, that no other process writes meanwhile.
func openLocked(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) // rows have personal data
	if err != nil {
		return nil, err
	}
	free, err := lock(file)
	if err == nil && free {
		// A process that has just ended its walk has given the file its other name.
		var now, opened fs.FileInfo
		if opened, err = file.Stat(); err == nil {
			now, err = os.Stat(name)
		}
		free = err == nil && os.SameFile(now, opened)
	}
	switch {
	case free:
		return file, nil
	case err == nil || errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("another process writes %s: wait for its end, or name another file", name)
	}
	return nil, errors.Join(err, file.Close())
}

// removeEmpty removes what a walk that could not begin has made. A state beside it stays.
func (o *output) removeEmpty() {
	if info, err := o.file.Stat(); err == nil && info.Size() == 0 {
		_ = os.Remove(stateOf(o.name) + ".next")
		_ = os.Remove(partOf(o.name))
	}
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
	if err := o.file.Truncate(done.Offset); err != nil {
		return err
	}
	_, err := o.file.Seek(done.Offset, io.SeekStart)
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

// finish gives a whole output its name. Where files are locked, it is until [output.close].
func (o *output) finish() error {
	if !locks {
		o.close()
	}
	if err := os.Rename(partOf(o.name), o.name); err != nil {
		return err
	}
	return os.Remove(stateOf(o.name))
}

// discard removes an output that has no page; the part last, by which it is locked.
func (o *output) discard() error {
	return errors.Join(os.Remove(stateOf(o.name)), os.Remove(partOf(o.name)))
}

func (o *output) close() { _ = o.file.Close() }
