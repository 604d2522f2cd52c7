package gateway

import (
	"errors"
	"net/http"
	"strings"

	"doorcode/templates"
)

// NTLM and Negotiate sign in the connection and not the request (RFC 4559 §6, MS-NTHT). Connections to the upstream are shared, so whoever
// came next on one would be served as whoever signed in on it (threat B16). Such Authorization is refused from everybody (signsIn in
// login.go), and nobody is asked for it.

// connectionScheme reports whether an authentication scheme is one of those that sign in the connection: NTLM and NTLM_WB, Negotiate and
// Nego2, and what else begins so, for some servers compare no more of the word.
func connectionScheme(scheme string) bool {
	scheme = strings.ToLower(scheme)
	for _, begin := range []string{"ntlm", "nego", "kerberos", "credssp"} {
		if strings.HasPrefix(scheme, begin) {
			return true
		}
	}
	return false
}

// errWindowsSignIn is for the log: what ops can do.
var errWindowsSignIn = errors.New("the application asks for a Windows sign-in (NTLM or Negotiate), which cannot pass: switch Windows authentication off there, " +
	"and its form or anonymous sign-in on")

// dropConnectionSchemes takes what signs in the connection out of what an answer asks for, and keeps other schemes. A browser that is asked
// in no way that is left would show an empty page: a refusal says why instead.
func dropConnectionSchemes(res *http.Response) error {
	asked := res.Header["Www-Authenticate"]
	if len(asked) == 0 {
		return nil
	}
	left, dropped := otherSchemes(asked)
	if !dropped {
		return nil
	}
	if len(left) > 0 {
		res.Header["Www-Authenticate"] = left
		return nil
	}
	delete(res.Header, "Www-Authenticate")
	if res.StatusCode == http.StatusUnauthorized {
		return refuse(templates.WindowsSignIn, errWindowsSignIn)
	}
	return nil
}

// otherSchemes returns the lines without the challenges that sign in the connection, and whether there were any. Lines that had none stay
// as they came.
func otherSchemes(lines []string) (left []string, dropped bool) {
	for _, line := range lines {
		var kept []string
		drop, found := false, false
		for _, part := range listed(line) {
			if scheme, begins := challengeScheme(part); begins {
				drop = connectionScheme(scheme)
				found = found || drop
			}
			if !drop {
				kept = append(kept, part)
			}
		}
		switch {
		case !found:
			left = append(left, line)
		case len(kept) > 0:
			left = append(left, strings.Join(kept, ", "))
		}
		dropped = dropped || found
	}
	return left, dropped
}

// listed parts a header's list at commas outside quotes (RFC 9110 §5.6.1, §5.6.4); empty elements go.
func listed(line string) (parts []string) {
	quoted, escaped, begin := false, false, 0
	add := func(part string) {
		if part = strings.Trim(part, " \t"); part != "" {
			parts = append(parts, part)
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			add(line[begin:i])
			begin = i + 1
		}
	}
	if quoted {
		// A quote that nothing closes: browsers may well read on at the next comma, and what they read there must not be a scheme of these.
		for part := range strings.SplitSeq(line[begin:], ",") {
			add(part)
		}
		return parts
	}
	add(line[begin:])
	return parts
}

// challengeScheme reports whether an element of WWW-Authenticate begins a challenge, and of which scheme. An element that is a name, "=" and a
// value belongs to the challenge before it (RFC 9110 §11.6.1).
func challengeScheme(part string) (scheme string, begins bool) {
	end := strings.IndexAny(part, " \t=")
	if end < 0 {
		return part, true
	}
	scheme = part[:end]
	parameter := strings.HasPrefix(strings.TrimLeft(part[end:], " \t"), "=")
	return scheme, !parameter || connectionScheme(scheme)
}
