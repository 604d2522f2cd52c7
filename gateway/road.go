package gateway

import (
	"errors"
	"fmt"
	"net/http"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
	"doorcode/gateway/submit"
	"doorcode/templates"
)

// ServeHTTP takes a request down the road of design.md. Every step below either goes on, or returns an error that answer turns
// into one of our pages: nothing is let in by an error.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, err := g.receive(w, r)
	if err == nil {
		err = g.serve(v)
	}
	if err != nil {
		g.answer(v, err)
	}
}

// serve is the fork: own page, login, client, member, public, and for everything else the door stays shut.
func (g *Gateway) serve(v *visit) error {
	if own, err := v.isOwn(); own || err != nil {
		if err != nil {
			return err
		}
		return g.ownPage(v)
	}
	if led, err := g.codePageFirst(v); led || err != nil {
		return err
	}
	login, err := g.isLogin(v)
	if err != nil {
		return err
	}
	if login {
		return g.login(v)
	}
	// Before the doors, and for nobody but who proved himself: to everybody else this path is what it was.
	if c, err := g.asClient(v); err != nil || c != nil {
		if err != nil {
			return err
		}
		return g.serveClient(v, c)
	}
	if err := g.closed(v); err != nil {
		return err
	}
	if first, err := g.isFirst(v); first || err != nil {
		if err != nil {
			return err
		}
		return g.firstPage(v)
	}
	again, err := g.signsInAgain(v)
	if err != nil {
		return err
	}
	if v.who.kind == insider && !again {
		return g.serveMember(v)
	}
	if v.who.kind == stranger && g.sentFrom(v) {
		return g.backFromElsewhere(v)
	}
	open, err := g.isOpen(v)
	if err != nil {
		return err
	}
	if !open {
		return g.toLogin(v)
	}
	return g.serveVisitor(v)
}

// closed refuses what nobody may ask for, member or not: the application's other doors, and credentials that are not the login
// (invariant 5; threats B5, B6, B17). Bodies are scanned later, while they stream.
func (g *Gateway) closed(v *visit) error {
	door, err := v.judge(g.config.Doors, true)
	switch {
	case err != nil:
		return err
	case door:
		return refuse(templates.Forbidden, errDoor)
	case g.sessionInURL(v):
		return refuse(templates.Forbidden, errors.New("session id in the address"))
	case v.r.Header.Get("Service-Worker") != "":
		// A service worker that the application's scripts register would stand between the browser and the code page (invariant 11).
		return refuse(templates.Forbidden, errors.New("service worker"))
	case signsIn(v.r.Header["Authorization"]):
		// With authorization: pass too: that key is for tokens, and a name and password in here would be a login without a code.
		return refuse(templates.Forbidden, errors.New("credentials in Authorization"))
	}
	return nil
}

// errDoor is why doors are shut.
var errDoor = errors.New("one of the application's other doors")

// mayLogIn refuses a login that could come to no good, before it is read.
func (g *Gateway) mayLogIn(v *visit) error {
	if v.who.kind == stranger {
		// The gateway cookie comes with the login page. A browser that lost it would lose the code page too: it is told before a code is paid for.
		return refuse(templates.NoCookies, nil)
	}
	var err error
	if v.script, err = g.sentBy(v); err != nil {
		return err
	}
	if err := g.csrf.Check(v.r); err != nil {
		// A login sent by somebody else's page would sign the victim into the attacker's account (threat C7).
		return refuse(templates.Forbidden, err)
	}
	return nil
}

// login is the request that carries user name and password. It goes up in a session that no browser has held (invariant 3), and
// what comes back stays here until letIn.
func (g *Gateway) login(v *visit) error {
	if answered, err := g.loginAgain(v); answered || err != nil {
		return err
	}
	if err := g.mayLogIn(v); err != nil {
		return err
	}
	fields, err := g.loginFields(v)
	if err != nil {
		return err
	}
	done := v.hurry()
	l, err := reading.ReadLogin(v.r.Header, v.r.URL.RawQuery, v.r.Body, g.config.Limits.LoginBody, fields)
	done()
	if err != nil {
		return loginRefusal(err)
	}
	v.readWhole()
	if err := g.allowed(v, l.User()); err != nil {
		return err
	}
	if err := g.dropSessionIDs(v, l); err != nil {
		return err
	}
	browser := g.loginBrowser(v)
	browser.Kept = g.keptBy(v)
	browser.Check = func(s submit.Session) error { return g.brought(v, s) }
	browser.Carry = g.carrier(v)
	answer, err := g.submitter.Submit(v.r.Context(), l, browser)
	ids := g.learn(answer.Session)
	if err != nil {
		g.forget(v, answer.Session)
		return g.upstreamRefusal(err)
	}
	// A code is paid for, and a member made, only for a browser that is still there.
	if err := errors.Join(g.brought(v, answer.Session), v.r.Context().Err()); err != nil {
		g.forget(v, answer.Session)
		g.auditLogin(v, l.User(), "unclear", err.Error())
		return err
	}
	switch answer.Outcome {
	case submit.Worked:
		g.tokenSeen(answer)
		return g.askCode(v, l.User(), answer, ids)
	case submit.Failed:
		g.auditLogin(v, l.User(), "failed", answer.Reason)
		return g.showFailed(v, answer)
	}
	g.forget(v, answer.Session)
	g.auditLogin(v, l.User(), "unclear", answer.Reason)
	return refuse(templates.Unclear, errors.New(answer.Reason))
}

