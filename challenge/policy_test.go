package challenge

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"doorcode/challenge/secret"
)

// testPolicy has one user of each kind, named for it.
func testPolicy(t *testing.T, change func(*PolicyConfig)) *Policy {
	t.Helper()
	c := PolicyConfig{
		Fold:     Fold{Case: true, Space: true, Width: true, Accents: true},
		Unlisted: UnlistedRefuse,
		Place:    "users.yaml:1",
		Users: []User{
			{Name: "off", Code: CodeOff, Place: "users.yaml:2"},
			{Name: "sms", Code: CodeSMS, Mobile: secret.New("+970599123456"), Aliases: []string{"sms@example.com"}, Place: "users.yaml:3"},
			{Name: "email", Code: CodeEmail, Email: secret.New("e@example.com"), Place: "users.yaml:4"},
			{Name: "both", Code: CodeBoth, Mobile: secret.New("+970599123457"), Email: secret.New("b@example.com"), Place: "users.yaml:5"},
			{Name: "choose", Code: CodeChoose, Mobile: secret.New("+970599123458"), Email: secret.New("c@example.com"), Place: "users.yaml:8"},
			{Name: "half", Code: CodeChoose, Email: secret.New("h@example.com"), Place: "users.yaml:9"},
			{Name: "disabled", Code: CodeOff, Disabled: true, Place: "users.yaml:6"},
			{Name: "nowhere", Code: CodeBoth, Email: secret.New("n@example.com"), Place: "users.yaml:7"},
		},
		Defaults: User{Code: CodeEmail},
	}
	if change != nil {
		change(&c)
	}
	p, errs := NewPolicy(c)
	if errs != nil {
		t.Fatal(errs)
	}
	return p
}

