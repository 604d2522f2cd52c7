package reading

import (
	"fmt"
	"strings"
)

// Pattern is the path of a rule. The zero Pattern matches nothing.
type Pattern struct {
	text   string // as the admin wrote it
	any    bool   // "*"
	deep   bool   // a final "*": anything may follow, any depth
	script bool   // the last segment has a dot, so a PATH_INFO may follow
	exact  string // decoded, without the final "*"
	loose  string // exact in loose form; without a final slash unless deep
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// ParsePattern reads a path as rules write it: "/login.php", "/static/*" for everything below at any depth, "/img*" for
// everything that begins so, "*" for any path. Everything else is a canonical path (see ParsePath). A pattern that no
// canonical path could match is an error, for it would guard nothing.
func ParsePattern(s string) (Pattern, error) {
	if s == "*" {
		return Pattern{text: s, any: true}, nil
	}
	literal, deep := strings.CutSuffix(s, "*")
	switch {
	case !strings.HasPrefix(s, "/"):
		return Pattern{}, fmt.Errorf("path %q must begin with / (or be * for any path)", s)
	case strings.Contains(literal, "*"):
		return Pattern{}, fmt.Errorf("path %q: a * may stand only at the end", s)
	case strings.ContainsAny(literal, "?#"):
		return Pattern{}, fmt.Errorf("path %q: parameters go under query:, not into the path", s)
	}
	// What a deep pattern's last segment goes on with is open, so "/.*" is fine though "/." is no path.
	end := ""
	if deep {
		end = "x"
	}
	x, err := ParsePath(strings.ReplaceAll(literal, " ", "%20") + end)
	if err != nil {
		return Pattern{}, fmt.Errorf("path %q: %w", s, err)
	}
	exact := strings.TrimSuffix(x.s, end)
	p := Pattern{text: s, deep: deep, exact: exact, loose: looseForm(exact)}
	if !deep {
		p.loose = strings.TrimSuffix(p.loose, "/")
		p.script = isScript(exact)
	}
	return p, nil
}

func isScript(path string) bool {
	return strings.Contains(path[strings.LastIndexByte(path, '/')+1:], ".")
}

// Match reports whether the path is exactly the pattern's: for rules that let something through (public).
func (p Pattern) Match(x Path) bool {
	switch {
	case x.s == "" || p.text == "":
		return false
	case p.any:
		return true
	case p.deep:
		return strings.HasPrefix(x.s, p.exact)
	}
	return x.s == p.exact
}

// MatchLoose reports whether a forgiving upstream could take the path for the pattern's: for rules that must not be dodged
// (login, doors, own pages). Case is ignored, a slash may follow, behind a script's name anything may follow (PHP's
// PATH_INFO: /login.php/x runs login.php), and "/api/*" is also "/api".
func (p Pattern) MatchLoose(x Path) bool {
	switch {
	case x.s == "" || p.text == "":
		return false
	case p.any:
		return true
	case p.deep:
		return strings.HasPrefix(x.loose, p.loose) || x.loose == strings.TrimSuffix(p.loose, "/")
	case p.script && strings.HasPrefix(x.loose, p.loose+"/"):
		return true
	}
	return strings.TrimSuffix(x.loose, "/") == p.loose
}
