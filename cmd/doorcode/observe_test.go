package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
)

// A company tries WordPress for some days: fifty users sign in ten times each and nobody is asked for a code. The report names the ten who
// are not in users.yaml and the five whose code has nowhere to go. Then codes are asked.
func TestObserveWordPress(t *testing.T) {
	if testing.Short() {
		t.Skip("five hundred logins at WordPress: not under -short")
	}
	const users, times, unlisted, nowhere = 50, 10, 10, 5
	w := newObserved(t, users, unlisted, nowhere)
	w.signIn(users, times)
	if messages, _ := filepath.Glob(filepath.Join(w.dir, "outbox", "*")); len(messages) > 0 {
		t.Errorf("%d messages were sent", len(messages))
	}

	text := w.doorcode("report", "--config", w.config)
	for _, want := range []string{
		"500 logins of 50 users", "mode: observe", "10 users not in users.yaml", "5 users without a mobile or e-mail address", "35 users asked for a code",
		"/xmlrpc.php", "other doors used",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q:\n%s", want, text)
		}
	}
	var r report
	if err := json.Unmarshal([]byte(w.doorcode("report", "--config", w.config, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	logins := map[string]int{}
	for _, f := range r.Findings {
		if f.Kind == challenge.FoundLogin {
			logins[f.Detail] += f.Count
		}
	}
	if want := map[string]int{"code: email": 350, "refused: unlisted": 100, "refused: no destination": 50}; fmt.Sprint(logins) != fmt.Sprint(want) {
		t.Errorf("logins %v, want %v", logins, want)
	}

	// Going live: those five are given an address first, or the file would be refused. The mode alone then ends who came in without a code.
	early, listed := newSurfer(t, w.address), strings.ReplaceAll(w.users(users, unlisted, nowhere), "code: sms", "code: off")
	early.login(wordpress, "user02", "user02-pass-1")
	for _, step := range [][2]string{{"observe", "/wp-admin/"}, {"enforce", "/wp-login.php"}} {
		mode, path := step[0], step[1]
		w.write(mode, listed)
		w.doorcode("reload", "--config", w.config)
		if a := early.get("/wp-admin/profile.php"); !strings.HasPrefix(a.Request.URL.Path, path) {
			t.Errorf("in since before, with mode: %s: %d at %s, want %s", mode, a.StatusCode, a.Request.URL, path)
		}
	}
	late := newSurfer(t, w.address)
	if a := late.login(wordpress, "user01", "user01-pass-1"); !strings.HasSuffix(a.Request.URL.Path, "/_doorcode/code") {
		t.Errorf("with mode: enforce: %d at %s", a.StatusCode, a.Request.URL)
	}
}

// observed is WordPress behind the real binary in mode: observe.
type observed struct {
	t                    *testing.T
	dir, config, address string
	upstream, binary     string
}

func newObserved(t *testing.T, users, unlisted, nowhere int) *observed {
	t.Helper()
	w := &observed{t: t, dir: t.TempDir(), address: freeAddress(t), binary: buildBinary(t)}
	w.config = filepath.Join(w.dir, "gateway.yaml")
	var home string
	w.upstream, home = wordpress.startIn(t, w.address)
	w.addUsers(filepath.Join(home, "wordpress", "config.php"), users)
	w.write("observe", w.users(users, unlisted, nowhere))
	startBinary(t, w.binary, w.address, "serve", "--config", w.config)
	return w
}

// addUsers makes user01 … in WordPress, with passwords like everybody's.
func (w *observed) addUsers(config string, n int) {
	w.t.Helper()
	script := fmt.Sprintf(`$_SERVER['HTTP_HOST'] = %q; $_SERVER['WORDPRESS_CONFIG'] = 'rig'; require '/usr/share/wordpress/wp-load.php';
for ($i = 1; $i <= %d; $i++) { $u = sprintf('user%%02d', $i); wp_insert_user(['user_login' => $u, 'user_pass' => "$u-pass-1", 'user_email' => "$u@example.com", 'role' => 'author']); }`, w.address, n)
	cmd := exec.Command("php", "-r", script)
	cmd.Env = append(os.Environ(), "RIG_WORDPRESS_CONFIG="+config)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("users: %v\n%s", err, out)
	}
}

// users is a users.yaml without the last unlisted users, and with the last but those without a destination.
func (w *observed) users(n, unlisted, nowhere int) string {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := 1; i <= n-unlisted; i++ {
		how := fmt.Sprintf("code: email, email: user%02d@example.com", i)
		if i > n-unlisted-nowhere {
			how = "code: sms"
		}
		fmt.Fprintf(&b, "  - {name: user%02d, %s}\n", i, how)
	}
	return b.String()
}

func (w *observed) write(mode, users string) {
	w.t.Helper()
	config := fmt.Sprintf("mode: %s\nlisten: {address: %q, insecure: true}\npublic_url: http://%s\nupstream: {url: \"http://%s\"}\noutbox: outbox\ncountry: PS\n%s",
		mode, w.address, w.address, w.upstream, wordpress.config)
	for name, text := range map[string]string{"users.yaml": users, "gateway.yaml": config} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// signIn has every user sign in some times, four at once, each time in a new browser; and one program try XML-RPC.
func (w *observed) signIn(users, times int) {
	w.t.Helper()
	turns := make(chan string)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for user := range turns {
				s := newSurfer(w.t, w.address)
				if a := s.login(wordpress, user, user+"-pass-1"); !strings.Contains(a.Request.URL.Path, "/wp-admin/") {
					w.t.Errorf("%s: %d at %s: %s", user, a.StatusCode, a.Request.URL, clip(a.body))
				}
			}
		})
	}
	for range times {
		for i := 1; i <= users; i++ {
			turns <- fmt.Sprintf("user%02d", i)
		}
	}
	close(turns)
	all.Wait()
	newSurfer(w.t, w.address).get("/xmlrpc.php")
}

