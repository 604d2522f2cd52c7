package gateway_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorcode/gateway"
	"doorcode/gateway/reading"
)

// A refused request is answered at once and its connection ends, also where its body never comes: net/http would wait for it.
func TestRefusedBodyThatDoesNotCome(t *testing.T) {
	h := newHouse(t, plan{})
	for _, target := range []string{"/nothing", "/api/login", "/_doorcode/nothing", "/a//b"} {
		c, err := net.Dial("tcp", h.server.Listener.Addr().String())
		must(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000\r\nContent-Type: text/plain\r\n\r\n", target, strings.TrimPrefix(h.url, "http://"))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if res.StatusCode < 400 || !res.Close {
			t.Errorf("%s: %d, connection kept: %v", target, res.StatusCode, !res.Close)
		}
	}
}

// Where a rule looks at form values bodies are read whole: for members up to 1 MiB, for strangers no more than a login needs.
func TestRefusedBigFormOfAStranger(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		door := rule(t, "", "/odd.php")
		door.Form = []reading.Value{{Name: "op", Value: "signin"}}
		c.Doors = append(c.Doors, door)
	}})
	body := "a=" + strings.Repeat("x", 100<<10)
	if a := h.browser().do("POST", "/odd.php", body); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a stranger's 100 KiB: %d, want 413", a.StatusCode)
	}
	member := h.browser()
	member.enterWith("alice")
	if a := member.do("POST", "/odd.php", body); a.StatusCode != http.StatusNotFound {
		t.Errorf("a member's 100 KiB: %d, want the application's 404", a.StatusCode)
	}
}

// A login in a frame or by a script is refused before a code is paid for: the code page could not be shown there.
func TestRefusedFramedLogin(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.get("/login.php")
	form := url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}
	for _, dest := range []string{"iframe", "frame", "empty"} {
		if a := b.post("/login.php", form, "Sec-Fetch-Dest", dest); a.StatusCode != http.StatusForbidden {
			t.Errorf("login with Sec-Fetch-Dest: %s: %d to %q", dest, a.StatusCode, a.to())
		}
	}
	if h.phone.count() != 0 {
		t.Errorf("%d codes were sent", h.phone.count())
	}
}

// Every try names its user, and a right password that has to wait has its line too.
func TestAuditNamesTheUser(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.login("alice")
	code := h.lastCode("alice")
	for range 5 {
		b.enter(wrongCode(code))
	}
	b.login("alice")
	log := h.log.String()
	if n := strings.Count(log, `"user":"alice","outcome":"wrong"`); n != 5 {
		t.Errorf("%d tries name alice, want 5:\n%s", n, log)
	}
	if !strings.Contains(log, `"typed":"alice","outcome":"accepted","reason":"wrong codes: wait until`) {
		t.Errorf("the right password that had to wait has no line:\n%s", log)
	}
}
