package gateway

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorcode/challenge"
	"doorcode/gateway/seal"
)

// Live is the allow-list of member sessions: what is not in it has ended (invariant 10). It is loaded from the store at start
// and shared by the gateways of successive configurations. Requests look into it without a lock that others hold.
// The zero Live is empty and lets nobody in.
type Live struct {
	byID     sync.Map     // session id → *member
	byText   sync.Map     // exact text of a gateway cookie that opened before → *member
	names    sessionNames // of cookies that the upstream was seen to set
	logins   loginNames   // of cookies that logins set
	visitors visitors     // of login.isolation: carry
	ended    sync.Map     // id of a session that ended before it was added → when: it was revoked while letIn was on its way here
}

// member is one live session.
type member struct {
	session challenge.Session
	used    atomic.Int64 // unix nanoseconds of the last use
	flushed atomic.Int64 // the last use that was written
	trailed atomic.Pointer[string]
	renewed atomic.Int32 // answers to mere reading that renewed the login's cookies (renewed.go)
	opened  atomic.Pointer[openedCookies]

	stay     atomic.Pointer[staying]
	carry    atomic.Pointer[string] // the visitor session that he signs in again in (carry.go)
	doubtful atomic.Bool            // confirm was asked whose session it is, and did not say (renewed.go)

	mu    sync.Mutex
	over  bool                            // the session has ended
	under map[*passage]context.CancelFunc // its requests under way: downloads, event streams and WebSockets too
	texts []string                        // its entries in byText
}

// begin notes a request under way, to be cancelled when the session ends; false when it has ended.
func (m *member) begin(p *passage, cancel context.CancelFunc) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return false
	}
	if m.under == nil {
		m.under = map[*passage]context.CancelFunc{}
	}
	m.under[p] = cancel
	return true
}

// done forgets a request: it is over, or it is the one that ends the session and is to be answered all the same.
func (m *member) done(p *passage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.under, p)
}

// ended reports whether the session has ended.
func (m *member) ended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.over
}

// end cancels what is under way and takes the session's entries out of texts.
func (m *member) end(texts *sync.Map) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	for _, cancel := range m.under {
		cancel()
	}
	for _, text := range m.texts {
		texts.Delete(text)
	}
}

// openedCookies remembers what the last Cookie header of a session opened to. Browsers send the same text again and again,
// and opening costs a proxied request a tenth of its time.
type openedCookies struct {
	by    *seal.Box // of the configuration it was opened under: another one may let other cookies through
	text  string
	up    string
	plain string // of up, what the browser wrote and not the application
}

// maxTexts bounds byText per session: base64 lets a few other texts open to the same cookie.
const maxTexts = 4

// Add puts a session on the list.
func (l *Live) Add(s challenge.Session) { l.add(s) }

func (l *Live) add(s challenge.Session) *member {
	m := &member{session: alone(s)}
	m.used.Store(s.UsedAt.UnixNano())
	m.flushed.Store(s.UsedAt.UnixNano())
	l.names.addNew(m.session.Cookies) // what was learned before a restart
	l.logins.learn(m.session.IDs)
	l.byID.Store(s.ID, m)
	// The store had this session before the list has: what revoked it in between left its id, whichever of the two came first.
	if _, ended := l.ended.Load(s.ID); ended {
		l.End(s.ID)
	}
	return m
}

// alone copies the strings of a session that are parts of others: of the page that confirm read, of headers. A member would hold on to
// the whole of them for as long as it lives.
func alone(s challenge.Session) challenge.Session {
	s.Name, s.Confirmed, s.Agent = strings.Clone(s.Name), strings.Clone(s.Confirmed), strings.Clone(s.Agent)
	s.Cookies, s.IDs = slices.Clone(s.Cookies), slices.Clone(s.IDs)
	for _, names := range [][]string{s.Cookies, s.IDs} {
		for i, name := range names {
			names[i] = strings.Clone(name)
		}
	}
	return s
}

