package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorcode/challenge"
	"doorcode/config"
)

// explain is what the command line asks for.
type explain struct {
	file, user, confirmed, from, browser, at string
}

func explainCommand() *cobra.Command {
	var e explain
	c := &cobra.Command{
		Use:   "explain --user NAME",
		Short: "Say what a login would come to, and which line decides it",
		Long: `Says whether a login with the right password would be refused, let in, or asked for a code, and names the line of
users.yaml that decides it: the user's own, his group's or that of the defaults. It reads the files as they are now and
asks no running gateway: who is locked after wrong codes is not known here.`,
		Example: `  doorcode explain --config /etc/doorcode/gateway.yaml --user ahmad.saleh
  doorcode explain --user ahmad.saleh --from 10.1.2.3 --browser trusted --at 2026-11-29`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return e.run(c.OutOrStdout()) },
	}
	configFlag(c, &e.file)
	c.Flags().StringVar(&e.user, "user", "", "the `name` that is typed")
	c.Flags().StringVar(&e.confirmed, "confirmed", "", "the `name` that login.confirm reads; when not given, the typed one")
	c.Flags().StringVar(&e.from, "from", "", "the client's `address`; when not given, one that networks.only allows and no_code does not spare")
	c.Flags().StringVar(&e.browser, "browser", "new", "new or `trusted`: whether the user ticked \"Remember my device\" in it")
	c.Flags().StringVar(&e.at, "at", "", "a `day`, 2026-11-29, or \"2026-11-29 14:30\"; now when not given")
	return c
}

