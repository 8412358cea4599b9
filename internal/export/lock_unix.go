//go:build unix

package export

import (
	"errors"
	"os"
	"syscall"
)

// canLock reports whether files can be locked.
const canLock = true

// lock locks a file for this process until it is closed. It reports false if another process has
// locked it.
func lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
