package templates

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// set loads the texts and pages as they are embedded.
func set(t testing.TB) *Set {
	t.Helper()
	s, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// folder makes a folder of overrides.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLanguages(t *testing.T) {
	s := set(t)
	if got := s.Languages(); !slices.Equal(got, []string{"en", "ar"}) {
		t.Errorf("languages: got %q", got)
	}
	s.Languages()[0] = "xx"
	if got := s.Languages()[0]; got != "en" {
		t.Errorf("a caller changed the set: first language is now %q", got)
	}
}

func TestOverrideOfSingleTexts(t *testing.T) {
	s, err := New(folder(t, map[string]string{
		"en.properties": "\ufeff# ours\r\ncode.title = Your code,\\\r\n   please\r\n",
		"door.css":      "body { color: black; }",
		".gitignore":    "not looked at",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.in("en").Plain("code.title"); got != "Your code,please" {
		t.Errorf("overridden text: got %q", got)
	}
	if got, _ := s.in("ar").Plain("code.title"); got != "إدخال رمز الدخول" {
		t.Errorf("text of the other language: got %q", got)
	}
	if body, _, _ := s.Asset("door.css"); string(body) != "body { color: black; }" {
		t.Errorf("overridden style: got %q", body)
	}
	if a, b := s.assets["door.css"].hash, set(t).assets["door.css"].hash; a == b {
		t.Error("another style has the same hash: browsers would keep the old one")
	}
}

// A third language is one file: Arabic's, here under Hebrew's name without the plural forms that Hebrew does not have.
func TestNewLanguage(t *testing.T) {
	ar, err := embedded.ReadFile("files/ar.properties")
	if err != nil {
		t.Fatal(err)
	}
	var he strings.Builder
	for line := range strings.Lines(string(ar)) {
		if !strings.Contains(line, ".zero =") && !strings.Contains(line, ".few =") {
			he.WriteString(line)
		}
	}
	s, err := New(folder(t, map[string]string{"he.properties": he.String()}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Languages(); !slices.Equal(got, []string{"en", "ar", "he"}) {
		t.Errorf("languages: got %q", got)
	}
	if got := s.Choose("", "he-IL,en;q=0.5"); got != "he" {
		t.Errorf("language for a Hebrew browser: got %q", got)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name, file, content, wants string
	}{
		{"a language with gaps", "he.properties", "language.name = עברית\nlanguage.dir = rtl\n", "he.properties: notice.failed.title is missing"},
		{"a plural form missing", "he.properties", "language.name = עברית\nlanguage.dir = rtl\n", "he.properties: minutes.two is missing"},
		{"a misspelt file", "en.propertys", "", "nothing has this name"},
		{"no language", "notes.properties", "", "a text file is named like its language"},
		{"another spelling of a language", "EN.properties", "", "a text file is named like its language"},
		{"not UTF-8", "en.properties", "code.title = caf\xe9", "not UTF-8"},
		{"a page that does not parse", "notice.html", "{{if}}", "notice.html"},
		{"a page that asks for a text that is not there", "notice.html", `{{.Say "no.such"}}`, `no text "no.such"`},
		{"a page that asks for a field that is not there", "code.html", `{{.P.Nothing}}`, "Nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(folder(t, map[string]string{tt.file: tt.content}))
			if err == nil || !strings.Contains(err.Error(), tt.wants) {
				t.Errorf("%s with %q: got error %v, want one with %q", tt.file, tt.content, err, tt.wants)
			}
		})
	}
	if _, err := New(filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("an override folder that is not there was taken")
	}
}

// Each file in testdata/bad is an override of en.properties with one fault; its first line says what is reported.
func TestBadTexts(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.properties")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(data), "\n")
		wants := strings.TrimPrefix(first, "# wants: ")
		_, err = New(folder(t, map[string]string{"en.properties": string(data)}))
		if err == nil || !strings.Contains(err.Error(), "en.properties"+wants) {
			t.Errorf("%s: got error %v, want %q", f, err, wants)
		}
	}
}

func TestNewReportsEveryProblem(t *testing.T) {
	_, err := New(folder(t, map[string]string{
		"en.properties": "code.titel = x\nsms.1 = no code\n",
		"ar.properties": "language.dir = up\n",
	}))
	for _, wants := range []string{"code.titel", "sms.1", "language.dir"} {
		if err == nil || !strings.Contains(err.Error(), wants) {
			t.Errorf("got error %v, want one that also names %s", err, wants)
		}
	}
}

func TestChoose(t *testing.T) {
	s := set(t)
	tests := []struct{ chosen, accept, want string }{
		{"", "", "en"},
		{"", "ar", "ar"},
		{"", "ar-PS,ar;q=0.9,en;q=0.8", "ar"},
		{"", "en-GB,ar;q=0.9", "en"},
		{"", "fr-FR,fr;q=0.9", "en"},
		{"", "fr,ar;q=0.2", "ar"},
		{"", "*", "en"},
		{"ar", "en", "ar"},
		{"en", "ar", "en"},
		{"AR-ps", "en", "ar"},
		{"xx", "ar", "ar"},
		{"../../etc/passwd", "ar", "ar"},
		{"", "ar;q=two", "en"},
		{"", strings.Repeat("ar-", 1000), "en"},
		{strings.Repeat("ar,", 1000), "ar", "ar"},
	}
	for _, tt := range tests {
		if got := s.Choose(tt.chosen, tt.accept); got != tt.want {
			t.Errorf("Choose(%.20q, %.20q): got %q, want %q", tt.chosen, tt.accept, got, tt.want)
		}
	}
}

func TestLinks(t *testing.T) {
	got := set(t).Links("?lang=")
	want := []LanguageLink{{"en", "English", "?lang=en"}, {"ar", "العربية", "?lang=ar"}}
	if !slices.Equal(got, want) {
		t.Errorf("links: got %q, want %q", got, want)
	}
}