func (e explain) run(out io.Writer) error {
	if e.user == "" {
		return usageError{hinted{errors.New("a user is missing"), "write --user and the name that is typed at the application"}}
	}
	if e.browser != "new" && e.browser != "trusted" {
		return usageError{hinted{fmt.Errorf("--browser is %q", e.browser), "write new or trusted"}}
	}
	settings, policy, err := load(e.file, config.Overrides{}, func(config.Problems) {})
	if err != nil {
		return err
	}
	asked, err := e.asked(settings, policy)
	if err != nil {
		return usageError{err}
	}
	judged := policy.Judge(asked)
	for _, line := range slices.Concat(e.who(asked, judged), e.outcome(settings.Observe, policy, asked, judged), e.conditions(asked, judged)) {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// asked is the login that the command line describes.
func (e explain) asked(s *config.Settings, p *challenge.Policy) (challenge.Asked, error) {
	zone := cmp.Or(s.Challenge.Zone, time.Local)
	a := challenge.Asked{Typed: e.user, Confirmed: e.confirmed, At: time.Now().In(zone)}
	if a.Confirmed == "" && s.ConfirmReadsUser {
		a.Confirmed = e.user
	}
	if e.at != "" {
		at, err := time.ParseInLocation("2006-01-02 15:04", e.at, zone)
		if err != nil {
			at, err = time.ParseInLocation(time.DateOnly, e.at, zone)
		}
		if err != nil {
			return a, hinted{fmt.Errorf("--at is %q", e.at), `write a day, 2026-11-29, or a day and an hour, "2026-11-29 14:30"`}
		}
		a.At = at
	}
	if e.from == "" {
		a.Address = usual(p.Judge(a).User.Networks)
		return a, nil
	}
	address, err := netip.ParseAddr(e.from)
	if err != nil || address.Zone() != "" {
		return a, hinted{fmt.Errorf("--from is %q", e.from), "write an address, such as 10.1.2.3 or 2001:db8::7"}
	}
	a.Address = address.Unmap()
	return a, nil
}

// usual is an address that n allows, and where it asks for a code if there is such a one.
func usual(n challenge.Networks) (address netip.Addr) {
	for _, p := range n.Only {
		for _, a := range []netip.Addr{p.Addr(), last(p)} {
			if !slices.ContainsFunc(n.NoCode, func(free netip.Prefix) bool { return free.Contains(a) }) {
				return a
			}
			address = a
		}
	}
	return address // the zero one is in no network
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// who says whose login it is, from where and when.
func (e explain) who(a challenge.Asked, j challenge.Judgement) []string {
	name := fmt.Sprintf("%q is a name that nobody can have", e.user)
	switch {
	case j.Listed:
		name = fmt.Sprintf("%s (%s)", j.User.Name, j.User.Place)
	case !j.Username.IsZero():
		name = fmt.Sprintf("%s, who is not listed", cmp.Or(j.User.Name, e.user))
	}
	from := e.from
	switch {
	case from != "":
	case a.Address.IsValid():
		from = "an address in networks.only"
	default:
		from = "anywhere"
	}
	return []string{fmt.Sprintf("%s, from %s, %s:", name, from, a.At.Format("Monday 2006-01-02 15:04 MST"))}
}

// outcome says what the login comes to, and by which line.
func (e explain) outcome(observe bool, p *challenge.Policy, a challenge.Asked, j challenge.Judgement) []string {
	says, by := "asked for a code, "+ways(j.User), j.Reason
	switch {
	case j.Refusal == challenge.RefusedNetwork:
		says = "refused, from there"
		if !p.Allows(a.Typed, a.Address) {
			says += ", before the password goes up to the application"
		}
	case j.Refusal != "":
		says = "refused (" + string(j.Refusal) + "), although the password is right"
	case j.Exempt != "":
		says = "let in by password alone"
	case e.browser == "trusted" && j.Trusts():
		says, by = "let in without a code, by the browser that is trusted", remembers(j.User)
	}
	lines := []string{"  " + says, "  decided by " + by}
	if observe {
		return append([]string{"  let in, since mode is observe: nobody is asked or refused yet. With mode: enforce:"}, lines...)
	}
	return lines
}

// ways says where the code goes.
func ways(u challenge.User) string {
	var each []string
	for _, c := range u.Channels() {
		name, to := "SMS", u.Mobile
		if c == challenge.Email {
			name, to = "e-mail", u.Email
		}
		each = append(each, fmt.Sprintf("by %s to %s", name, challenge.Mask(c, to)))
	}
	if u.Code == challenge.CodeChoose {
		return strings.Join(each, " or ") + ", as the user chooses"
	}
	return strings.Join(each, " and ")
}

// remembers names the line that lets browsers be trusted.
func remembers(u challenge.User) string {
	says := "remember: never"
	if u.Remember > 0 {
		says = "remember: " + config.SaySpan(u.Remember)
	}
	if u.Places.Remember == "" {
		return says + ", as when nothing is written"
	}
	return u.Places.Remember + ": " + says
}

// conditions says what would come out otherwise: in a trusted browser, elsewhere, on another day.
func (e explain) conditions(a challenge.Asked, j challenge.Judgement) []string {
	u := j.User
	line := func(place string) string { return cmp.Or(place, u.Place) }
	var lines []string
	switch {
	case j.Refusal != "" || j.Exempt != "":
	case !j.Trusts():
		lines = append(lines, "  also in a browser that was trusted: "+remembers(u))
	case e.browser != "trusted":
		lines = append(lines, "  a trusted browser spares the code: "+remembers(u))
	}
	if len(u.Networks.Only) > 0 {
		lines = append(lines, fmt.Sprintf("  only from %s: %s: networks.only", list(u.Networks.Only), line(u.Places.Only)))
	}
	if len(u.Networks.NoCode) > 0 && u.Code != challenge.CodeOff {
		lines = append(lines, fmt.Sprintf("  no code from %s: %s: networks.no_code", list(u.Networks.NoCode), line(u.Places.NoCode)))
	}
	if a.At.Before(u.From) && u.Code != challenge.CodeOff {
		lines = append(lines, fmt.Sprintf("  no code before %s: %s: from", u.From.Format(time.DateOnly), line(u.Places.From)))
	}
	return lines
}

func list(networks []netip.Prefix) string {
	each := make([]string, len(networks))
	for i, p := range networks {
		each[i] = p.String()
		if p.IsSingleIP() {
			each[i] = p.Addr().String()
		}
	}
	return strings.Join(each, ", ")
}
