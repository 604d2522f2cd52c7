package main

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

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
