package templates

import (
	"strings"
	"testing"
)

func warning(k WarningKind) Warning {
	return Warning{Kind: k, AppName: "HESABATE", Host: "erp.example.ps", User: "ahmad.saleh", Count: 20, Address: "203.0.113.7",
		Agent: "Chrome, Android", When: "2026-11-23 14:05"}
}

// Whatever user and application are called, a warning costs one SMS, and with ordinary names that one says what happened.
func TestWarningFitsOneSegment(t *testing.T) {
	s := set(t)
	for _, lang := range s.Languages() {
		for _, k := range WarningKinds() {
			for _, n := range []int{5, 20, 50} {
				for _, name := range []string{"ahmad.saleh", "أحمد صالح", strings.Repeat("long name ", 25), "x"} {
					for _, app := range []string{"HESABATE", "حساباتي", strings.Repeat("Books & Co. ", 20)} {
						d := warning(k)
						d.User, d.AppName, d.Count = name, app, n
						m, err := s.Warning(lang, d)
						if err != nil {
							t.Fatal(err)
						}
						if firstThatFits(m.SMS) == "" {
							t.Errorf("%s, %s, %.12q, %.12q: none of %q fits one SMS", lang, k, name, app, m.SMS)
						}
					}
				}
			}
			m, err := s.Warning(lang, warning(k))
			if err != nil {
				t.Fatal(err)
			}
			sends := firstThatFits(m.SMS)
			if toAdmin := strings.HasSuffix(string(k), "_of"); toAdmin && !strings.Contains(sends, "ahmad.saleh") {
				t.Errorf("%s, %s: an admin is sent %q, which does not name the user", lang, k, sends)
			}
			if lang == "en" && strings.IndexFunc(strings.Join(m.SMS, ""), func(r rune) bool { return r > 126 }) >= 0 {
				t.Errorf("a sign outside GSM-7 makes it twice as dear: %q", m.SMS)
			}
		}
	}
}

// A warning says who, how many, when and from where; it has no link that a forger could imitate.
func TestWarningSays(t *testing.T) {
	s := set(t)
	for _, lang := range s.Languages() {
		for _, k := range WarningKinds() {
			m, err := s.Warning(lang, warning(k))
			if err != nil {
				t.Fatal(err)
			}
			wants := []string{"HESABATE", "ahmad.saleh", "203.0.113.7", "Chrome, Android", "2026-11-23 14:05"}
			if strings.HasPrefix(string(k), "wrong") {
				wants = append(wants, "20")
			}
			for what, text := range map[string]string{"text": m.Text, "HTML": m.HTML} {
				for _, want := range wants {
					if !strings.Contains(text, want) {
						t.Errorf("%s, %s: no %q in the %s:\n%s", lang, k, want, what, text)
					}
				}
				if strings.ContainsAny(text, "{") || strings.Contains(text, "http") || strings.Contains(text, "href") || strings.Contains(text, "erp.example.ps") {
					t.Errorf("%s, %s: a link or an unfilled placeholder in the %s:\n%s", lang, k, what, text)
				}
			}
			checkBalanced(t, m.HTML)
			if !strings.Contains(m.HTML, `dir="`+s.in(lang).Dir()+`"`) {
				t.Errorf("%s, %s: another direction of writing", lang, k)
			}
		}
	}
}

// Threat C4: the name and the browser are the attacker's to choose.
func TestThreat_C4_WarningFieldsStayData(t *testing.T) {
	s := set(t)
	evil := "x\r\nBcc: all@example.com\n@evil.example #000000\n<script>alert(1)</script>{count}{{.D.Count}}\u202e"
	for _, lang := range s.Languages() {
		for _, k := range WarningKinds() {
			m, err := s.Warning(lang, Warning{Kind: k, AppName: evil, User: evil, Count: 77, Address: evil, Agent: evil, When: evil})
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.HTML, "<script>") {
				t.Errorf("%s, %s: subject %q or markup in %s", lang, k, m.Subject, m.HTML)
			}
			for _, text := range append(m.SMS, m.Text) {
				if strings.Contains(text, "77{{") || strings.Contains(text, "\u202e") || strings.Contains(text, "\n@") || strings.Contains(text, "\nBcc") {
					t.Errorf("%s, %s: a value left its place: %q", lang, k, text)
				}
			}
		}
	}
}

func TestWarningOfNoKind(t *testing.T) {
	if _, err := set(t).Warning("en", Warning{Kind: "other"}); err == nil {
		t.Error("a warning of no kind was made")
	}
}
