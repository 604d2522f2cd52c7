package reading

import "strings"

// maxReturnBytes is as long as an address stays whole in every browser and mail.
const maxReturnBytes = 2048

// Return reads where a visitor wanted to go: a path and query on this origin, to be put into Location. Everything that a
// browser could take to another origin is refused (D5): it drops tabs and line ends, takes "\" for "/", and reads "//evil"
// and "https:evil" as addresses of their own. So are our own pages, or a login would end where it began.
func Return(raw string) (string, bool) {
	if len(raw) > maxReturnBytes || strings.HasPrefix(raw, "//") {
		return "", false
	}
	escaped, query, hasQuery := strings.Cut(raw, "?")
	path, err := ParsePath(escaped)
	if err != nil || path.Own() {
		return "", false
	}
	for i := 0; i < len(query); i++ {
		if c := query[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("#\\\"<>", c) >= 0 {
			return "", false
		}
	}
	if !hasQuery {
		return path.Escaped(), true
	}
	return path.Escaped() + "?" + query, true
}
