package templates

import (
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"
)

// Notice is a small page: one thing happened, and this is what to do next.
type Notice struct {
	Kind      Kind
	Status    int    // shown small, for whoever is asked for help; 0 is the kind's own (Kind.Status)
	AppName   string // what the application is called
	RequestID string // shown small; also in the log
	Wait      time.Duration
	LoginPath string // where to sign in; "" offers no link
	Return    string // where to try again: a path on our own origin; "" offers no link
	Languages []LanguageLink
	BasePath  string // "" is DefaultBasePath
	Framed    bool   // shown in a frame: links lead the whole window
}

// Kind names what a notice is about.
type Kind string

// The kinds of notice.
const (
	BadRequest      Kind = "bad_request"
	SignInAgain     Kind = "sign_in_again" // a form was sent on an ended session
	Unauthorized    Kind = "unauthorized"
	Forbidden       Kind = "forbidden" // credentials outside the login, a closed door
	Framed          Kind = "framed"    // a login in a frame, where no code page is shown
	NotFound        Kind = "not_found"
	TooLarge        Kind = "too_large"
	Unsupported     Kind = "unsupported" // a body of a kind that cannot be read in one way
	Misdirected     Kind = "misdirected" // another Host
	TooMany         Kind = "too_many"
	HeadersTooLarge Kind = "headers_too_large"
	Internal        Kind = "internal"
	UpstreamDown    Kind = "upstream_down"
	StoreTrouble    Kind = "store"
	UpstreamSlow    Kind = "upstream_slow"
	WindowsSignIn   Kind = "windows_sign_in" // the application asks for NTLM or Negotiate
	NoCookies       Kind = "no_cookies"
	Unclear         Kind = "unclear" // the application's answer to the login could not be understood
	Failed          Kind = "failed"  // wrong user name or password
	Refused         Kind = "refused" // the policy lets this user not in
	Outside         Kind = "outside" // the policy lets this user not in from there
	Waiting         Kind = "wait"    // too many wrong codes, with how long
	Locked          Kind = "locked"
	Sends           Kind = "sends"   // too many codes asked for
	Expired         Kind = "expired" // the code page is gone
	Cancelled       Kind = "cancelled"
	Stale           Kind = "stale" // the login page's session is over: it is to be loaded anew
	DeliveryFailed  Kind = "delivery_failed"
	SMSSpent        Kind = "sms_spent" // no SMS may be sent any more, with how long
	CodeNext        Kind = "code_next" // to a script whose login worked: the next page load shows the code page
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{BadRequest, SignInAgain, Unauthorized, Forbidden, Framed, NotFound, TooLarge, Unsupported, Misdirected, TooMany,
		HeadersTooLarge, Internal, UpstreamDown, StoreTrouble, UpstreamSlow, WindowsSignIn, NoCookies, Unclear, Failed, Refused, Outside, Waiting,
		Locked, Sends, Expired, Cancelled, Stale, DeliveryFailed, SMSSpent, CodeNext}
}

// Status is the HTTP status that goes with the kind.
func (k Kind) Status() int {
	switch k {
	case Cancelled:
		return http.StatusOK
	case BadRequest, NoCookies:
		return http.StatusBadRequest
	case SignInAgain, Unauthorized, Failed, CodeNext:
		return http.StatusUnauthorized
	case Forbidden, Framed, Refused, Outside, Locked:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Stale:
		return http.StatusConflict
	case Expired:
		return http.StatusGone
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Unsupported:
		return http.StatusUnsupportedMediaType
	case Misdirected:
		return http.StatusMisdirectedRequest
	case TooMany, Waiting, Sends, SMSSpent:
		return http.StatusTooManyRequests
	case HeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case UpstreamDown, WindowsSignIn, Unclear:
		return http.StatusBadGateway
	case StoreTrouble, DeliveryFailed:
		return http.StatusServiceUnavailable
	case UpstreamSlow:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// key is the key of one of the kind's texts.
func (k Kind) key(part string) string { return "notice." + string(k) + "." + part }

// icon names the drawing in page.html that fits: colour and shape help who does not read the words first.
func (k Kind) icon() string {
	switch k {
	case SignInAgain, Unauthorized, Framed, Expired, Cancelled, Stale, Failed, CodeNext:
		return "door"
	case TooMany, Waiting, Sends, SMSSpent, UpstreamSlow:
		return "clock"
	case Forbidden, WindowsSignIn, Refused, Outside, Locked:
		return "lock"
	}
	return "alert"
}

// step is what a notice offers to do next.
type step struct {
	key    string // of the link's text
	url    string
	newTab bool
}

// step chooses the link. Where one would do harm there is none: after a form was sent on an ended session, leaving the tab loses
// what was entered, so that link opens another one (invariant 5).
func (n Notice) step() step {
	switch n.Kind {
	case SignInAgain:
		return step{"link.login_new", local(n.LoginPath), true}
	case Framed:
		return step{"link.login_whole", local(n.LoginPath), false}
	case Internal, UpstreamDown, StoreTrouble, TooMany, HeadersTooLarge, Outside:
		return step{"link.retry", local(n.Return), false}
	case BadRequest, NotFound, TooLarge, Unsupported, Misdirected, UpstreamSlow, WindowsSignIn:
		return step{"link.back", local(n.Return), false}
	}
	return step{"link.login", local(n.LoginPath), false}
}

// Notice writes a small page. Nothing is written when the page itself cannot be made.
func (s *Set) Notice(w io.Writer, lang string, n Notice) error {
	v := noticeView{page: s.page(lang, n.AppName, n.BasePath, n.Languages), N: n, step: n.step()}
	if v.N.Status == 0 {
		v.N.Status = n.Kind.Status()
	}
	heading, err := v.Plain(n.Kind.key("title"))
	if err != nil {
		return err
	}
	if err := v.titled(heading); err != nil {
		return err
	}
	return s.render(w, "notice.html", v)
}

// noticeView is what notice.html is given.
type noticeView struct {
	page
	N    Notice
	step step
}

// Part is one of the notice's texts: "title", "text" or "next".
func (v noticeView) Part(name string) (template.HTML, error) {
	return v.Say(v.N.Kind.key(name), "time", v.N.Wait)
}

// Icon is the drawing to show.
func (v noticeView) Icon() string { return v.N.Kind.icon() }

// Link is where to go next, "" for nowhere.
func (v noticeView) Link() string { return v.step.url }

// LinkText is what the link says.
func (v noticeView) LinkText() (template.HTML, error) { return v.Say(v.step.key) }

// NewTab reports that the link opens another tab.
func (v noticeView) NewTab() bool { return v.step.newTab }

// Whole reports that the link leads the whole window and not the frame that the page stands in.
func (v noticeView) Whole() bool { return v.N.Framed || v.N.Kind == Framed }

// Text is what a notice says, in one line, for clients that take no HTML. Of an unknown kind it says what it says of Internal.
func (s *Set) Text(lang string, k Kind) string {
	w := s.in(lang)
	if _, ok := w.texts[k.key("title")]; !ok {
		k = Internal
	}
	parts := make([]string, 0, 3)
	for _, part := range []string{"title", "text", "next"} {
		words, err := w.Plain(k.key(part), "time", time.Duration(0))
		if err != nil {
			continue // cannot be: New has seen to it that every kind has all three
		}
		parts = append(parts, words)
	}
	return parts[0] + ". " + strings.Join(parts[1:], " ")
}
