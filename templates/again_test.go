package templates

import (
	"bytes"
	"strings"
	"testing"
)

// The page that sends a form again is a sound page in every language, whatever the form holds.
func TestAgain(t *testing.T) {
	s := set(t)
	for _, lang := range s.Languages() {
		for _, ask := range []bool{false, true} {
			var b bytes.Buffer
			a := Again{AppName: evil, From: "bank.example", Action: "/pay/return.php?order=17&x=%u0645", Charset: "utf-8", User: evil, Ask: ask, Cookie: true,
				Fields: []Field{{"submit", "1"}, {evil, evil}, {"lines", "a\r\nb"}, {"", ""}}}
			if err := s.Again(&b, lang, a); err != nil {
				t.Fatal(err)
			}
			checkPage(t, s.in(lang), b.String())
			for _, want := range []string{`action="/pay/return.php?order=17&amp;x=%u0645"`, `name="submit" value="1"`, `/seen.css"`} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%s: no %s on the page:\n%s", lang, want, b.String())
				}
			}
			if sends := strings.Contains(b.String(), "again.js"); sends == ask {
				t.Errorf("%s: sends by itself %v, asks %v", lang, sends, ask)
			}
		}
	}
	var b bytes.Buffer
	if err := s.Again(&b, "en", Again{Action: "//evil.example/"}); err != nil || strings.Contains(b.String(), "evil") {
		t.Errorf("%v: a form to another site: %s", err, b.String())
	}
}
