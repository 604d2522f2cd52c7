package reading

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustPattern(t testing.TB, s string) Pattern {
	t.Helper()
	p, err := ParsePattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustPath(t testing.TB, s string) Path {
	t.Helper()
	p, err := ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParsePattern(t *testing.T) {
	good := []string{"*", "/", "/login.php", "/static/*", "/img*", "/*", "/.*", "/a b", "/a%20b", "/فواتير", "/wiki/Special:UserLogin"}
	for _, s := range good {
		if p, err := ParsePattern(s); err != nil || p.String() != s {
			t.Errorf("ParsePattern(%q) = %q, %v", s, p, err)
		}
	}
	bad := map[string]string{
		"":                 "must begin with /",
		"login.php":        "must begin with /",
		"**":               "must begin with /",
		"/*/x":             "only at the end",
		"/a**":             "only at the end",
		"/index.php?a=b":   "query:",
		"/a#b":             "query:",
		"/a//b":            "two slashes",
		"/a/../b":          "dots",
		"/a;b":             "no place in paths",
		"/a%2fb":           "escape",
		"/100%":            "bad escape",
		"http://x/":        "must begin with /",
		"/a\x00":           "no place in paths",
		"/a/./*":           "dots",
		"/\xff":            "UTF-8",
		"/a\\b":            "no place in paths",
		"/%2a%25/anything": "escape",
	}
	for s, want := range bad {
		if p, err := ParsePattern(s); err == nil || !strings.Contains(err.Error(), want) || p != (Pattern{}) {
			t.Errorf("ParsePattern(%q) = %v, want an error with %q", s, err, want)
		}
	}
}

func TestPatternMatch(t *testing.T) {
	tests := []struct {
		pattern, path string
		exact, loose  bool
	}{
		{"*", "/any/thing", true, true},
		{"/", "/", true, true},
		{"/", "/x", false, false},
		{"/login.php", "/login.php", true, true},
		{"/login.php", "/LOGIN.php", false, true},
		{"/login.php", "/login.php/", false, true},
		{"/login.php", "/login.php/extra/more", false, true},
		{"/login.php", "/%6cogin.php", true, true},
		{"/login.php", "/login.php.", false, true},
		{"/login.php", "/login.php%20", false, true},
		{"/login.php", "/login.php::$DATA", false, true},
		{"/login.php", "/Login.PHP.%20/x", false, true},
		{"/login.php", "/login.phpx", false, false},
		{"/login.php", "/x/login.php", false, false},
		{"/login.php", "/login", false, true}, // MultiViews
		{"/login.php", "/Login/extra", false, true},
		{"/login.php", "/login.ph", false, false},
		{"/login.php", "/log", false, false},
		{"/login.php", "/login2", false, false},
		{"/rpc.inc.php", "/rpc", false, true},
		{"/rpc.inc.php", "/rpc.inc/x", false, true},
		{"/rpc.inc.php", "/rpc.in", false, false},
		{"/.htaccess", "/", false, false},
		{"/index.php", "/", false, true}, // DirectoryIndex
		{"/index.php", "/x", false, false},
		{"/index.php", "/x/", false, false},
		{"/index.php", "/index.html", false, false},
		{"/x/index.php", "/x/", false, true},
		{"/x/index.php", "/X", false, true},
		{"/x/index.php", "/", false, false},
		{"/x/Default.aspx", "/x/", false, true},
		{"/x/home.php", "/x/", false, false},
		{"/", "/index.php", false, true},
		{"/", "/index.php/x", false, true},
		{"/x/", "/x/index.php", false, true},
		{"/x", "/x/default.asp", false, true},
		{"/x/", "/x/home.php", false, false},
		{"/api/*", "/index.php/api/token", false, true}, // a front controller
		{"/api/*", "/x/app.fcgi/a.b/Api/token", false, true},
		{"/api/*", "/index.php/api", false, true},
		{"/api/*", "/index.php/apis", false, false},
		{"/api/*", "/x/api/token", false, false},
		{"/api/*", "/v1.0/api/token", false, false},
		{"/xmlrpc.php", "/index.php/xmlrpc.php", false, true},
		{"/index.php", "/a.php/", false, false},
		{"/index.php", "/.x/index.php", false, false},
		{"/login", "/login/", false, true},
		{"/login", "/login/x", false, false},
		{"/login", "/LO%47IN", false, true},
		{"/dir/", "/dir", false, true},
		{"/dir/", "/dir/", true, true},
		{"/Kunden", "/%E2%84%AAunden", false, true}, // the Kelvin sign
		{"/sign", "/%C5%BFign", false, true},        // long s
		{"/static/*", "/static/a/b.css", true, true},
		{"/static/*", "/static/", true, true},
		{"/static/*", "/static", false, true},
		{"/static/*", "/Static/a", false, true},
		{"/static/*", "/staticx", false, false},
		{"/static/*", "/x/static/a", false, false},
		{"/api*", "/api", true, true},
		{"/api*", "/apiv2/x", true, true},
		{"/api*", "/ap", false, false},
		{"/.*", "/.git/config", true, true},
		{"/.*", "/git", false, false},
		{"/wiki/Special:UserLogin", "/wiki/Special:Search", false, false},
		{"/wiki/Special:UserLogin", "/wiki/special:userlogin", false, true},
		{"/a b", "/a%20b", true, true},
	}
	for _, test := range tests {
		p, x := mustPattern(t, test.pattern), mustPath(t, test.path)
		if got := p.Match(x); got != test.exact {
			t.Errorf("%q.Match(%q) = %v", test.pattern, test.path, got)
		}
		if got := p.MatchLoose(x); got != test.loose {
			t.Errorf("%q.MatchLoose(%q) = %v", test.pattern, test.path, got)
		}
	}
	if (Pattern{}).Match(mustPath(t, "/")) || (Pattern{}).MatchLoose(mustPath(t, "/")) || mustPattern(t, "*").MatchLoose(Path{}) {
		t.Error("a zero Pattern or Path matches")
	}
}

// What a rule lets through exactly, the same rule also guards.
func TestLooseHoldsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + rapid.StringMatching(`[a-cA-C./: é]{0,8}`).Draw(t, "path")
		pattern, err := ParsePattern(path + rapid.SampledFrom([]string{"", "*"}).Draw(t, "end"))
		if err != nil {
			return
		}
		x, err := ParsePath(strings.ReplaceAll(path, " ", "%20"))
		if err != nil {
			return
		}
		if !pattern.Match(x) || !pattern.MatchLoose(x) || !pattern.MatchLoose(newPath(strings.ToUpper(x.s))) {
			t.Errorf("pattern %q, path %q: exact %v, loose %v", pattern, x, pattern.Match(x), pattern.MatchLoose(x))
		}
	})
}
