package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"doorcode/challenge"
)

// reportPart is one part of `doorcode report`: the findings that belong to it, and what to do about them.
type reportPart struct {
	kind   challenge.FindingKind
	detail string // its beginning
	title  string // said with how many there are
	advice string
	names  string // heading of the column
}

// reportParts are in the order of their weight: who would stand before a closed door on the first day comes first.
var reportParts = []reportPart{
	{challenge.FoundLogin, string(challenge.OutcomeRefused) + ": " + string(challenge.RefusedUnlisted), "not in users.yaml: refused", "list them, or see unlisted in users.yaml", "USER"},
	{challenge.FoundLogin, string(challenge.OutcomeRefused) + ": " + string(challenge.RefusedNoDestination), "without a mobile or e-mail address for their code: refused", "doorcode user set NAME --mobile … --email …", "USER"},
	{challenge.FoundLogin, string(challenge.OutcomeRefused), "refused by users.yaml", "doorcode explain --user NAME says which line decides", "USER"},
	{challenge.FoundLogin, string(challenge.OutcomeCode), "asked for a code", "", "USER"},
	{challenge.FoundLogin, string(challenge.OutcomeLetIn), "let in without a code", "doorcode explain --user NAME says which line decides", "USER"},
	{challenge.FoundDoor, "", "other doors used", "whoever needs one gets a rule under clients", "PATH"},
	{challenge.FoundRefused, "", "paths refused", "what a login page needs belongs under public; forms that look like a login under login.elsewhere", "PATH"},
	{challenge.FoundCookie, "", "cookies dropped", "a line lets each through, if it opens nothing", "COOKIE"},
}

// writeReport sums findings up for people.
func writeReport(w io.Writer, found []challenge.Finding, observing bool) error {
	var logins, users int
	var first, last time.Time
	names := map[string]bool{}
	for _, f := range found {
		if first.IsZero() || f.FirstAt.Before(first) {
			first = f.FirstAt
		}
		if f.LastAt.After(last) {
			last = f.LastAt
		}
		if f.Kind == challenge.FoundLogin {
			logins += f.Count
			names[f.Name] = true
		}
	}
	users = len(names)
	if len(found) == 0 {
		_, err := fmt.Fprintln(w, "Nothing was found yet: nobody has signed in since this was first started.")
		return err
	}
	fmt.Fprintf(w, "%s of %s, from %s to %s.\n", several(logins, "login"), several(users, "user"), clock(first), clock(last))
	if observing {
		fmt.Fprintln(w, "mode: observe. No code is asked; the first parts say what will happen with mode: enforce.")
	}
	left := slices.Clone(found)
	for _, part := range reportParts {
		var its []challenge.Finding
		left = slices.DeleteFunc(left, func(f challenge.Finding) bool {
			if f.Kind != part.kind || !strings.HasPrefix(f.Detail, part.detail) {
				return false
			}
			its = append(its, f)
			return true
		})
		if len(its) > 0 {
			part.write(w, its)
		}
	}
	return nil
}

func (p reportPart) write(w io.Writer, found []challenge.Finding) {
	title := p.title
	if p.names == "USER" {
		users := map[string]bool{}
		for _, f := range found {
			users[f.Name] = true
		}
		title = several(len(users), "user") + " " + title
	} else {
		title = fmt.Sprintf("%s: %d", title, len(found))
	}
	fmt.Fprintf(w, "\n%s\n", title)
	if p.advice != "" {
		fmt.Fprintf(w, "  %s\n", p.advice)
	}
	slices.SortStableFunc(found, func(a, b challenge.Finding) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  %s\tTIMES\tLAST\tWHAT\n", p.names)
	for _, f := range found {
		fmt.Fprintf(t, "  %s\t%d\t%s\t%s\n", printable(f.Name), f.Count, clock(f.LastAt), printable(f.Detail))
	}
	t.Flush()
	if len(found) >= challenge.MaxFindings {
		fmt.Fprintf(w, "  No more than %d are kept: there may be others.\n", challenge.MaxFindings)
	}
}

// printable keeps what strangers chose from steering the terminal or the table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func clock(at time.Time) string { return at.Local().Format("2006-01-02 15:04") }
