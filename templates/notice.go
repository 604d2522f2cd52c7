package templates

import "time"

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
}

// Kind names what a notice is about.
type Kind string

// The kinds of notice.
const (
	BadRequest      Kind = "bad_request"
	SignInAgain     Kind = "sign_in_again" // a form was sent on an ended session
	Unauthorized    Kind = "unauthorized"
	Forbidden       Kind = "forbidden" // credentials outside the login, a closed door
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
	NoCookies       Kind = "no_cookies"
	Unclear         Kind = "unclear" // the application's answer to the login could not be understood
	Failed          Kind = "failed"  // wrong user name or password
	Refused         Kind = "refused" // the policy lets this user not in
	Waiting         Kind = "wait"    // too many wrong codes, with how long
	Locked          Kind = "locked"
	Sends           Kind = "sends"   // too many codes asked for
	Expired         Kind = "expired" // the code page is gone
	Cancelled       Kind = "cancelled"
	DeliveryFailed  Kind = "delivery_failed"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{BadRequest, SignInAgain, Unauthorized, Forbidden, NotFound, TooLarge, Unsupported, Misdirected, TooMany,
		HeadersTooLarge, Internal, UpstreamDown, StoreTrouble, UpstreamSlow, NoCookies, Unclear, Failed, Refused, Waiting, Locked,
		Sends, Expired, Cancelled, DeliveryFailed}
}

// Status is the HTTP status that goes with the kind.
func (k Kind) Status() int { return 500 }
