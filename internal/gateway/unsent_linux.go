package gateway

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsentOf returns what tells how many bytes that were written to a connection its
// other end has not acknowledged yet; nil where that cannot be told.
func unsentOf(conn net.Conn) func() int {
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return nil
	}
	return func() (n int) {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }) // at worst, less is known
		return n
	}
}
