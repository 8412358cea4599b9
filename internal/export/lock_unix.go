//go:build unix

package export

import (
	"errors"
	"os"
	"syscall"
)

// locks reports whether files can be locked.
const locks = true

// lock takes a file for this process, until it is closed, and reports whether no other
// process has it.
func lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
