package sms

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// traceBytes is how much of an answer a trace shows: enough for a whole answer in JSON.
const traceBytes = 2000

// Exchange is what went to a provider and came back, for whoever sets one up. Like an Error it holds no code, text, number or password.
type Exchange struct {
	Request string   // method and address; of its query the names alone
	Fields  []string // names of the form's fields, in order; of a JSON body the pointers of its values
	Number  string   // {{.Number}}, its middle hidden: 9705•••••••56
	Type    string   // {{.Type}}; "" where the config says nothing of it
	Status  int      // of the answer; 0 when none came
	Answer  string   // the first of it, masked
}

func (s *Sender) seen(r *http.Request, v values, mask *masker) Exchange {
	e := Exchange{Number: hiddenMiddle(v.Number), Type: v.Type}
	e.Request = mask.beginning([]byte(r.Method+" "+r.URL.Scheme+"://"+r.URL.Host+r.URL.EscapedPath()), traceBytes) + namesOf(r.URL.RawQuery)
	for _, p := range s.c.Form {
		e.Fields = append(e.Fields, p.Name)
	}
	if !s.c.JSON.IsZero() {
		e.Fields = pointersIn(*s.c.JSON.root, "")
	}
	return e
}

// pointersIn lists the JSON pointers of what stands in a tree.
func pointersIn(tree any, at string) (all []string) {
	switch t := tree.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(t)) {
			all = append(all, pointersIn(t[name], at+"/"+pointerEscape(name))...)
		}
		return all
	case []any:
		for i, value := range t {
			all = append(all, pointersIn(value, fmt.Sprintf("%s/%d", at, i))...)
		}
		return all
	}
	return []string{at}
}

// namesOf shows a query without its values: a password may be among them, and a short one would not be known as such.
func namesOf(query string) string {
	if query == "" {
		return ""
	}
	var names []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, valued := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && valued {
			names = append(names, plain+"=…")
		} else {
			names = append(names, "…")
		}
	}
	return "?" + strings.Join(names, "&")
}

// hiddenMiddle shows in which format a number was written, and no more of the number than pages show.
func hiddenMiddle(number string) string {
	const first, last = 4, 2
	prefix := len(number) - len(strings.TrimLeft(number, "+0"))
	if len(number) < prefix+first+last+4 {
		return number[:prefix] + strings.Repeat("•", len(number)-prefix)
	}
	return number[:prefix+first] + strings.Repeat("•", len(number)-prefix-first-last) + number[len(number)-last:]
}
