package config

import (
	"strings"
	"testing"
	"time"
)

// A code is never sent where nobody looked at the number: what cannot be read is refused, in whatever it is written.
func TestMobile(t *testing.T) {
	tests := []struct {
		text, country string
		want          string // "" where it is refused
		doubtful      bool
	}{
		{"0599123456", "PS", "+970599123456", false},
		{"599123456", "PS", "+970599123456", false},
		{"059-912 34.56", "PS", "+970599123456", false},
		{"+970599123456", "PS", "+970599123456", false},
		{"00970599123456", "PS", "+970599123456", false},
		{"970599123456", "PS", "+970599123456", false},
		{"972599123456", "PS", "+972599123456", false}, // read as national it would be +970972599123456
		{"972569123456", "PS", "+972569123456", false},
		{"٠٥٩٩١٢٣٤٥٦", "PS", "+970599123456", false},
		{"۰۵۹۹۱۲۳۴۵۶", "PS", "+970599123456", false},
		{"٩٧٢٥٩٩١٢٣٤٥٦", "PS", "+972599123456", false},
		{"\u200e0599123456", "PS", "+970599123456", false},
		{"\u202a+970 599 123 456\u202c", "PS", "+970599123456", false},
		{"٠٠٩٧٠٥٩٩١٢٣٤٥٦", "PS", "+970599123456", false},
		{"+٩٧٠ ٥٩٩ ١٢٣ ٤٥٦", "PS", "+970599123456", false},
		{"\u200f+970 599-123-456\u200f", "PS", "+970599123456", false},
		{"\u20672 ", "PS", "", false},
		{"(059) 912-3456", "PS", "+970599123456", false},
		{"059/912 34 56", "PS", "+970599123456", false},
		{"00972 59 912 3456", "PS", "+972599123456", false},
		{"+972 (0)59 912 3456", "PS", "+972599123456", false},
		{"970 0599123456", "PS", "+970599123456", false},
		{"０５９９１２３４５６", "PS", "+970599123456", false}, // full width
		{"0569123456", "PS", "+970569123456", false},
		{"+97022987654", "PS", "", false}, // landlines, under both codes
		{"00970 2 298 7654", "PS", "", false},
		{"972 2 298 7654", "PS", "", false},
		{"٠٢٢٩٨٧٦٥٤", "PS", "", false},
		{"+972521234567", "PS", "+972521234567", true}, // possible and in use, unknown to the metadata
		{"+962791234567", "", "+962791234567", false},
		{"0791234567", "JO", "+962791234567", false},
		{"9725551234", "US", "+19725551234", false}, // Dallas, not +972
		{"0599123456", "", "", false},
		{"022987654", "PS", "", false}, // Ramallah, a landline
		{"1800123456", "PS", "", false},
		{"12", "PS", "", false},
		{"+97059912345678901", "PS", "", false},
		{"0599123456 ext 5", "PS", "", false},
		{"O599123456", "PS", "", false},
		{"0599123456,0598123456", "PS", "", false},
		{"", "PS", "", false},
		{"+", "PS", "", false},
		{"5.99123456e+08", "PS", "", false},
	}
	for _, test := range tests {
		number, doubtful, f := mobile(test.text, test.country)
		if number.Reveal() != test.want || (f != nil) != (test.want == "") || doubtful != test.doubtful {
			t.Errorf("mobile(%q, %q) = %q, doubtful %v, %v; want %q, doubtful %v", test.text, test.country, number.Reveal(), doubtful, f, test.want, test.doubtful)
		}
		if f != nil && len(test.text) > 4 && strings.Contains(f.Error(), test.text) {
			t.Errorf("mobile(%q): the fault repeats it: %v", test.text, f)
		}
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"500ms": 500 * time.Millisecond, "30s": 30 * time.Second, "10m": 10 * time.Minute, "8h": 8 * time.Hour, "30d": 30 * day,
		"1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour, "0s": 0,
	} {
		if got, f := span(text); got != want || f != nil {
			t.Errorf("span(%q) = %v, %v; want %v", text, got, f, want)
		}
	}
	for _, text := range []string{"", "10", "m", "-5m", "10 m", "1.5h", "10M", "1w", "99999999999d", "300000000d", "10m "} {
		if got, f := span(text); f == nil {
			t.Errorf("span(%q) = %v, want a fault", text, got)
		}
	}
	for _, d := range []time.Duration{250 * time.Millisecond, time.Second, 90 * time.Second, time.Hour, 30 * day} {
		if got, f := span(SaySpan(d)); got != d || f != nil {
			t.Errorf("span(SaySpan(%v)) = %v, %v", d, got, f)
		}
	}
}

func TestNamePattern(t *testing.T) {
	tests := []struct{ pattern, matches, not string }{
		{"lang", "lang", "xlang"},
		{"lang", "lang", "lang2"},
		{"wp-settings-*", "wp-settings-time-1", "xwp-settings-1"},
		{"a.b", "a.b", "axb"},
		{"/Cacti[A-Z].*/", "CactiDateTime", "Cacti"},
		{"/a|b/", "b", "ab"},
	}
	for _, test := range tests {
		re, f := namePattern(test.pattern)
		if f != nil {
			t.Errorf("namePattern(%q): %v", test.pattern, f)
			continue
		}
		if !re.MatchString(test.matches) || re.MatchString(test.not) {
			t.Errorf("namePattern(%q) is %v; want it to match %q and not %q", test.pattern, re, test.matches, test.not)
		}
	}
	for _, pattern := range []string{"", "*", "a*b", "a b", "a;b", "a=b", "/(/", "/a)(b/", "//", "/"} {
		if re, f := namePattern(pattern); f == nil {
			t.Errorf("namePattern(%q) = %v, want a fault", pattern, re)
		}
	}
}
