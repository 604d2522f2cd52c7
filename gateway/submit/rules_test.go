package submit

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"doorcode/gateway/seal"
)

// The table of invariant 4 and the columns beside it, cell by cell.
func TestVerdict(t *testing.T) {
	rules := map[string][2]rule{
		"success":             {matched, missed},
		"failure":             {missed, matched},
		"both":                {matched, matched},
		"neither":             {missed, missed},
		"no rules":            {notRuled, notRuled},
		"success, no failure": {matched, notRuled},
		"no success: failure": {notRuled, matched},
		"no success, alone":   {missed, notRuled},
		"no failure, alone":   {notRuled, missed},
	}
	for _, c := range []struct {
		rules                      string
		yes, no, unanswered, alone Outcome
	}{
		{"success", Worked, Unclear, Unclear, Worked},
		{"failure", Worked, Failed, Unclear, Failed},
		{"both", Worked, Unclear, Unclear, Unclear},
		{"neither", Worked, Unclear, Unclear, Unclear},
		{"no rules", Worked, Failed, Unclear, Unclear},
		{"success, no failure", Worked, Unclear, Unclear, Unclear},
		{"no success: failure", Worked, Failed, Unclear, Unclear},
		{"no success, alone", Worked, Unclear, Unclear, Unclear},
		{"no failure, alone", Worked, Unclear, Unclear, Unclear},
	} {
		r := rules[c.rules]
		for reply, want := range map[reply]Outcome{yes: c.yes, no: c.no, unanswered: c.unanswered, notAsked: c.alone} {
			if got := verdict(r[0], r[1], reply); got != want {
				t.Errorf("%s, confirm %d: %v, want %v", c.rules, reply, got, want)
			}
		}
	}
	if len(rules) != 9 {
		t.Errorf("%d combinations of two rules tested, want all 9", len(rules))
	}
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

func TestCondition(t *testing.T) {
	v := &visit{upstream: &url.URL{Scheme: "http", Host: "up"}, browser: Browser{Host: "books.example.com"}, jar: new(seal.Jar)}
	past := time.Unix(0, 0).UTC().Format(http.TimeFormat)
	s := v.look(&answer{
		at:     &url.URL{Scheme: "http", Host: "up", Path: "/a/login.php"},
		status: 302,
		header: http.Header{
			"Location":   {"http://books.example.com/a/home.php?x=1"},
			"Set-Cookie": {"auth=1; path=/", "gone=deleted; expires=" + past},
		},
		text: "welcome",
	})
	yes, no := Test{Status: 302, Place: "yes"}, Test{Status: 200, Place: "no"}
	for _, c := range []struct {
		name  string
		c     Condition
		want  bool
		place string
	}{
		{"empty", Condition{}, false, ""},
		{"empty test", Condition{Any: []Test{{}}}, false, ""},
		{"any", Condition{Any: []Test{no, yes}}, true, "yes"},
		{"any, none", Condition{Any: []Test{no, no}}, false, ""},
		{"all", Condition{All: []Test{yes, yes}}, true, "yes"},
		{"all, one not", Condition{All: []Test{yes, no}}, false, ""},
		{"all and any", Condition{All: []Test{yes}, Any: []Test{no}}, false, ""},
		{"not", Condition{Not: &Condition{Any: []Test{no}}}, true, ""},
		{"not, but", Condition{All: []Test{yes}, Not: &Condition{Any: []Test{yes}}}, false, ""},
		{"two fields of one test", Condition{Any: []Test{{Status: 302, Body: re("wrong")}}}, false, ""},
		{"location as sent", Condition{Any: []Test{{Location: re(`^http://books\.`)}}}, true, ""},
		{"location as path", Condition{Any: []Test{{Location: re(`^/a/home\.php\?x=1$`)}}}, true, ""},
		{"location, another", Condition{Any: []Test{{Location: re(`login`)}}}, false, ""},
		{"cookie", Condition{Any: []Test{{Cookie: re(`^auth$`)}}}, true, ""},
		{"cookie by value", Condition{Any: []Test{{Cookie: re(`1`)}}}, false, ""},
		{"cookie that is deleted", Condition{Any: []Test{{Cookie: re(`^gone$`)}}}, false, ""},
		{"body", Condition{Any: []Test{{Body: re(`welcome`)}}}, true, ""},
	} {
		if got, place := c.c.match(s); got != c.want || place != c.place {
			t.Errorf("%s: %v at %q, want %v at %q", c.name, got, place, c.want, c.place)
		}
	}
}

// A text that was not read whole can be neither there nor not there.
func TestConditionOnBrokenBody(t *testing.T) {
	v := &visit{upstream: &url.URL{Scheme: "http", Host: "up"}, jar: new(seal.Jar)}
	s := v.look(&answer{at: &url.URL{Path: "/"}, status: 200, header: http.Header{}, text: "welcome", broken: errLong})
	for _, c := range []struct {
		name string
		c    *Condition
		want rule
	}{
		{"body", &Condition{Any: []Test{{Body: re("welcome")}}}, missed},
		{"not body", &Condition{Not: &Condition{All: []Test{{Body: re("wrong")}}}}, missed},
		{"status", &Condition{Any: []Test{{Status: 200}}}, matched},
		{"none", nil, notRuled},
	} {
		if got, _ := c.c.judge(s); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