func TestJudge(t *testing.T) {
	refuse := testPolicy(t, nil)
	off := testPolicy(t, func(c *PolicyConfig) { c.Unlisted = UnlistedOff })
	accepting := testPolicy(t, func(c *PolicyConfig) { c.Unlisted, c.AcceptTypedNames = UnlistedOff, true })
	defaults := testPolicy(t, func(c *PolicyConfig) {
		c.Unlisted, c.Defaults = UnlistedDefaults, User{Code: CodeEmail, Email: secret.New("office@example.com")}
	})
	nowhere := testPolicy(t, func(c *PolicyConfig) { c.Unlisted = UnlistedDefaults })
	defaultOff := testPolicy(t, func(c *PolicyConfig) { c.Unlisted, c.Defaults = UnlistedDefaults, User{Code: CodeOff} })
	for _, c := range []struct {
		name             string
		p                *Policy
		typed, confirmed string
		user             string
		exempt           Way
		refusal          Refusal
		reason           string
	}{
		{"typed alone", refuse, "sms", "", "sms", "", "", "users.yaml:3: code: sms"},
		{"off", refuse, "off", "", "off", ByOff, "", "users.yaml:2: code: off"},
		{"an alias", refuse, "SMS@example.com ", "", "sms", "", "", "users.yaml:3"},
		{"folded (B7)", refuse, " ＳＭＳ ", "", "sms", "", "", "users.yaml:3"},
		{"disabled", refuse, "disabled", "", "disabled", "", RefusedDisabled, "users.yaml:6: disabled"},
		{"no destination", refuse, "nowhere", "", "nowhere", "", RefusedNoDestination, "no destination for sms"},
		{"choose", refuse, "choose", "", "choose", "", "", "users.yaml:8: code: choose"},
		{"choose wants both", refuse, "half", "", "half", "", RefusedNoDestination, "no destination for sms"},
		{"unlisted refused", refuse, "eve", "", "eve", "", RefusedUnlisted, "users.yaml:1: unlisted: refuse"},
		{"unreadable", accepting, "of\x00f", "", "", "", RefusedUnlisted, "control"},
		{"unreadable typed, listed confirmed", refuse, "of\x00f", "off", "", "", RefusedUnlisted, "typed name"},
		{"listed typed, unreadable confirmed", refuse, "off", "o\x00ff", "", "", RefusedUnlisted, "confirmed name"},
		{"too long", accepting, strings.Repeat("a", 1<<16), "", "", "", RefusedUnlisted, "256"},

		{"confirmed alone is listed", refuse, "eve", "sms", "sms", "", "", "users.yaml:3"},
		{"confirmed is the same", refuse, "sms@example.com", "SMS", "sms", "", "", "users.yaml:3: code: sms"},
		{"both listed: confirmed stricter", refuse, "off", "sms", "sms", "", "", "two users"},
		{"both listed: typed stricter (D12)", refuse, "sms", "off", "sms", "", "", "two users"},
		{"both is no stricter than sms: either copy works", refuse, "both", "sms", "sms", "", "", "two users"},
		{"disabled over both", refuse, "both", "disabled", "disabled", "", RefusedDisabled, "two users"},
		{"disabled typed", refuse, "disabled", "off", "disabled", "", RefusedDisabled, "two users"},
		{"equally strict: whose session it is", refuse, "sms", "email", "email", "", "", "two users"},

		{"typed listed, confirmed not, refuse", refuse, "sms", "Ahmad Saleh", "Ahmad Saleh", "", RefusedUnlisted, "two users"},
		{"typed listed, confirmed not, off", off, "sms", "Ahmad Saleh", "sms", "", "", "two users"},
		{"typed off, confirmed not listed, defaults", defaults, "off", "eve", "eve", "", "", "two users"},

		{"unlisted off wants confirm", off, "eve", "", "eve", "", RefusedUnlisted, "accept_typed_names"},
		{"unlisted off, confirmed", off, "whoever", "eve", "eve", ByUnlisted, "", "unlisted: off"},
		{"unlisted off, typed names accepted", accepting, "eve", "", "eve", ByUnlisted, "", "unlisted: off"},
		{"unlisted off is not for the listed", accepting, "ＳＭＳ", "", "sms", "", "", "users.yaml:3"},
		{"defaults", defaults, "eve", "", "eve", "", "", "unlisted: defaults"},
		{"defaults without destination", nowhere, "eve", "", "eve", "", RefusedNoDestination, "no destination"},
		{"defaults off wants confirm too", defaultOff, "eve", "", "eve", "", RefusedUnlisted, "accept_typed_names"},
		{"defaults off, confirmed", defaultOff, "eve", "eve", "eve", ByUnlisted, "", "unlisted: defaults"},
	} {
		j := c.p.Judge(Asked{Typed: c.typed, Confirmed: c.confirmed})
		if j.User.Name != c.user || j.Exempt != c.exempt || j.Refusal != c.refusal || !strings.Contains(j.Reason, c.reason) {
			t.Errorf("%s: Judge(%.20q, %q) = user %q, exempt %q, refused %q, %q\nwant user %q, exempt %q, refused %q, …%s…",
				c.name, c.typed, c.confirmed, j.User.Name, j.Exempt, j.Refusal, j.Reason, c.user, c.exempt, c.refusal, c.reason)
		}
	}
}

// A second name never makes a login easier: what holds is at least as strict as each listed name alone.
func TestJudgeNeverLooser(t *testing.T) {
	names := []string{"off", "sms", "email", "both", "disabled", "nowhere", "eve", "mallory", "OFF ", "sms@example.com"}
	var policies []*Policy
	for _, u := range []Unlisted{UnlistedRefuse, UnlistedOff, UnlistedDefaults} {
		policies = append(policies, testPolicy(t, func(c *PolicyConfig) { c.Unlisted = u }))
	}
	rapid.Check(t, func(r *rapid.T) {
		p := rapid.SampledFrom(policies).Draw(r, "policy")
		typedAs := rapid.SampledFrom(names).Draw(r, "typed")
		confirmedAs := rapid.SampledFrom(names).Draw(r, "confirmed")
		got := p.Judge(Asked{Typed: typedAs, Confirmed: confirmedAs})
		if c := p.judge(confirmedAs, confirmed, Asked{}); got.strictness() < c.strictness() {
			r.Errorf("looser (%q) than confirmed %q alone (%q)", got.Reason, confirmedAs, c.Reason)
		}
		if j := p.judge(typedAs, typed, Asked{}); j.Listed && got.strictness() < j.strictness() {
			r.Errorf("looser (%q) than typed %q alone (%q)", got.Reason, typedAs, j.Reason)
		}
		if (got.Refusal != "") && (got.Exempt != "") {
			r.Errorf("refused and exempt: %+v", got)
		}
	})
}

func TestNewPolicyErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		users []User
		want  []string
	}{
		{"two spellings", []User{{Name: "alice", Code: CodeOff, Place: "u:1"}, {Name: " ALICE", Code: CodeOff, Place: "u:2"}},
			[]string{`u:2: name " ALICE" is the same user as "alice" at u:1`}},
		{"an alias is another's name", []User{{Name: "alice", Code: CodeOff, Place: "u:1"}, {Name: "bob", Aliases: []string{"Alice"}, Code: CodeOff, Place: "u:2"}},
			[]string{`u:2: name "Alice" is the same user as "alice" at u:1`}},
		{"several at once", []User{{Name: "", Code: CodeOff, Place: "u:1"}, {Name: "b", Code: "false", Place: "u:2"}},
			[]string{`u:1: name "": the user name is empty`, `u:2: code: "false" is none of`}},
		{"an alias that is the own name", []User{{Name: "alice", Aliases: []string{"ALICE"}, Code: CodeOff, Place: "u:1"}}, nil},
	} {
		p, errs := NewPolicy(PolicyConfig{Fold: Fold{Case: true, Space: true}, Unlisted: UnlistedRefuse, Users: c.users})
		if (p == nil) != (errs != nil) || len(errs) != len(c.want) {
			t.Errorf("%s: policy %v, errors %v, want %q", c.name, p != nil, errs, c.want)
			continue
		}
		for i, err := range errs {
			if !strings.Contains(err.Error(), c.want[i]) {
				t.Errorf("%s: %v, want …%s…", c.name, err, c.want[i])
			}
		}
	}
	if p, errs := NewPolicy(PolicyConfig{Unlisted: UnlistedDefaults, Place: "u:9"}); p != nil || len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "u:9: defaults: code") {
		t.Errorf("defaults left out: %v, %v, want one error at u:9", p, errs)
	}
	if p, errs := NewPolicy(PolicyConfig{Place: "u:9"}); p != nil || len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "u:9: unlisted") {
		t.Errorf("unlisted left out: %v, %v, want one error at u:9", p, errs)
	}
}

func TestFingerprint(t *testing.T) {
	u := User{Name: "a", Code: CodeSMS, Mobile: secret.New("+970599123456"), Email: secret.New("a@example.com")}
	for _, c := range []struct {
		name    string
		change  func(*User)
		changes bool
	}{
		{"nothing", func(*User) {}, false},
		{"mobile", func(u *User) { u.Mobile = secret.New("+970599123457") }, true},
		{"channel", func(u *User) { u.Code = CodeEmail }, true},
		{"off", func(u *User) { u.Code = CodeOff }, true},
		{"an e-mail that is not used", func(u *User) { u.Email = secret.New("b@example.com") }, false},
		{"name, language, remember, place", func(u *User) { u.Name, u.Language, u.Remember, u.Place = "b", "ar", 1, "x:1" }, false},
	} {
		v := u
		c.change(&v)
		if got := v.Fingerprint() != u.Fingerprint(); got != c.changes {
			t.Errorf("%s: fingerprint changed %v, want %v", c.name, got, c.changes)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	u := User{Mobile: secret.New("+970599123456"), Email: secret.New("ahmad@example.com")}
	m := Message{To: secret.New("+970599123456"), Subject: secret.New("012345"), Text: secret.New("012345"), HTML: secret.New("012345")}
	for _, v := range []any{u, &u, m, &m, Login{}, testPolicy(t, nil), []User{u}, Judgement{User: u}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, v)
			for _, leak := range []string{"0599", "970599", "012345", "ahmad@", "e@example"} {
				if strings.Contains(text, leak) {
					t.Errorf("%s of %T shows %q: %s", verb, v, leak, text)
				}
			}
		}
	}
}
