package main

import (
	"context"
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/cmd/doorcode/demo"
)

// tried is a demo that runs in this process, as a newcomer has it.
type tried struct {
	public, mailbox, folder string
	said                    string
	logged                  *transcript
	stop                    func() error // Ctrl-C, and what the command ends with
}

func tryDemo(t *testing.T, where demoPlace) tried {
	t.Helper()
	where.listen, where.mailbox = "127.0.0.1:0", "127.0.0.1:0"
	said, logged := newTranscript(), newTranscript()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runDemo(ctx, where, said, logged) }()
	stop := func() error { cancel(); err := <-ended; ended <- err; return err }
	t.Cleanup(func() { stop() })
	logged.wait(t, "the door is open for business")
	text, _ := said.read()
	return tried{
		public:  said.wait(t, `(?m)^  application.* (http://\S+)/$`)[1],
		mailbox: said.wait(t, `(?m)^  mailbox.* (http://\S+)/$`)[1],
		folder:  said.wait(t, `(?m)^  configuration and state +(\S+)$`)[1],
		said:    text,
		logged:  logged,
		stop:    stop,
	}
}

// password signs in at the application's own form, as far as the password goes.
func (d tried) password(t *testing.T, a demo.Account) (*surfer, page) {
	t.Helper()
	s := newSurfer(t, strings.TrimPrefix(d.public, "http://"))
	form := hiddenFields(s.get("/login.php").body)
	form.Set("company", a.Company)
	form.Set("user", a.Name)
	form.Set("password", a.Password)
	return s, s.post("/login.php", form)
}

// messages are what arrived for a user since n, waited for.
func (d tried) messages(t *testing.T, s *surfer, from, want int) []demo.Message {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		var all []demo.Message
		if err := json.Unmarshal([]byte(s.get(d.mailbox+"/messages.json").body), &all); err != nil {
			t.Fatal(err)
		}
		if len(all)-from >= want {
			return all[from:]
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages arrived, want %d", len(all)-from, want)
		}
	}
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// in reports who the application says is in.
func in(p page) string {
	m := regexp.MustCompile(`id="login-name">([^<]+)<`).FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d := tryDemo(t, demoPlace{})
	t.Run("says where things are, who there is and what to try", func(t *testing.T) {
		for _, a := range demo.Accounts {
			line := regexp.MustCompile(`(?m)^  ` + a.Company + ` +` + a.Name + ` +` + a.Password + ` +\S`)
			if !line.MatchString(d.said) {
				t.Errorf("the demo does not name %s with password and way of code:\n%s", a.Name, d.said)
			}
		}
		for _, want := range []string{"What to try", "Remember my device", "العربية", "users.yaml", "Ctrl-C"} {
			if !strings.Contains(d.said, want) {
				t.Errorf("the demo does not speak of %q:\n%s", want, d.said)
			}
		}
	})

	ways := map[string]struct{ channels, way string }{
		"omar": {"", "off"}, "samira": {"sms", "SMS"}, "emil": {"email", "e-mail"}, "basma": {"email sms", "SMS and e-mail"},
	}
	arrived := 0
	for _, a := range demo.Accounts {
		t.Run(a.Name, func(t *testing.T) {
			want, known := ways[a.Name]
			if !known || demoCodes[a.Name] != want.way {
				t.Fatalf("%s is said to have code %q, want %q", a.Name, demoCodes[a.Name], want.way)
			}
			s, after := d.password(t, a)
			if want.channels == "" {
				if got := in(after); got != a.Company+"/"+a.Name && got != a.Name {
					t.Fatalf("after the password the application says %q is in, want %s: %d at %s", got, a.Name, after.StatusCode, after.Request.URL)
				}
				return
			}
			if after.Request.URL.Path != "/_doorcode/code" {
				t.Fatalf("after the password: %d at %s, want the code page", after.StatusCode, after.Request.URL)
			}
			if inside := s.get("/index.php"); in(inside) != "" {
				t.Fatalf("%s is in without the code", in(inside))
			}
			channels := strings.Fields(want.channels)
			messages := d.messages(t, s, arrived, len(channels))
			arrived += len(messages)
			code := ""
			for _, m := range messages {
				if !strings.Contains(want.channels, m.Channel) {
					t.Errorf("a code went by %s to %s, want by %s", m.Channel, m.To, want.channels)
				}
				code = sixDigits.FindString(m.Text)
			}
			if len(messages) != len(channels) {
				t.Errorf("%d messages, want %d", len(messages), len(channels))
			}
			form := hiddenFields(s.get("/_doorcode/code").body)
			form.Set("code", code)
			if inside := s.post("/_doorcode/code", form); !strings.HasSuffix(in(inside), a.Name) {
				t.Fatalf("after the code the application says %q is in, want %s: %d at %s", in(inside), a.Name, inside.StatusCode, inside.Request.URL)
			}
		})
	}

	if err := d.stop(); err != nil {
		t.Errorf("Ctrl-C ends the demo with %v", err)
	}
	if _, err := os.Stat(d.folder); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
	if text, _ := d.logged.read(); strings.Contains(text, `"level":"error"`) || strings.Contains(text, `"level":"warn"`) {
		t.Errorf("the demo's log complains:\n%s", text)
	}
}

