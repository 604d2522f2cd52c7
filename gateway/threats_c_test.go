package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/seal"
)

// Threats C: the code. The oracle stays what the upstream ran as whom; beside it a store that counts how often a code was compared.

// countedStore counts the comparisons of codes, and the entries it wrote.
type countedStore struct {
	challenge.Store
	compared, entered atomic.Int64
}

func (s *countedStore) around(store challenge.Store) challenge.Store {
	s.Store = store
	return s
}

func (s *countedStore) Admit(ctx context.Context, e challenge.Entry) (challenge.Admitted, error) {
	if right := e.Right; right != nil {
		e.Right = func(sealed []byte) bool {
			s.compared.Add(1)
			return right(sealed)
		}
	}
	a, err := s.Store.Admit(ctx, e)
	if err == nil {
		s.entered.Add(1)
	}
	return a, err
}

// codeForm is what the code page of this browser would send.
func (b *browser) codeForm(code string) url.Values {
	b.h.t.Helper()
	_, token := b.codePage()
	if token == "" {
		b.h.t.Fatal("no code page")
	}
	return url.Values{"token": {token}, "code": {code}}
}

// wantRefused fails when a code was taken, or refused in a way that tells more than "wrong".
func (h *house) wantRefused(what string, a answer) {
	h.t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code?said=wrong" {
		h.t.Errorf("%s: %d to %q, want a wrong code: %s", what, a.StatusCode, a.to(), a.body)
	}
}

// doorText opens the browser's gateway cookie as the gateway does.
func (h *house) doorText(b *browser) string {
	h.t.Helper()
	value, ok := seal.NewBox(h.ring, seal.Options{}).OpenOwn("doorcode", b.cookie("doorcode"))
	if !ok {
		h.t.Fatal("the gateway cookie does not open")
	}
	return string(value)
}

// challengeOf returns the id of the challenge that the browser has pending.
func (h *house) challengeOf(b *browser) string {
	h.t.Helper()
	parts := strings.Split(h.doorText(b), "\n")
	if len(parts) < 2 || parts[0] != "p" {
		h.t.Fatal("the browser has no challenge")
	}
	return parts[1]
}

