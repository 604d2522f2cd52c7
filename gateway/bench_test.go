package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/challenge/boltstore"
	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
	"doorcode/gateway"
	"doorcode/templates"
)

// The proxies that are measured run as processes of their own, so that what they cost is not mixed with the load and the upstream:
// this test binary, started again with this variable set.
const peerVariable = "DOORCODE_BENCH_PEER"

func TestMain(m *testing.M) {
	if peer := os.Getenv(peerVariable); peer != "" {
		if err := servePeer(peer, os.Getenv(peerVariable+"_UPSTREAM")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// cost is what a peer has used since it started.
type cost struct {
	CPU    time.Duration
	Allocs uint64
}

// servePeer runs one proxy until its standard input closes.
func servePeer(peer, upstream string) error {
	debug.SetGCPercent(400) // both alike, as serve does
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	up, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	var handler http.Handler
	if peer == "bare" {
		handler = bareProxy(up)
	} else if handler, err = benchGateway(up, "http://"+listener.Addr().String()); err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bench-cost" {
			json.NewEncoder(w).Encode(ownCost())
			return
		}
		handler.ServeHTTP(w, r)
	})}
	go server.Serve(listener)
	fmt.Println(listener.Addr())
	io.Copy(io.Discard, os.Stdin)
	return server.Close()
}

func ownCost() cost {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return cost{time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), memory.Mallocs}
}

// bareProxy is httputil.ReverseProxy with what any careful user of it would set.
func bareProxy(up *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:    func(pr *httputil.ProxyRequest) { pr.SetURL(up); pr.SetXForwarded() },
		Transport:  &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64, DisableCompression: true},
		BufferPool: &benchPool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}},
	}
}

type benchPool struct{ pool sync.Pool }

func (p *benchPool) Get() []byte  { return *p.pool.Get().(*[]byte) }
func (p *benchPool) Put(b []byte) { p.pool.Put(&b) }

// benchGateway is a gateway whose one user, omar, needs no code: the member's page is what is measured.
func benchGateway(up *url.URL, public string) (http.Handler, error) {
	dir, err := os.MkdirTemp("", "doorcode-bench-")
	if err != nil {
		return nil, err
	}
	ring, err := keys.Open(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, err
	}
	store, err := boltstore.Open(filepath.Join(dir, "db"), boltstore.Options{})
	if err != nil {
		return nil, err
	}
	texts, err := templates.New("")
	if err != nil {
		return nil, err
	}
	policy, errs := challenge.NewPolicy(challenge.PolicyConfig{Unlisted: challenge.UnlistedRefuse, Users: []challenge.User{{Name: "alice", Code: challenge.CodeOff}}})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	h := &house{t: new(testing.B), url: public, up: &httptest.Server{URL: up.String()}}
	log := zerolog.New(io.Discard)
	door := challenge.New(h.challengeConfig(), policy, challenge.Parts{Store: store, Keys: ring, Texts: texts, Log: log})
	if _, err := door.SetPolicy(context.Background(), policy); err != nil {
		return nil, err
	}
	return gateway.New(h.config(), gateway.Parts{Door: door, Live: new(gateway.Live), Keys: ring, Texts: texts, Log: log}), nil
}

// peer is a proxy in a process of its own.
type peer struct {
	url    string
	cookie string
}

func startPeer(b *testing.B, name, upstream string) *peer {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerVariable+"="+name, peerVariable+"_UPSTREAM="+upstream)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(b, err)
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(b, err)
	return &peer{url: "http://" + strings.TrimSpace(line)}
}

func (p *peer) cost(b *testing.B) cost {
	b.Helper()
	res, err := http.Get(p.url + "/bench-cost")
	must(b, err)
	defer res.Body.Close()
	var c cost
	must(b, json.NewDecoder(res.Body).Decode(&c))
	return c
}

// benchUpstream signs everybody in and serves a page of 8 KiB.
func benchUpstream() http.Handler {
	page := []byte("<!doctype html><title>Invoices</title>" + strings.Repeat("<tr><td>1041</td><td>Nablus</td></tr>\n", 220))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login.php", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "0123456789abcdef0123456789abcdef", Path: "/"})
		io.WriteString(w, `<form method=post><input name=username><input type=password name=password></form>`)
	})
	mux.HandleFunc("POST /login.php", func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"PHPSESSID", "company", "grid"} {
			http.SetCookie(w, &http.Cookie{Name: name, Value: "0123456789abcdef0123456789abcdef", Path: "/"})
		}
		w.Header().Set("Location", "/home.php")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/profile.php", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<p id="login-name">alice</p><a href="/logout.php">out</a>`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	return mux
}

