package challenge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Errors of a Store. Any other error means that the store itself is in trouble: then nobody enters (invariant 9).
var (
	// ErrNotFound stands for unknown, expired and consumed alike: answers must not tell them apart.
	ErrNotFound = errors.New("not found")
	// ErrWrongCode stands for every refused try, also of an expired, unknown or foreign challenge.
	ErrWrongCode = errors.New("wrong code")
	// ErrNotTrusted says that this browser does not spare this user the code.
	ErrNotTrusted = errors.New("browser not trusted")
	// ErrCopied says that a browser cookie was shown which an earlier login had already replaced: a copy exists.
	// The browser and every trust in it are gone when it is returned. It wraps ErrNotTrusted.
	ErrCopied = fmt.Errorf("browser cookie was copied: %w", ErrNotTrusted)
	// ErrLocked says that a user's wrong codes reached the limit: only trusted browsers get in until an admin unlocks.
	ErrLocked = errors.New("locked after too many wrong codes")
)

// ErrWait says that something may be done again only at Until. It is returned as a value, use errors.As.
type ErrWait struct {
	Until time.Time
	Why   Wait
}

// Wait names what is waited for.
type Wait string

const (
	WaitWrongCodes   Wait = "wrong codes"     // the user's growing wait (invariant 8)
	WaitResend       Wait = "resend"          // the pause between two sends of one challenge
	WaitResendsSpent Wait = "resends spent"   // no send is left in this challenge; Until is its expiry
	WaitUserSends    Wait = "user sends"      // limits.sends.user
	WaitAddressSends Wait = "address sends"   // limits.sends.address
	WaitDaySends     Wait = "gateway's sends" // limits.sends.day
	WaitSMSDay       Wait = "SMS of the day"  // limits.sms.day, or what of it is not kept for others
	WaitSMSMonth     Wait = "SMS of the month"
	WaitSMSUserDay   Wait = "user's SMS of the day"
	WaitSMSUserMonth Wait = "user's SMS of the month"
)

// Budget reports whether an SMS budget is waited for: e-mail may still go.
func (w Wait) Budget() bool {
	return w == WaitSMSDay || w == WaitSMSMonth || w == WaitSMSUserDay || w == WaitSMSUserMonth
}

func (e ErrWait) Error() string {
	return fmt.Sprintf("%s: wait until %s", e.Why, e.Until.UTC().Format(time.RFC3339))
}

// ErrOutside says that the policy does not let this user in from there (networks.only). Nothing was counted.
var ErrOutside = errors.New("outside networks.only")

// Held is a sealed upstream session together with where its login led. Package challenge keeps it and cannot open it;
// gateway/seal makes it and opens it.
type Held []byte

// String keeps even the sealed bytes out of logs.
func (h Held) String() string { return "[held]" }

// GoString as String.
func (h Held) GoString() string { return "[held]" }

// Challenge is one pending code entry. It is a plain record: stores write it as JSON. Everything secret in it is sealed.
type Challenge struct {
	ID        string        `json:"id"`         // random, 256 bits; known only to the browser's sealed cookie and the store
	User      Username      `json:"user"`       // whose code it is
	Name      string        `json:"name"`       // the user's name as the policy writes it, for pages and messages
	Held      Held          `json:"held"`       // the upstream session that waits behind the door
	Code      []byte        `json:"code"`       // sealed; the same for every resend (messages overtake each other)
	Policy    string        `json:"policy"`     // fingerprint of the policy it was begun under
	Routes    []Route       `json:"routes"`     // where the code goes and what became of it
	Typed     string        `json:"typed"`      // for the session, as in Session
	Confirmed string        `json:"confirmed"`  // likewise
	Cookies   []string      `json:"cookies"`    // likewise
	IDs       []string      `json:"ids"`        // likewise
	Trail     string        `json:"trail"`      // the browser's trail: which wrong codes a right one clears
	Browser   string        `json:"browser"`    // id of the browser, when it has one already
	Remember  time.Duration `json:"remember"`   // how long this browser may be remembered; 0 is never
	Return    string        `json:"return"`     // where the visitor wanted to go, a path on our own origin
	Language  string        `json:"language"`   // of the messages
	Host      string        `json:"host"`       // public host for the origin-bound last line of an SMS
	Address   netip.Addr    `json:"address"`    // where the login came from
	Agent     string        `json:"agent"`      // the browser's User-Agent, at most 512 bytes
	CreatedAt time.Time     `json:"created_at"` //
	ExpiresAt time.Time     `json:"expires_at"` // never renewed
	Tries     int           `json:"tries"`      // wrong codes so far
	Sends     int           `json:"sends"`      // sends so far, the first included
	Last      []Channel     `json:"last"`       // where the last send went
	SentAt    time.Time     `json:"sent_at"`    // the last send
	Replaces  string        `json:"replaces"`   // the member session that this browser had, where it lives until this login passes
}

