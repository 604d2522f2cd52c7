package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
)

// folder has a short name, as a socket wants it.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "door")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whoami answers with who asks.
var whoami = Do("whoami", func(_ context.Context, by Caller, in string) (string, error) { return in + " " + by.String(), nil })

// open serves verbs at a socket in a folder of its own until the test ends, and returns its path.
func open(t *testing.T, c Config, log io.Writer, verbs ...Verb) string {
	t.Helper()
	c.Socket = filepath.Join(folder(t), "doorcode.sock")
	s, err := Listen(c)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, NewHandler(zerolog.New(log), verbs...), zerolog.New(log)) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return c.Socket
}

func TestAnswersWhoAsks(t *testing.T) {
	path := open(t, Config{}, io.Discard, whoami)
	var got string
	must(t, Ask(t.Context(), path, "whoami", "you are", &got))
	if want := "you are " + Myself().String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRefusals(t *testing.T) {
	var log strings.Builder
	path := open(t, Config{}, &log, whoami, Do("fail", func(_ context.Context, _ Caller, in struct{ Name string }) (string, error) {
		return "", &Error{Text: "there is no " + in.Name, Hint: "write another"}
	}))
	for _, c := range []struct {
		verb string
		in   any
		want string
	}{
		{"fail", map[string]string{"Name": "emil"}, "there is no emil"},
		{"fail", map[string]string{"Colour": "red"}, "does not understand this command"},
		{"whoami", 3, "does not understand this command"},
		{"dance", "x", `knows no command "dance"`},
		{"../v1/whoami", "x", "knows no command"},
	} {
		err := Ask(t.Context(), path, c.verb, c.in, new(string))
		refused, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(refused.Text, c.want) || refused.Hint == "" {
			t.Errorf("%s %v: %v, want %q with a hint", c.verb, c.in, err, c.want)
		}
	}
	if want := `"command":"fail","by":"` + Myself().String(); !strings.Contains(log.String(), want) {
		t.Errorf("the log lacks %s:\n%s", want, log.String())
	}
}

func TestNobodyThere(t *testing.T) {
	dir := folder(t)
	for what, path := range map[string]string{"nothing": filepath.Join(dir, "none"), "a dead gateway's": stale(t, dir)} {
		if err := Ask(t.Context(), path, "whoami", "", new(string)); !errors.Is(err, ErrNobody) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// stale leaves a socket behind as a gateway that was killed does.
func stale(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "doorcode.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	return path
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := stale(t, folder(t))
	must(t, os.WriteFile(path+".lock", nil, 0o600)) // what is left of its lock
	s, err := Listen(Config{Socket: path})
	must(t, err)
	must(t, s.Close())
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLiveSocketIsNotReplaced(t *testing.T) {
	path := open(t, Config{}, io.Discard, whoami)
	if _, err := Listen(Config{Socket: path}); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second gateway: %v", err)
	}
	var got string
	must(t, Ask(t.Context(), path, "whoami", "", &got))
	// Also one that has no lock of ours: another program's.
	other := filepath.Join(folder(t), "other.sock")
	l, err := net.Listen("unix", other)
	must(t, err)
	defer l.Close()
	if _, err := Listen(Config{Socket: other}); !errors.Is(err, ErrInUse) {
		t.Errorf("another program's socket: %v", err)
	}
	if _, err := os.Lstat(other + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock stayed: %v", err)
	}
}

func TestOfManyAtOnceOneListens(t *testing.T) {
	path := stale(t, folder(t))
	for range 20 {
		got := make([]*Socket, 16)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				s, err := Listen(Config{Socket: path})
				if err != nil && !errors.Is(err, ErrInUse) {
					t.Errorf("%v", err)
				}
				got[i] = s
			})
		}
		all.Wait()
		var one *Socket
		for _, s := range got {
			if s != nil && one != nil {
				t.Fatal("two listen")
			}
			if s != nil {
				one = s
			}
		}
		if one == nil {
			t.Fatal("nobody listens")
		}
		c, err := net.Dial("unix", path)
		must(t, err)
		c.Close()
		must(t, one.Close())
	}
}

// A second Close must not take the next gateway's socket away.
func TestCloseTwice(t *testing.T) {
	path := filepath.Join(folder(t), "doorcode.sock")
	first, err := Listen(Config{Socket: path})
	must(t, err)
	must(t, first.Close())
	second, err := Listen(Config{Socket: path})
	must(t, err)
	must(t, first.Close())
	for _, name := range []string{path, path + ".lock"} {
		if _, err := os.Lstat(name); err != nil {
			t.Error(err)
		}
	}
	must(t, second.Close())
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "doorcode.sock")
	must(t, os.WriteFile(path, []byte("a letter"), 0o600))
	if s, err := Listen(Config{Socket: path}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file: %v %v", s, err)
	}
	must(t, os.Remove(path))
	must(t, os.Symlink(filepath.Join(dir, "elsewhere"), path))
	if s, err := Listen(Config{Socket: path}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a link: %v %v", s, err)
	}
	if _, err := Listen(Config{Socket: "/" + strings.Repeat("x", maxPath)}); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a path too long: %v", err)
	}
	if _, err := Listen(Config{Socket: filepath.Join(dir, "nowhere", "s")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// Whoever answers its verbs over the network would let everybody give commands: the handler refuses those of whom the kernel knows nothing.
func TestThreat_E3_NothingOverTheNetwork(t *testing.T) {
	done := false
	h := NewHandler(zerolog.Nop(), Do("whoami", func(context.Context, Caller, string) (string, error) { done = true; return "", nil }))
	server := httptest.NewUnstartedServer(h)
	server.Config.ConnContext = withCaller // as Serve has it
	server.Start()
	defer server.Close()
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodOptions} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+prefix+"whoami", strings.NewReader(`"x"`))
		must(t, err)
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden || done {
			t.Errorf("%s over TCP: %s, done: %v", method, resp.Status, done)
		}
	}
}

func TestThreat_E3_Mode(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   fs.FileMode
	}{{Config{}, 0o600}, {Config{GID: os.Getgid(), Shared: true}, 0o660}} {
		path := open(t, c.config, io.Discard)
		info, err := os.Lstat(path)
		must(t, err)
		if got := info.Mode(); got.Perm() != c.want || got.Type() != fs.ModeSocket {
			t.Errorf("%+v: mode %v, want %v", c.config, got, c.want)
		}
		lock, err := os.Lstat(path + ".lock")
		must(t, err)
		if lock.Mode().Perm() != 0o600 {
			t.Errorf("the lock has mode %v", lock.Mode())
		}
	}
}

func ExampleCaller() {
	fmt.Println(Caller{UID: 7, Name: "emil"}, "·", Caller{UID: 8})
	// Output: emil (uid 7) · uid 8
}
