package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"doorcode/challenge"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/submit"
)

// application reads what the gateway must know of the application: how it signs in, out, what is open, what is another door.
func (r *reader) application(top *section, s *Settings) {
	login := top.sub("login")
	r.login(login, s)
	if login.node == nil {
		top.problem("login", "login is missing", "say how the application signs in: gateway.example.yaml shows it")
	}
	s.Gateway.Logout, s.Gateway.SignOut = r.logout(top)
	s.Gateway.Public = r.rules(top, "public", ruleKeys{query: true, methods: []string{"GET", "HEAD"}})
	s.Gateway.Origins = r.origins(top, s)
	s.Gateway.Doors = r.rules(top, "doors", ruleKeys{query: true, form: true})
	cookies := top.sub("cookies")
	s.Gateway.Plain = cookies.cookieNames("plain")
	s.Gateway.Keep = cookies.cookieNames("keep")
	cookies.done()
	r.clients(top, s)
	r.careless(login, cookies, &s.Gateway)
	s.Gateway.SessionNames = each(top, "url_sessions", text)
	if s.Gateway.Authorization = top.choice("authorization", "drop", "drop", "pass") == "pass"; s.Gateway.Authorization {
		top.warn("authorization", "authorization is passed on", "a member who sends another user's token acts as that user at the application, and no code is asked for it")
	}
}

func (r *reader) login(in *section, s *Settings) {
	g := &s.Gateway
	g.Login.Page, g.LoginPage = r.loginPage(in)
	g.LoginRule = r.loginRule(in)
	g.Login.Fields = in.loginFields()
	users, password := g.Login.Fields.Names()
	g.Credentials = append(g.Credentials, scan.Pair{Users: users, Password: password})
	g.Login.Tokens = in.tokens()
	g.Login.Fixed = in.fixed(append(users, password))
	g.Login.Prepare = get(in, "prepare", "", target)
	g.Login.Headers = r.headers(in)
	in.inJSON(&g.Login, g.LoginRule)
	g.Login.Success = r.condition(in, "success", 0)
	g.Login.Failure = r.condition(in, "failure", 0)
	g.Login.Confirm = r.confirm(in.sub("confirm"))
	g.Scripts = r.scriptAnswer(in, g.Login)
	s.ConfirmReadsUser = g.Login.Confirm != nil && g.Login.Confirm.User != nil
	for _, n := range in.items("also") {
		also := r.section(n, in.full("also[]"))
		f := also.fields()
		users, password := f.Names()
		g.Credentials = append(g.Credentials, scan.Pair{Users: users, Password: password})
		also.done()
	}
	g.Elsewhere = r.rules(in, "elsewhere", ruleKeys{query: true, form: true, methods: []string{"POST"}})
	s.Fold = in.fold()
	s.AcceptTypedNames = in.flag("accept_typed_names", false)
	in.judgeable(g.Login)
	r.isolation(in, g)
	in.done()
}

// judgeable refuses a login whose outcome nobody could tell, and warns of one that is guessed (invariant 4).
func (s *section) judgeable(c submit.Config) {
	switch {
	case s.node == nil:
	case c.Confirm == nil && !s.wrote("confirm") && (c.Success == nil || c.Failure == nil):
		s.problem("confirm", "login has no confirm, and not both of success and failure", "write confirm:, which asks the application who is in; or else both rules")
	case c.Confirm == nil && !s.wrote("confirm"):
		s.warn("confirm", "login has no confirm", "without it the outcome of a login is read from its answer alone, and answers deceive")
	case c.Failure == nil && !s.wrote("failure"):
		s.warn("failure", "login has no failure rule", "a wrong password then gets a page of the gateway's own instead of the application's answer")
	}
}

// loginPage reads where the form is shown. Visitors may open it with any further parameters, not with other values of these.
func (r *reader) loginPage(in *section) (string, reading.Rule) {
	page := get(in, "page", "", target)
	if page == "" {
		if !in.has("page") && in.node != nil {
			in.problem("page", "login.page is missing", "write where the login form is shown, such as /login.php")
		}
		return "", reading.Rule{}
	}
	path, raw, _ := strings.Cut(page, "?")
	rule := reading.Rule{Methods: []string{"GET", "HEAD"}, Place: in.place("page")}
	var f *fault
	if rule.Path, f = rulePath(path); f != nil {
		in.problem("page", "page "+f.what, f.want)
	} else if strings.HasSuffix(path, "*") {
		in.problem("page", "page ends with *", "it is one address, the gateway fetches the form there")
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		in.problem("page", "page has a query that cannot be read", "write it as the browser's address line shows it, such as /index.php?do=login")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		rule.Query = append(rule.Query, reading.Value{Name: name, Value: query.Get(name)})
	}
	return page, rule
}

// loginRule reads which request is the login.
func (r *reader) loginRule(in *section) reading.Rule {
	rule := reading.Rule{Methods: []string{"POST"}, Place: in.place("path")}
	rule.Path = get(in, "path", rule.Path, rulePath)
	rule.Query, rule.Form = in.parameters("query"), in.parameters("form")
	path := in.keys["path"].value
	switch {
	case in.node == nil:
	case !in.has("path"):
		in.problem("path", "login.path is missing", "write where the login form is sent to, such as /login.php")
	case path != nil && (path.Value == "*" || path.Value == "/*") && len(rule.Query)+len(rule.Form) == 0:
		in.problem("path", "path is every address", "an application with one address for everything needs query: or form: values that its login alone has")
	}
	return rule
}

