package gateway_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/gateway"
	"doorcode/gateway/submit"
	"doorcode/testdata/naive"
)

const setID = "set-by-the-upstream-0123456789"

// cookieTricks are the places in an answer where an upstream could set a cookie. Each writes a whole answer, which looks like
// a failed login.
var cookieTricks = map[string]func(w http.ResponseWriter){
	"plain": func(w http.ResponseWriter) { w.Header().Add("Set-Cookie", "OTHER="+setID+"; path=/"); failedPage(w) },
	"lower case": func(w http.ResponseWriter) {
		w.Header()["set-cookie"] = []string{"OTHER=" + setID + "; path=/"}
		failedPage(w)
	},
	"odd case": func(w http.ResponseWriter) { w.Header()["sEt-cOOkIE"] = []string{"OTHER=" + setID}; failedPage(w) },
	"attributes": func(w http.ResponseWriter) {
		w.Header().Add("Set-Cookie", "OTHER = "+setID+" ;;domain=.example.com;PATH=/;max-age=9;x")
		failedPage(w)
	},
	"quotes":      func(w http.ResponseWriter) { w.Header().Add("Set-Cookie", `OTHER="`+setID+`"; path=/`); failedPage(w) },
	"no name":     func(w http.ResponseWriter) { w.Header().Add("Set-Cookie", "="+setID); failedPage(w) },
	"no equals":   func(w http.ResponseWriter) { w.Header().Add("Set-Cookie", setID); failedPage(w) },
	"own name":    func(w http.ResponseWriter) { w.Header().Add("Set-Cookie", "doorcode="+setID+"; path=/"); failedPage(w) },
	"set-cookie2": func(w http.ResponseWriter) { w.Header().Add("Set-Cookie2", "OTHER="+setID); failedPage(w) },
	"folded line": func(w http.ResponseWriter) {
		byHand(w, "HTTP/1.1 200 OK\r\nSet-Cookie: OTHER\r\n =\r\n "+setID+"; path=/\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	},
	"early hints": func(w http.ResponseWriter) {
		w.Header().Add("Set-Cookie", "OTHER="+setID+"; path=/")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Del("Set-Cookie")
		failedPage(w)
	},
	"trailer": func(w http.ResponseWriter) {
		w.Header().Set("Trailer", "Set-Cookie")
		failedPage(w)
		w.Header().Set("Set-Cookie", "OTHER="+setID+"; path=/")
	},
	"trailer, not announced": func(w http.ResponseWriter) {
		failedPage(w)
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "OTHER="+setID+"; path=/")
	},
	"trailer in odd case": func(w http.ResponseWriter) {
		byHand(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: sEt-CoOkIe\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\nsEt-CoOkIe: OTHER="+setID+"\r\n\r\n")
	},
	"not modified": func(w http.ResponseWriter) {
		w.Header().Add("Set-Cookie", "OTHER="+setID+"; path=/")
		w.WriteHeader(http.StatusNotModified)
	},
}

func failedPage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "wrong password")
}

func byHand(w http.ResponseWriter, answer string) {
	if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
		fmt.Fprint(c, answer)
		c.Close()
	}
}

func trickHouse(t *testing.T, p plan) *house {
	t.Helper()
	return bentHouse(t, p, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if trick := cookieTricks[r.URL.Query().Get("trick")]; trick != nil {
			trick(w)
			return
		}
		app.ServeHTTP(w, r)
	})
}

// wantNoCookies fails when this browser was given a cookie that is not the gateway's own.
func (b *browser) wantNoCookies(what string) {
	b.h.t.Helper()
	for _, c := range b.jar.Cookies(parseURL(b.h.t, b.h.url)) {
		if carryAll && strings.HasPrefix(c.Value, "1.") {
			continue // sealed to his visitor session
		}
		if !strings.HasPrefix(c.Name, "doorcode") {
			b.h.t.Errorf("%s: the browser was given the cookie %s=%s", what, c.Name, c.Value)
		}
	}
}

func TestThreat_A8_CookiesInOddPlaces(t *testing.T) {
	h := trickHouse(t, plan{})
	member := h.browser()
	member.enterWith("mallory")
	ofMember := member.listen()
	for _, trick := range slices.Sorted(maps.Keys(cookieTricks)) {
		query := "?trick=" + url.QueryEscape(trick)
		b := h.browser()
		heard := b.listen()
		b.get("/login.php")
		b.get("/static/app.css" + query)
		b.get("/login.php" + query)
		b.post("/login.php"+query, url.Values{"username": {"alice"}, "password": {"wrong"}})
		wantNone(t, trick+": what reached a visitor", heard.String(), setID)
		b.wantNoCookies(trick)
		if b.cookie("doorcode") == setID {
			t.Errorf("%s: the upstream set the gateway's cookie", trick)
		}
		before := len(ofMember.String())
		member.get("/static/app.css" + query)
		member.post("/note.php"+query, url.Values{"text": {"x"}})
		wantNone(t, trick+": what reached a member", ofMember.String()[before:], setID)
		member.wantMember("mallory")
	}
	h.wantNothingAs("alice")
}