// doorcode runs a command and returns what it prints.
func (w *observed) doorcode(args ...string) string {
	w.t.Helper()
	var out, wrong bytes.Buffer
	cmd := exec.Command(w.binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &wrong
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("doorcode %s: %v\n%s", args[0], err, &wrong)
	}
	return out.String()
}

// The report of a company that has begun to look.
func TestReportText(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 12, 0, 0, time.Local)
	found := []challenge.Finding{
		{Kind: challenge.FoundLogin, Name: "ahmad", Detail: "code: sms", Count: 12, FirstAt: at, LastAt: at},
		{Kind: challenge.FoundLogin, Name: "rana", Detail: "refused: unlisted", Count: 1, FirstAt: at, LastAt: at},
		{Kind: challenge.FoundRefused, Name: "/x\x1b[31m\u202e", Detail: "visitors: not public", Count: 3, FirstAt: at, LastAt: at},
	}
	var out bytes.Buffer
	if err := writeReport(&out, found, false); err != nil {
		t.Fatal(err)
	}
	want := `13 logins of 2 users, from 2026-11-20 08:12 to 2026-11-20 08:12.

1 user not in users.yaml: refused
  list them, or see unlisted in users.yaml
  USER  TIMES  LAST              WHAT
  rana  1      2026-11-20 08:12  refused: unlisted

1 user asked for a code
  USER   TIMES  LAST              WHAT
  ahmad  12     2026-11-20 08:12  code: sms

paths refused: 1
  what a login page needs belongs under public; forms that look like a login under login.elsewhere
  PATH      TIMES  LAST              WHAT
  /x?[31m?  3      2026-11-20 08:12  visitors: not public
`
	if got := regexp.MustCompile(` +\n`).ReplaceAllString(out.String(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	for i := range challenge.MaxFindings {
		found = append(found, challenge.Finding{Kind: challenge.FoundDoor, Name: fmt.Sprintf("/api/%d", i), Detail: "GET", Count: 1, FirstAt: at, LastAt: at})
	}
	if err := writeReport(&out, found, false); err != nil || strings.Count(out.String(), "there may be others") != 1 {
		t.Errorf("a thousand doors: %v, and that there may be more is not said once", err)
	}
}
