package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// state is the state of a walk. It is in a file next to the output until the output is complete.
type state struct {
	// Fingerprint identifies the query and the gateway: see [Config.fingerprint].
	Fingerprint string `json:"question"`
	// After is the cursor of the next page; "" before the first one.
	After string `json:"after"`
	// Offset is the length of the output up to the last complete page, in bytes.
	Offset int64 `json:"offset"`
	// Rows and Pages are the number of those that were written, and Calls the calls at Zoom for
	// them, by label.
	Rows  int            `json:"rows"`
	Pages int            `json:"pages"`
	Calls map[string]int `json:"calls"`
	// Whole reports whether there are no more pages.
	Whole bool `json:"whole"`
}

// output is the file with the rows. It has another name until it is complete.
type output struct {
	name string
	file *os.File
}

func partOf(name string) string  { return name + ".part" }
func stateOf(name string) string { return name + ".state" }

// open opens an output, and returns the state of an earlier walk with the same fingerprint, or that
// of a new one. An output that exists, belongs to a walk with another fingerprint, or is being
// written by another process, is an error.
func open(name, fingerprint string) (_ *output, done *state, err error) {
	if _, err := os.Lstat(name); err == nil {
		return nil, nil, fmt.Errorf("%s is there already, and is not overwritten", name)
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
	if done, err = load(name, fingerprint); err != nil {
		return nil, nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	switch {
	case err != nil:
		return nil, nil, err
	case done == nil && size > 0: // not the part of a walk
		return nil, nil, fmt.Errorf("%s is there without %s, so it cannot be continued; remove it to begin again", partOf(name), stateOf(name))
	case done == nil:
		done = &state{Fingerprint: fingerprint, Calls: map[string]int{}}
	case size < done.Offset:
		return nil, nil, fmt.Errorf("%s is shorter than %s says: remove both to begin again", partOf(name), stateOf(name))
	}
	if err := o.truncate(done); err != nil {
		return nil, nil, err
	}
	if err := o.save(done); err != nil {
		return nil, nil, err
	}
	return o, done, nil
}

// openLocked opens or creates a file and locks it for this process.
func openLocked(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) // rows have personal data
	if err != nil {
		return nil, err
	}
	free, err := lock(file)
	if err == nil && free {
		// Another process may have completed its walk and renamed the file.
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
		err = fmt.Errorf("another process writes %s: wait until it has ended, or choose another file", name)
	}
	return nil, errors.Join(err, file.Close())
}

// removeEmpty removes the empty part of a walk that could not begin. It does not remove a state.
func (o *output) removeEmpty() {
	if info, err := o.file.Stat(); err == nil && info.Size() == 0 {
		_ = os.Remove(stateOf(o.name) + ".next")
		_ = os.Remove(partOf(o.name))
	}
}

// load returns the state of an earlier walk, or nil.
func load(name, fingerprint string) (*state, error) {
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
	if done.Fingerprint != fingerprint {
		return nil, fmt.Errorf("%s is of another query, other variables, or another gateway: continue with these, or remove it and %s to begin again", stateOf(name), partOf(name))
	}
	if done.Calls == nil {
		done.Calls = map[string]int{}
	}
	return done, nil
}

// truncate removes what was written after the last page in the state.
func (o *output) truncate(done *state) error {
	if err := o.file.Truncate(done.Offset); err != nil {
		return err
	}
	_, err := o.file.Seek(done.Offset, io.SeekStart)
	return err
}

// append writes the lines of a page, and then the state. If a crash prevents either, the next walk
// begins after the last complete page.
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

// save replaces the file of the state atomically.
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

// finish gives a complete output its name, and removes the state. A locked file remains locked until
// [output.close]. It does not replace a file that has appeared during the walk: a link fails then,
// where a file system has links.
func (o *output) finish() error {
	if !canLock {
		o.close()
	}
	err := os.Link(partOf(o.name), o.name)
	switch {
	case err == nil:
		err = os.Remove(partOf(o.name))
	case errors.Is(err, fs.ErrExist):
		return o.taken()
	default:
		if _, err := os.Lstat(o.name); err == nil {
			return o.taken()
		}
		err = os.Rename(partOf(o.name), o.name)
	}
	if err != nil {
		return err
	}
	return os.Remove(stateOf(o.name))
}

// taken returns the error of an output whose name another file has by now.
func (o *output) taken() error {
	return fmt.Errorf("%s has appeared during the walk, and is not overwritten: all rows are in %s; move the other file away, and the same command completes it", o.name, partOf(o.name))
}

// discard removes an output without pages; the part last, since it is the locked file.
func (o *output) discard() error {
	return errors.Join(os.Remove(stateOf(o.name)), os.Remove(partOf(o.name)))
}

func (o *output) close() { _ = o.file.Close() }
