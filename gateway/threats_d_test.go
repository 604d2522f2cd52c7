package gateway_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorcode/challenge"
	"doorcode/challenge/keys"
	"doorcode/gateway/seal"
	"doorcode/testdata/naive"
)

// Threats D: browsers and sessions.

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// remembered is a browser that alice ticked "Remember my device" in, a while ago; she is signed out.
func (h *house) remembered() *browser {
	h.t.Helper()
	b := h.browser()
	b.enterWith("alice", "remember", "1")
	b.get("/logout.php")
	b.wantVisitor()
	h.clock.add(2 * time.Minute)
	return b
}

// holding is another machine with this browser cookie and nothing else.
func (h *house) holding(cookie string) *browser {
	b := h.browser()
	b.setCookie("doorcode-browser", cookie)
	return b
}

// asked logs in and reports whether a code was asked for. Who got in leaves again.
func (b *browser) asked(user string) bool {
	b.h.t.Helper()
	switch a := b.login(user); {
	case a.StatusCode == http.StatusSeeOther && a.to() == "/_doorcode/code":
		return true
	case a.StatusCode == http.StatusSeeOther && !strings.HasPrefix(a.to(), "/_doorcode"):
		b.wantMember(user)
		b.get("/logout.php")
		b.h.clock.add(2 * time.Minute)
		return false
	default:
		b.h.t.Fatalf("login of %s: %d to %q: %s", user, a.StatusCode, a.to(), a.body)
		return true
	}
}

func (h *house) wantAsked(what string, b *browser, user string, want bool) {
	h.t.Helper()
	if got := b.asked(user); got != want {
		h.t.Errorf("%s: code asked %v, want %v", what, got, want)
	}
}

const browserCookie = "doorcode-browser"

// browserOf opens the browser's own cookie as the gateway does, and returns the browser's id.
func (h *house) browserOf(b *browser) string {
	h.t.Helper()
	value, ok := seal.NewBox(h.ring, seal.Options{}).OpenOwn(browserCookie, b.cookie(browserCookie))
	id, _, _ := strings.Cut(string(value), "\n")
	if !ok || id == "" {
		h.t.Fatal("the browser has no cookie of its own")
	}
	return id
}

func TestThreat_D1_CopiedCookie(t *testing.T) {
	h := newHouse(t, plan{})
	owner := h.remembered()
	thief := h.holding(owner.cookie(browserCookie))
	thief.wantVisitor() // without the password it is nothing
	other := h.holding(owner.cookie(browserCookie))
	other.agent = chrome
	h.wantAsked("a copy in another family of browsers", other, "alice", true)
	h.wantAsked("alice's trust for bob", h.holding(owner.cookie(browserCookie)), "bob", true)
	h.wantAsked("a copy in the same family, before the owner's next login", thief, "alice", false)
	h.wantAsked("the owner after the thief", owner, "alice", false)
	h.wantAsked("the thief after the owner", thief, "alice", true)
	h.wantAsked("the owner, once the copy has shown itself", owner, "alice", true)
	if !strings.Contains(h.log.String(), "copied") {
		t.Error("the log says nothing of a copy")
	}
}

func TestThreat_D1_OldCookie(t *testing.T) {
	h := newHouse(t, plan{})
	owner := h.remembered()
	first := owner.cookie(browserCookie)
	h.wantAsked("the owner", owner, "alice", false)
	h.wantAsked("the owner again", owner, "alice", false)
	h.wantAsked("a cookie that two logins have replaced", h.holding(first), "alice", true)
	h.wantAsked("the owner, once the copy has shown itself", owner, "alice", true)
}

// A code does not give a copy its trust back: the record is gone, the tick must be set anew.
func TestThreat_D1_CopyWithACode(t *testing.T) {
	h := newHouse(t, plan{})
	owner := h.remembered()
	thief := h.holding(owner.cookie(browserCookie))
	h.wantAsked("the owner", owner, "alice", false)
	h.wantAsked("the owner again", owner, "alice", false)
	h.wantAsked("the thief", thief, "alice", true)
	thief.enter(h.lastCode("alice"))
	thief.wantMember("alice")
	thief.get("/logout.php")
	h.clock.add(2 * time.Minute)
	h.wantAsked("the thief, after a code without the tick", thief, "alice", true)
	h.wantAsked("the owner", owner, "alice", true)
}

