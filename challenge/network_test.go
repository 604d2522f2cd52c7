package challenge

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"doorcode/challenge/secret"
)

var (
	inside  = netip.MustParseAddr("10.1.2.3")
	outside = netip.MustParseAddr("203.0.113.9")
	theDay  = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
)

func networked(t *testing.T, unlisted Unlisted) *Policy {
	t.Helper()
	home := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	email := func(name string) User {
		return User{Name: name, Code: CodeEmail, Email: secret.New(name + "@example.com"), Place: "u:1", Places: Places{Only: "u:2", NoCode: "u:3", From: "u:4", Code: "u:5", Disabled: "u:6"}}
	}
	only, free, later, all, off, disabled := email("only"), email("free"), email("later"), email("all"), email("off"), email("disabled")
	only.Networks.Only, free.Networks.NoCode, later.From = home, home, theDay
	all.Networks, all.From = Networks{Only: home, NoCode: home}, theDay
	off.Code, off.Networks.Only = CodeOff, home
	disabled.Disabled, disabled.Networks.NoCode, disabled.From = true, home, theDay
	defaults := email("")
	defaults.Email, defaults.Networks = secret.Text{}, Networks{Only: append(home, netip.MustParsePrefix("192.0.2.0/24")), NoCode: home}
	return testPolicy(t, func(c *PolicyConfig) {
		c.Users, c.Unlisted, c.Defaults = []User{only, free, later, all, off, disabled, email("plain")}, unlisted, defaults
	})
}

func TestJudgePlaceAndTime(t *testing.T) {
	p, defaults := networked(t, UnlistedOff), networked(t, UnlistedDefaults)
	before, after := theDay.Add(-time.Second), theDay
	hidden := func(a Asked) Asked { a.Hidden = true; return a }
	at := func(name string, from netip.Addr, at time.Time) Asked {
		return Asked{Typed: name, Address: from, At: at}
	}
	both := func(typed, confirmed string, from netip.Addr, at time.Time) Asked {
		return Asked{Typed: typed, Confirmed: confirmed, Address: from, At: at}
	}
	for _, c := range []struct {
		what    string
		p       *Policy
		a       Asked
		exempt  Way
		refusal Refusal
		reason  string
	}{
		{"only, inside", p, at("only", inside, after), "", "", "u:5: code: email"},
		{"only, outside", p, at("only", outside, after), "", RefusedNetwork, "u:2: networks.only"},
		{"only, from nowhere known", p, at("only", netip.Addr{}, after), "", RefusedNetwork, "u:2"},
		{"only, IPv4 in IPv6", p, at("only", netip.MustParseAddr("::ffff:10.1.2.3"), after), "", "", "u:5"},
		{"only, IPv6", p, at("only", netip.MustParseAddr("2001:db8::1"), after), "", "", "u:5"},
		{"only, behind a hidden proxy", p, hidden(at("only", inside, after)), "", "", "u:5"},
		{"no_code, inside", p, at("free", inside, after), ByNetwork, "", "u:3: networks.no_code"},
		{"no_code, outside", p, at("free", outside, after), "", "", "u:5"},
		{"no_code, from nowhere known", p, at("free", netip.Addr{}, after), "", "", "u:5"},
		{"no_code, behind a hidden proxy", p, hidden(at("free", inside, after)), "", "", "u:5"},
		{"before the day", p, at("later", outside, before), ByDate, "", "u:4: from: 2026-11-29"},
		{"on the day", p, at("later", outside, after), "", "", "u:5"},
		{"at no time", p, at("later", outside, time.Time{}), "", "", "u:5"},
		{"only comes before all that spares", p, at("all", outside, before), "", RefusedNetwork, "u:2"},
		{"the day comes before the network", p, at("all", inside, before), ByDate, "", "u:4"},
		{"both", p, at("all", inside, after), ByNetwork, "", "u:3"},
		{"off outside only", p, at("off", outside, after), "", RefusedNetwork, "u:2"},
		{"off inside only", p, at("off", inside, after), ByOff, "", "u:5: code: off"},
		{"disabled is spared nothing", p, at("disabled", inside, before), "", RefusedDisabled, "u:6"},

		{"two names, the typed one is bound", p, both("only", "plain", outside, after), "", RefusedNetwork, "two users"},
		{"two names, the confirmed one is bound", p, both("plain", "only", outside, after), "", RefusedNetwork, "two users"},
		{"two names, one is spared", p, both("free", "plain", inside, after), "", "", "two users"},
		{"two names, the other is spared", p, both("plain", "free", inside, after), "", "", "two users"},
		{"two names, both are spared", p, both("free", "later", inside, before), ByDate, "", "two users"},

		{"unlisted: off knows no networks", p, both("eve", "eve", outside, after), ByUnlisted, "", "unlisted: off"},
		{"defaults, outside", defaults, both("eve", "eve", outside, after), "", RefusedNetwork, "u:2"},
		{"defaults, no code", defaults, both("eve", "eve", inside, after), ByNetwork, "", "u:3"},
		{"defaults, no code, on the word of the visitor", defaults, at("eve", inside, after), "", RefusedUnlisted, "login.confirm"},
		{"defaults, no destination", defaults, both("eve", "eve", netip.MustParseAddr("192.0.2.1"), after), "", RefusedNoDestination, "no destination"},
	} {
		j := c.p.Judge(c.a)
		if j.Exempt != c.exempt || j.Refusal != c.refusal || !strings.Contains(j.Reason, c.reason) {
			t.Errorf("%s: exempt %q, refused %q, %q\nwant exempt %q, refused %q, …%s…", c.what, j.Exempt, j.Refusal, j.Reason, c.exempt, c.refusal, c.reason)
		}
		if want := strings.HasPrefix(c.what, "no_code, behind"); j.Hidden != want {
			t.Errorf("%s: Hidden is %v", c.what, j.Hidden)
		}
	}
}

