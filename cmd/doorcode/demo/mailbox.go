package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// Message is one SMS or e-mail that arrived.
type Message struct {
	Channel string    `json:"channel"` // "sms" or "email"
	To      string    `json:"to"`
	Subject string    `json:"subject,omitempty"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// Lines are the lines of the text: the page gives each a direction of its own, since an Arabic SMS ends in "@127.0.0.1 #123456".
func (m Message) Lines() []string {
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(m.Text, "\r", "")), "\n")
}

// Mailbox is the phones and mailboxes of the demo's users: an SMS provider (POST /sms), a mail server (SMTP), and a page that
// shows what arrives as it arrives. The zero Mailbox is empty and ready.
type Mailbox struct {
	mu       sync.Mutex
	messages []Message
	arrived  chan struct{} // closed and made anew at each message
}

// maxMessages is what the page shows.
const maxMessages = 50

func (m *Mailbox) take(message Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	message.At = time.Now()
	m.messages = append(m.messages, message)
	m.messages = m.messages[max(0, len(m.messages)-maxMessages):]
	if m.arrived != nil {
		close(m.arrived)
	}
	m.arrived = make(chan struct{})
}

// Messages returns what arrived, oldest first, and a channel that closes at the next one.
func (m *Mailbox) Messages() ([]Message, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.arrived == nil {
		m.arrived = make(chan struct{})
	}
	return slices.Clone(m.messages), m.arrived
}

// ServeHTTP is the SMS provider and the page.
func (m *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /sms":
		m.sms(w, r)
	case "GET /":
		m.page(w)
	case "GET /messages.json":
		messages, _ := m.Messages()
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(messages)
	case "GET /events":
		m.events(w, r)
	case "GET /mailbox.js", "GET /mailbox.css":
		http.ServeFileFS(w, r, pages, "pages/mailbox"+r.URL.Path)
	default:
		http.NotFound(w, r)
	}
}

// sms answers as providers do: 200 whatever happens, and the truth in the body.
func (m *Mailbox) sms(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	to, text := r.PostFormValue("to"), r.PostFormValue("text")
	if to == "" || text == "" {
		fmt.Fprintln(w, "ERROR missing input")
		return
	}
	m.take(Message{Channel: "sms", To: to, Text: text})
	fmt.Fprintln(w, "OK 1")
}

var mailboxPage = template.Must(template.ParseFS(pages, "pages/mailbox/mailbox.html"))

func (m *Mailbox) page(w http.ResponseWriter) {
	messages, _ := m.Messages()
	slices.Reverse(messages)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	mailboxPage.Execute(w, messages)
}

// events tells the page that something arrived.
func (m *Mailbox) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	for {
		messages, arrived := m.Messages()
		fmt.Fprintf(w, "data: %d\n\n", len(messages))
		if control.Flush() != nil {
			return
		}
		select {
		case <-arrived:
		case <-r.Context().Done():
			return
		}
	}
}

// SMTP returns a mail server that delivers into the mailbox, to serve on a loopback listener.
func (m *Mailbox) SMTP() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &envelope{box: m}, nil }))
	s.Domain = "localhost"
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	s.MaxMessageBytes = 1 << 20
	s.MaxRecipients = 10
	return s
}

// envelope is one SMTP conversation.
type envelope struct {
	box *Mailbox
	to  []string
}

func (e *envelope) Reset()                               { e.to = nil }
func (e *envelope) Logout() error                        { return nil }
func (e *envelope) Mail(string, *smtp.MailOptions) error { return nil }
func (e *envelope) Rcpt(to string, _ *smtp.RcptOptions) error {
	e.to = append(e.to, to)
	return nil
}

// Data reads the message and keeps its plain text part.
func (e *envelope) Data(r io.Reader) error {
	reader, err := mail.CreateReader(r)
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	subject, _ := reader.Header.Subject()
	text := ""
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("message part: %w", err)
		}
		header, inline := part.Header.(*mail.InlineHeader)
		if !inline {
			continue
		}
		if kind, _, _ := header.ContentType(); kind == "text/plain" {
			body, err := io.ReadAll(part.Body)
			if err != nil {
				return fmt.Errorf("message text: %w", err)
			}
			text = string(body)
		}
	}
	for _, to := range e.to {
		e.box.take(Message{Channel: "email", To: to, Subject: subject, Text: text})
	}
	return nil
}
