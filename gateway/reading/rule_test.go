package reading

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func mustQuery(t testing.TB, raw string) Params {
	t.Helper()
	p, err := ParseQuery(raw)
	if err != nil && !errors.Is(err, ErrUnreadable) {
		t.Fatal(err)
	}
	return p
}

// Allowed and refused side by side. The same request is held against the rule exactly (public) and loosely (login, doors).
func TestRuleMatch(t *testing.T) {
	index := mustPattern(t, "/index.php")
	byQuery := Rule{Methods: []string{"GET"}, Path: index, Query: []Value{{"title", "Special:Login"}}}
	byForm := Rule{Methods: []string{"POST"}, Path: index, Form: []Value{{"action", "login"}}}
	byBoth := Rule{Path: index, Query: []Value{{"title", "*"}}, Form: []Value{{"user.name", "*"}}}
	plain := Rule{Path: mustPattern(t, "*")}
	const no, yes, twice = "no", "yes", "ambiguous"
	tests := []struct {
		rule         Rule
		method, path string
		query, form  string
		exact, loose string
	}{
		{plain, "GET", "/x", "", "", yes, yes},
		{plain, "DELETE", "/x", "a=1&a=2", "a=3", yes, yes},
		{byQuery, "GET", "/index.php", "title=Special:Login", "", yes, yes},
		{byQuery, "GET", "/index.php", "title=Main", "", no, no},
		{byQuery, "GET", "/index.php", "", "", no, no},
		{byQuery, "GET", "/other.php", "title=Special:Login", "", no, no},
		{byQuery, "GET", "/other.php", "title=Special:Login&title=x", "", no, no},
		{byQuery, "GET", "/", "title=Special:Login", "", no, yes},

		// B11: parted at ";" as well.
		{byQuery, "GET", "/index.php", "x=1;title=Special:Login", "", no, yes},
		{byQuery, "GET", "/index.php", "title=Special:Login;x=1", "", no, yes},
		{byQuery, "GET", "/index.php", "title=Main&x=1;title=Special:Login", "", no, twice},
		{byQuery, "GET", "/index.php", "x=1%3Btitle=Special:Login", "", no, no},
		{byForm, "POST", "/index.php", "", "x=1;action=login", no, yes},
		{byForm, "POST", "/index.php", "x;action=login", "y=1", no, yes},
		{byForm, "POST", "/index.php", "", "x;y", no, no},

		// B2
		{byQuery, "HEAD", "/index.php", "title=Special:Login", "", no, yes},
		{byQuery, "get", "/index.php", "title=Special:Login", "", no, yes},
		{byQuery, "POST", "/index.php", "title=Special:Login", "", no, no},
		{byForm, "HEAD", "/index.php", "", "action=login", no, no},

		// B1, B17: names, values and paths in other spellings.
		{byQuery, "GET", "/INDEX.php/x", "title=Special:Login", "", no, yes},
		{byQuery, "GET", "/index.php", "title=special:login+", "", no, yes},
		{byQuery, "GET", "/index.php", "title=Special:Login%00x", "", no, yes},
		{byQuery, "GET", "/index.php", "TITLE=Special:Login", "", twice, yes},
		{byQuery, "GET", "/index.php", "+title=Special:Login", "", twice, yes},
		{byQuery, "GET", "/index.php", "title[]=Special:Login", "", twice, yes},
		{byQuery, "GET", "/index.php", "title%00=Special:Login", "", twice, yes},
		{byQuery, "GET", "/index.php", "%74itle=Special:Login", "", yes, yes},
		{byForm, "POST", "/index.php", "", "action[x]=login", twice, yes},
		{byForm, "POST", "/index.php", "", "pad=1&action=login", yes, yes},
		{byForm, "POST", "/index.php", "", "action=logout", no, no},
		{byForm, "POST", "/index.php", "action=login", "", no, yes},
		{byQuery, "GET", "/index.php", "", "title=Special:Login", no, yes},
		{byQuery, "GET", "/index.php", "", "+title[]=special:login", no, yes},
		{byBoth, "PUT", "/index.php", "user.name=x", "title=y", no, yes},

		// B18: twice, or in query and body.
		{byQuery, "GET", "/index.php", "title=Special:Login&title=Main", "", twice, twice},
		{byQuery, "GET", "/index.php", "title=Main&title[]=Main", "", twice, twice},
		{byQuery, "GET", "/index.php", "title=Special:Login", "title=Main", twice, twice},
		{byQuery, "GET", "/index.php", "title=Main", "title=Main", twice, twice},
		{byForm, "POST", "/index.php", "action=x", "action=login", twice, twice},
		{byForm, "POST", "/index.php", "a.ction=x", "action=login", yes, yes},
		{byForm, "POST", "/index.php", "", "action=login&ACTION=x", twice, twice},
		{byBoth, "PUT", "/index.php", "title=x", "user.name=y", yes, yes},
		{byBoth, "PUT", "/index.php", "title=x", "user_name=y", twice, yes},
		{byBoth, "PUT", "/index.php", "", "user.name=y&user_name=z", twice, twice},
		{byBoth, "PUT", "/index.php", "title=x&title=y", "", twice, twice},
		{byBoth, "PUT", "/index.php", "title=x", "", no, no},

		// B19: an old script's escape is two readings where a rule looks at it, and nothing elsewhere.
		{byQuery, "GET", "/index.php", "x=%u0645&title=Special:Login", "", yes, yes},
		{byQuery, "GET", "/index.php", "title=%u0645", "", twice, twice},
		{byQuery, "GET", "/index.php", "%u0074itle=Special:Login", "", yes, yes},
	}
	for _, test := range tests {
		for _, loose := range []bool{false, true} {
			want := test.exact
			if loose {
				want = test.loose
			}
			got, ok := no, false
			ok, err := test.rule.Match(test.method, mustPath(t, test.path), loose, mustQuery(t, test.query), mustQuery(t, test.form))
			switch {
			case errors.Is(err, ErrAmbiguous) && !ok:
				got = twice
			case err == nil && ok:
				got = yes
			}
			if got != want {
				t.Errorf("%s %s?%s with %q, loose %v: %s, want %s", test.method, test.path, test.query, test.form, loose, got, want)
			}
		}
	}
}

