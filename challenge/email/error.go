package email

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"unicode"

	"doorcode/challenge"
)

// Error is a message that the mail server did not take, or did not say so. It holds no code, text, address of the user or
// password.
type Error struct {
	Server    string // host and port
	Code      int    // the server's SMTP code; 0 when it gave none
	Reason    string // what was being done, and what the server said; masked
	Permanent bool   // the same message will be refused again: somebody has to change something
	MayBeSent bool   // the server had the whole message and did not answer: it may arrive all the same
	refused   bool   // the server answered, and did not like the recipient or the text
	cause     error  // context.DeadlineExceeded or context.Canceled, nothing else
}

// Error names the server, its code and what it said.
func (e *Error) Error() string {
	s := fmt.Sprintf("mail server %s: %s", e.Server, e.Reason)
	if e.MayBeSent {
		s += "; it had the whole message, so it is not sent again"
	}
	return s
}

// Is tells what became of the message, as challenge.Sender promises.
func (e *Error) Is(target error) bool {
	switch target {
	case challenge.ErrNotAccepted:
		return !e.MayBeSent
	case challenge.ErrRefused:
		return !e.MayBeSent && e.refused
	}
	return false
}

// Unwrap returns the context's error where it ended the send.
func (e *Error) Unwrap() error { return e.cause }

// failed describes err, which came while at.
func (s *Sender) failed(ctx context.Context, m challenge.Message, at step, err error) *Error {
	e := &Error{Server: s.c.Address(), cause: ctx.Err()}
	var reply *textproto.Error
	switch {
	case errors.As(err, &reply):
		e.Code, e.Permanent = reply.Code, reply.Code >= 500
		e.refused = at == namingRcpt || at == awaitingReply
		e.cause = nil // the server's word counts, also when it came at the last moment
		e.Reason = s.mask(m, fmt.Sprintf("%s: %d %s", at, reply.Code, reply.Msg))
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		// The connection has ctx's deadline too, and may find it out first.
		e.cause = context.DeadlineExceeded
		e.Reason = fmt.Sprintf("%s: no answer within %v", at, s.c.Timeout)
	case ctx.Err() != nil:
		e.Reason = fmt.Sprintf("%s: given up before the answer", at)
	default:
		e.Reason = s.mask(m, fmt.Sprintf("%s: %v", at, err))
	}
	e.MayBeSent = at == awaitingReply && reply == nil
	return e
}

const (
	maxReason = 300 // bytes of an error
	shortLine = 6   // bytes; a shorter line of a text is no secret and would black out the answer
)

var (
	addresses = regexp.MustCompile(`[^\s<>"']+@[^\s<>"']+`)
	codes     = regexp.MustCompile(`[0-9٠-٩۰-۹](?:[ -]?[0-9٠-٩۰-۹]){5,}`) // a code has six digits or more
)

// mask hides what a server may repeat: addresses, the lines of the text, the password as it was sent, and whatever looks like
// a code. SMTP's own codes (550 5.1.1) are shorter.
func (s *Sender) mask(m challenge.Message, text string) string {
	for _, hidden := range s.secrets(m) {
		text = strings.ReplaceAll(text, hidden, "…")
	}
	text = codes.ReplaceAllString(addresses.ReplaceAllString(text, "…"), "…")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// secrets lists what mask replaces literally.
func (s *Sender) secrets(m challenge.Message) []string {
	var list []string
	if password := s.c.Password.Reveal(); password != "" {
		// As PLAIN sends it (RFC 4616 §2), as LOGIN does, and as it is.
		list = append(list, base64.StdEncoding.EncodeToString([]byte("\x00"+s.c.User+"\x00"+password)),
			base64.StdEncoding.EncodeToString([]byte(password)), password)
	}
	for _, part := range []string{m.Text.Reveal(), m.HTML.Reveal(), m.Subject.Reveal()} {
		for line := range strings.Lines(part) {
			if line = strings.TrimSpace(line); len(line) >= shortLine {
				list = append(list, line)
			}
		}
	}
	return list
}
