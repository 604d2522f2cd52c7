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
	name   string // of a script: loose up to the first dot of its last segment; "" where nothing stands before it
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
		folder, last := splitLast(p.loose)
		name, _, dot := strings.Cut(last, ".")
		if p.script = dot; dot && name != "" {
			p.name = folder + "/" + name
		}
	}
	return p, nil
}

// splitLast splits a path at its last slash.
func splitLast(path string) (folder, last string) {
	i := max(0, strings.LastIndexByte(path, '/'))
	return path[:i], strings.TrimPrefix(path[i:], "/")
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
// (login, doors, own pages). What MatchSame matches, and under the other addresses that servers commonly give a script: the
// folder that it is the index of (DirectoryIndex), its name without the extension (MultiViews), and its own address behind
// another script's (/index.php/api/x of a front controller). A front controller that answers every address it does not
// know (FallbackResource) has no list of them: a rule for it has path * and values.
func (p Pattern) MatchLoose(x Path) bool {
	if x.s == "" || p.text == "" {
		return false
	}
	if p.any || p.alias(x.loose) {
		return true
	}
	// Each end of the path that stands behind a script's name.
	for rest := x.loose; ; {
		script, after, found := strings.Cut(rest[1:], "/")
		if !found {
			return false
		}
		rest = rest[1+len(script):]
		if hasExtension(script) && after != "" && p.alias(rest) {
			return true
		}
	}
}

// MatchSame reports whether the path is the pattern's one address, however it is spelled: case is ignored, a slash may follow,
// behind a script's name anything may follow (PHP's PATH_INFO: /login.php/x runs login.php), and "/api/*" is also "/api".
func (p Pattern) MatchSame(x Path) bool {
	return x.s != "" && p.text != "" && (p.any || p.same(x.loose))
}

// Open reports whether the pattern leaves open which address it is: * or a final *.
func (p Pattern) Open() bool { return p.any || p.deep }

func (p Pattern) same(loose string) bool {
	switch {
	case p.deep:
		return strings.HasPrefix(loose, p.loose) || loose == strings.TrimSuffix(p.loose, "/")
	case p.script && strings.HasPrefix(loose, p.loose) && strings.HasPrefix(loose[len(p.loose):], "/"):
		return true
	}
	return strings.TrimSuffix(loose, "/") == p.loose
}

func (p Pattern) alias(loose string) bool {
	switch {
	case p.same(loose):
		return true
	case p.deep:
		return false
	case !p.script: // perhaps a folder: its index is the folder
		after, ok := strings.CutPrefix(loose, p.loose+"/")
		segment, _, _ := strings.Cut(after, "/")
		return ok && isIndex(segment)
	}
	folder, last := splitLast(p.loose)
	return isIndex(last) && strings.TrimSuffix(loose, "/") == folder || p.withoutExtension(loose)
}

// withoutExtension reports whether the path is the script's with a part of its extensions left off, as mod_negotiation finds it.
func (p Pattern) withoutExtension(loose string) bool {
	if p.name == "" || !strings.HasPrefix(loose, p.name) {
		return false
	}
	extensions := p.loose[len(p.name):]
	some, _, _ := strings.Cut(loose[len(p.name):], "/")
	return len(some) < len(extensions) && strings.HasPrefix(extensions, some) && extensions[len(some)] == '.'
}

// isIndex reports whether servers commonly show a file of this name for its folder.
func isIndex(segment string) bool {
	name, _, _ := strings.Cut(segment, ".")
	return name == "index" || name == "default"
}

// hasExtension reports whether a segment could be a script's name. What begins with a digit there is a version: /v1.0/api.
func hasExtension(segment string) bool {
	i := strings.LastIndexByte(segment, '.')
	return i > 0 && i+1 < len(segment) && 'a' <= segment[i+1] && segment[i+1] <= 'z'
}
