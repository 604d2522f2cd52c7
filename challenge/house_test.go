package challenge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/challenge/boltstore"
	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
	"doorcode/templates"
)

// house is a Door with a real store, in a bubble's time (testing/synctest), and peers that take its messages.
type house struct {
	t          *testing.T
	dir        string
	config     challenge.Config
	policy     challenge.PolicyConfig
	store      challenge.Store
	bolt       *boltstore.Store
	door       *challenge.Door
	sms, email *peer
	senders    map[challenge.Channel]challenge.Sender
	second     challenge.Sender // another SMS provider, behind the first
	log        *logbook
	held       int
}

const (
	ahmadMobile = "+970599123456"
	ahmadMail   = "ahmad@example.com"
)

func newHouse(t *testing.T) *house {
	h := &house{
		t: t, dir: t.TempDir(), sms: &peer{}, email: &peer{}, log: &logbook{},
		config: challenge.Config{
			Digits: 6, Expires: 10 * time.Minute, DeliveryWait: 3 * time.Second, Name: "Books",
			Rules:   challenge.CodeRules{Tries: 5, ResendAfter: 30 * time.Second, Resends: 3},
			Session: challenge.SessionLife{Idle: 8 * time.Hour, Absolute: 24 * time.Hour},
		},
		policy: challenge.PolicyConfig{
			Fold: challenge.Fold{Case: true, Space: true}, Unlisted: challenge.UnlistedRefuse, Place: "users.yaml:1",
			Users: []challenge.User{
				{Name: "off", Code: challenge.CodeOff, Place: "users.yaml:2"},
				{Name: "ahmad", Code: challenge.CodeSMS, Mobile: secret.New(ahmadMobile), Remember: 30 * 24 * time.Hour, Place: "users.yaml:3"},
				{Name: "both", Code: challenge.CodeBoth, Mobile: secret.New("+970599123457"), Email: secret.New(ahmadMail), Place: "users.yaml:4"},
				{Name: "disabled", Code: challenge.CodeSMS, Mobile: secret.New(ahmadMobile), Disabled: true, Place: "users.yaml:5"},
			},
		},
	}
	h.senders = map[challenge.Channel]challenge.Sender{challenge.SMS: h.sms, challenge.Email: h.email}
	h.open()
	t.Cleanup(h.close)
	return h
}

func (h *house) open() {
	h.t.Helper()
	var err error
	if h.bolt, err = boltstore.Open(filepath.Join(h.dir, "state.db"), boltstore.Options{}); err != nil {
		h.t.Fatal(err)
	}
	h.store = h.bolt
	h.start()
}

// start makes the Door on h.store, as h.config and h.policy say.
func (h *house) start() {
	h.t.Helper()
	ring, err := keys.Open(filepath.Join(h.dir, "keys"))
	if err != nil {
		h.t.Fatal(err)
	}
	texts, err := templates.New("")
	if err != nil {
		h.t.Fatal(err)
	}
	h.door = challenge.New(h.config, h.parsed(), challenge.Parts{
		Store: h.store, Providers: h.providers(), Keys: ring, Texts: texts, Log: zerolog.New(h.log).Level(zerolog.TraceLevel),
	})
}

func (h *house) providers() map[challenge.Channel][]challenge.Provider {
	all := map[challenge.Channel][]challenge.Provider{}
	for c, sender := range h.senders {
		all[c] = []challenge.Provider{{Name: "first", Sender: sender}}
	}
	if h.second != nil {
		all[challenge.SMS] = append(all[challenge.SMS], challenge.Provider{Name: "second", Sender: h.second})
	}
	return all
}

// reload puts h.config and the senders in force in the running Door.
func (h *house) reload() {
	h.t.Helper()
	texts, err := templates.New("")
	if err != nil {
		h.t.Fatal(err)
	}
	h.door.SetConfig(h.config, h.providers(), texts)
}

func (h *house) parsed() *challenge.Policy {
	h.t.Helper()
	p, errs := challenge.NewPolicy(h.policy)
	if errs != nil {
		h.t.Fatal(errs)
	}
	return p
}

func (h *house) close() {
	if err := errors.Join(h.door.Close(), h.bolt.Close()); err != nil {
		h.t.Error(err)
	}
}

// reopen stops and starts the gateway.
func (h *house) reopen() {
	h.t.Helper()
	h.close()
	h.open()
}