// atOnce sends one code after the other, each over a connection of its own, all at the same moment, and returns where each was led.
func (h *house) atOnce(requests []string) []string {
	h.t.Helper()
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	led := make([]string, len(requests))
	for i, request := range requests {
		c, err := net.Dial("tcp", h.server.Listener.Addr().String())
		must(h.t, err)
		ready.Add(1)
		done.Go(func() {
			defer c.Close()
			// All but the last byte is there before the start: what is measured is not the dialling.
			_, err := io.WriteString(c, request[:len(request)-1])
			ready.Done()
			<-start
			if err == nil {
				_, err = io.WriteString(c, request[len(request)-1:])
			}
			if err != nil {
				led[i] = err.Error()
				return
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				led[i] = err.Error()
				return
			}
			defer res.Body.Close()
			led[i] = fmt.Sprint(res.StatusCode, " ", res.Header.Get("Location"))
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return led
}

// entry is the request that enters a code, as bytes.
func (b *browser) entry(form url.Values) string {
	body := form.Encode()
	return fmt.Sprintf("POST /_doorcode/code HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nCookie: %s\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		strings.TrimPrefix(b.h.url, "http://"), b.agent, b.cookies(), len(body), body)
}

// withCode is form with another code.
func withCode(form url.Values, code string) url.Values {
	return url.Values{"token": form["token"], "code": {code}}
}

// guesses are n codes that are not the right one.
func guesses(n int, right string) (codes []string) {
	for i := 0; len(codes) < n; i++ {
		if code := fmt.Sprintf("%06d", i*997%1_000_000); code != right {
			codes = append(codes, code)
		}
	}
	return codes
}

func TestThreat_C1_ParallelGuesses(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 300
	}
	store := &countedStore{}
	h := newHouse(t, plan{store: store.around})
	// Three challenges of one user, so that neither the limit of a challenge nor the user's wait hides the lack of the other.
	browsers, forms := []*browser{}, []url.Values{}
	for range 3 {
		b := h.browser()
		h.wantCodePage(b.login("alice"))
		browsers = append(browsers, b)
		forms = append(forms, b.codeForm(""))
	}
	right := h.lastCode("alice") // the third browser's
	var requests []string
	for i, code := range guesses(n, right) {
		requests = append(requests, browsers[i%3].entry(withCode(forms[i%3], code)))
	}
	for i, led := range h.atOnce(requests) {
		if led != "303 /_doorcode/code?said=wrong" && led != "429 " {
			t.Fatalf("guess %d: %s, want it refused as wrong or told to wait", i, led)
		}
	}
	if got := store.compared.Load(); got != 5 {
		t.Errorf("%d of %d guesses in parallel were compared, want the 5 that the limits allow", got, n)
	}
	if a := browsers[2].post("/_doorcode/code", withCode(forms[2], right)); a.StatusCode != http.StatusTooManyRequests && a.to() != "/_doorcode/code?said=wrong" {
		t.Errorf("right code after the last try: %d to %q", a.StatusCode, a.to())
	}
	browsers[2].wantVisitor()
	h.wantNothingAs("alice")
}

// A challenge dies of its last try: then also the right code opens nothing, however long one waits.
func TestThreat_C1_LastTry(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	right := h.lastCode("alice")
	form := b.codeForm("")
	for i, code := range guesses(5, right) {
		h.wantRefused(fmt.Sprint("try ", i+1), b.post("/_doorcode/code", withCode(form, code)))
	}
	for range 3 {
		h.clock.add(31 * time.Second) // the user's wait is over, the code's ten minutes are not
		h.wantRefused("right code after five wrong ones", b.post("/_doorcode/code", withCode(form, right)))
	}
	b.wantVisitor()
	h.wantNothingAs("alice")
	h.clock.add(time.Hour)
	b.enterWith("alice")
}

// New challenges on and on, from new browsers at new addresses, are one user's guesses all the same.
func TestThreat_C1_NewChallenges(t *testing.T) {
	store := &countedStore{}
	h := newHouse(t, plan{store: store.around})
	for i := range 20 {
		b := h.browser()
		b.header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		if a := b.login("alice"); a.StatusCode == http.StatusTooManyRequests {
			continue // told to wait, and no code was sent
		}
		b.enter(wrongCode(h.lastCode("alice")))
	}
	if got := store.compared.Load(); got != 5 {
		t.Errorf("%d wrong codes were compared over 20 challenges, want 5 before the wait begins", got)
	}
	if got := h.phone.count(); got != 5 {
		t.Errorf("%d codes were sent, want 5: none to a user who must wait", got)
	}
	h.wantNothingAs("alice")
}

// keepWriting keeps the store busy with writes until stop is called: those of a test then wait for each other.
func (h *house) keepWriting() (stop func()) {
	var done sync.WaitGroup
	over := make(chan struct{})
	for range 2 {
		done.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					if err := h.store.Touch(context.Background(), map[string]time.Time{"nobody's": time.Now()}); err != nil {
						h.t.Error(err)
					}
				}
			}
		})
	}
	return func() { close(over); done.Wait() }
}

