package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/seal"
	"doorcode/templates"
)

// across holds sections against each other.
func (r *reader) across(top *section, s *Settings) {
	files := map[string]string{r.file: "gateway.yaml"}
	for _, one := range []struct{ key, path string }{{"state", s.State}, {"keys", s.Keys}, {"policy", s.Policy}, {"admin.socket", s.Admin.Socket}} {
		if other, taken := files[one.path]; taken {
			top.problem(one.key, one.key+" is the file that is "+other+" too", "each needs a file of its own")
		}
		files[one.path] = one.key
	}
	texts, err := templates.New(s.Templates)
	if err != nil {
		top.problem("templates", "templates cannot be used: "+err.Error(), "")
		return
	}
	s.languages = slices.Clone(texts.Languages())
}

// placed is a rule and where it stands.
type placed struct {
	rule reading.Rule
	node *yaml.Node
}

// everyPath reports a rule that holds for every address, whatever the parameters.
func (p placed) everyPath() bool {
	path := p.rule.Path.String()
	return (path == "*" || path == "/*") && len(p.rule.Query)+len(p.rule.Form) == 0
}

// careless speaks up where rules that are each well written open the door together, or wall it up.
func (r *reader) careless(login, cookies *section, g *gateway.Config) {
	for _, list := range []struct{ key, what, want string }{
		{"login.elsewhere", "elsewhere is every address", "no request is then refused for carrying a login past the code: name the addresses of those forms"},
		{"public", "public is every address", "visitors then see all of the application that opens without its own login: name what the login page needs"},
		{"logout", "logout is every address", "every request is then looked at as a sign-out: name the address that ends the session"},
	} {
		for _, p := range r.placed[list.key] {
			if p.everyPath() {
				r.warn(p.node, list.what, list.want)
			}
		}
	}
	r.openable(g)
	for _, p := range r.placed["doors"] {
		if p.closes(g.LoginPage) {
			r.problem(p.node, "this door closes login.page", "nobody could sign in: a door is another way in than the login")
		} else if p.closes(g.LoginRule) {
			r.problem(p.node, "this door closes login.path", "nobody could sign in: a door is another way in than the login")
		}
	}
	if c := g.Login.Confirm; c == nil && !login.wrote("confirm") {
		for key, patterns := range map[string][]*regexp.Regexp{"plain": g.Plain, "keep": g.Keep} {
			if len(patterns) > 0 {
				cookies.problem(key, key+" lets cookies through, and login has no confirm", "write login.confirm: without it nobody could tell whether these cookies open the application by themselves")
			}
		}
	}
}

// closes reports whether the door holds for a request as the login is written.
func (p placed) closes(login reading.Rule) bool {
	// Of a login at many addresses the first counts: a door may well be one of the others.
	path, err := reading.ParsePath(strings.ReplaceAll("/"+strings.TrimLeft(strings.TrimSuffix(login.Path.String(), "*"), "/"), " ", "%20"))
	if err != nil || len(login.Methods) == 0 || login.Path.String() == "" {
		return false // said already
	}
	query, form := parametersOf(login.Query), parametersOf(login.Form)
	closed, err := p.rule.Match(login.Methods[0], path, true, query, form)
	return closed && err == nil
}

func parametersOf(values []reading.Value) reading.Params {
	all := url.Values{}
	for _, v := range values {
		all.Add(v.Name, v.Value)
	}
	p, _ := reading.ParseQuery(all.Encode()) // what Encode wrote can be read
	return p
}

// itself refuses an upstream that is the gateway: every request would come back to it.
func (r *reader) itself(in *section, s *Settings) {
	up := s.Gateway.Upstream.URL
	if up == nil {
		return
	}
	for _, public := range s.Gateway.PublicURLs {
		if *public == *up {
			in.problem("url", "upstream.url is public_url, the gateway itself", "write where the application listens, such as http://127.0.0.1:8081")
			return
		}
	}
	host, port, _ := cutPort(s.Listen.Address)
	if port == upstreamPort(up) && sameMachine(strings.Trim(host, "[]"), up.Hostname()) {
		in.problem("url", "upstream.url is listen.address, the gateway itself", "write where the application listens, or let the gateway listen on another port")
	}
}

func upstreamPort(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// sameMachine reports whether what listens on one host is reached under the other.
func sameMachine(listen, host string) bool {
	a, err := netip.ParseAddr(listen)
	if listen == "" || err == nil && a.IsUnspecified() {
		return ownMachine(host) || host == listen
	}
	return host == listen || host == "localhost" && err == nil && a.IsLoopback() || listen == "localhost" && ownMachine(host)
}

// cookieNames reads cookies.plain or keep. What lets a session's cookie through would undo the gateway: plain would take a session id
// that was learned elsewhere, keep would hand the one of before the login to visitors (invariant 2).
func (s *section) cookieNames(key string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, v := range s.values(key) {
		p, f := namePattern(v.text)
		if f == nil {
			f = lettingIn(v.text, p)
		}
		if f != nil {
			v.problem(v.name+" "+f.what, f.want)
			continue
		}
		if !strings.HasPrefix(v.text, "/") && !seal.Simple(strings.TrimSuffix(v.text, "*")) {
			v.warn(fmt.Sprintf("%s has %.60q, which is sealed and kept from visitors all the same", v.name, v.text), "only names of letters, digits, _ and - pass: others mean different cookies to different applications")
		}
		all = append(all, p)
	}
	return all
}

// sessionCookies are what common applications and frameworks call their session; the long one is Joomla's kind of name.
var sessionCookies = []string{
	"PHPSESSID", "JSESSIONID", "ASP.NET_SessionId", "ASPSESSIONIDQABCDEFG", ".ASPXAUTH", ".AspNetCore.Session", ".AspNetCore.Cookies",
	".AspNet.ApplicationCookie", "sessionid", "session", "session_id", "_session_id", "SESSION", "SESSID", "SID", "sid", "connect.sid", "laravel_session",
	"ci_session", "CAKEPHP", "CFID", "CFTOKEN", "rack.session", "wordpress_logged_in_0123456789abcdef0123456789abcdef", "5f1e7c0a9b3d42868f0e6a1c7d95b2e4",
}

// anyNames are names that nobody means: a pattern that takes one of them takes whatever comes.
var anyNames = []string{"qxkzvwjh", "QXKZVWJH", "Qx_kz-Vwjh7", "zq"}

func lettingIn(text string, p *regexp.Regexp) *fault {
	for _, name := range anyNames {
		if strings.HasPrefix(text, "/") && p.MatchString(name) {
			return &fault{fmt.Sprintf("has %.60q, which is nearly every name", text), "the session would be among them: name the cookies one by one"}
		}
	}
	const want = "a session's cookie must be sealed and kept from visitors: take it out"
	for _, name := range sessionCookies {
		if name != text && p.MatchString(name) {
			return &fault{fmt.Sprintf("has %.60q, which lets %s through", text, name), want}
		}
	}
	if slices.Contains(sessionCookies, text) || !strings.HasPrefix(text, "/") && gateway.SessionLike(strings.TrimSuffix(text, "*")) {
		return &fault{fmt.Sprintf("has %.60q, which is called like a session", text), want}
	}
	return nil
}
