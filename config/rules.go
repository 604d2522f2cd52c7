package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
)

// ruleKeys says what entries of a list of rules may look at, and which methods they hold for when they name none (nil: any).
type ruleKeys struct {
	query, form bool
	methods     []string
	more        func(in *section, rule reading.Rule) // reads what else an entry of this list may say; nil: nothing
}

// rules reads a list of rules. An entry is a path, or a path with methods and values of the query or form.
func (r *reader) rules(s *section, key string, may ruleKeys) []reading.Rule {
	var all []reading.Rule
	for _, n := range s.items(key) {
		if n.Kind == yaml.ScalarNode {
			if v, ok := r.scalar(n, s.full(key)); ok {
				all = append(all, reading.Rule{Methods: may.methods, Path: read(v, reading.Pattern{}, rulePath), Place: r.place(n)})
				r.keep(s.full(key), all, n)
			}
			continue
		}
		all = append(all, r.rule(r.section(n, s.full(key)+"[]"), may))
		r.keep(s.full(key), all, n)
	}
	return all
}

// keep remembers where the last of these rules stands, for across.go.
func (r *reader) keep(key string, rules []reading.Rule, n *yaml.Node) {
	if r.placed == nil {
		r.placed = map[string][]placed{}
	}
	r.placed[key] = append(r.placed[key], placed{rules[len(rules)-1], n})
}

func (r *reader) rule(in *section, may ruleKeys) reading.Rule {
	rule := reading.Rule{Methods: may.methods}
	rule.Path = get(in, "path", rule.Path, rulePath)
	if methods := each(in, "methods", method); methods != nil {
		rule.Methods = methods
	}
	if may.query {
		rule.Query = in.parameters("query")
	}
	if may.form {
		rule.Form = in.parameters("form")
	}
	if in.node != nil {
		rule.Place = r.place(in.node)
		if !in.has("path") {
			in.problem("path", "path is missing", "write the path that this is about; \"*\" is every path")
		}
	}
	if may.more != nil {
		may.more(in, rule)
	}
	in.done()
	return rule
}

// parameters reads {name: value, …} in the order written; the value "*" is any.
func (s *section) parameters(key string) []reading.Value {
	n := s.at(key)
	if n == nil {
		return nil
	}
	in := s.r.section(n, s.full(key))
	var all []reading.Value
	for i := 0; in.node != nil && i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if p, ok := in.keys[name]; !ok || p.key != n.Content[i] {
			continue // said already
		}
		if v, ok := s.r.scalar(n.Content[i+1], in.full(name)); ok {
			all = append(all, reading.Value{Name: name, Value: v.text})
		}
	}
	return all
}

func rulePath(t string) (reading.Pattern, *fault) {
	p, err := reading.ParsePattern(t)
	if err != nil {
		return p, &fault{"cannot be used: " + err.Error(), "begin with / and write it as the application sees it; a final * is any depth"}
	}
	return p, nil
}

func method(t string) (string, *fault) {
	if t == "" || strings.Trim(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return "", &fault{fmt.Sprintf("has %.20q", t), "write methods in capitals, such as [GET, POST]"}
	}
	return t, nil
}

// maxDepth bounds not: {not: {not: …}}. Nobody needs three.
const maxDepth = 8

// condition reads success or failure: any, all and not of tests on the login's answer.
func (r *reader) condition(s *section, key string, depth int) *submit.Condition {
	n := s.at(key)
	if n == nil {
		return nil
	}
	in := r.section(n, s.full(key))
	defer in.done()
	c := &submit.Condition{Any: r.tests(in, "any"), All: r.tests(in, "all")}
	if depth < maxDepth {
		c.Not = r.condition(in, "not", depth+1)
	}
	if in.node != nil && !in.wrote("any") && !in.wrote("all") && !in.wrote("not") {
		in.problem(key, key+" tests nothing", "write any: or all: with a list of tests, such as {any: [{status: 302, location: \"^/home\"}]}")
	}
	return c
}

// tests reads a list of tests. What one entry names must hold together.
func (r *reader) tests(in *section, key string) []submit.Test {
	items := in.items(key)
	if in.wrote(key) && len(items) == 0 {
		in.problem(key, key+" is empty", "write at least one test, or take the key out")
	}
	var all []submit.Test
	for _, n := range items {
		one := r.section(n, in.full(key)+"[]")
		t := submit.Test{
			Status:   one.count("status", 0, 100, 599),
			Location: one.pattern("location"),
			Cookie:   one.pattern("cookie"),
			Body:     one.pattern("body"),
			Place:    r.place(n),
		}
		if one.node != nil && len(one.keys) == 0 {
			r.problem(n, "this test looks at nothing", "write status, location, cookie or body")
		}
		one.done()
		all = append(all, t)
	}
	return all
}

// place is file:line, for logs.
func (r *reader) place(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.file, n.Line) }

func (s *section) place(key string) string {
	if v, ok := s.over[key]; ok {
		return v.source
	}
	if n := s.keys[key].value; n != nil {
		return s.r.place(n)
	}
	return s.r.file
}