func TestLooksAtForm(t *testing.T) {
	if (Rule{Query: []Value{{"a", "*"}}}).LooksAtForm() || !(Rule{Form: []Value{{"a", "*"}}}).LooksAtForm() {
		t.Error("LooksAtForm")
	}
}

// A rule that lets through what it matches exactly must match the same request when it guards.
func TestRuleLooseHoldsExact(t *testing.T) {
	rule := Rule{Methods: []string{"GET", "POST"}, Path: mustPattern(t, "/a*"), Query: []Value{{"user", "x"}}, Form: []Value{{"name", "*"}}}
	rapid.Check(t, func(t *rapid.T) {
		pairs := func(label string) Params {
			var list []field
			for range rapid.IntRange(0, 3).Draw(t, label) {
				list = append(list, newField(oddName().Draw(t, "name"), rapid.SampledFrom([]string{"x", "X", " x", "y"}).Draw(t, "value")))
			}
			return Params{fields: list}
		}
		query, form := pairs("query"), pairs("form")
		path := newPath(rapid.SampledFrom([]string{"/a", "/A", "/ab", "/b"}).Draw(t, "path"))
		exact, errExact := rule.Match("GET", path, false, query, form)
		loose, errLoose := rule.Match("GET", path, true, query, form)
		if exact && !loose || errLoose != nil && errExact == nil && path.s[1] == 'a' {
			t.Errorf("exact %v %v, loose %v %v", exact, errExact, loose, errLoose)
		}
	})
}
