//go:build !unix

package export

import "os"

// canLock reports whether files can be locked. A system without locks may also be unable to rename
// an open file.
const canLock = false

// lock does nothing: on this system, two processes may write the same file.
func lock(*os.File) (bool, error) { return true, nil }
