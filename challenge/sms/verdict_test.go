package sms

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorcode/challenge"
)

// What may be taken over by another provider: a message is never sent twice because an answer was odd.
func TestNotAccepted(t *testing.T) {
	ok := Success{Body: regexp.MustCompile(`^OK`)}
	json := Success{JSON: []JSONCheck{{Pointer: pointer(t, "/status"), Equals: "0"}}}
	credit := Failure{Body: regexp.MustCompile(`^1000$`), Meaning: "the credit is used up", Fault: FaultAccount}
	busy := Failure{Status: Status{500, 500}, JSON: []JSONCheck{{Pointer: pointer(t, "/code"), Equals: "7"}}, Meaning: "too many at once", Fault: FaultMoment}
	tests := []struct {
		name        string
		success     Success
		failures    []Failure
		status      int
		body        string
		notAccepted bool
		permanent   bool
		want        string
	}{
		{"the rule reads it and says no", ok, nil, 200, "ERR 5", true, false, "does not match success.body"},
		{"a value says no", json, nil, 200, `{"status":"4"}`, true, false, `/status is "4"`},
		{"a known refusal", ok, []Failure{busy, credit}, 200, " 1000\r\n", true, true, `test": the credit is used up (status 200`},
		{"a known refusal that passes", ok, []Failure{credit, busy}, 500, `{"code":7}`, true, false, "too many at once"},
		{"neither success nor a known refusal", ok, []Failure{credit}, 200, "1002", false, false, "does not match"},
		{"a 500 that is not the known one", ok, []Failure{busy}, 500, `{"code":8}`, true, false, "status is not"},
		{"success and a known refusal at once", ok, []Failure{{Body: regexp.MustCompile("1000"), Meaning: "no credit", Fault: FaultAccount}}, 200, "OK 1000", false, false, "one of the patterns is wrong"},
		{"400", ok, []Failure{credit}, 400, "?", true, true, "status is not"},
		{"401", json, nil, 401, "", true, true, "status is not"},
		{"429", ok, nil, 429, "slow down", true, false, "status is not"},
		{"503", ok, nil, 503, "", true, false, "status is not"},
		{"a redirect", ok, nil, 302, "", true, true, "redirect"},
		{"408", ok, nil, 408, "", true, false, "status is not"},
		{"500", ok, nil, 500, "OK", true, false, "status is not"},
		{"502 of a proxy", ok, nil, 502, "<html>", false, false, "status is not"},
		{"524 of a proxy", ok, nil, 524, "<html>", false, false, "status is not"},
		{"504 of a proxy", ok, nil, 504, "<html>", false, false, "status is not"},
		{"another status of the same class", Success{Status: Status{200, 200}, Body: ok.Body}, nil, 201, "OK", false, false, "status is not 200"},
		{"empty", ok, nil, 200, " ", false, false, "empty"},
		{"no JSON", json, nil, 200, "<html>", false, false, "not JSON"},
		{"no value", json, nil, 200, "{}", false, false, "no value"},
		{"longer than is read", ok, nil, 200, strings.Repeat("x", maxAnswer+1), false, false, "does not match"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, replies(test.status, test.body))
			c := formConfig(t, p.URL)
			c.Success, c.Failures = test.success, test.failures
			wantError(t, newSender(t, c), test.notAccepted, test.permanent, test.want)
			p.only(t)
		})
	}
}

func wantError(t *testing.T, s *Sender, notAccepted, permanent bool, want string) {
	t.Helper()
	err := s.Send(t.Context(), testMessage())
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Error(), want) {
		t.Fatalf("Send: %v, want it to say %q", err, want)
	}
	if got := errors.Is(err, challenge.ErrNotAccepted); got != notAccepted || e.Permanent != permanent {
		t.Errorf("Send: %v: not accepted %v, permanent %v; want %v, %v", err, got, e.Permanent, notAccepted, permanent)
	}
}

// What is at fault decides whether the provider is in trouble: a number that nobody has must not rest it for everybody.
func TestFault(t *testing.T) {
	p := newPeer(t, replies(400, "5000"))
	for fault, want := range map[Fault]bool{FaultAccount: false, FaultMessage: true, FaultMoment: false} {
		c := formConfig(t, p.URL)
		c.Failures = []Failure{{Body: regexp.MustCompile("5000"), Meaning: "the number is not supported", Fault: fault}}
		err := newSender(t, c).Send(t.Context(), testMessage())
		if got := errors.Is(err, challenge.ErrRefused); got != want || !errors.Is(err, challenge.ErrNotAccepted) {
			t.Errorf("fault %d: %v: refused %v, want %v", fault, err, got, want)
		}
	}
}

// Before and after the first byte.
func TestNotAcceptedOnTheWay(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		wantError(t, newSender(t, formConfig(t, "http://"+closedPort(t))), true, false, "connection refused")
	})
	t.Run("no such host", func(t *testing.T) {
		wantError(t, newSender(t, formConfig(t, "http://provider.invalid/send")), true, false, "lookup provider.invalid")
	})
	t.Run("a certificate nobody knows", func(t *testing.T) {
		p := httptest.NewUnstartedServer(http.HandlerFunc(replies(200, "OK")))
		p.Config.ErrorLog = quiet
		p.StartTLS()
		defer p.Close()
		wantError(t, newSender(t, formConfig(t, p.URL)), true, false, "certificate")
	})
	t.Run("no answer", func(t *testing.T) {
		url, _ := rawPeer(t, func(c net.Conn) { readRequest(c); io.Copy(io.Discard, c) })
		c := formConfig(t, url)
		c.Timeout = 100 * time.Millisecond
		wantError(t, newSender(t, c), false, false, "no whole answer within 100ms; the request had gone out")
	})
	t.Run("broken off", func(t *testing.T) {
		url, _ := rawPeer(t, readRequest)
		wantError(t, newSender(t, formConfig(t, url)), false, false, "the request had gone out")
	})
	t.Run("no number", func(t *testing.T) {
		p := newPeer(t, replies(200, "OK"))
		m := testMessage()
		m.To = m.Text
		if err := newSender(t, formConfig(t, p.URL)).Send(t.Context(), m); !errors.Is(err, challenge.ErrNotAccepted) {
			t.Errorf("Send: %v, want it not accepted", err)
		}
	})
}

func TestCheckFailures(t *testing.T) {
	c := formConfig(t, "https://sms.example.com")
	c.Failures = []Failure{{Meaning: "fine", Body: regexp.MustCompile("x"), Fault: FaultMessage}, {}, {Meaning: "x", Fault: FaultMoment, JSON: []JSONCheck{{Pointer: pointer(t, "/a")}}}}
	var got []string
	for _, p := range c.Check() {
		got = append(got, p.Field)
	}
	if want := "failure[1] failure[1] failure[1] failure[2].json[0]"; strings.Join(got, " ") != want {
		t.Errorf("Check found %q, want %s", got, want)
	}
}
