package sms

import (
	"fmt"
	"net/http"
	"regexp"
)

// Failure is one refusal that the provider is known for. Everything that is set must hold, and something must be set.
type Failure struct {
	Status  Status // the zero Status is any
	Body    *regexp.Regexp
	JSON    []JSONCheck
	Meaning string // for ops: "the credit is used up"
	Fault   Fault
}

// Fault says what a refusal is about, and so what helps.
type Fault int

const (
	FaultAccount Fault = iota + 1 // every message, until somebody changes something: the credit is used up
	FaultMessage                  // this message, whenever it is sent: nobody has the number
	FaultMoment                   // it passes: too many messages at once
)

// holds reports whether an answer is this refusal.
func (f Failure) holds(status int, body []byte) bool {
	if f.Status != (Status{}) && !f.Status.has(status) || f.Body != nil && !f.Body.Match(body) {
		return false
	}
	if len(f.JSON) == 0 {
		return true
	}
	tree, err := wholeJSON(body)
	if err != nil {
		return false
	}
	for _, check := range f.JSON {
		if value, ok := check.Pointer.find(tree); !ok || !check.holds(value) {
			return false
		}
	}
	return true
}

// verdict is what a whole answer means. Neither accepted nor refused is unclear: the message may have been taken.
type verdict struct {
	accepted, refused bool
	permanent         bool
	fault             Fault  // 0 where failure does not know the answer
	reason            string // of what is not accepted; masked
}

// judge holds an answer against both lists. Where failure says what refusals look like, an answer that is on neither list is unclear;
// where it says nothing, whatever the success rule can read and does not take is a refusal.
func (c Config) judge(a answer, mask *masker) verdict {
	missing, told := c.Success.judge(a.status, a.body, mask)
	failure, known := c.failure(a)
	switch {
	case missing == "" && known:
		return verdict{reason: fmt.Sprintf("the answer matches success and failure (%s) alike, one of the patterns is wrong", failure.Meaning)}
	case missing == "":
		return verdict{accepted: true}
	case known:
		return verdict{refused: true, permanent: failure.Fault != FaultMoment, fault: failure.Fault, reason: failure.Meaning}
	case !c.Success.Status.has(a.status):
		return verdict{refused: isRefusal(a.status), permanent: isPermanent(a.status), reason: missing}
	}
	return verdict{refused: told && len(c.Failures) == 0, reason: missing}
}

func (c Config) failure(a answer) (Failure, bool) {
	body := trimmed(a.body)
	for _, f := range c.Failures {
		if f.holds(a.status, body) {
			return f, true
		}
	}
	return Failure{}, false
}

// isRefusal reports whether the status says that the request was not fulfilled. A proxy's 502 and 504, and what proxies have made up
// beyond, say only that no answer was had from the provider behind it, who may have taken the message (RFC 9110 §15.6.3, §15.6.5).
func isRefusal(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusNotImplemented, http.StatusServiceUnavailable:
		return true
	}
	return status >= 300 && status <= 499
}

// isPermanent reports whether the status says that the request itself is at fault. A refusal with status 200 says nothing of
// the kind, unless failure knows it.
func isPermanent(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= 300 && status <= 499
}
