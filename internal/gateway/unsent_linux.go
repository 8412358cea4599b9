package gateway

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsentOf returns a function for the number of written bytes that the peer of a connection
// has not acknowledged; nil if the number is unavailable.
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
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }) // on an error, n is 0
		return n
	}
}
