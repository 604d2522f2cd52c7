package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
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

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/config"
	"doorcode/gateway/seal"
)

const (
	liveSessions = 10_000
	connections  = 64
	mostMemory   = 64 << 10 // KiB
)

// The whole program, as Linux counts it, stays under 64 MiB with 10,000 live sessions, each of which comes by, and 64 connections
// that are busy all the time with pages, uploads and the login page.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a state file and keeps 64 connections busy: not under -short")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("reads /proc, as on Linux")
	}
	page := bytes.Repeat([]byte("<p>1,250.00</p>\n"), 4<<10) // 64 KiB
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("PHPSESSID"); r.URL.Path != "/login.php" && (err != nil || !strings.HasPrefix(c.Value, "session-")) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		w.Write(page)
	}))
	t.Cleanup(upstream.Close)
	dir, address := t.TempDir(), freeAddress(t)
	writeFile(t, filepath.Join(dir, "gateway.yaml"), strings.NewReplacer("ADDRESS", address, "UPSTREAM", upstream.URL).Replace(installed)+"country: PS\n")
	var users strings.Builder
	users.WriteString("users:\n")
	for n := range liveSessions / 10 {
		fmt.Fprintf(&users, "  - {name: user%d, code: off, mobile: 0599%06d, email: user%d@example.com}\n", n, 100000+n, n)
	}
	writeFile(t, filepath.Join(dir, "users.yaml"), users.String())
	cookies := fillState(t, filepath.Join(dir, "gateway.yaml"))

	process := startMeasured(t, buildBinary(t), "serve", "--config", filepath.Join(dir, "gateway.yaml"))
	started := memoryOf(t, process)
	keepBusy(t, "http://"+address, cookies)
	after := memoryOf(t, process)
	t.Logf("with %d sessions: %d KiB at the start, %d KiB after; the most was %d KiB", liveSessions, started["VmRSS"], after["VmRSS"], after["VmHWM"])
	if after["VmHWM"] >= mostMemory {
		t.Errorf("%d KiB, want less than %d", after["VmHWM"], mostMemory)
	}
}

// fillState lets 10,000 browsers in, without the program around the door, and returns their cookies.
func fillState(t *testing.T, file string) (cookies []string) {
	t.Helper()
	settings, policy, err := load(file, config.Overrides{FileOnly: true}, func(config.Problems) {})
	if err != nil {
		t.Fatal(err)
	}
	h, err := open(t.Context(), settings, policy, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	cookies = make([]string, liveSessions)
	box := seal.NewBox(h.ring, seal.Options{})
	var next atomic.Int64
	inParallel(func() {
		for n := next.Add(1) - 1; n < liveSessions; n = next.Add(1) - 1 {
			name := fmt.Sprintf("user%d", n/10)
			d, err := h.door.Decide(t.Context(), challenge.Login{Typed: name, Confirmed: name, Cookies: []string{"PHPSESSID"}, Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"})
			if err != nil || d.Pass == nil {
				t.Errorf("%+v, %v", d, err)
				return
			}
			id := d.Pass.Session().ID
			own, err := box.SealOwn("doorcode", []byte("m\n"+id+"\nTRAILTRAILTRAILTRAILTRAIL\n"))
			if err != nil {
				t.Error(err)
				return
			}
			answer := http.Header{}
			for _, c := range box.SealJar(seal.JarOf(fmt.Sprintf("PHPSESSID=session-%d", n)), id) {
				c.SetOn(answer)
			}
			sealed, _, _ := strings.Cut(answer.Get("Set-Cookie"), ";")
			cookies[n] = "doorcode=" + own + "; " + sealed
		}
	})
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	return cookies
}

func inParallel(f func()) {
	var all sync.WaitGroup
	for range connections {
		all.Go(f)
	}
	all.Wait()
}

// keepBusy has every session fetch a page, every fifth upload 256 KiB, and every tenth visitor the login page, 64 at once.
func keepBusy(t *testing.T, gateway string, cookies []string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
	defer client.CloseIdleConnections()
	file := bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
	send := func(method, target, cookie string, body io.Reader) {
		req, err := http.NewRequestWithContext(t.Context(), method, gateway+target, body)
		if err != nil {
			t.Error(err)
			return
		}
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
		req.Header.Set("Content-Type", "application/octet-stream")
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		if n, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK || n != 64<<10 {
			t.Errorf("%s %s: %d, %d bytes, %v", method, target, res.StatusCode, n, err)
		}
	}
	var next atomic.Int64
	inParallel(func() {
		for n := next.Add(1) - 1; n < int64(len(cookies)) && !t.Failed(); n = next.Add(1) - 1 {
			send("GET", "/invoice.php?id="+strconv.FormatInt(n, 10), cookies[n], nil)
			if n%5 == 0 {
				send("POST", "/upload.php", cookies[n], bytes.NewReader(file))
			}
			if n%10 == 0 {
				send("GET", "/login.php", "", nil)
			}
		}
	})
}

// startMeasured starts the program in a process of its own until the test ends, and returns its id.
func startMeasured(t *testing.T, binary string, args ...string) (process int) {
	t.Helper()
	log := newTranscript()
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, binary, args...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stderr = log
	c.Env = append(os.Environ(), "GOGC=", "GOMEMLIMIT=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := c.Wait(); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	log.wait(t, "the door is open")
	return c.Process.Pid
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