// With --data the folder stays, and with it the devices that were remembered and what was changed in users.yaml.
func TestDemoData(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a saved file to be taken up: not under -short")
	}
	folder := filepath.Join(t.TempDir(), "demo-data")
	omar := demo.Accounts[0]
	d := tryDemo(t, demoPlace{data: folder})
	if _, after := d.password(t, omar); in(after) == "" {
		t.Fatalf("omar is asked for a code: %s", after.Request.URL)
	}

	users := filepath.Join(folder, "users.yaml")
	text, err := os.ReadFile(users)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), "{name: acme/omar, code: off}", "{name: acme/omar, code: sms, mobile: 0591112223} # mine", 1)
	if edited == string(text) {
		t.Fatalf("users.yaml does not have omar as it had:\n%s", text)
	}
	saved := time.Now()
	if err := os.WriteFile(users, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	d.logged.wait(t, "changed files taken up")
	if took := time.Since(saved); took > 3*time.Second {
		t.Errorf("the edit counted after %s, want about a second", took)
	}
	if _, after := d.password(t, omar); after.Request.URL.Path != "/_doorcode/code" {
		t.Errorf("omar is not asked for a code after the edit: %s", after.Request.URL)
	}
	if err := d.stop(); err != nil {
		t.Fatalf("Ctrl-C ends the demo with %v", err)
	}

	again := tryDemo(t, demoPlace{data: folder})
	if kept, err := os.ReadFile(users); err != nil || string(kept) != edited {
		t.Errorf("the second start wrote users.yaml anew (%v):\n%s", err, kept)
	}
	if _, after := again.password(t, omar); after.Request.URL.Path != "/_doorcode/code" {
		t.Errorf("omar is not asked for a code after the second start: %s", after.Request.URL)
	}
	if err := again.stop(); err != nil {
		t.Errorf("Ctrl-C ends the second demo with %v", err)
	}
	for _, name := range []string{"gateway.yaml", "users.yaml", "doorcode.db", "doorcode.keys"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("not kept in the folder: %v", err)
		}
	}
}

func TestDemoAddresses(t *testing.T) {
	tests := []struct{ listening, first, last string }{
		{"127.0.0.1:8443", "http://127.0.0.1:8443", "http://localhost:8443"},
		{"[::1]:8443", "http://[::1]:8443", "http://localhost:8443"},
		{"[::]:8443", "http://127.0.0.1:8443", "http://localhost:8443"},
		{"0.0.0.0:80", "http://127.0.0.1:80", "http://localhost:80"},
		{"192.0.2.7:9443", "http://192.0.2.7:9443", "http://192.0.2.7:9443"},
	}
	for _, tt := range tests {
		got, err := (&demoPeers{Listen: tt.listening}).Public()
		if err != nil || got[0] != tt.first || got[len(got)-1] != tt.last {
			t.Errorf("a demo that listens on %s is reached at %q, %v; want %s first and %s last", tt.listening, got, err, tt.first, tt.last)
		}
	}
}
