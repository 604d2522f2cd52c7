package email

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"

	gomaillog "github.com/wneessen/go-mail/log"
	"github.com/wneessen/go-mail/smtp"

	"doorcode/challenge"
)

// transcript passes on what client and server say to each other, masked. go-mail hands it commands and answers, the sign-in redacted and
// the message left out. A nil transcript says nothing.
type transcript struct{ say func(line string) }

// masked makes the transcript of m.
func (s *Sender) masked(m challenge.Message, say func(line string)) *transcript {
	if say == nil {
		return nil
	}
	return &transcript{func(line string) { say(strings.TrimSpace(s.mask(m, line))) }}
}

// Debugf takes one command or answer.
func (t *transcript) Debugf(l gomaillog.Log) {
	who := "<"
	if l.Direction == gomaillog.DirClientToServer {
		who = ">"
	}
	t.say(who + " " + fmt.Sprintf(l.Format, l.Messages...))
}

// Infof, Warnf and Errorf are Debugf: nothing is kept back from a transcript.
func (t *transcript) Infof(l gomaillog.Log)  { t.Debugf(l) }
func (t *transcript) Warnf(l gomaillog.Log)  { t.Debugf(l) }
func (t *transcript) Errorf(l gomaillog.Log) { t.Debugf(l) }

// protection says how the connection is protected.
func (t *transcript) protection(c *smtp.Client) {
	if t == nil {
		return
	}
	if state, ok := c.TLSConnectionState(); ok {
		leaf := state.PeerCertificates[0] // there is one: servers without are refused
		names := leaf.DNSNames
		for _, ip := range leaf.IPAddresses {
			names = append(names, ip.String())
		}
		t.say("= " + tls.VersionName(state.Version) + ", certificate for " + strings.Join(names, ", "))
		return
	}
	t.say("= no TLS")
}

// accepted says the server's answer to the whole message.
func (t *transcript) accepted(w io.Writer) {
	if d, ok := w.(*smtp.DataCloser); ok && t != nil {
		t.say("< 250 " + d.ServerResponse())
	}
}
