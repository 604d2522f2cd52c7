package sms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"doorcode/challenge"
)

// Error is a message that the provider did not take, or did not say so. It holds no code, text, number or password: what the
// provider wrote is masked.
type Error struct {
	Provider  string
	Status    int    // of the answer; 0 when none came
	Answer    string // the first 200 bytes, masked
	Reason    string // what was missing from a success, or what broke; masked
	Permanent bool   // the same request will be refused again: somebody has to change something
	MayBeSent bool   // the request had gone out, and no clear refusal came: the user may get the message all the same
	fault     Fault  // as failure says; 0 where it does not know the answer
	cause     error  // context.DeadlineExceeded or context.Canceled, nothing else: other errors may quote the request
}

// Error names the provider, what was missing, the status and what the provider said.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sms provider %q: %s", e.Provider, e.Reason)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d, answer %q)", e.Status, e.Answer)
	}
	if e.MayBeSent {
		b.WriteString("; the request had gone out, so it is not sent again")
	}
	return b.String()
}

// Is tells what became of the message, as challenge.Sender promises. An account that is refused is refused with every message; of any
// other answer that failure does not know it is not known whether the message is at fault, and the next one may pass.
func (e *Error) Is(target error) bool {
	switch target {
	case challenge.ErrNotAccepted:
		return !e.MayBeSent
	case challenge.ErrRefused:
		if e.fault != 0 {
			return e.fault == FaultMessage
		}
		account := e.Status == http.StatusUnauthorized || e.Status == http.StatusPaymentRequired || e.Status == http.StatusForbidden
		return !e.MayBeSent && e.Status != 0 && e.Status < 500 && e.Status != http.StatusTooManyRequests && !account
	}
	return false
}

// Unwrap returns the context's error where it ended the send.
func (e *Error) Unwrap() error { return e.cause }

// refused is a message that could not even be written as a request. err is one of ours and quotes no value.
func (s *Sender) refused(err error) *Error {
	return &Error{Provider: s.c.Name, Reason: err.Error(), Permanent: true}
}

// broken is an exchange without a whole answer.
func (s *Sender) broken(ctx context.Context, a answer, err error, mask *masker) *Error {
	e := &Error{Provider: s.c.Name, Status: a.status, Answer: mask.excerpt(a.body), MayBeSent: a.left, cause: ctx.Err()}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Reason = fmt.Sprintf("no whole answer within %v", s.c.Timeout)
	case ctx.Err() != nil:
		e.Reason = "given up before the answer"
	default:
		e.Reason = mask.excerpt([]byte(err.Error())) // "malformed HTTP response" quotes what came
	}
	return e
}

// unsuccessful is a whole answer that is no success.
func (s *Sender) unsuccessful(a answer, v verdict, mask *masker) *Error {
	return &Error{
		Provider: s.c.Name, Status: a.status, Answer: mask.excerpt(a.body), Reason: v.reason,
		Permanent: v.permanent, MayBeSent: !v.refused, fault: v.fault,
	}
}