func TestThreat_C2_RightCodeTwice(t *testing.T) {
	for range 3 { // a race needs more than one chance to be lost
		store := &countedStore{}
		h := newHouse(t, plan{store: store.around})
		b := h.browser()
		h.wantCodePage(b.login("alice"))
		request := b.entry(b.codeForm(h.lastCode("alice")))
		requests := make([]string, 20)
		for i := range requests {
			requests[i] = request
		}
		stop := h.keepWriting() // so that the twenty meet in one transaction
		led := h.atOnce(requests)
		stop()
		in := 0
		for _, led := range led {
			switch led {
			case "303 /home.php":
				in++
			case "303 /_doorcode/code?said=wrong":
			default:
				t.Errorf("the right code at the same time as others: %s", led)
			}
		}
		sessions, err := h.door.Sessions(t.Context())
		must(t, err)
		if in != 1 || store.entered.Load() != 1 || len(sessions) != 1 {
			t.Errorf("one code from 20 connections: %d let in, %d entries, %d sessions; want one", in, store.entered.Load(), len(sessions))
		}
	}
}

// The code of one browser in another one: its form, its token, its digits, and all of them together.
func TestThreat_C3_OtherBrowser(t *testing.T) {
	h := newHouse(t, plan{})
	alice := h.browser()
	h.wantCodePage(alice.login("alice"))
	code, form := h.lastCode("alice"), alice.codeForm("")
	form.Set("code", code)
	refused := func(what string, b *browser) {
		t.Helper()
		a := b.post("/_doorcode/code", form)
		if a.StatusCode == http.StatusSeeOther && !strings.HasPrefix(a.to(), "/_doorcode/code?said=") || a.StatusCode >= 500 {
			t.Errorf("%s: %d to %q", what, a.StatusCode, a.to())
		}
		b.wantVisitor()
	}
	refused("no cookie", h.bare())
	b := h.browser()
	b.get("/login.php")
	refused("a visitor", b)
	mallory := h.browser()
	h.wantCodePage(mallory.login("mallory"))
	refused("mallory's challenge, alice's form", mallory)
	h.wantRefused("mallory's challenge, alice's code", mallory.post("/_doorcode/code", withCode(mallory.codeForm(""), code)))
	second := h.browser()
	h.wantCodePage(second.login("alice"))
	refused("another challenge of alice's, the first one's form", second)
	h.wantRefused("another challenge of alice's, the first one's code", second.post("/_doorcode/code", withCode(second.codeForm(""), code)))
	h.wantNothingAs("alice")
	alice.enter(code)
	alice.wantMember("alice")
}

func TestThreat_C3_PastItsTime(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(h *house, b *browser)
	}{
		{"expired", func(h *house, b *browser) { h.clock.add(10 * time.Minute) }},
		{"expired long ago", func(h *house, b *browser) { h.clock.add(1000 * time.Hour) }},
		{"clock set back", func(h *house, b *browser) { h.clock.add(-2 * time.Minute) }},
		{"clock set back by years", func(h *house, b *browser) { h.clock.add(-10 * 365 * 24 * time.Hour) }},
		{"expired, swept, clock set back", func(h *house, b *browser) {
			h.clock.add(11 * time.Minute)
			_, err := h.door.Sweep(h.t.Context())
			must(h.t, err)
			h.clock.add(-11 * time.Minute)
		}},
		{"cancelled", func(h *house, b *browser) { b.post("/_doorcode/cancel", b.codeForm("")) }},
		{"replaced by a newer login", func(h *house, b *browser) { b.login("bob") }},
		{"used", func(h *house, b *browser) { b.enter(h.lastCode("alice")); b.get("/logout.php") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.browser()
			h.wantCodePage(b.login("alice"))
			code, form, door := h.lastCode("alice"), b.codeForm(""), b.cookie("doorcode")
			c.then(h, b)
			before := len(h.ranAs("alice"))
			b.setCookie("doorcode", door) // as somebody would who kept it
			h.wantRefused("the right code", b.post("/_doorcode/code", withCode(form, code)))
			b.wantVisitor()
			if ran := len(h.ranAs("alice")); ran != before {
				t.Errorf("the upstream ran %d requests as alice", ran-before)
			}
		})
	}
}

// A small step of the clock, as time servers make it, keeps nobody out.
func TestThreat_C3_SmallStep(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	h.wantCodePage(b.login("alice"))
	h.clock.add(-30 * time.Second)
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
}
