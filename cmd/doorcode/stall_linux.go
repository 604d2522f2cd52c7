package main

import (
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall lacks.
const tcpUserTimeout = 0x12

// endStalled makes the kernel end a connection whose peer has taken nothing of what is sent to it for limit. It is set on the listening
// socket, from which accepted ones have it. Idle connections and quiet streams have nothing to take and go on.
func endStalled(c syscall.RawConn, limit time.Duration) error {
	var err error
	if control := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(limit.Milliseconds()))
	}); control != nil {
		return control
	}
	return err
}