// On the login's own answer, with a right password: none of it before the code, and all of it, sealed, behind it.
func TestThreat_A8_OddAnswersToALogin(t *testing.T) {
	for name, o := range map[string]naive.Options{
		"twice": {CookieTwice: true}, "early hints": {CookieIn103: true}, "trailer": {CookieTrailer: true}, "error": {ErrorAfterward: true},
		"all": {CookieTwice: true, CookieIn103: true, CookieTrailer: true, Remember: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{naive: o})
			b := h.browser()
			heard := b.listen()
			h.wantCodePage(b.login("alice"))
			b.wantNoCookies("before the code")
			held := h.naive.SessionID("alice")
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
			wantNone(t, "what reached the browser", heard.String(), held)
			h.wantServedIn(held)
		})
	}
}

// In a member's answer the last of a name and path wins, and both paths are kept.
func TestThreat_A8_LastOfANameWins(t *testing.T) {
	h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.URL.Path == "/a/set" {
			for _, set := range []string{"OTHER=first; path=/", "OTHER=deep-first; path=/a", "OTHER=second; Path=/", "other=lower; path=/", "OTHER=deep-last"} {
				w.Header().Add("Set-Cookie", set)
			}
		}
		app.ServeHTTP(w, r)
	})
	b := h.browser()
	b.enterWith("alice")
	b.get("/a/set")
	b.get("/a/b")
	b.get("/c")
	requests := h.naive.Requests()
	for target, want := range map[string]string{"/a/b": "OTHER=deep-last", "/c": "OTHER=second"} {
		i := slices.IndexFunc(requests, func(r naive.Request) bool { return r.URI == target })
		if i < 0 {
			t.Fatalf("GET %s did not go up", target)
		}
		up := requests[i].Header.Get("Cookie")
		if at := strings.Index(up, "OTHER="); at < 0 || !strings.HasPrefix(up[at:], want) || strings.Contains(up, "first") || !strings.Contains(up, "other=lower") {
			t.Errorf("GET %s went up with %q, want %s before any other of its name, and no replaced one", target, up, want)
		}
	}
}

// noWait is a Slow that has passed.
func noWait() <-chan struct{} {
	passed := make(chan struct{})
	close(passed)
	return passed
}

func TestThreat_A9_RememberMeAlone(t *testing.T) {
	h := newHouse(t, plan{naive: naive.Options{Remember: true, Slow: noWait()}, config: func(c *gateway.Config) { c.Public = append(c.Public, rule(t, "", "/slow")) }})
	b, mallory, bare := h.browser(), h.browser(), h.bare()
	h.wantCodePage(b.login("alice"))
	b.wantNoCookies("at the password step")
	b.enter(h.lastCode("alice"))
	b.wantMember("alice")
	mallory.enterWith("mallory")
	requests := h.naive.Requests()
	var secret string
	for _, r := range requests {
		if m := regexp.MustCompile(`REMEMBER=([^;]+)`).FindStringSubmatch(r.Header.Get("Cookie")); m != nil && secret == "" {
			secret = m[1] // alice's came first
		}
	}
	if secret == "" || b.cookie("REMEMBER") == "" || b.cookie("REMEMBER") == secret {
		t.Fatalf("the application remembers by %q, the browser holds %q; want a sealed one", secret, b.cookie("REMEMBER"))
	}
	served := len(h.ranAs("alice"))
	for _, cookie := range []string{"REMEMBER=" + secret, "REMEMBER=" + b.cookie("REMEMBER")} {
		for _, door := range []string{"", "; doorcode=" + mallory.cookie("doorcode"), "; PHPSESSID=" + mallory.cookie("PHPSESSID") + "; doorcode=" + mallory.cookie("doorcode")} {
			for _, target := range []string{"/invoice.php", "/slow", "/login.php"} {
				bare.get(target, "Cookie", cookie+door)
				if ran := len(h.ranAs("alice")); ran != served {
					t.Errorf("GET %s with %.20s… and %.20s… ran as alice", target, cookie, door)
					served = ran
				}
			}
		}
	}
}

