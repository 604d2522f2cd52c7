package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says where the socket is and who may use it. Nobody but root and the gateway's own user may, unless Shared.
type Config struct {
	Socket string
	Group  string // its name, for messages
	GID    int
	Shared bool // the members of the group may use it too
}

// ErrInUse says that another gateway answers at the socket.
var ErrInUse = errors.New("in use by another gateway")

// maxPath is how long the name of a socket may be. The kernel's limit is 108 bytes with Linux and 104 with others; some of that goes to
// the folder in which the socket is made.
const maxPath = 90

// Socket is the gateway's end of the socket. It holds the name until Close.
type Socket struct {
	listener *net.UnixListener
	path     string
	file     os.FileInfo
	lock     *os.File
	close    func() error
}

// Listen makes the socket. One that a dead gateway left behind is replaced, one that somebody answers at never (ErrInUse), and what is
// no socket is left alone.
func Listen(c Config) (*Socket, error) {
	s, err := listen(c)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", c.Socket, err)
	}
	return s, nil
}

func listen(c Config) (*Socket, error) {
	if len(c.Socket) > maxPath {
		return nil, fmt.Errorf("its path has %d bytes, a socket's may have %d: set admin.socket to a shorter one", len(c.Socket), maxPath)
	}
	// The lock is held for as long as the gateway lives, and the kernel lets go of it when it dies. So who has it may replace whatever
	// socket stands there, and two that start at once cannot take it from each other.
	lock, err := takeLock(c.Socket + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Socket{path: c.Socket, lock: lock}
	if err := vacant(c.Socket); err != nil {
		return nil, errors.Join(err, dropLock(lock))
	}
	if err := s.place(c); err != nil {
		return nil, errors.Join(err, dropLock(lock))
	}
	s.close = sync.OnceValue(s.end)
	return s, nil
}

// vacant reports, as nil, that there is nothing at path or a socket at which nobody answers.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return bare(err)
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("something that is no socket has this name: move it away, or set admin.socket to another name")
	}
	// The lock says that no gateway of ours is behind it. It may be somebody else's.
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return errors.Join(ErrInUse, c.Close())
	}
	return nil
}

// place makes the socket inside a folder that only this user can enter, gives it its mode and group there, and moves it to its name:
// at no moment can anybody reach it who may not use it. A change of the process's umask would do the same and reach every
// file that is made meanwhile.
func (s *Socket) place(c Config) (err error) {
	private, err := os.MkdirTemp(filepath.Dir(c.Socket), ".d")
	if err != nil {
		return bare(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(private)) }()
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	l.SetUnlinkOnClose(false) // it knows the first name only; Close removes the socket
	if s.file, err = settle(made, c); err == nil {
		err = os.Rename(made, s.path)
	}
	if err != nil {
		return errors.Join(bare(err), l.Close())
	}
	s.listener = l
	return nil
}

// settle gives the socket its mode and group.
func settle(made string, c Config) (os.FileInfo, error) {
	mode := fs.FileMode(0o600)
	if c.Shared {
		mode = 0o660
		if err := os.Chown(made, -1, c.GID); err != nil {
			return nil, fmt.Errorf("give it to the group %s (the gateway's user must be a member): %w", c.Group, bare(err))
		}
	}
	if err := os.Chmod(made, mode); err != nil {
		return nil, err
	}
	return os.Lstat(made)
}

// Close ends the socket and removes its name, unless somebody has put something else there. It may be called again: by then another gateway
// may have the name, and its socket must not go.
func (s *Socket) Close() error { return s.close() }

func (s *Socket) end() error {
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // the server has closed it
	}
	if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.file) {
		err = errors.Join(err, os.Remove(s.path))
	}
	return errors.Join(err, dropLock(s.lock))
}

// bare drops the operation and path that package os puts into its errors: ours name the path already.
func bare(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
