package reading

import "strings"

// Field names as upstreams read them. PHP's rules (main/php_variables.c, php_register_variable_ex) are the oddest that are
// in use, so they are ours; where its versions differ, every version's reading counts.

// keys reads a field name as PHP 8 does: leading spaces go, NUL cuts, "." and " " become "_", "user[a][b]" is the field user
// with keys a and b, and a "[" that nothing closes becomes "_" too. An empty key is "[]", the next free one.
func keys(name string) []string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "\x00")
	open := strings.IndexByte(name, '[')
	if open < 0 {
		return []string{underscored(name)}
	}
	list := []string{underscored(name[:open])}
	for rest := name[open:]; strings.HasPrefix(rest, "["); {
		key, after, closed := strings.Cut(rest[1:], "]")
		if !closed && len(list) == 1 {
			return []string{underscored(name)}
		}
		if !closed {
			break
		}
		list = append(list, strings.TrimSpace(key))
		rest = after
	}
	return list
}

// underscored works on bytes: names in windows-1256 are not UTF-8 and stay what they are.
func underscored(s string) string {
	if isPlain(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c == ' ' || c == '.' || c == '[' {
			b[i] = '_'
		}
	}
	return string(b)
}

// spellings returns all that a sent name could be to an upstream. Besides keys: a "[" that nothing closes might open an
// index all the same, and NUL might be dropped instead of cutting.
func spellings(name string) [][]string {
	all := [][]string{keys(name)}
	if open := strings.IndexByte(name, '['); open > 0 && len(all[0]) == 1 {
		all = append(all, keys(name[:open]))
	}
	if strings.IndexByte(name, 0) >= 0 {
		all = append(all, keys(strings.ReplaceAll(name, "\x00", "")))
	}
	return all
}

// Touches reports whether an upstream could read a field sent as sent as the parameter want: in another case, or in a spelling that
// PHP folds into it.
func Touches(sent, want string) bool { return touches(sent, want) }

// touches reports whether a field sent as sent could be read as the field want, as a part of it, or as what holds it: to PHP
// user[0] belongs to user, and a plain user overwrites user[name]. Case is ignored, for some upstreams ignore it.
func touches(sent, want string) bool {
	if isPlain(sent) && isPlain(want) {
		return strings.EqualFold(sent, want)
	}
	w := keys(want)
	for _, s := range spellings(sent) {
		if related(s, w) {
			return true
		}
	}
	return false
}

// isPlain reports whether a name has no second spelling but case.
func isPlain(name string) bool { return !strings.ContainsAny(name, " .[\x00") }

// related reports whether one is the other or the beginning of it.
func related(a, b []string) bool {
	if a[0] == "" || !strings.EqualFold(a[0], b[0]) {
		return false
	}
	for i := 1; i < len(a) && i < len(b); i++ {
		// The next free key could be any.
		if a[i] != "" && b[i] != "" && !strings.EqualFold(a[i], b[i]) {
			return false
		}
	}
	return true
}