// askCode: the upstream accepted user and password. The policy says what that is worth: entry, or a code.
func (g *Gateway) askCode(v *visit, typed string, answer submit.Answer, ids []string) error {
	ctx := v.r.Context()
	if err := g.checkOpeners(v, answer.Held.Jar); err != nil {
		g.signOut(ctx, answer.Held.Jar)
		return err
	}
	decision, err := g.door.Decide(ctx, challenge.Login{
		Typed: typed, Confirmed: answer.Confirmed, Cookies: answer.Held.Jar.Names(), IDs: ids,
		Address: v.address, HiddenBy: g.hiddenBy(v), Agent: agent(v.r), Family: family(v.r), Language: g.language(v), Trail: v.who.trail,
		Browser: g.browserCookie(v.r), Member: v.who.session(), Pending: v.who.challenge(),
		Return: v.who.back, Host: g.config.PublicURLs[0].Hostname(),
		Hold: func(id string) (challenge.Held, error) { return g.box.Hold(answer.Held, id) },
	})
	g.End(ctx, decision.Revoked)
	if err != nil {
		g.auditLogin(v, typed, "accepted", err.Error())
		g.signOut(ctx, answer.Held.Jar)
		return err
	}
	g.auditLogin(v, typed, "accepted", decision.Reason)
	switch {
	case decision.Pass != nil:
		v.said = answer.Said
		return g.letIn(v, decision.Pass, answer.Held)
	case decision.Challenge != nil:
		return g.toCodePage(v, decision.Challenge)
	}
	g.signOut(ctx, answer.Held.Jar)
	kind := templates.Refused
	if decision.Refusal == challenge.RefusedNetwork {
		kind = templates.Outside // the name that confirm read is bound to networks, or the one typed is another user's as well
	}
	return refuse(kind, fmt.Errorf("%s: %s", decision.Refusal, decision.Reason))
}

// toCodePage leads to the code page. The browser's cookie now names the challenge: a code works only in the browser session
// that asked for it (ASVS 5 V6.6.2). Of the login's answer nothing goes along.
func (g *Gateway) toCodePage(v *visit, c *challenge.Challenge) error {
	if v.who.member != nil {
		g.live.End(v.who.id) // a new login in a member's browser starts afresh; Decide has ended it in the store
	}
	if err := g.setWho(v.w, who{kind: pending, id: c.ID, trail: v.who.trail, back: v.who.back, script: v.script}); err != nil {
		return err
	}
	if v.script {
		return g.answerScript(v)
	}
	return g.seeOther(v, codePath)
}

// tryCode is one entered code. Counting, comparing and using up are one transaction of the store.
func (g *Gateway) tryCode(v *visit, code string, remember bool) error {
	user := g.userOf(v)
	pass, err := g.door.TryCode(v.r.Context(), challenge.Try{
		Challenge: v.who.id, Code: code, Remember: remember, Trail: v.who.trail, Browser: g.browserCookie(v.r),
		Address: v.address, Agent: agent(v.r), Family: family(v.r),
	})
	g.auditTry(v, user, err)
	if err != nil {
		return g.afterWrongCode(v, remember, err)
	}
	held, err := g.box.Release(pass.Held(), pass.ChallengeID())
	if err != nil {
		// The code was right and is used up, but what it opens is damaged: a new login is needed, and nobody is in.
		g.live.End(pass.Session().ID)
		return errors.Join(fmt.Errorf("held session: %w", err), g.revokeSession(v, pass.Session().ID))
	}
	return g.letIn(v, pass, held)
}

// errNoPass says that letIn was called without a pass: a fault of the program, and nobody enters by it.
var errNoPass = errors.New("no pass")

// letIn makes the browser a member: the only place that sets a member's cookie, and it wants a pass, which only the door makes.
// From here on the upstream's cookies reach the browser, sealed to this session.
func (g *Gateway) letIn(v *visit, pass *challenge.Pass, held seal.HeldSession) error {
	if !pass.Valid() {
		return errNoPass
	}
	session := pass.Session()
	m := g.live.add(session)
	m.setTrail(v.who.trail)
	g.live.End(pass.Ended()...)
	if err := errors.Join(
		g.setWho(v.w, who{kind: insider, id: session.ID, trail: v.who.trail}),
		g.setBrowser(v.w, pass.Browser()),
	); err != nil {
		g.live.End(session.ID)
		return errors.Join(err, g.revokeSession(v, session.ID))
	}
	for _, cookie := range g.box.SealJar(held.Jar, session.ID) {
		cookie.SetOn(v.w.Header())
	}
	g.auditEntry(v, pass)
	wanted := pass.Return()
	if v.who.script && v.who.back != "" {
		wanted = v.who.back // what the browser loaded after the script's login
	}
	to := g.homeOf(wanted, held.Location)
	if v.script {
		return g.answerMember(v, v.said, to, held.Location)
	}
	return g.seeOther(v, to)
}