// fields reads user and password: names of form fields.
func (s *section) fields() reading.LoginFields {
	if s.node == nil {
		return reading.LoginFields{}
	}
	user := s.needed("user", "write the name of the form's user field, or a template such as {{company}}/{{user}}")
	password := s.needed("password", "write the name of the form's password field")
	if user == "" || password == "" {
		return reading.LoginFields{}
	}
	f, err := reading.ParseLoginFields(user, password)
	if err != nil {
		s.problem("user", "user and password cannot be used: "+err.Error(), "user is a field or a template such as {{company}}/{{user}}, password is another field")
	}
	return f
}

// tokens reads login.tokens: auto is nil.
func (s *section) tokens() []string {
	names := each(s, "tokens", text)
	switch {
	case len(names) == 1 && names[0] == "auto":
		return nil
	case slices.Contains(names, "auto"):
		s.problem("tokens", "auto stands among names", "write auto alone, or the names of the hidden fields")
	case names == nil && s.keys["tokens"].value != nil:
		return []string{} // an empty list: the form fills nothing
	}
	return names
}

// fixed reads fields that a login may not choose.
func (s *section) fixed(credentials []string) []reading.Value {
	values := s.parameters("fixed")
	for _, v := range values {
		if slices.Contains(credentials, v.Name) {
			s.problem("fixed", fmt.Sprintf("%s is a field of the user or password", v.Name), "a fixed field is one that no user is to choose, such as a database server")
		}
		if v.Value == "*" {
			s.problem("fixed", v.Name+" is fixed to *", "write the value that every login is to have")
		}
	}
	return values
}

func (r *reader) confirm(in *section) *submit.Confirm {
	c := &submit.Confirm{URL: get(in, "url", "", target), SignedIn: in.pattern("signed_in"), User: in.pattern("user")}
	defer in.done()
	if !in.touched {
		return nil
	}
	if !in.has("url") {
		in.problem("url", "confirm.url is missing", "write an address that every signed-in user may open, such as /profile.php")
	}
	if !in.has("signed_in") {
		in.problem("signed_in", "confirm.signed_in is missing", "write a pattern that only a signed-in page has, such as logout\\.php")
	} else if c.SignedIn != nil && c.SignedIn.MatchString("") {
		in.problem("signed_in", "signed_in is found on every page", "everybody would be taken for signed in: write a pattern that only a signed-in page has, such as logout\\.php")
	}
	if c.User != nil && c.User.NumSubexp() != 1 {
		in.problem("user", fmt.Sprintf("user has %d groups", c.User.NumSubexp()), "put ( ) around the login name and nothing else; (?: ) groups without reading")
	}
	return c
}

// fold reads login.fold; without it everything is folded, as the commonest databases do.
func (s *section) fold() challenge.Fold {
	if s.at("fold") == nil {
		return challenge.Fold{Case: true, Space: true, Width: true, Accents: true}
	}
	var f challenge.Fold
	parts := map[string]*bool{"case": &f.Case, "space": &f.Space, "width": &f.Width, "accents": &f.Accents}
	for _, part := range each(s, "fold", foldPart) {
		*parts[part] = true
	}
	return f
}

func foldPart(t string) (string, *fault) {
	if !slices.Contains([]string{"case", "space", "width", "accents"}, t) {
		return "", &fault{fmt.Sprintf("has %.40q", t), "write a list of: case, space, width, accents; [] folds nothing"}
	}
	return t, nil
}

// target reads a path with or without a query, on the application itself.
func target(t string) (string, *fault) {
	u, err := url.ParseRequestURI(t)
	if err != nil || !strings.HasPrefix(t, "/") || strings.HasPrefix(t, "//") || u.Host != "" || strings.ContainsAny(t, "#\\ ") {
		return "", &fault{"is no address on the application", "begin with / and leave scheme and host out, such as /login.php?lang=en"}
	}
	if _, f := text(t); f != nil {
		return "", f
	}
	return t, nil
}

// namePattern reads a name of cookies: wp-settings is exact, wp-settings-* is any that begins so, /Cacti[A-Z].*/ is a pattern for
// the whole name. Patterns hold from end to end: /lang/ must not let xlang_session pass.
func namePattern(t string) (*regexp.Regexp, *fault) {
	if len(t) > 2 && strings.HasPrefix(t, "/") && strings.HasSuffix(t, "/") {
		inner := t[1 : len(t)-1]
		if _, f := pattern(inner); f != nil {
			return nil, f
		}
		return pattern("^(?:" + inner + ")$")
	}
	name, open := strings.CutSuffix(t, "*")
	if name == "" || strings.ContainsAny(name, "*=;, \t\r\n\"/") {
		return nil, &fault{fmt.Sprintf("has %.60q", t), "write a cookie's name, its beginning with a * after it, or /a pattern/ for the whole name"}
	}
	if open {
		return regexp.MustCompile("^" + regexp.QuoteMeta(name)), nil
	}
	return regexp.MustCompile("^" + regexp.QuoteMeta(name) + "$"), nil
}