// A line in the config that would hand the remember-me cookie to visitors lets nobody in.
func TestThreat_A9_KeptOrPlain(t *testing.T) {
	remember := []*regexp.Regexp{regexp.MustCompile("REMEMBER")}
	for name, config := range map[string]func(*gateway.Config){
		"keep":  func(c *gateway.Config) { c.Keep = remember },
		"plain": func(c *gateway.Config) { c.Plain = remember },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{naive: naive.Options{Remember: true}, config: config})
			for range 2 {
				b := h.browser()
				if a := b.login("alice"); a.to() != "" {
					t.Errorf("a login went on to %q", a.to())
				}
				b.wantNoCookies("refused")
				h.wantClosed("afterwards", b.get("/invoice.php?id=7"))
			}
			if h.phone.count() != 0 {
				t.Error("a code was sent")
			}
			if !strings.Contains(h.log.String(), "cookies.plain or cookies.keep lets through") {
				t.Error("the log does not name the line")
			}
			h.wantNothingAs("alice")
		})
	}
}

func TestThreat_A10_HeldSessionOutsideSetCookie(t *testing.T) {
	status, location := 0, ""
	h := bentHouse(t, plan{}, func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method != "POST" || r.URL.Path != "/login.php" {
			app.ServeHTTP(w, r)
			return
		}
		app.ServeHTTP(httptest.NewRecorder(), r)
		tellEverywhere(w, r.Header.Get("Cookie"), status, location)
	})
	for _, status = range []int{302, 303, 200} {
		for _, location = range []string{"/home.php;jsessionid=%s", "/home.php?sid=%s", "/home.php?next=%%2Fx%%3Fsid%%3D%s", "/%s/home.php", "//host/%s", "/home.php#%s"} {
			h.naive = naive.New(naive.Options{})
			name := fmt.Sprintf("%d to %s", status, location)
			b := h.browser()
			heard := b.listen()
			a := b.login("alice")
			h.wantCodePage(a)
			wantOwnHeadersOnly(t, name, a)
			held := h.naive.SessionID("alice")
			wantNone(t, name+": what reached the browser before the code", heard.String(), held)
			b.wantNoCookies(name)
			b.enter(h.lastCode("alice"))
			b.wantMember("alice")
			wantNone(t, name+": what reached the browser with the entry", heard.String(), held)
		}
	}
}

// tellEverywhere writes the session id in all places that an answer has.
func tellEverywhere(w http.ResponseWriter, cookie string, status int, location string) {
	id := regexp.MustCompile(`PHPSESSID=([^;]+)`).FindStringSubmatch(cookie)[1]
	h := w.Header()
	h.Set("Link", "</app.css?sid="+id+">; rel=preload")
	h.Set("X-Session", id)
	h.Add("Set-Cookie", "PHPSESSID="+id+"; path=/")
	w.WriteHeader(http.StatusEarlyHints)
	h.Set("Refresh", "0; url=/home.php?sid="+id)
	h.Set("Content-Location", "/home.php?sid="+id)
	h.Set("Authorization", "Bearer "+id)
	h.Set("Etag", `"`+id+`"`)
	if status != 200 {
		h.Set("Location", fmt.Sprintf(location, id))
	}
	h.Set("Content-Type", "text/html; x="+id)
	w.WriteHeader(status)
	fmt.Fprintf(w, `<meta http-equiv=refresh content="0; url=/home.php;jsessionid=%s"><script>sid = %q</script>`, id, id)
	h.Set(http.TrailerPrefix+"X-Session", id)
	h.Set(http.TrailerPrefix+"Set-Cookie", "PHPSESSID="+id)
}

// wantOwnHeadersOnly: what stands in the answer is what the gateway writes there.
func wantOwnHeadersOnly(t *testing.T, what string, a answer) {
	t.Helper()
	for name := range a.Header {
		if !slices.Contains([]string{"Location", "Cache-Control", "Set-Cookie", "Content-Length", "Date"}, name) {
			t.Errorf("%s: the login's answer has %s: %q", what, name, a.Header[name])
		}
	}
	if a.body != "" || len(a.Trailer) > 0 {
		t.Errorf("%s: the login's answer has the body %q and trailers %v", what, a.body, a.Trailer)
	}
}

// The rules of A11, from the one that design.md wants to the ones that ops are warned of.
var loginRules = map[string]func(c *submit.Config){
	"both rules and confirm": func(*submit.Config) {},
	"success and confirm":    func(c *submit.Config) { c.Failure = nil },
	"confirm alone":          func(c *submit.Config) { c.Success, c.Failure = nil, nil },
	"both rules":             func(c *submit.Config) { c.Confirm = nil },
	"no text": func(c *submit.Config) {
		// Works while the text is on every page that says that it failed, which is what to trust least. It is Arabic.
		text := submit.Test{Body: regexp.MustCompile("دفاتر")}
		c.Success, c.Failure, c.Confirm = &submit.Condition{Not: &submit.Condition{Any: []submit.Test{text}}}, &submit.Condition{Any: []submit.Test{text}}, nil
	},
}

