package reading

import (
	"fmt"
	"slices"
	"strings"
)

// Value is a parameter that a rule looks at: Name must be there with exactly Value, or with any where Value is "*".
type Value struct{ Name, Value string }

// Rule is one line of the config that recognises requests: all that it names must hold. No method means any. Query is looked
// for in the query and Form in the body.
type Rule struct {
	Methods     []string
	Path        Pattern
	Query, Form []Value
	Place       string // file:line of the config, for logs and explain
}

// LooksAtForm reports whether the body must be read, with ReadForm, before the rule can be held against a request.
func (r Rule) LooksAtForm() bool { return len(r.Form) > 0 }

// Match holds the rule against a request. loose is for rules that must not be dodged (login, doors): see Pattern.MatchLoose;
// then method, names and values are compared forgivingly too, HEAD counts as GET, and a parameter may stand in query or body,
// for PHP's $_REQUEST takes it from either (B17). Without it (public) everything must stand exactly as the rule has it.
//
// ErrAmbiguous means: method and path are the rule's, and a parameter that it looks at stands twice, or in query and body,
// or, where it must be exact, under another spelling that PHP folds into it. Such a request is refused whatever the rule is
// for: what the upstream would take it for is not known (B18).
func (r Rule) Match(method string, path Path, loose bool, query, form Params) (bool, error) {
	if !r.takesMethod(method, loose) || !r.takesPath(path, loose) {
		return false, nil
	}
	matched, err := r.matchValues(loose, query, form)
	if matched || err != nil || !loose || query.parted == nil && form.parted == nil {
		return matched, err
	}
	// "?x=1;action=login" is an action to those that part at ";" too, and one of two to them where "&" brings another (B11).
	return r.matchValues(loose, query.partedToo(), form.partedToo())
}

func (r Rule) matchValues(loose bool, query, form Params) (bool, error) {
	matched := true
	for i, v := range slices.Concat(r.Query, r.Form) {
		here, there := query, form
		if i >= len(r.Query) {
			here, there = form, query
		}
		ok, err := v.in(here, there, loose)
		if err != nil {
			return false, err
		}
		matched = matched && ok // go on: an ambiguous parameter counts even behind one that does not match
	}
	return matched, nil
}

func (r Rule) takesMethod(method string, loose bool) bool {
	if len(r.Methods) == 0 || slices.Contains(r.Methods, method) {
		return true
	}
	if !loose {
		return false
	}
	return slices.ContainsFunc(r.Methods, func(m string) bool {
		// An upstream runs the same script for HEAD as for GET (B2).
		return strings.EqualFold(m, method) || strings.EqualFold(m, "GET") && strings.EqualFold(method, "HEAD")
	})
}

func (r Rule) takesPath(path Path, loose bool) bool {
	if loose {
		return r.Path.MatchLoose(path)
	}
	return r.Path.Match(path)
}

// in looks the parameter up where the rule wants it. It may stand nowhere else; a loose rule takes it from there too.
func (v Value) in(here, there Params, loose bool) (bool, error) {
	places := here.fields
	if loose {
		places = slices.Concat(here.fields, there.fields)
	}
	found, times, elsewhere := field{}, 0, 0
	for _, f := range places {
		if touches(f.name, v.Name) {
			found = f
			times++
		}
	}
	if !loose {
		elsewhere = len(there.Get(v.Name))
	}
	switch {
	case times+elsewhere > 1:
		return false, fmt.Errorf("parameter %s is there %d times: %w", v.Name, times+elsewhere, ErrAmbiguous)
	case times == 0:
		return false, nil
	case found.name != v.Name && !loose:
		return false, fmt.Errorf("parameter %s is spelled in another way: %w", v.Name, ErrAmbiguous)
	}
	value := found.value.Reveal()
	return v.Value == "*" || value == v.Value || loose && looseValue(value) == looseValue(v.Value), nil
}

// looseValue folds a value as databases and C code compare: case and outer spaces do not count, NUL cuts.
func looseValue(s string) string {
	return foldCase(strings.TrimFunc(cutNUL(s), blank))
}