// An answer that is lost on a bad line is no theft.
func TestThreat_D1_LostAnswer(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.remembered()
	before := b.cookie(browserCookie)
	for range 3 {
		h.wantAsked("a browser whose last answer was lost", b, "alice", false)
		b.setCookie(browserCookie, before)
	}
	h.wantAsked("and once more", b, "alice", false)
	h.wantAsked("with the answer that arrived", b, "alice", false)
}

func TestThreat_D1_WhatEndsTrust(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(h *house, b *browser)
		want bool
	}{
		{"nothing", func(*house, *browser) {}, false},
		{"a restart", func(h *house, _ *browser) { h.restart() }, false},
		{"deletion of the browser", func(h *house, b *browser) {
			_, err := h.door.Revoke(h.t.Context(), challenge.Match{Browser: h.browserOf(b)})
			must(h.t, err)
		}, true},
		{"its thirty days", func(h *house, _ *browser) { h.clock.add(30 * 24 * time.Hour) }, true},
		{"not quite its thirty days", func(h *house, _ *browser) { h.clock.add(30*24*time.Hour - 5*time.Minute) }, false},
		{"remember: never", func(h *house, _ *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Remember = 0 })
		}, true},
		{"remember: 1m", func(h *house, _ *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Remember = time.Minute })
		}, true},
		{"a new key beside the old one", func(h *house, _ *browser) {
			must(h.t, keys.Rotate(filepath.Join(h.dir, "doorcode.keys")))
			h.restart()
		}, false},
		{"new keys alone", func(h *house, _ *browser) {
			must(h.t, os.Remove(filepath.Join(h.dir, "doorcode.keys")))
			h.restart()
		}, true},
		{"a lost state file", func(h *house, _ *browser) {
			h.close()
			must(h.t, os.Remove(filepath.Join(h.dir, "doorcode.db")))
			h.open()
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.remembered()
			c.then(h, b)
			h.wantAsked("after "+c.name, b, "alice", c.want)
		})
	}
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice") // without the tick
	b.get("/logout.php")
	h.wantAsked("a browser that was not to be remembered", b, "alice", true)
}

// Whatever is done to the browser cookie, the code is asked; and what was done harms the rightful cookie in nothing.
func TestThreat_D2_EditedCookie(t *testing.T) {
	h := newHouse(t, plan{})
	owner := h.remembered()
	cookie := owner.cookie(browserCookie)
	raw, err := base64.URLEncoding.DecodeString(cookie)
	must(t, err)
	flipped := func(at int) string {
		b := append([]byte(nil), raw...)
		b[at] ^= 1
		return base64.URLEncoding.EncodeToString(b)
	}
	id := h.browserOf(owner)
	half := len(cookie) / 2
	for name, text := range map[string]string{
		"empty": "", "a quarter": cookie[:half/2], "a half": cookie[:half], "the other half": cookie[half:], "halves swapped": cookie[half:] + cookie[:half],
		"without its end": cookie[:len(cookie)-8], "twice in a row": cookie + cookie, "longer": cookie + "AAAA", "in upper case": strings.ToUpper(cookie),
		"first bit": flipped(0), "a bit of its value": flipped(len(raw) / 2), "a bit of its mark": flipped(len(raw) - 1), "a bit of its time": flipped(3),
		"the gateway cookie": owner.cookie("doorcode"), "plain": id, "plain in base64": base64.URLEncoding.EncodeToString([]byte(id + "\nsecret")),
		"five kilobytes": strings.Repeat("A", 5000), "a quoted one": `"` + cookie + `"`, "escapes": "%00%ff%0d%0a",
	} {
		b := h.browser()
		b.get("/login.php")
		a := h.bare().post("/login.php", map[string][]string{"username": {"alice"}, "password": {"alice-pass-1"}},
			"Cookie", "doorcode="+b.cookie("doorcode")+"; "+browserCookie+"="+text)
		if a.StatusCode != http.StatusSeeOther || a.to() != "/_doorcode/code" {
			t.Errorf("browser cookie edited (%s): %d to %q, want a code asked", name, a.StatusCode, a.to())
		}
	}
	swapped := h.browser()
	swapped.get("/login.php")
	a := h.bare().post("/login.php", map[string][]string{"username": {"alice"}, "password": {"alice-pass-1"}},
		"Cookie", "doorcode="+swapped.cookie("doorcode")+"; "+browserCookie+"="+cookie+"; "+browserCookie+"="+flipped(9))
	if a.to() != "/_doorcode/code" {
		t.Errorf("two browser cookies: %d to %q, want a code asked", a.StatusCode, a.to())
	}
	h.wantAsked("the rightful cookie", owner, "alice", false)
}

