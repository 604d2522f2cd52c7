package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorcode/gateway"
)

// rememberingHouse stands before an application whose login sets REMEMBER, good alone, when the box is ticked, and the preference
// lang always. alone counts how often REMEMBER was tried by itself.
func rememberingHouse(t *testing.T, alone *atomic.Int32, config func(*gateway.Config)) *house {
	t.Helper()
	return bentHouse(t, plan{config: config}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method == "POST" && r.URL.Path == "/login.php" {
			http.SetCookie(w, &http.Cookie{Name: "lang", Value: "ar", Path: "/"})
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if strings.Contains(string(body), "remember=1") {
				http.SetCookie(w, &http.Cookie{Name: "REMEMBER", Value: "forever", Path: "/"})
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if _, err := r.Cookie("PHPSESSID"); err != nil {
			if c, err := r.Cookie("REMEMBER"); err == nil && c.Value == "forever" {
				alone.Add(1)
				fmt.Fprint(w, `<a href="/logout.php">out</a> <b id="login-name">alice</b>`)
				return
			}
		}
		app.ServeHTTP(w, r)
	})
}

// The first login did not tick "remember me": the next one, which does, is tested all the same.
func TestThreat_A9_PlainSetLater(t *testing.T) {
	loose := []*regexp.Regexp{regexp.MustCompile("REMEMBER"), regexp.MustCompile("lang")}
	for name, config := range map[string]func(*gateway.Config){
		"keep":  func(c *gateway.Config) { c.Keep = loose },
		"plain": func(c *gateway.Config) { c.Plain = loose },
	} {
		t.Run(name, func(t *testing.T) {
			var alone atomic.Int32
			h := rememberingHouse(t, &alone, config)
			h.browser().enterWith("mallory")
			for range 2 {
				b := h.browser()
				b.get("/login.php")
				if a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}, "remember": {"1"}}); a.to() != "" {
					t.Errorf("a login whose cookie opens the application went on to %q", a.to())
				}
				b.wantNoCookies("refused")
			}
			if alone.Load() == 0 {
				t.Error("REMEMBER was not tried by itself: the test tests nothing")
			}
			if h.phone.count() != 0 {
				t.Error("a code was sent")
			}
			if !strings.Contains(h.log.String(), "cookies.plain or cookies.keep lets through") {
				t.Error("the log does not name the line")
			}
		})
	}
}

// Where nobody can be asked, nobody can tell that these cookies open nothing.
func TestThreat_A9_PlainWithoutConfirm(t *testing.T) {
	h := newHouse(t, plan{config: func(c *gateway.Config) {
		c.Login.Confirm = nil
		c.Plain = []*regexp.Regexp{regexp.MustCompile("PHPSESSID")}
	}})
	b := h.browser()
	if a := b.login("alice"); a.to() != "" {
		t.Errorf("a login went on to %q", a.to())
	}
	h.wantNothingAs("alice")
}

// No hint recommends what would undo the gateway: the session's cookie, under whatever name, in plain or keep.
func TestThreat_A9_HintsNameNoSession(t *testing.T) {
	config := func(c *gateway.Config) { c.Public = append(c.Public, rule(t, "", "/public.css")) }
	h := bentHouse(t, plan{config: config}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		w.Header().Add("Set-Cookie", "HESAB=1; path=/") // what the login's session gets too: nobody but the application knows what it is
		w.Header().Add("Set-Cookie", "my_sessionid=1; path=/")
		if r.URL.Path == "/public.css" {
			w.Header().Add("Set-Cookie", "theme=dark; path=/")
			w.Header().Add("Set-Cookie", "SHOPSID=1; path=/")
			w.Header().Add("Set-Cookie", "remember_me=1; path=/")
		}
		app.ServeHTTP(w, r)
	})
	visit := func() {
		b := h.browser()
		b.get("/login.php")
		b.get("/public.css")
	}
	visit()
	if strings.Contains(h.log.String(), "cookies.keep") {
		t.Error("a hint stands in the log before any login showed which cookies sign in")
	}
	m := h.browser()
	m.enterWith("mallory")
	visit()
	h.bare().get("/invoice.php?id=7", "Cookie", "doorcode="+m.cookie("doorcode")+"; HESAB=mine; PHPSESSID=mine; my_sessionid=mine; grid=1")
	log := h.log.String()
	for _, name := range []string{"HESAB", "PHPSESSID", "my_sessionid", "SHOPSID", "remember_me"} {
		if strings.Contains(log, "cookies.keep: ["+name) || strings.Contains(log, "cookies.plain: ["+name) {
			t.Errorf("a hint names %s", name)
		}
	}
	for _, hint := range []string{"cookies.keep: [theme]", "cookies.plain: [grid]"} {
		if !strings.Contains(log, hint) {
			t.Errorf("no hint says %s", hint)
		}
	}
}

// Many first logins at once are not asked one behind the other.
func TestOpenersAskedOnce(t *testing.T) {
	var asked atomic.Int32
	h := bentHouse(t, plan{config: func(c *gateway.Config) { c.Keep = []*regexp.Regexp{regexp.MustCompile("lang")} }},
		func(w http.ResponseWriter, r *http.Request, app http.Handler) {
			if r.Method == "POST" && r.URL.Path == "/login.php" {
				http.SetCookie(w, &http.Cookie{Name: "lang", Value: "ar", Path: "/"})
			}
			if r.Header.Get("Cookie") == "lang=ar" {
				asked.Add(1)
				time.Sleep(200 * time.Millisecond)
			}
			app.ServeHTTP(w, r)
		})
	var all sync.WaitGroup
	began := time.Now()
	for range 5 {
		b := h.browser()
		b.get("/login.php")
		all.Go(func() { b.post("/login.php", url.Values{"username": {"alice"}, "password": {"alice-pass-1"}}) })
	}
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("confirm was asked %d times about the same cookie, want once", n)
	}
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("five logins took %s: they queued behind one another", took)
	}
}