// Live reports whether a code may still be tried at now, tries aside. A challenge from the future is not live: after the clock
// was set back, one that had expired would come back to life (threat C3). A minute's step is forgiven.
func (c Challenge) Live(now time.Time) bool {
	return now.Before(c.ExpiresAt) && now.Add(time.Minute).After(c.CreatedAt)
}

// LastFailed reports whether nothing of the last send went out: there is nothing then that could overtake the next one.
func (c Challenge) LastFailed() bool {
	for _, r := range c.Routes {
		if slices.Contains(c.Last, r.Channel) && r.State != RouteFailed {
			return false
		}
	}
	return len(c.Last) > 0
}

// Route is one channel of a challenge: where the code went, and whether it got there.
type Route struct {
	Channel  Channel    `json:"channel"`
	Masked   string     `json:"masked"` // as pages may show it: 059•••••56, a•••@example.com
	State    RouteState `json:"state"`
	At       time.Time  `json:"at"`       // of the last change of State
	Provider string     `json:"provider"` // the last that was asked; "" for none yet
	Instead  bool       `json:"instead"`  // it stands in for an SMS: the budget is spent
	Mark     string     `json:"mark"`     // with Instead: names the destination
	Counted  string     `json:"counted"`  // the day that an SMS was counted in; the store's own
}

// RouteState is what became of a message.
type RouteState string

const (
	RoutePending RouteState = "pending" // handed to the sender, no answer yet
	RouteSent    RouteState = "sent"    // accepted by the provider or mail server
	RouteFailed  RouteState = "failed"  // no provider accepted it
	RouteUnsure  RouteState = "unsure"  // a provider did not say: it may arrive
)