// load sends n requests over 16 connections as a browser sends them.
func (p *peer) load(b *testing.B, client *http.Client, n int, want int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				req, _ := http.NewRequest("GET", p.url+"/invoices.php?page=3", nil)
				req.Header.Set("User-Agent", firefox)
				req.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
				req.Header.Set("Accept-Language", "ar,en;q=0.5")
				req.Header.Set("Sec-Fetch-Mode", "navigate")
				if p.cookie != "" {
					req.Header.Set("Cookie", p.cookie)
				}
				res, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != want {
					b.Errorf("status %d, want %d", res.StatusCode, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// benchClient follows no redirect.
func benchClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// BenchmarkMemberPage compares a member's page through the gateway with the same page through a bare httputil.ReverseProxy that is
// tuned alike, pair by pair in one run: each iteration is one round of both. Machines are noisy: read the median ratio of the CPU
// times of the two processes and its spread.
//
//	go test -run '^$' -bench MemberPage -benchtime 20x ./gateway
func BenchmarkMemberPage(b *testing.B) {
	up := httptest.NewServer(benchUpstream())
	b.Cleanup(up.Close)
	bare, door := startPeer(b, "bare", up.URL), startPeer(b, "gateway", up.URL)
	client := benchClient()
	bare.cookie = "PHPSESSID=0123456789abcdef0123456789abcdef; company=0123456789abcdef0123456789abcdef; grid=0123456789abcdef0123456789abcdef"
	door.cookie = signIn(b, door.url)
	const requests = 2000
	for _, p := range []*peer{bare, door} {
		p.load(b, client, requests, http.StatusOK)
	}
	var ratios, bareCPU, doorCPU, bareAllocs, doorAllocs []float64
	round := func(p *peer) (cpu, allocs float64) {
		before := p.cost(b)
		p.load(b, client, requests, http.StatusOK)
		after := p.cost(b)
		return float64((after.CPU - before.CPU).Microseconds()) / requests, float64(after.Allocs-before.Allocs) / requests
	}
	for b.Loop() {
		bc, ba := round(bare)
		dc, da := round(door)
		ratios, bareCPU, doorCPU = append(ratios, dc/bc), append(bareCPU, bc), append(doorCPU, dc)
		bareAllocs, doorAllocs = append(bareAllocs, ba), append(doorAllocs, da)
	}
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(ratios[len(ratios)/4], "ratio-p25")
	b.ReportMetric(ratios[len(ratios)*3/4], "ratio-p75")
	b.ReportMetric(median(bareCPU), "bare-cpu-µs")
	b.ReportMetric(median(doorCPU), "door-cpu-µs")
	b.ReportMetric(median(bareAllocs), "bare-allocs")
	b.ReportMetric(median(doorAllocs), "door-allocs")
}

func median(values []float64) float64 {
	values = slices.Clone(values)
	slices.Sort(values)
	return values[len(values)/2]
}

// signIn signs alice in, who needs no code, and returns the Cookie header of her browser.
func signIn(b *testing.B, base string) string {
	b.Helper()
	h := &house{t: new(testing.B), url: base}
	browser := h.browser()
	if a := browser.login("alice"); a.StatusCode != http.StatusSeeOther || a.to() != "/home.php" {
		b.Fatalf("login: %d to %q: %s", a.StatusCode, a.to(), a.body)
	}
	var pairs []string
	for _, c := range browser.jar.Cookies(parseURL(b, base)) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// BenchmarkVisitorRefused is what a stranger's request for a protected page costs.
func BenchmarkVisitorRefused(b *testing.B) {
	up := httptest.NewServer(benchUpstream())
	b.Cleanup(up.Close)
	g, err := benchGateway(parseURL(b, up.URL), "http://books.example.com")
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("GET", "/invoices.php", nil)
		r.Host = "books.example.com"
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != http.StatusSeeOther {
			b.Fatalf("status %d", w.Code)
		}
	}
}

// BenchmarkLogin is a whole login with a code, from the login page to the member's first page, on a real bolt file with fsync,
// a real SMS provider and a real upstream on loopback; one at a time, and 64 at once.
func BenchmarkLogin(b *testing.B) {
	for _, together := range []int{1, 64} {
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			users := make([]challenge.User, together)
			for i := range users {
				users[i] = challenge.User{Name: fmt.Sprintf("user%d", i), Code: challenge.CodeSMS, Mobile: secret.New(fmt.Sprintf("+9705990%05d", i))}
			}
			h := newHouse(b, plan{users: users, upstream: anybody(), code: func(c *challenge.Config) { c.UserSends, c.AddressSends = challenge.Rate{}, challenge.Rate{} }})
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for i := range together {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						h.loginOnce(b, fmt.Sprintf("user%d", i), fmt.Sprintf("+9705990%05d", i))
					}
				})
			}
			wg.Wait()
		})
	}
}

// anybody is an upstream that signs in whoever has a password.
func anybody() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login.php", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<form method=post><input name=username><input type=password name=password></form>`)
	})
	mux.HandleFunc("POST /login.php", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "session-of-" + r.FormValue("username"), Path: "/"})
		w.Header().Set("Location", "/home.php")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := ""
		if c, err := r.Cookie("PHPSESSID"); err == nil {
			name = strings.TrimPrefix(c.Value, "session-of-")
		}
		fmt.Fprintf(w, `<p id="login-name">%s</p><a href="/logout.php">out</a><p>invoice of %s</p>`, name, name)
	})
	return mux
}

// loginOnce is one person's login in a new browser.
func (h *house) loginOnce(b *testing.B, user, mobile string) {
	browser := h.browser()
	defer browser.client.CloseIdleConnections()
	if a := browser.login(user); a.to() != "/_doorcode/code" {
		b.Errorf("login of %s: %d: %s", user, a.StatusCode, a.body)
		return
	}
	if a := browser.enter(sixDigits.FindString(h.phone.lastTo(mobile))); a.to() != "/home.php" {
		b.Errorf("code of %s: %d to %q: %s", user, a.StatusCode, a.to(), a.body)
	}
}