// opened begins all that a member can have open for long: each function waits until that has ended.
func (b *browser) opened() map[string]func() {
	t := b.h.t
	t.Helper()
	open := map[string]func(){}
	for name, target := range map[string]string{"event stream": "/events", "download": "/download?size=1099511627776"} {
		res := b.send(b.request("GET", target, nil))
		if _, err := io.ReadFull(res.Body, make([]byte, 5)); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", name, res.StatusCode, err)
		}
		open[name] = func() { io.Copy(io.Discard, res.Body) }
	}
	ctx := context.Background()
	ws, _, err := websocket.Dial(ctx, strings.Replace(b.h.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Cookie": {b.cookies()}, "User-Agent": {b.agent}, "Origin": {b.h.url}},
	})
	must(t, err)
	t.Cleanup(func() { ws.CloseNow() })
	must(t, ws.Write(ctx, websocket.MessageText, []byte("hello")))
	_, _, err = ws.Read(ctx)
	must(t, err)
	open["WebSocket"] = func() { ws.Read(ctx) }
	return open
}

// wantOver fails unless all of it ends within the five seconds that it may take.
func wantOver(t *testing.T, open map[string]func(), why string) {
	t.Helper()
	limit := time.After(5 * time.Second)
	for what, wait := range open {
		over := make(chan struct{})
		go func() {
			defer close(over)
			wait()
		}()
		select {
		case <-over:
		case <-limit:
			t.Fatalf("the %s goes on after %s", what, why)
		}
	}
}

// endings are the ways in which a session ends while it is used.
func endings() map[string]func(h *house, b *browser) {
	revoke := func(h *house, m challenge.Match) {
		revoked, err := h.door.Revoke(h.t.Context(), m)
		must(h.t, err)
		h.gateway.End(h.t.Context(), revoked)
	}
	session := func(h *house) challenge.Session {
		all, err := h.door.Sessions(h.t.Context())
		must(h.t, err)
		if len(all) != 1 {
			h.t.Fatalf("%d sessions, want one", len(all))
		}
		return all[0]
	}
	return map[string]func(h *house, b *browser){
		"logout":              func(h *house, b *browser) { b.get("/logout.php") },
		"its session deleted": func(h *house, b *browser) { revoke(h, challenge.Match{Session: session(h).ID}) },
		"its browser deleted": func(h *house, b *browser) { revoke(h, challenge.Match{Browser: session(h).Browser}) },
		"its user revoked":    func(h *house, b *browser) { revoke(h, challenge.Match{User: h.user("alice")}) },
		"its user disabled": func(h *house, b *browser) {
			h.setPolicy(func(p *challenge.PolicyConfig) { p.Users[0].Disabled = true })
		},
		"a new login":             func(h *house, b *browser) { b.login("alice") },
		"another user logging in": func(h *house, b *browser) { b.login("bob") },
	}
}

func TestThreat_D3_EndedIsEnded(t *testing.T) {
	for name, end := range endings() {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{naive: naive.Options{Remember: true}})
			b, kept, again := h.browser(), h.browser(), h.browser()
			b.enterWith("alice")
			b.copyTo(kept) // all cookies of before
			b.copyTo(again)
			open := b.opened()
			end(h, b)
			wantOver(t, open, name)
			kept.wantVisitor()
			h.restart()
			again.wantVisitor()
		})
	}
}

// Challenges die with the browser or session they were begun in.
func TestThreat_D3_PendingDiesToo(t *testing.T) {
	for name, match := range map[string]func(h *house, b *browser) challenge.Match{
		"browser deleted": func(h *house, b *browser) challenge.Match { return challenge.Match{Browser: h.browserOf(b)} },
		"user revoked":    func(h *house, b *browser) challenge.Match { return challenge.Match{User: h.user("bob")} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.browser()
			b.enterWith("alice") // so that the browser has a cookie of its own
			h.wantCodePage(b.login("bob"))
			form := b.codeForm(h.lastCode("bob"))
			revoked, err := h.door.Revoke(t.Context(), match(h, b))
			must(t, err)
			h.gateway.End(t.Context(), revoked)
			if len(revoked.Challenges) != 1 {
				t.Errorf("%d challenges ended, want one", len(revoked.Challenges))
			}
			h.wantRefused("the right code", b.post("/_doorcode/code", form))
			if id := h.naive.SessionID("bob"); id != "" {
				t.Error("the held session was not signed out")
			}
			h.wantNothingAs("bob")
		})
	}
}
