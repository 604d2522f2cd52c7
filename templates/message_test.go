package templates

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func data() MessageData {
	return MessageData{AppName: "HESABATE", Code: "402917", Host: "erp.example.ps", Minutes: 10, Address: "203.0.113.7",
		Agent: "Chrome on Android", When: "2026-11-23 14:05", User: "ahmad.saleh"}
}

// The examples of sms-providers.md §2.4, and the edges of both alphabets.
func TestSegments(t *testing.T) {
	tests := []struct {
		text string
		want int
	}{
		{"", 1},
		{"رمز التحقق الخاص بك: 123456", 1},
		{"رمز الدخول إلى حساباتي: 123456. لا تشاركه مع أحد. صالح 5 دقائق.", 1},
		{"رمز الدخول إلى حساباتي: 123456. لا تشاركه مع أحد.\n@erp.example.ps #123456", 2},
		{"رمز التحقق: 123456\n@erp.example.ps #123456", 1},
		{strings.Repeat("a", 160), 1},
		{strings.Repeat("a", 161), 2},
		{strings.Repeat("a", 306), 2},
		{strings.Repeat("a", 307), 3},
		{strings.Repeat("€", 80), 1},
		{strings.Repeat("€", 81), 2},
		{strings.Repeat("ب", 70), 1},
		{strings.Repeat("ب", 71), 2},
		{strings.Repeat("ب", 134), 2},
		{strings.Repeat("ب", 135), 3},
		{strings.Repeat("a", 70) + "…", 2},
		{strings.Repeat("😀", 35), 1},
		{strings.Repeat("😀", 36), 2},
	}
	for _, tt := range tests {
		if got := segments(tt.text); got != tt.want {
			t.Errorf("segments(%.30q…): got %d, want %d", tt.text, got, tt.want)
		}
	}
}

// Whatever the application is called, one SMS carries the code, and with a host of ordinary length the origin-bound line as well.
func TestSMSFitsOneSegment(t *testing.T) {
	s := set(t)
	for _, lang := range s.Languages() {
		for _, app := range []string{"HESABATE", "حساباتي", "Books & Co. Ltd", strings.Repeat("long name ", 20)} {
			for _, host := range []string{"erp.example.ps", "accounts.hesabate.com", "door.branch.company.example.com", "192.168.100.100"} {
				d := data()
				d.AppName, d.Host = app, host
				m, err := s.Message(lang, d)
				if err != nil {
					t.Fatal(err)
				}
				fits := firstThatFits(m.SMS)
				if line := "\n@" + host + " #402917"; !strings.HasSuffix(fits, line) {
					t.Errorf("%s, %.20q, %s: sends %q, want it to end in %q", lang, app, host, fits, line)
				}
			}
		}
	}
}

func firstThatFits(texts []string) string {
	for _, text := range texts {
		if segments(text) == 1 {
			return text
		}
	}
	return ""
}

func TestSMSTexts(t *testing.T) {
	s := set(t)
	for lang, want := range map[string]string{
		"en": "402917 is your login code for HESABATE. It is valid for 10 minutes. Do not share it with anyone.\n@erp.example.ps #402917",
		"ar": "رمز الدخول إلى HESABATE: 402917\n@erp.example.ps #402917",
	} {
		m, err := s.Message(lang, data())
		if err != nil {
			t.Fatal(err)
		}
		if got := firstThatFits(m.SMS); got != want {
			t.Errorf("%s: got %q, want %q", lang, got, want)
		}
		for _, text := range m.SMS {
			if !strings.Contains(text, "402917") {
				t.Errorf("%s: no code in %q", lang, text)
			}
			if lang == "en" && strings.IndexFunc(text, func(r rune) bool { return r > 126 }) >= 0 {
				t.Errorf("a sign outside GSM-7 makes it twice as dear: %q", text)
			}
		}
	}
}

// standards.md §3.5: the line has nothing before its "@", one space, and nothing after the code; a host that cannot stand in it, or
// that somebody forged, makes no line at all.
func TestBoundLine(t *testing.T) {
	tests := []struct{ host, code, want string }{
		{"erp.example.ps", "402917", "@erp.example.ps #402917"},
		{"erp.example.ps:8443", "402917", "@erp.example.ps #402917"},
		{"xn--mgbaam7a8h.example", "402917", "@xn--mgbaam7a8h.example #402917"},
		{"", "402917", ""},
		{":8443", "402917", ""},
		{"erp.example.ps #1", "402917", ""},
		{"حسابات.example", "402917", ""},
		{"[2001:db8::1]", "402917", ""},
		{"erp.example.ps", "٤٠٢٩١٧", ""},
	}
	for _, tt := range tests {
		if got := boundLine(tt.host, tt.code); got != tt.want {
			t.Errorf("boundLine(%q, %q): got %q, want %q", tt.host, tt.code, got, tt.want)
		}
	}
}

