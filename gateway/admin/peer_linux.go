package admin

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer asks the kernel for the effective user of the process that made the connection (SO_PEERCRED, unix(7)).
func peer(c *net.UnixConn) (uid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) { cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err == nil {
		err = asked
	}
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
