package challenge

import (
	"strings"
	"testing"
)

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"empty", "", 1},
		{"Arabic, 27", "رمز التحقق الخاص بك: 123456", 1},
		{"Arabic, 63", "رمز الدخول إلى حساباتي: 123456. لا تشاركه مع أحد. صالح 5 دقائق.", 1},
		{"Arabic with the bound line, 73", "رمز الدخول إلى حساباتي: 123456. لا تشاركه مع أحد.\n@erp.example.ps #123456", 2},
		{"short Arabic with the bound line, 42", "رمز التحقق: 123456\n@erp.example.ps #123456", 1},
		{"English with the bound line", "Your Books code is 123456. It is good for 10 minutes. Do not share it.\n@erp.example.ps #123456", 1},
		{"160 septets", strings.Repeat("a", 160), 1},
		{"161 septets", strings.Repeat("a", 161), 2},
		{"306 septets", strings.Repeat("a", 306), 2},
		{"307 septets", strings.Repeat("a", 307), 3},
		{"80 characters of two septets", strings.Repeat("€", 80), 1},
		{"81 characters of two septets", strings.Repeat("€", 81), 2},
		{"an escape is not split: 152+2, 152+2", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 151), 2},
		{"an escape is not split: 152+2, 153", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3},
		{"70 units", strings.Repeat("ر", 70), 1},
		{"71 units", strings.Repeat("ر", 71), 2},
		{"134 units", strings.Repeat("ر", 134), 2},
		{"135 units", strings.Repeat("ر", 135), 3},
		{"35 pairs", strings.Repeat("😀", 35), 1},
		{"a pair is not split", strings.Repeat("ر", 66) + strings.Repeat("😀", 34), 3},
		{"one isolate makes English UCS-2", "\u2066" + strings.Repeat("a", 70), 2},
		{"every character of the alphabet", gsmBasic, 1},
		{"every character of two", gsmExtended, 1},
		{"a backtick is in neither", "`" + strings.Repeat("a", 70), 2},
	} {
		if got, _ := Segments(c.text); got != c.want {
			t.Errorf("%s: %d segments, want %d: %q", c.name, got, c.want, c.text)
		}
	}
	if n := len([]rune(gsmBasic)); n != 127 {
		t.Errorf("the basic alphabet has %d characters, want 127 and the escape", n)
	}
}