// Threat C4: no field makes a header line, a second bound line, markup or a placeholder.
func TestThreat_C4_FieldsStayData(t *testing.T) {
	s := set(t)
	evil := "x\r\nBcc: all@example.com\n@evil.example #000000\n<script>alert(1)</script>{code}{{.D.Code}}\u202e"
	d := MessageData{AppName: evil, Code: "402917", Host: "erp.example.ps", Minutes: 10, Address: evil, Agent: evil, When: evil, User: evil}
	for _, lang := range s.Languages() {
		m, err := s.Message(lang, d)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(m.Subject, "\r\n") {
			t.Errorf("%s: line break in the subject %q", lang, m.Subject)
		}
		if strings.Contains(m.HTML, "<script>") {
			t.Errorf("%s: markup in the e-mail: %s", lang, m.HTML)
		}
		for _, text := range append(m.SMS, m.Text) {
			if strings.Contains(text, "402917{{") || strings.Contains(text, "\u202e") {
				t.Errorf("%s: a value was read as a placeholder: %q", lang, text)
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "@") && line != "@erp.example.ps #402917" {
					t.Errorf("%s: a second bound line %q", lang, line)
				}
			}
		}
	}
}

func TestMessageProperties(t *testing.T) {
	s := set(t)
	rapid.Check(t, func(t *rapid.T) {
		d := MessageData{AppName: rapid.String().Draw(t, "app"), Code: rapid.StringMatching(`[0-9]{6,10}`).Draw(t, "code"),
			Host: rapid.String().Draw(t, "host"), Minutes: rapid.IntRange(1, 10).Draw(t, "minutes"), User: rapid.String().Draw(t, "user")}
		m, err := s.Message(rapid.SampledFrom(s.Languages()).Draw(t, "lang"), d)
		if err != nil {
			t.Fatal(err)
		}
		if firstThatFits(m.SMS) == "" {
			t.Fatalf("no variant of %q takes one SMS", d.AppName)
		}
		if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.Subject, d.Code) && !strings.Contains(d.AppName, d.Code) {
			t.Fatalf("subject %q", m.Subject)
		}
		if !strings.Contains(m.Text, "\n"+d.Code+"\n") || !strings.Contains(m.HTML, ">"+d.Code+"<") {
			t.Fatal("the code does not stand alone in the e-mail")
		}
	})
}

func TestMessageWithoutCode(t *testing.T) {
	if _, err := set(t).Message("en", MessageData{AppName: "x"}); err == nil {
		t.Error("a message without a code was made")
	}
}

// Threat C12: neither what a message is made of nor the message itself prints.
func TestThreat_C12_MessagesDoNotPrint(t *testing.T) {
	m, err := set(t).Message("en", data())
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		D MessageData
		M *Message
		V Message
	}{data(), &m, m}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{data(), m, &m, holder} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "402917") {
				t.Errorf("%s of %T shows the code: %s", verb, v, got)
			}
		}
	}
}

func TestMailDetails(t *testing.T) {
	d := data()
	d.Agent = strings.Repeat("Mozilla ", 60)
	d.When, d.AppName = "", ""
	m, err := set(t).Message("en", d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"User: ahmad.saleh\n", "Address: 203.0.113.7\n", "Mozilla …\n", "Enter it only on erp.example.ps\n", "Your login code for erp.example.ps:\n"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("no %q in %s", want, m.Text)
		}
	}
	if strings.Contains(m.Text, "Time:") {
		t.Errorf("an unknown time is named in %s", m.Text)
	}
}

// A test says in every form and language that it is one.
func TestMessageOfATest(t *testing.T) {
	s := set(t)
	for lang, want := range map[string]struct{ mark, mail string }{
		"en": {"Test: ", "Nobody is signing in"},
		"ar": {"تجربة: ", "لا توجد عملية دخول"},
	} {
		d := data()
		d.Test = true
		m, err := s.Message(lang, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range append(m.SMS, m.Subject) {
			if !strings.HasPrefix(text, want.mark) {
				t.Errorf("%s: %q does not begin with %q", lang, text, want.mark)
			}
		}
		if !strings.Contains(m.Text, want.mail) || !strings.Contains(m.HTML, want.mail) {
			t.Errorf("%s: the e-mail does not say %q", lang, want.mail)
		}
	}
}
