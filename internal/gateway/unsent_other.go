//go:build !linux

package gateway

import "net"

// unsentOf returns nil: the number of unacknowledged bytes is unavailable.
func unsentOf(net.Conn) func() int { return nil }