func TestStay(t *testing.T) {
	p := networked(t, UnlistedDefaults)
	before, after := theDay.Add(-time.Second), theDay
	for _, c := range []struct {
		what string
		s    Session
		a    Asked
		want Verdict
		free bool
	}{
		{"bound to nothing", Session{Name: "plain", Way: ByCode}, Asked{Address: outside, At: after}, Stays, true},
		{"only, inside", Session{Name: "only", Way: ByCode}, Asked{Address: inside, At: after}, Stays, false},
		{"only, outside", Session{Name: "only", Way: ByCode}, Asked{Address: outside, At: after}, Outside, false},
		{"only, by a trusted browser", Session{Name: "only", Way: ByTrust}, Asked{Address: outside, At: after}, Outside, false},
		{"by a code, where none is asked", Session{Name: "free", Way: ByCode}, Asked{Address: outside, At: after}, Stays, true},
		{"by no_code, inside", Session{Name: "free", Way: ByNetwork}, Asked{Address: inside, At: after}, Stays, false},
		{"by no_code, outside", Session{Name: "free", Way: ByNetwork}, Asked{Address: outside, At: after}, Over, false},
		{"by no_code, behind a proxy", Session{Name: "free", Way: ByNetwork}, Asked{Address: inside, Hidden: true, At: after}, Over, false},
		{"by no_code of before", Session{Name: "plain", Way: ByNetwork}, Asked{Address: inside, At: after}, Over, false},
		{"by the day, before", Session{Name: "later", Way: ByDate}, Asked{Address: outside, At: before}, Stays, false},
		{"by the day, after", Session{Name: "later", Way: ByDate}, Asked{Address: outside, At: after}, Over, false},
		{"by the day, after, inside", Session{Name: "all", Way: ByDate}, Asked{Address: inside, At: after}, Stays, false},
		{"outside is said before over", Session{Name: "all", Way: ByNetwork}, Asked{Address: outside, At: after}, Outside, false},
		{"two names, the typed one is bound", Session{Typed: "only", Name: "plain", Confirmed: "plain", Way: ByCode}, Asked{Address: outside, At: after}, Outside, false},
		{"two names, the confirmed one is bound", Session{Name: "plain", Confirmed: "only", Way: ByCode}, Asked{Address: outside, At: after}, Outside, false},
		{"two names, one is not spared", Session{Typed: "plain", Name: "free", Confirmed: "free", Way: ByNetwork}, Asked{Address: inside, At: after}, Over, false},
		{"not listed, inside", Session{Name: "eve", Confirmed: "eve", Way: ByNetwork}, Asked{Address: inside, At: after}, Stays, false},
		{"not listed, outside", Session{Name: "eve", Confirmed: "eve", Way: ByNetwork}, Asked{Address: outside, At: after}, Outside, false},
		{"an alias of a name that is gone", Session{Name: "o\x00ff", Way: ByNetwork}, Asked{Address: inside, At: after}, Over, false},
	} {
		st := p.Stay(c.s)
		if got := st.Judge(c.a); got != c.want || st.Free() != c.free {
			t.Errorf("%s: %v, free %v; want %v, %v", c.what, got, st.Free(), c.want, c.free)
		}
	}
	if (Stay{}).Free() || (Stay{}).Judge(Asked{Address: inside}) != Over {
		t.Error("the zero Stay lets somebody stay")
	}
	if !p.Allows("plain", outside) || p.Allows(" ONLY", outside) || !p.Allows("only", inside) || p.Allows("eve", outside) {
		t.Error("Allows says something else than Judge")
	}
}

// Messages say the time of where the users are, whatever the machine's clock is set to.
func TestWhenText(t *testing.T) {
	hebron, err := time.LoadLocation("Asia/Hebron")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 28, 22, 30, 0, 0, time.UTC)
	set := setup{Config: Config{Zone: hebron}}
	if got := whenText(at, set.location()); got != "2026-11-29 00:30 EET" {
		t.Errorf("in Hebron it is %q", got)
	}
	if (&setup{}).location() != time.Local {
		t.Error("without a zone it is not the machine's")
	}
}
