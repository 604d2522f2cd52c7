package templates

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func TestTime(t *testing.T) {
	s := set(t)
	tests := []struct {
		d      time.Duration
		en, ar string
	}{
		{0, "a few minutes", "بضع دقائق"},
		{-time.Second, "a few minutes", "بضع دقائق"},
		{time.Millisecond, "1 second", "ثانية واحدة"},
		{2 * time.Second, "2 seconds", "ثانيتين"},
		{27 * time.Second, "27 seconds", "27 ثانية"},
		{59500 * time.Millisecond, "60 seconds", "60 ثانية"},
		{time.Minute, "1 minute", "دقيقة واحدة"},
		{time.Minute + time.Second, "2 minutes", "دقيقتين"},
		{3 * time.Minute, "3 minutes", "3 دقائق"},
		{10 * time.Minute, "10 minutes", "10 دقائق"},
		{11 * time.Minute, "11 minutes", "11 دقيقة"},
		{100 * time.Minute, "100 minutes", "100 دقيقة"},
		{2 * time.Hour, "2 hours", "ساعتين"},
		{30 * 24 * time.Hour, "30 days", "30 يوماً"},
		{100 * 24 * time.Hour, "100 days", "100 يوم"},
	}
	for _, tt := range tests {
		if got := s.in("en").Time(tt.d); got != tt.en {
			t.Errorf("%v in English: got %q, want %q", tt.d, got, tt.en)
		}
		if got := s.in("ar").Time(tt.d); got != tt.ar {
			t.Errorf("%v in Arabic: got %q, want %q", tt.d, got, tt.ar)
		}
	}
}

func TestSayEscapes(t *testing.T) {
	w := &words{tag: set(t).words["en"].tag, texts: map[string]text{"x": {words: `5 < 6 & "{app}" {user}`}}}
	got, err := w.Say("x", "app", "<b>{user}</b>", "user", "R&D")
	want := `5 &lt; 6 &amp; &#34;<bdi>&lt;b&gt;{user}&lt;/b&gt;</bdi>&#34; <bdi>R&amp;D</bdi>`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if _, err := w.Say("y"); err == nil {
		t.Error("an unknown text was said")
	}
	if _, err := w.Say("x", "app"); err == nil {
		t.Error("a placeholder without a value was taken")
	}
}

func TestOneLineHoldsNothingThatMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "in") + rapid.SampledFrom([]string{"", "\r\n", "\u2028", "\u202e", "\u2066", "\x00"}).Draw(t, "end")
		got := oneLine(in + "x")
		if strings.IndexFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
		}) >= 0 {
			t.Fatalf("oneLine(%q) = %q", in, got)
		}
		if got != oneLine(got) {
			t.Fatalf("oneLine(%q) = %q, and again %q", in, got, oneLine(got))
		}
	})
	if got := oneLine(" أحمد \r\n صالح\u202e "); got != "أحمد صالح" {
		t.Errorf("got %q", got)
	}
}

// What parseTexts read, written again, reads the same.
func FuzzParseTexts(f *testing.F) {
	f.Add([]byte("# note\ncode.title = Enter\\\n  it\nsms.1 = {code}\\n\\\\ x\n"))
	f.Add([]byte("a\\\n\\"))
	f.Add([]byte("\ufeffa = b\r\n= c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		texts, err := parseTexts("x.properties", data)
		if err != nil {
			return
		}
		var again strings.Builder
		for key, v := range texts {
			again.WriteString(key + " = " + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(v.words) + "\n")
		}
		second, err := parseTexts("y.properties", []byte(again.String()))
		if err != nil || len(second) != len(texts) {
			t.Fatalf("%q became %q: %v", data, again.String(), err)
		}
		for key, v := range texts {
			if second[key].words != v.words {
				t.Fatalf("%s: %q became %q", key, v.words, second[key].words)
			}
		}
	})
}