// user changes one user of the policy and puts it in force.
func (h *house) user(name string, change func(*challenge.User)) challenge.Revoked {
	h.t.Helper()
	for i := range h.policy.Users {
		if h.policy.Users[i].Name == name {
			change(&h.policy.Users[i])
		}
	}
	return h.setPolicy()
}

func (h *house) setPolicy() challenge.Revoked {
	h.t.Helper()
	r, err := h.door.SetPolicy(h.t.Context(), h.parsed())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// login is an accepted login as the gateway brings it.
func (h *house) login(name string) challenge.Login {
	return challenge.Login{
		Typed: name, Address: netip.MustParseAddr("192.0.2.7"), Language: "en", Trail: "trail", Host: "books.example.com",
		Agent: "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", Family: "Firefox", Return: "/invoices?page=2",
		Hold: func(id string) (challenge.Held, error) {
			h.held++
			return challenge.Held("held for " + id), nil
		},
	}
}

func (h *house) decide(l challenge.Login) challenge.Decision {
	h.t.Helper()
	d, err := h.door.Decide(h.t.Context(), l)
	if err != nil {
		h.t.Fatalf("login of %s: %v", l.Typed, err)
	}
	set := 0
	for _, is := range []bool{d.Pass != nil, d.Challenge != nil, d.Refusal != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		h.t.Fatalf("login of %s: not exactly one outcome: %+v", l.Typed, d)
	}
	return d
}

// challenged is a login that must get a challenge.
func (h *house) challenged(l challenge.Login) *challenge.Challenge {
	h.t.Helper()
	d := h.decide(l)
	if d.Challenge == nil {
		h.t.Fatalf("login of %s: no challenge: %s", l.Typed, d.Reason)
	}
	return d.Challenge
}

func (h *house) try(id, code string) (*challenge.Pass, error) {
	return h.door.TryCode(h.t.Context(), attemptOf(id, code))
}

func attemptOf(id, code string) challenge.Try {
	return challenge.Try{Challenge: id, Code: code, Trail: "trail", Address: netip.MustParseAddr("192.0.2.7"), Agent: "Firefox/140.0", Family: "Firefox"}
}

// enter logs in with a right code.
func (h *house) enter(l challenge.Login, remember bool) *challenge.Pass {
	h.t.Helper()
	c := h.challenged(l)
	t := attemptOf(c.ID, h.sms.code())
	t.Remember, t.Browser = remember, l.Browser
	pass, err := h.door.TryCode(h.t.Context(), t)
	if err != nil {
		h.t.Fatalf("right code of %s: %v", l.Typed, err)
	}
	return pass
}

func (h *house) wantRefused(what string, pass *challenge.Pass, err, want error) {
	h.t.Helper()
	if pass != nil || !errors.Is(err, want) {
		h.t.Errorf("%s: pass %v, error %v, want none and %v", what, pass.Valid(), err, want)
	}
}

func (h *house) wantWait(what string, err error, why challenge.Wait) {
	h.t.Helper()
	var wait challenge.ErrWait
	if !errors.As(err, &wait) || wait.Why != why {
		h.t.Errorf("%s: %v, want a wait for %s", what, err, why)
	}
}

func (h *house) sessions() []challenge.Session {
	h.t.Helper()
	all, err := h.door.Sessions(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// wrong is a code that is not the right one.
func wrong(code string) string {
	if strings.HasPrefix(code, "0") {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

// peer is a Sender that keeps what it is sent.
type peer struct {
	mu    sync.Mutex
	sent  []challenge.Message
	delay time.Duration
	err   error
	began int
}

func (p *peer) Send(ctx context.Context, m challenge.Message) error {
	p.mu.Lock()
	p.began++
	delay := p.delay
	p.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return fmt.Errorf("dial mail.example.com: %w", ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.sent = append(p.sent, m)
	return nil
}

func (p *peer) messages() []challenge.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]challenge.Message{}, p.sent...)
}

// codes are the messages that carry one; warnings carry none.
func (p *peer) codes() []challenge.Message {
	return slices.DeleteFunc(p.messages(), func(m challenge.Message) bool { return !sixDigits.MatchString(m.Text.Reveal()) })
}

func (p *peer) count() int { return len(p.codes()) }

func (p *peer) last() challenge.Message {
	all := p.codes()
	if len(all) == 0 {
		return challenge.Message{}
	}
	return all[len(all)-1]
}

var sixDigits = regexp.MustCompile(`[0-9]{6}`)

// code reads the code out of the last message, as its receiver would.
func (p *peer) code() string { return sixDigits.FindString(p.last().Text.Reveal()) }

// logbook keeps what was logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*logbook)(nil)

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
