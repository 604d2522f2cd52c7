package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/submit"
	"doorcode/templates"
)

// This file learns what the application calls its session: an id under that name in an address or a body opens somebody's session past
// the sealed cookies, or makes a login sign in a session that somebody else chose (invariants 2 and 3, threats A2, A5). What is
// learned is kept in Live: a reload does not forget it, and a restart finds it in the stored sessions.

// loginNames are names of cookies that logins set, as the application wrote them. They only grow. The zero value is empty.
type loginNames struct {
	mu   sync.Mutex
	list atomic.Pointer[[]string] // never changed, only exchanged
}

// maxLoginNames bounds what an application that calls its cookies after users makes the gateway look for.
const maxLoginNames = 200

func (n *loginNames) all() []string {
	if list := n.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (n *loginNames) learn(names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.all()
	for _, name := range names {
		if len(list) < maxLoginNames && !slices.ContainsFunc(list, func(known string) bool { return strings.EqualFold(known, name) }) {
			list = append(slices.Clip(list), strings.Clone(name))
		}
	}
	if len(list) > len(n.all()) {
		n.list.Store(&list)
	}
}

// searched is what requests are searched for, and the learned names that it was compiled with.
type searched struct {
	learned *[]string
	names   *scan.Names
}

// searched compiles anew when a login brought a name that none had before; else it is two loads. In bodies one such name is enough.
func (g *Gateway) searched() *scan.Names {
	learned := g.live.logins.list.Load()
	if s := g.names.Load(); s != nil && s.learned == learned {
		return s.names
	}
	var ids []string
	for _, name := range g.live.logins.all() {
		if g.box.Seals(name) { // plain since a reload: a double-submitted token, which forms have under the cookie's name
			ids = append(ids, name)
		}
	}
	s := &searched{learned, scan.New(append(sessionPairs(g.config.SessionNames), g.config.Credentials...), ids...)}
	g.names.Store(s)
	return s.names
}

// namesSession reports whether a parameter of this name may carry a session id.
func (g *Gateway) namesSession(name string) bool {
	return g.sessions.has(name) || g.live.names.has(name)
}

// learn takes up the names of all cookies that a login's session holds, plain and kept ones aside, and returns those that could be a
// session's id. It runs before anything of the login is handed out: from then on an id under that name goes nowhere.
func (g *Gateway) learn(s submit.Session) (ids []string) {
	var names []string
	for _, name := range s.Jar.Names() {
		if !g.box.Seals(name) {
			continue
		}
		names = append(names, name)
		if !slices.Contains(s.InForms, name) {
			ids = append(ids, name)
		}
	}
	g.live.names.addNew(names)
	g.live.logins.learn(ids)
	return ids
}

// brought refuses a login that brings a value of its sender's choice under the name of a session's cookie: an application that takes
// session ids from parameters would sign in a session that the sender, or whoever made him send it, knows. There is no length at which
// a value is no id: here the sender made it. It is asked before the password goes up, since a request with that id could be served
// while the login's answer is still awaited, and again with what the answer set, for a name that no login had shown before.
func (g *Gateway) brought(v *visit, s submit.Session) error {
	sent := slices.Concat(s.Chosen, g.chosenInQuery(v))
	for _, cookie := range slices.Concat(s.Jar.Names(), g.live.logins.all()) {
		if g.box.Seals(cookie) && slices.ContainsFunc(sent, func(name string) bool { return reading.Touches(name, cookie) }) {
			return refuse(templates.Unclear, fmt.Errorf("the login has a parameter that is called like the application's cookie %q: it could choose the session that is signed in", cookie))
		}
	}
	return nil
}

// chosenInQuery is the names in a login's query, also as those read it that part it at ";", but for those whose value the configuration
// says.
func (g *Gateway) chosenInQuery(v *visit) []string {
	parted, _ := reading.ParseQuery(strings.ReplaceAll(v.r.URL.RawQuery, ";", "&"))
	return slices.DeleteFunc(append(v.query.Names(), parted.Names()...), func(name string) bool {
		return slices.ContainsFunc(g.config.LoginRule.Query, func(said reading.Value) bool { return said.Name == name && said.Value != "*" })
	})
}

// forget ends a session that a login may have signed in and that nobody is to get (threat A7). Nobody waits for it.
func (g *Gateway) forget(v *visit, s submit.Session) {
	go g.signOut(v.r.Context(), s.Jar)
}
