package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	liveSessions = 10_000
	connections  = 64
	mostMemory   = 64 << 10 // KiB
)

// The whole program, as Linux counts it, stays under 64 MiB while 10,000 browsers sign in and then come by with pages and uploads
// among visitors, over 64 connections that are busy all the time; and after a start with all of them.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 10,000 browsers in: not under -short")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("reads /proc, as on Linux")
	}
	upstream := httptest.NewServer(http.HandlerFunc(bigPages))
	t.Cleanup(upstream.Close)
	dir, address := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "gateway.yaml")
	writeFile(t, file, strings.NewReplacer("ADDRESS", address, "UPSTREAM", upstream.URL).Replace(installed)+"country: PS\nlog: {level: error}\n")
	var users strings.Builder
	users.WriteString("users:\n")
	for n := range liveSessions / 10 {
		fmt.Fprintf(&users, "  - {name: user%d, code: off, mobile: 0599%06d, email: user%d@example.com}\n", n, 100000+n, n)
	}
	writeFile(t, filepath.Join(dir, "users.yaml"), users.String())
	binary, crowd := buildBinary(t), newCrowd(t, "http://"+address)

	process, stop := startMeasured(t, binary, address, "serve", "--config", file)
	crowd.all(crowd.signIn)
	crowd.all(crowd.comeBy)
	first := memoryOf(t, process)
	stop() // writes last uses
	process, stop = startMeasured(t, binary, address, "serve", "--config", file)
	crowd.all(crowd.comeBy)
	second := memoryOf(t, process)
	stop()
	for _, m := range []map[string]int{first, second} {
		t.Logf("%d KiB with %d sessions, %d at most", m["VmRSS"], liveSessions, m["VmHWM"])
		if m["VmHWM"] == 0 || m["VmHWM"] >= mostMemory {
			t.Errorf("%d KiB, want less than %d", m["VmHWM"], mostMemory)
		}
	}
}

var bigPage = bytes.Repeat([]byte("<p>1,250.00</p>\n"), 4<<10)

// bigPages is an application whose session cookie says the user, and whose pages have 64 KiB.
func bigPages(w http.ResponseWriter, r *http.Request) {
	user := ""
	if c, err := r.Cookie("PHPSESSID"); err == nil {
		user = c.Value
	}
	w.Header().Set("Content-Type", "text/html")
	switch {
	case r.URL.Path == "/login.php" && r.Method == http.MethodPost:
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: r.PostFormValue("username"), Path: "/"})
		http.Redirect(w, r, "/home.php", http.StatusFound)
	case r.URL.Path == "/login.php":
		io.WriteString(w, "<form method=post action=/login.php><input name=username><input type=password name=password></form>")
	case user == "":
		http.Redirect(w, r, "/login.php", http.StatusFound)
	case r.URL.Path == "/profile.php":
		fmt.Fprintf(w, `<p id="login-name">%s</p><a href="/logout.php">Sign out</a>`, user)
	default:
		io.Copy(io.Discard, r.Body)
		w.Write(bigPage)
	}
}

// crowd is ten browsers for each user.
type crowd struct {
	t       *testing.T
	gateway string
	client  *http.Client
	cookies []string // by browser
	file    []byte   // 256 KiB that some upload
}

func newCrowd(t *testing.T, gateway string) *crowd {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &crowd{
		t: t, gateway: gateway, client: &http.Client{Transport: transport, CheckRedirect: stay},
		cookies: make([]string, liveSessions), file: bytes.Repeat([]byte("0123456789abcdef"), 16<<10),
	}
}

// all has every browser do something, as many at once as there are connections.
func (c *crowd) all(do func(n int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for n := next.Add(1) - 1; n < liveSessions && !c.t.Failed(); n = next.Add(1) - 1 {
				do(int(n))
			}
		})
	}
	all.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

func (c *crowd) signIn(n int) {
	name := fmt.Sprintf("user%d", n/10)
	c.send(n, http.StatusOK, "GET", "/login.php", "", nil)
	c.send(n, http.StatusSeeOther, "POST", "/login.php", "application/x-www-form-urlencoded", strings.NewReader("username="+name+"&password=x"))
}

// comeBy fetches a page; every fifth uploads 256 KiB, too, and every tenth brings a visitor along.
func (c *crowd) comeBy(n int) {
	c.send(n, http.StatusOK, "GET", "/invoice.php?id="+strconv.Itoa(n), "", nil)
	if n%5 == 0 {
		c.send(n, http.StatusOK, "POST", "/upload.php", "application/octet-stream", bytes.NewReader(c.file))
	}
	if n%10 == 0 {
		c.send(-1, http.StatusOK, "GET", "/login.php", "", nil)
	}
}

// send sends a request of browser n, which keeps the cookies that come back; -1 is one that keeps none.
func (c *crowd) send(n, want int, method, target, kind string, body io.Reader) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.gateway+target, body)
	if err != nil {
		c.t.Error(err)
		return
	}
	if n >= 0 && c.cookies[n] != "" {
		req.Header.Set("Cookie", c.cookies[n])
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	res, err := c.client.Do(req)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != want {
		c.t.Errorf("%s %s: %d, %v", method, target, res.StatusCode, err)
	}
	if set := res.Cookies(); n >= 0 && len(set) > 0 {
		var all []string
		for _, one := range set {
			all = append(all, one.Name+"="+one.Value)
		}
		c.cookies[n] = strings.Join(all, "; ")
	}
}

// startMeasured starts the program in a process of its own, and returns its id and what ends it.
func startMeasured(t *testing.T, binary, address string, args ...string) (process int, stop func()) {
	t.Helper()
	var log bytes.Buffer
	c := exec.Command(binary, args...)
	c.Stderr = &log
	c.Env = append(os.Environ(), "GOGC=", "GOMEMLIMIT=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		t.Helper()
		if err := errors.Join(c.Process.Signal(os.Interrupt), c.Wait()); err != nil || t.Failed() {
			t.Errorf("%v\n%s", err, &log)
		}
	})
	t.Cleanup(stop)
	for late := time.Now().Add(20 * time.Second); ; {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			conn.Close()
			return c.Process.Pid, stop
		}
		if time.Now().After(late) {
			t.Fatal("the gateway does not listen")
		}
	}
}

var memoryLine = regexp.MustCompile(`(?m)^(Vm\w+):\s+(\d+) kB$`)

// memoryOf returns what Linux counts for a process, in KiB.
func memoryOf(t *testing.T, process int) map[string]int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	for _, m := range memoryLine.FindAllStringSubmatch(string(text), -1) {
		sizes[m[1]], _ = strconv.Atoi(m[2])
	}
	return sizes
}
