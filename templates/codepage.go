package templates

import (
	"html/template"
	"io"
	"slices"
	"time"
)

// CodePage is what the page that asks for a code shows.
//
// Its forms are POSTs to BasePath + "/code" (fields code, challenge, token and, when ticked, remember=1), BasePath + "/resend" (fields
// challenge, token and, by the buttons of Others, way with the channel) and BasePath + "/cancel" (fields challenge and token).
type CodePage struct {
	AppName      string        // what the application is called
	User         string        // who is signing in; "" shows nobody
	Routes       []RouteLine   // where the code went
	Choosing     bool          // nothing was sent yet: the user is asked by which of Others
	Others       []RouteLine   // other ways that the code may go by; State is not shown
	LookIn       time.Duration // until it is known what became of messages that are on their way; 0 when it is
	Digits       int           // of the code
	Challenge    string        // public reference of the challenge
	Token        string        // form token
	CanRemember  bool          // shows "Remember my device"
	RememberDays int           // for how many days
	Remember     bool          // the box is ticked already
	ResendIn     time.Duration // until the code may be sent again; 0 is now, negative never
	ResendsLeft  int           // 0 is none: no resend is offered
	ExpiresIn    time.Duration // until the code expires
	Error        CodeError     // what to say about the last try or resend
	WaitFor      time.Duration // how long to wait, for CodeWait, CodeEarly and CodeSends
	Nonce        string        // CSP nonce of the script; "" where the policy goes by origin
	Languages    []LanguageLink
	LoginPath    string // where to sign in again once the code has expired
	BasePath     string // "" is DefaultBasePath
}

// DefaultBasePath is where the gateway's own pages stand.
const DefaultBasePath = "/_doorcode"

// RouteLine is one way that the code went.
type RouteLine struct {
	Channel string // "sms" or "email"
	Masked  string // the destination as it may be shown
	State   string // "pending", "sent", "failed" or "unsure"
	Instead bool   // it stands in for an SMS
}

// LanguageLink is one entry of the language switch.
type LanguageLink struct {
	Language string // "ar"
	Name     string // in its own language: "العربية"
	URL      string
}

// CodeError is what the code page says about the last try or resend; "" is nothing.
type CodeError string

// What the code page can say. CodeResent is good news and looks so.
const (
	CodeWrong    CodeError = "wrong"     // wrong code; also of an expired, unknown or foreign challenge
	CodeEmpty    CodeError = "empty"     // nothing, or no digits, were entered
	CodeWait     CodeError = "wait"      // too many wrong codes: try again after WaitFor
	CodeLocked   CodeError = "locked"    // too many wrong codes over months: only an admin can help
	CodeDelivery CodeError = "delivery"  // no message got through
	CodeNewer    CodeError = "newer"     // a newer login in this browser has taken this page's place
	CodeResent   CodeError = "resent"    // the code was sent again
	CodeEarly    CodeError = "early"     // resend asked for too early: again after WaitFor
	CodeSpent    CodeError = "spent"     // no resend is left in this login
	CodeSends    CodeError = "sends"     // too many messages to this user or from this address: again after WaitFor
	CodeSMSSpent CodeError = "sms_spent" // no SMS may be sent any more: again after WaitFor
	CodeUnsure   CodeError = "unsure"    // nobody knows whether a message got through
	CodeStore    CodeError = "store"     // the try could not be counted, so it was not looked at: try again shortly
)

// Code writes the page that asks for a code. Nothing is written when the page itself cannot be made.
func (s *Set) Code(w io.Writer, lang string, p CodePage) error {
	v := codeView{page: s.page(lang, p.AppName, p.BasePath, p.Languages), P: p, LoginPath: local(p.LoginPath)}
	heading, err := v.Plain(v.Heading())
	if err != nil {
		return err
	}
	if err := v.titled(heading); err != nil {
		return err
	}
	return s.render(w, "code.html", v)
}

// codeView is what code.html is given.
type codeView struct {
	page
	P         CodePage
	LoginPath string
}

// Choosing reports that nothing was sent yet.
func (v codeView) Choosing() bool { return v.P.Choosing }

// Unsent reports that no message has gone anywhere and yet a code is asked for: one that an admin made.
func (v codeView) Unsent() bool { return len(v.P.Routes) == 0 && !v.P.Choosing }

// Heading is the key of what the page asks for.
func (v codeView) Heading() string {
	if v.P.Choosing {
		return "choose.title"
	}
	return "code.title"
}

// Mailed reports that one of the messages is an e-mail.
func (v codeView) Mailed() bool {
	return slices.ContainsFunc(v.P.Routes, func(r RouteLine) bool { return r.Channel == "email" })
}

// Instead reports that an e-mail stands in for an SMS.
func (v codeView) Instead() bool {
	return slices.ContainsFunc(v.P.Routes, func(r RouteLine) bool { return r.Instead })
}

// Undelivered reports that no message got through, and none may yet.
func (v codeView) Undelivered() bool {
	for _, r := range v.P.Routes {
		if r.State != "failed" {
			return false
		}
	}
	return len(v.P.Routes) > 0
}

// CanResend reports that the resend button is of use, now or later.
func (v codeView) CanResend() bool { return v.P.ResendsLeft > 0 && v.P.ResendIn >= 0 }

// Remembered says for how long, at least a day: shorter is not worth a tick.
func (v codeView) Remembered() string { return v.count("days", max(1, v.P.RememberDays)) }

// Good tells the one piece of good news from the errors.
func (v codeView) Good() bool { return v.P.Error == CodeResent }

// Invalid reports an error of what was entered (WCAG 3.3.1), not of sending.
func (v codeView) Invalid() bool {
	return v.P.Error == CodeWrong || v.P.Error == CodeEmpty || v.P.Error == CodeWait || v.P.Error == CodeLocked
}

// Report is what is said about the last try or resend.
func (v codeView) Report() (template.HTML, error) {
	key := "error." + string(v.P.Error)
	if len(v.P.Others) > 0 && (v.CanResend() || v.P.Choosing) && (v.P.Error == CodeDelivery || v.P.Error == CodeUnsure || v.P.Error == CodeSMSSpent) {
		key += "_other" // with what can be done on this page
	}
	return v.Say(key, "digits", v.P.Digits, "time", v.P.WaitFor)
}

// Seconds is d for the page's script, rounded up.
func (codeView) Seconds(d time.Duration) int {
	return max(0, int((d+time.Second-1)/time.Second))
}
