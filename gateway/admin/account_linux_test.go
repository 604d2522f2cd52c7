package admin

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// as runs do on a thread that has become another account, with one group. The thread ends with it.
func as(t *testing.T, uid, gid int, do func() error) error {
	t.Helper()
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else may get this thread
		groups := []uint32{uint32(gid)}
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&groups[0]))},
			{unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
			{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		} {
			if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				result <- errno
				return
			}
		}
		result <- do()
	}()
	return <-result
}

const stranger = 54321 // an account that owns nothing

func TestThreat_E3_OtherAccounts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("becoming another account takes root")
	}
	dial := func(path string) func() error {
		return func() error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0) // package net would connect on any thread
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
	}
	own, shared := open(t, Config{}, io.Discard), open(t, Config{GID: 7777, Group: "helpdesk", Shared: true}, io.Discard)
	if err := as(t, stranger, 7777, dial(own)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a stranger at the gateway's own socket: %v", err)
	}
	if err := as(t, stranger, stranger, dial(shared)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a stranger at the group's socket: %v", err)
	}
	if err := as(t, stranger, 7777, dial(shared)); err != nil {
		t.Errorf("a member of the group: %v", err)
	}
}

// The kernel names who asks, whatever he may say.
func TestNamesOtherAccounts(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if os.Getuid() != 0 || err != nil {
		t.Skip("becoming another account takes root")
	}
	uid, err := strconv.Atoi(nobody.Uid)
	must(t, err)
	path := open(t, Config{GID: 7777, Group: "helpdesk", Shared: true}, io.Discard, whoami)
	var got string
	must(t, as(t, uid, 7777, func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
			return err
		}
		request := "POST " + prefix + "whoami HTTP/1.0\r\nContent-Length: 4\r\n\r\n\"I\"\n"
		if _, err := unix.Write(fd, []byte(request)); err != nil {
			return err
		}
		answer, err := io.ReadAll(fdReader(fd))
		got = string(answer)
		return err
	}))
	if !strings.Contains(got, "I nobody (uid "+nobody.Uid+")") {
		t.Errorf("got %q", got)
	}
}

type fdReader int

func (fd fdReader) Read(p []byte) (int, error) {
	n, err := unix.Read(int(fd), p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