// habits of the naive upstream that bend what a login's answer looks like.
var habits = map[string]naive.Options{
	"plain": {}, "token": {FormToken: true}, "test cookie": {TestCookie: true}, "500": {ErrorAfterward: true}, "gzip": {Gzip: true},
	"windows-1256": {Windows1256: true}, "gzip, windows-1256": {Gzip: true, Windows1256: true}, "absolute": {Absolute: true},
}

// alterations are what becomes of an answer to a login on its way.
var alterations = map[string]func(w http.ResponseWriter, r *http.Request, app http.Handler){
	"as it is": func(w http.ResponseWriter, r *http.Request, app http.Handler) { app.ServeHTTP(w, r) },
	"truncated": func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method != "POST" {
			app.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		app.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()+10))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()[:answer.Body.Len()/4])
	},
	"without its test cookie": func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		r.Header.Set("Cookie", strings.ReplaceAll(r.Header.Get("Cookie"), "testcookie", "x"))
		app.ServeHTTP(w, r)
	},
	"with a stale token": func(w http.ResponseWriter, r *http.Request, app http.Handler) {
		if r.Method == "POST" {
			r.URL.RawQuery, r.RequestURI = "form_token=stale", "/login.php?form_token=stale"
			r.Header.Set("Cookie", r.Header.Get("Cookie")+"; form_token=stale")
		}
		app.ServeHTTP(w, r)
	},
}

// Whatever the answers look like: a wrong password sends no code, and a right one opens nothing before the code.
func TestThreat_A11_SuccessRuleFooled(t *testing.T) {
	for rules, set := range loginRules {
		t.Run(rules, func(t *testing.T) {
			t.Parallel()
			alter := alterations["as it is"]
			h := bentHouse(t, plan{
				config: func(c *gateway.Config) { set(&c.Login) },
				code:   func(c *challenge.Config) { c.UserSends.Count, c.AddressSends.Count = 10_000, 10_000 },
			}, func(w http.ResponseWriter, r *http.Request, app http.Handler) { alter(w, r, app) })
			for habit, o := range habits {
				for _, failure := range []naive.Failure{naive.Text, naive.Back, naive.Home} {
					for altered, how := range alterations {
						if testing.Short() && habit != "plain" && altered != "as it is" {
							continue // the others are one by one
						}
						o.Failure, alter = failure, how
						h.naive = naive.New(o)
						what := fmt.Sprintf("%s, %s, failure %d, %s", rules, habit, failure, altered)
						judgeWrong(h, what, rules != "both rules" && rules != "no text" || failure == naive.Text && altered != "with a stale token")
						judgeRight(h, what, strings.Contains(rules, "confirm") && altered != "with a stale token")
					}
				}
			}
		})
	}
}

// judgeWrong logs in with a wrong password. Where the rules can tell at all, no code may be sent.
func judgeWrong(h *house, what string, canTell bool) {
	h.t.Helper()
	b, sent := h.browser(), h.phone.count()
	b.get("/login.php")
	a := b.post("/login.php", url.Values{"username": {"alice"}, "password": {"wrong"}})
	if canTell && (a.to() == "/_doorcode/code" || h.phone.count() != sent) {
		h.t.Errorf("%s: a wrong password was taken for a right one: %d to %q", what, a.StatusCode, a.to())
	}
	b.wantNoCookies(what)
	h.wantClosed(what, b.get("/invoice.php"))
	if len(h.naive.SignIns()) > 0 {
		h.t.Errorf("%s: the upstream signed in %v", what, h.naive.SignIns())
	}
	h.wantNothingAs("alice")
}

// judgeRight logs in with the right password, and where that must work enters the code.
func judgeRight(h *house, what string, works bool) {
	h.t.Helper()
	b := h.browser()
	heard := b.listen()
	a := b.login("alice")
	b.wantNoCookies(what)
	h.wantClosed(what, b.get("/invoice.php"))
	h.wantNothingAs("alice")
	if held := h.naive.SessionID("alice"); held != "" && strings.Contains(heard.String(), held) {
		h.t.Errorf("%s: the held session reached the browser", what)
	}
	switch passed := a.to() == "/_doorcode/code"; {
	case works && !passed:
		h.t.Errorf("%s: a right password: %d to %q: %s", what, a.StatusCode, a.to(), a.body)
	case works:
		b.enter(h.lastCode("alice"))
		b.get("/invoice.php?id=7")
		if len(h.ranAs("alice")) == 0 {
			h.t.Errorf("%s: the code opened nothing", what)
		}
	}
	b.client.CloseIdleConnections()
}
