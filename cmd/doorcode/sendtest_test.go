package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"

	"doorcode/challenge"
)

// TestSendTestOfDocs: what docs/sms.md shows of send-test is what it says.
func TestSendTestOfDocs(t *testing.T) {
	const page = "../../docs/sms.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)\n```\n(sms by .*?)```\n").FindSubmatch(text)
	if shown == nil {
		t.Fatal(page + " shows nothing of send-test")
	}
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "6000") }))
	defer provider.Close()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "users.yaml"), "users: [{name: ahmad.saleh, code: sms, mobile: 0599123456, language: ar}]\n")
	writeFile(t, filepath.Join(dir, "gateway.yaml"), `
name: HESABATE
listen: {address: ":8080", insecure: true}
public_url: https://erp.example.ps
trusted_proxies: [127.0.0.1]
upstream: {url: "http://127.0.0.1:8081"}
country: PS
login: {page: /login.php, path: /login.php, user: u, password: p, failure: {any: [{body: wrong}]}, confirm: {url: /me, signed_in: logout}}
sms: [{preset: hotsms, sender: HESABATE, params: {user_name: shop, user_pass: hunter2}, url: "`+provider.URL+`/sendbulksms.php"}]
`)
	var said, wrong strings.Builder
	status := run(t.Context(), []string{"send-test", "--config", filepath.Join(dir, "gateway.yaml"), "--user", "ahmad.saleh"}, &said, &wrong)
	got := strings.ReplaceAll(said.String(), provider.URL, "https://hotsms.ps")
	got = regexp.MustCompile(`after \S+s\b`).ReplaceAllString(got, "after 312ms")
	if want := string(shown[1]); status != exitProblems || got != want {
		t.Errorf("status %d, %s%s\nwant, as %s shows it,\n%s", status, wrong.String(), got, page, want)
	}
}

// TestSegmentsOfDocs: the table of docs/sms.md counts right.
func TestSegmentsOfDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/sms.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`( and the line for phones)? \\| (\\d+) \\| (\\d+) \\|$").FindAllStringSubmatch(string(text), -1)
	if len(rows) < 4 {
		t.Fatalf("%d rows found", len(rows))
	}
	for _, row := range rows {
		sms := row[1]
		if row[2] != "" {
			sms += "\n@erp.example.ps #123456"
		}
		n, _ := challenge.Segments(sms)
		if got := fmt.Sprint(len([]rune(sms)), " ", n); got != row[3]+" "+row[4] {
			t.Errorf("%q has %s characters and segments, docs/sms.md says %s %s", sms, got, row[3], row[4])
		}
	}
}

// providerPeer is an SMS provider until the script ends, which appends what it gets to a file and answers a status and a body: provider
// ADDRESS STATUS BODY FILE. Status 0 is no answer at all.
func providerPeer(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	file := filepath.Join(ts.Getenv("WORK"), args[3])
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		appendTo(file, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization")+"\n"+string(body)+"\n")
		if status == 0 {
			<-gone
			return
		}
		w.WriteHeader(status)
		io.WriteString(w, args[2])
	}))
	ts.Defer(server.Close)
	ts.Defer(func() { close(gone) })
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func appendTo(file, text string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return // the script finds the file missing
	}
	defer f.Close()
	io.WriteString(f, text)
}

// mailServerPeer is a mail server until the script ends, which wants the user door and the password hunter2-mail, appends mails to a file,
// and refuses those to nobody@books.example: mailserver ADDRESS FILE
func mailServerPeer(ts *testscript.TestScript, _ bool, args []string) {
	file := filepath.Join(ts.Getenv("WORK"), args[1])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{file: file}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mail.test", true, log.New(io.Discard, "", 0)
	server.ReadTimeout = time.Minute
	var running sync.WaitGroup
	running.Go(func() { server.Serve(l) })
	ts.Defer(func() { server.Close(); running.Wait() })
	ts.Setenv(args[0], l.Addr().String())
}

type mailSession struct{ file string }

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "door" || password != "hunter2-mail" {
			return errors.New("no")
		}
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "nobody@books.example" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox " + to}
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	appendTo(s.file, strings.ReplaceAll(string(mail), "\r\n", "\n"))
	return err
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }
