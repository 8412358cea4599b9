package drift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// maxFile bounds a report's file when it is read: about the size with all operations at
// their bounds.
const maxFile = 64 << 20

// Read returns the entries of a file.
func Read(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var entries []Entry
	if err := json.NewDecoder(io.LimitReader(f, maxFile)).Decode(&entries); err != nil {
		return nil, fmt.Errorf("%s: no drift report: %w", path, err)
	}
	return entries, nil
}

// Load adds the entries of a file to the report; a missing file has none.
func (r *Report) Load(path string) error {
	entries, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		r.Add(e.Operation, map[Finding]int{e.Finding: 0}, e.First)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if c := r.of[e.Operation][e.Finding]; c != nil {
			c.n, c.last, c.seen = c.n+e.Count, e.Last, false
		}
	}
	r.changed = false
	return err
}

// Save replaces a file by the report, if that has changed since, atomically.
func (r *Report) Save(path string) error {
	r.mu.Lock()
	if !r.changed {
		r.mu.Unlock()
		return nil
	}
	entries := r.entries()
	r.changed = false
	r.mu.Unlock()
	err := write(path, entries)
	if err != nil {
		r.mu.Lock()
		r.changed = true
		r.mu.Unlock()
	}
	return err
}

func write(path string, entries []Entry) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(WriteJSON(f, entries), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// WriteJSON writes entries in the format of the file.
func WriteJSON(w io.Writer, entries []Entry) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(entries)
}

const (
	saveEvery = time.Minute
	logEvery  = 24 * time.Hour
)

// Keep saves the report into a file, if path is not empty, and writes a line a day into
// the log, until ctx ends.
func (r *Report) Keep(ctx context.Context, path string, log *slog.Logger) {
	save, report := time.NewTicker(saveEvery), time.NewTicker(logEvery)
	defer save.Stop()
	defer report.Stop()
	for {
		select {
		case <-ctx.Done():
			r.saveOrLog(ctx, path, log)
			return
		case <-save.C:
			r.saveOrLog(ctx, path, log)
		case <-report.C:
			if s := r.Sum(); s.Operations > 0 {
				log.InfoContext(ctx, "Zoom's answers differ from the schema", "operations", s.Operations, "values", s.Values, "fields", s.Fields, "unreadable", s.Unreadable)
			}
		}
	}
}

func (r *Report) saveOrLog(ctx context.Context, path string, log *slog.Logger) {
	if path == "" {
		return
	}
	if err := r.Save(path); err != nil {
		log.WarnContext(ctx, "the drift report cannot be saved", "error", err)
	}
}

// Write writes entries as a table.
func Write(w io.Writer, entries []Entry) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "OPERATION\tKIND\tFIELD\tVALUE\tCOUNT\tFIRST\tLAST") // Flush returns the error
	for _, e := range entries {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", e.Operation, e.Kind, e.Field, e.Value, e.Count, e.First.Format(time.DateOnly), e.Last.Format(time.DateOnly))
	}
	return table.Flush()
}
