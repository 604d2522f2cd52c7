package config

import (
	"strings"

	"doorcode/gateway"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
)

// isolation reads how a login comes by its session, and the first page of a two-page login. It is the last to read in the section: what
// stands there already is held against it.
func (r *reader) isolation(in *section, g *gateway.Config) {
	g.Carry = in.choice("isolation", "fresh", "fresh", "carry") == "carry"
	g.First = r.firstPage(in, g)
	if in.node == nil || !g.Carry {
		return
	}
	for _, key := range []string{"tokens", "type", "headers", "prepare"} {
		if in.has(key) {
			in.problem(key, key+" stands beside isolation: carry", "the login goes up as the browser sent it, no form is fetched for it: take the key out")
		}
	}
	// Without these two a session that may be signed in would go back to its visitor (A16).
	if g.Login.Confirm == nil && !in.wrote("confirm") {
		in.problem("isolation", "isolation is carry, and login has no confirm", "write confirm: the session of a failed login goes back to its visitor, so it must be asked whether somebody is in")
	}
	if g.Login.Failure == nil && !in.wrote("failure") {
		in.problem("isolation", "isolation is carry, and login has no failure rule", "write failure: what a wrong password, and a wrong captcha, are answered with")
	}
	if path := g.LoginRule.Path.String(); strings.HasSuffix(path, "*") {
		in.problem("path", "path is many addresses, and isolation is carry", "write the one address that the login form goes to")
	}
}

// firstPage reads login.first.
func (r *reader) firstPage(login *section, g *gateway.Config) *gateway.FirstPage {
	in := login.sub("first")
	rule := reading.Rule{Methods: []string{"POST"}}
	rule.Path = get(in, "path", rule.Path, rulePath)
	rule.Query, rule.Form = in.parameters("query"), in.parameters("form")
	user := in.text("user", g.Login.Fields.User)
	defer in.done()
	if in.node == nil {
		return nil
	}
	rule.Place = r.place(in.node)
	_, password := g.Login.Fields.Names()
	first := &gateway.FirstPage{Rule: rule}
	if user != "" && password != "" {
		fields, err := reading.ParseLoginFields(user, password)
		if err == nil {
			fields, err = fields.InCharset(g.Login.Fields.Charset())
		}
		if err != nil {
			in.problem("user", "user cannot be used: "+err.Error(), "write the field of the first page's form, or a template such as {{company}}/{{user}}")
		}
		first.Fields = fields
		// On the second page the password stands alone, and alone it is a login wherever it goes.
		g.Credentials = append(g.Credentials, scan.Pair{Users: []string{password}, Password: password})
	}
	path := rule.Path.String()
	switch {
	case !in.has("path"):
		in.problem("path", "first.path is missing", "write where the form with the name is sent to, such as /name.php")
	case strings.HasSuffix(path, "*"):
		in.problem("path", "path is many addresses", "write the one address that the form with the name goes to")
	case path != "" && path == g.LoginRule.Path.String() && len(g.LoginRule.Form) == 0 && len(g.LoginRule.Query) == 0:
		in.problem("path", "path is login.path", "where both forms go to one address, write login.form: {"+password+": \"*\"}, by which the second is told from the first")
	}
	switch {
	case !g.Carry:
		login.problem("isolation", "first stands without isolation: carry", "the second page belongs to the session of the first: write isolation: carry")
	case g.Login.Confirm != nil && g.Login.Confirm.User == nil && !login.sub("confirm").wrote("user"):
		// The application has the name from another request than the password: what it made of the two is asked (invariant 7).
		login.problem("first", "login has a first page, and confirm reads no name", "write confirm.user: the name came with another request than the password, so the application is asked whose session it is")
	}
	return first
}