// Session is a member session. Only Store.Admit writes one.
type Session struct {
	ID        string     `json:"id"` // random, 256 bits
	User      Username   `json:"user"`
	Name      string     `json:"name"`      // the user's name as the policy writes it (or as typed, when unlisted)
	Way       Way        `json:"way"`       // how it came in: the closed list of invariant 1
	Policy    string     `json:"policy"`    // fingerprint of the policy that let it in; another one may end it
	Typed     string     `json:"typed"`     // the typed name, where it is another listed user's than Name
	Confirmed string     `json:"confirmed"` // the name that the upstream's confirm page read; "" where it reads none
	Cookies   []string   `json:"cookies"`   // names of the cookies that the login set: one that changes is asked about again
	IDs       []string   `json:"ids"`       // of them, those that could name a session of the application: no body may bring one
	Trusted   bool       `json:"trusted"`   // by a trusted browser and no code, at first or under an earlier id
	Browser   string     `json:"browser"`
	Address   netip.Addr `json:"address"`
	Agent     string     `json:"agent"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    time.Time  `json:"used_at"` // flushed once a minute, not at every request
}

// Browser is one browser profile, known by a cookie of its own from its first passed login on.
// Secrets are kept as SHA-256: they are 256 random bits, so no slow hash is needed.
type Browser struct {
	ID         string          `json:"id"`
	Current    []BrowserSecret `json:"current"`     // the one handed out last, and its siblings of the same 60 s
	Previous   []byte          `json:"previous"`    // good until a current one comes back once: an answer may be lost
	PreviousAt time.Time       `json:"previous_at"` // when it was handed out
	Family     string          `json:"family"`      // of the user agent: "Firefox", "Chrome" …
	Agent      string          `json:"agent"`
	Address    netip.Addr      `json:"address"`
	FirstAt    time.Time       `json:"first_at"`
	UsedAt     time.Time       `json:"used_at"`
	Choices    []Choice        `json:"choices"` // of users with code: choose, the newest last
}

// BrowserSecret is one secret handed out for a browser.
type BrowserSecret struct {
	Hash []byte    `json:"hash"`
	At   time.Time `json:"at"`
}

// Trust says that User ticked "Remember my device" in Browser with a right code.
type Trust struct {
	Browser   string    `json:"browser"`
	User      Username  `json:"user"`
	Policy    string    `json:"policy"` // fingerprint: a new mobile, e-mail or channel voids it (threat D7)
	Family    string    `json:"family"` // bound to the browser's family (threat D1)
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
	Until     time.Time `json:"until"`
}

// BrowserCookie is what the browser's own cookie holds. The zero value is a browser that has none.
type BrowserCookie struct {
	ID     string
	Secret string
}

// Entry asks Store.Admit to let one login in. Door's admit is the only caller.
type Entry struct {
	Way     Way
	Session Session // complete but for Browser, which the store fills in

	// ByCode only. Right opens and compares the sealed code in constant time; it is pure and may be called twice.
	Challenge string
	Trail     string
	Right     func(sealed []byte) bool
	// RightEntry compares with the user's entry code in the same way. Of one that is not live it is not asked.
	RightEntry func(c EntryCode) bool
	Rules      CodeRules

	// ByTrust needs it; every way rotates it. NewSecret is the secret that the answer will set.
	Browser      BrowserCookie
	Family       string // of the browser that shows the cookie; a trust holds only in the family it was given in
	NewBrowserID string // used when Browser is unknown, expired or copied
	NewSecret    string
	Policies     []string      // ByTrust: Session.Policy, and the same under older keys; a trust given under one of them holds
	Remember     time.Duration // ByCode: 0 leaves trust alone; ByTrust: the longest age the policy still allows

	Choice   Channel // ByCode: the way that the user chose, for the browser to remember; "" leaves it
	Replaces string  // a member session that ends in the same transaction; "" for none
	Now      time.Time
}

// Admitted is what one transaction of Store.Admit wrote. The last four fields are also set when an error is returned.
type Admitted struct {
	Session   Session
	Browser   Browser
	Trust     Trust     // zero unless this browser is now trusted for this user
	Challenge Challenge // ByCode: the one that was used up
	EntryCode EntryCode // the one that was used up, where it was the entry code that was right
	Ended     []string  // ids of sessions that ended (Replaces)

	Wrongs  int        // ByCode: the wrong codes that now stand against the user
	Alarm   int        // ByCode: which of Alarms this wrong code reached, for the first time in AlarmPause or since Unlock; else 0
	Revoked Revoked    // what ended besides: challenges with their last try or the user's lock, Trusted sessions of a copied browser
	Copied  []Username // whose trust in the browser ended because its cookie was a copy; also where a code let it in
}

// SendCharge is what one send counts against. A zero Rate counts nothing.
type SendCharge struct {
	User        Username
	Address     netip.Addr
	UserRate    Rate
	AddressRate Rate
	DayRate     Rate
	Messages    int // one per channel; 0 for a challenge that sends nothing yet, which is counted apart and as one
	Spend       Spend
	Now         time.Time
}

// Match says what Revoke ends. Exactly one field is set.
type Match struct {
	Session string
	Browser string   // with its trusts, of every user
	User    Username // sessions, challenges, trusts and entry code of this user
	Trusts  Username // trusts of this user and nothing else; cheap where there are none
}

// Revoked lists what a revocation, cancellation or sweep took away, for the caller to end in memory and upstream.
type Revoked struct {
	Sessions   []string    // ids of member sessions
	Challenges []Challenge // whose held upstream sessions are to be signed out
}

func (r Revoked) and(more Revoked) Revoked {
	return Revoked{Sessions: append(r.Sessions, more.Sessions...), Challenges: append(r.Challenges, more.Challenges...)}
}

// Store keeps the state of the door. Each method is one transaction: it happened wholly and is on disk (fsynced) when the
// method returns nil, or it did not happen at all. Unknown, expired and consumed things are ErrNotFound; deleting what is not
// there is fine. Expiry is judged by the now that is handed in, never by the store's own clock. Safe for concurrent use.
// Records handed out are copies.
type Store interface {
	// Begin counts a send against the limits, the SMS budgets and the user's wait, ends the challenge replaced ("" for none; returned with its held
	// session), and writes c. ErrWait or ErrLocked: nothing was written, and c must not be sent.
	Begin(ctx context.Context, c Challenge, replaced string, charge SendCharge, rules CodeRules) (Revoked, error)

	// Challenge returns a live challenge. ErrNotFound as above, also when its tries are used up.
	Challenge(ctx context.Context, id string, now time.Time) (Challenge, error)

	// Choice returns the way that u chose in the browser that shows the cookie; "" where there is none, or the cookie is not good.
	Choice(ctx context.Context, browser BrowserCookie, u Username, now time.Time) (Channel, error)

	// Resend counts one more send of the same code, or the first where none was sent yet: at least rules.ResendAfter after the last unless nothing of that went out, at
	// most rules.Resends, within the limits of charge. It returns the challenge with the routes of to pending and the others as they
	// were. ErrWait: nothing was counted.
	Resend(ctx context.Context, id string, to []Route, charge SendCharge, rules CodeRules) (Challenge, error)

	// Delivered records what became of the messages of one send; routes of a challenge that is gone are ignored. An SMS that failed
	// is taken off the budgets again, also then.
	Delivered(ctx context.Context, id string, routes []Route) error

	// BudgetAlarms returns the budgets of s that have reached what is warned of, each once in its period.
	BudgetAlarms(ctx context.Context, s Spend) ([]BudgetAlarm, error)

	// SMSUsed returns how many SMS of all users were counted in the day and month of s.
	SMSUsed(ctx context.Context, s Spend) (day, month int, err error)

	// Cancel forgets a challenge. What it held comes back in Revoked.
	Cancel(ctx context.Context, id string) (Revoked, error)

	// Admit lets one login in, or not, in one transaction.
	//
	// ByCode: the challenge must be live, the user not waiting (ErrWait) or locked (ErrLocked); the try is counted before
	// anything is compared; a right code uses the challenge up and clears the wrong codes of its own trail; a wrong one is
	// added to the user's (ErrWrongCode, and the challenge dies with its last try). The counting commits although an error is returned.
	// The user's live entry code is as right as the challenge's own: it uses up both, and Session.Way is ByEntry.
	// ByTrust: Browser must be current or previous and trusted for this user, family and policy (ErrNotTrusted, ErrCopied); the
	// trust is kept under Session.Policy from then on.
	// BySession: Replaces must be there and this user's: one that was revoked while the login was under way, or that a copied cookie
	// has just ended, does not go on (ErrNotTrusted, ErrCopied). Other ways: no condition here, Door has judged them.
	// Whatever the way, a copied Browser is forgotten with its trusts and its Trusted sessions, also where an error is returned.
	//
	// On success it writes the session, the browser with its rotated secret, the trust if asked for, and ends Replaces.
	Admit(ctx context.Context, e Entry) (Admitted, error)

	// EntryCode returns the live entry code of a user; ErrNotFound where there is none.
	EntryCode(ctx context.Context, u Username, now time.Time) (EntryCode, error)

	// PutEntryCode writes the entry code of a user, in place of one before it. ErrLocked: nothing was written.
	PutEntryCode(ctx context.Context, c EntryCode) error

	// Sessions returns every session, for the allow-list in memory at start.
	Sessions(ctx context.Context) ([]Session, error)

	// Touch writes last uses; ids that are gone are ignored.
	Touch(ctx context.Context, used map[string]time.Time) error

	// Revoke ends what m matches; with a user also the user's entry code.
	Revoke(ctx context.Context, m Match) (Revoked, error)

	// Users returns every user that has a session, challenge or trust, for a policy change to be held against.
	Users(ctx context.Context) ([]Username, error)

	// Unlock forgets a user's wrong codes, and which alarms they made.
	Unlock(ctx context.Context, u Username) error

	// AddFindings adds counts and times to what is known of the same kind, name and detail. Of one kind MaxFindings are kept; what
	// comes after that is left out without an error.
	AddFindings(ctx context.Context, found []Finding) error

	// Findings returns all of them, those of one kind and name together.
	Findings(ctx context.Context) ([]Finding, error)

	// Sweep removes up to limit entries that have expired: challenges past ExpiresAt, sessions past life, trusts past Until,
	// browsers unused for 400 days, counters that have faded, findings past FindingLife. more says that there is more to do.
	Sweep(ctx context.Context, now time.Time, life SessionLife, limit int) (swept Revoked, more bool, err error)

	// Close releases the store.
	Close() error
}

// SessionLife bounds a member session: it ends when unused for Idle, and Absolute after it began, whatever comes first.
type SessionLife struct {
	Idle     time.Duration
	Absolute time.Duration
}

// Over reports whether s has ended by now.
func (l SessionLife) Over(s Session, now time.Time) bool {
	return now.Sub(s.UsedAt) >= l.Idle || now.Sub(s.CreatedAt) >= l.Absolute
}