// End takes sessions off the list and cancels what they have under way. Unknown ids are ignored.
func (l *Live) End(ids ...string) {
	for _, id := range ids {
		l.ended.Store(id, time.Now())
		if v, ok := l.byID.LoadAndDelete(id); ok {
			v.(*member).end(&l.byText)
		}
	}
}

// endedLife is how long an id is remembered that ended before it was added: far longer than letIn takes.
const endedLife = time.Minute

// forgetEnded drops ids that nothing can add any more.
func (l *Live) forgetEnded() {
	l.ended.Range(func(id, at any) bool {
		if time.Since(at.(time.Time)) > endedLife {
			l.ended.Delete(id)
		}
		return true
	})
}

// Len counts the live sessions.
func (l *Live) Len() (n int) {
	l.byID.Range(func(any, any) bool { n++; return true })
	return n
}

// find returns the live session with this id. A session past its limits is taken off.
func (l *Live) find(id string, life challenge.SessionLife, now time.Time) *member {
	v, ok := l.byID.Load(id)
	if !ok {
		return nil
	}
	return l.within(v.(*member), life, now)
}

// known is find for a cookie whose exact text opened before. Expiry and revocation are judged at every use, cached or not.
func (l *Live) known(text string, life challenge.SessionLife, now time.Time) *member {
	v, ok := l.byText.Load(text)
	if !ok {
		return nil
	}
	m := v.(*member)
	if m.ended() { // ended between End's two steps
		return nil
	}
	return l.within(m, life, now)
}

// within is m, or nil when it is past its limits and ends here.
func (l *Live) within(m *member, life challenge.SessionLife, now time.Time) *member {
	if m.past(life, now) {
		l.End(m.session.ID)
		return nil
	}
	return m
}

// use counts a use of the session, from which its idle limit runs anew.
func (m *member) use(now time.Time) { m.used.Store(now.UnixNano()) }

// endOver ends the sessions that are past their limits at now, with what they have under way. find and known end them too, but a
// session that only has a WebSocket open makes no further request.
func (l *Live) endOver(life challenge.SessionLife, now time.Time) {
	l.byID.Range(func(id, v any) bool {
		if v.(*member).past(life, now) {
			l.End(id.(string))
		}
		return true
	})
}

// past reports whether the session is past its limits.
func (m *member) past(life challenge.SessionLife, now time.Time) bool {
	return life.Over(challenge.Session{CreatedAt: m.session.CreatedAt, UsedAt: time.Unix(0, m.used.Load())}, now)
}

// remember lets known find m by the text of its cookie.
func (l *Live) remember(text string, m *member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.texts) < maxTexts && !m.over {
		text = strings.Clone(text) // else it would hold on to the whole Cookie header
		m.texts = append(m.texts, text)
		l.byText.Store(text, m)
	}
}

// setTrail keeps a copy, since a pointer into the request would hold on to all of it.
func (m *member) setTrail(trail string) {
	if m.trail() != trail {
		trail = strings.Clone(trail)
		m.trailed.Store(&trail)
	}
}

// trail is the browser's trail, which the store does not keep: after a restart it is known once the cookie was opened.
func (m *member) trail() string {
	if t := m.trailed.Load(); t != nil {
		return *t
	}
	return ""
}

// carries is the visitor session that he signs in again in; "" for none. A request reads it once, when it comes: another tab may begin a
// new one meanwhile, and a password must not be judged by the name that stands in that (threat A14).
func (m *member) carries() string {
	if id := m.carry.Load(); id != nil {
		return *id
	}
	return ""
}

// Used returns the last uses that were not handed out before, by session id.
func (l *Live) Used() map[string]time.Time {
	l.forgetEnded()
	used := map[string]time.Time{}
	l.byID.Range(func(id, v any) bool {
		m := v.(*member)
		if at := m.used.Load(); m.flushed.Swap(at) != at {
			used[id.(string)] = time.Unix(0, at)
		}
		return true
	})
	return used
}
