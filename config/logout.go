package config

import (
	"slices"
	"strings"

	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
)

// logout reads the rules of the application's sign-out, and which of them ends sessions that nobody came for.
func (r *reader) logout(top *section) ([]reading.Rule, submit.WayOut) {
	pages := map[string]string{} // by place
	rules := r.rules(top, "logout", ruleKeys{query: true, form: true, more: func(in *section, rule reading.Rule) {
		if page := get(in, "page", "", target); page != "" {
			pages[rule.Place] = page
		}
	}})
	return rules, wayOut(rules, pages)
}

// wayOut is the first rule for one address: one that names its page before one that says all of itself, before one with a token in it.
func wayOut(rules []reading.Rule, pages map[string]string) submit.WayOut {
	oneAddress := func(rule reading.Rule) bool {
		path := rule.Path.String()
		return path != "" && !strings.Contains(path, "*")
	}
	token := func(v reading.Value) bool { return v.Value == "*" }
	for _, fits := range []func(reading.Rule) bool{
		func(rule reading.Rule) bool { return pages[rule.Place] != "" },
		func(rule reading.Rule) bool { return !slices.ContainsFunc(slices.Concat(rule.Query, rule.Form), token) },
		func(reading.Rule) bool { return true },
	} {
		for _, rule := range rules {
			if oneAddress(rule) && fits(rule) {
				post := len(rule.Form) > 0 || rule.Methods != nil && !slices.Contains(rule.Methods, "GET")
				return submit.WayOut{Path: rule.Path.String(), Query: rule.Query, Form: rule.Form, Post: post, Page: pages[rule.Place]}
			}
		}
	}
	return submit.WayOut{}
}
