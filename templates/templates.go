// Package templates makes every page and message that Doorcode shows or sends: the code page, the small pages (notices), the
// SMS and the e-mail, in each language. It takes plain data and knows nothing of the door, of HTTP or of stores.
//
// Words stand in one text file per language (files/en.properties, files/ar.properties), pages in html/template files, style and
// script in files of their own, because the pages' policy (CSP) allows nothing inline. All are embedded; a folder of ops may
// override single texts and single files. Everything is parsed, checked and rendered once by New, so that a forgotten
// translation or a broken page stops the start and not a user.
package templates

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed files
var embedded embed.FS

// fallback is the language of whoever asks for none that we have.
const fallback = "en"

// Set is a complete, checked set of texts and pages. It never changes after New and is safe for concurrent use.
type Set struct {
	languages []string // fallback first
	matcher   language.Matcher
	words     map[string]*words
	pages     *template.Template
	assets    map[string]asset
}

// New loads the embedded files and lays those of the folder override over them ("" for none). A text file of a language that is
// embedded may hold only the texts that change; one of a new language must be complete. Files whose names begin with a dot are not
// looked at; any other unknown name is an error, because it is a misspelt override.
// The error names every problem with its file and line.
func New(override string) (*Set, error) {
	files, err := readFiles(override)
	if err != nil {
		return nil, err
	}
	s := &Set{assets: assetsOf(files)}
	if s.words, err = readWords(files); err != nil {
		return nil, err
	}
	s.order()
	if s.pages, err = parsePages(files); err != nil {
		return nil, err
	}
	return s, s.rehearse()
}

// file is one file in force: the embedded one, or the one that overrides it. Of a text file both count.
type file struct {
	builtin, override []byte
	path              string // of the override, for error messages
}

// inForce is the content of a file that is overridden as a whole.
func (f file) inForce() []byte {
	if f.override != nil {
		return f.override
	}
	return f.builtin
}

func readFiles(override string) (map[string]file, error) {
	files := map[string]file{}
	entries, err := fs.ReadDir(embedded, "files")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := embedded.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, err
		}
		files[e.Name()] = file{builtin: data}
	}
	if override == "" {
		return files, nil
	}
	return files, readOverrides(files, override)
}

func readOverrides(files map[string]file, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("override folder of templates: %w", err)
	}
	known := slices.Sorted(maps.Keys(files))
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") { // .git, and the ..data of a mounted ConfigMap
			continue
		}
		f, ok := files[name]
		if !ok && !strings.HasSuffix(name, ".properties") {
			return fmt.Errorf("%s: nothing has this name: known are %s, and LANGUAGE.properties for a new language",
				filepath.Join(folder, name), strings.Join(known, ", "))
		}
		f.path = filepath.Join(folder, name)
		if f.override, err = os.ReadFile(f.path); err != nil {
			return fmt.Errorf("override folder of templates: %w", err)
		}
		files[name] = f
	}
	return nil
}

// readWords parses and checks every text file.
func readWords(files map[string]file) (map[string]*words, error) {
	all := map[string]*words{}
	var problems []error
	for name, f := range files {
		code, isText := strings.CutSuffix(name, ".properties")
		if !isText {
			continue
		}
		w, err := readLanguage(code, f)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all[w.Lang()] = w
	}
	return all, errors.Join(problems...)
}

func readLanguage(code string, f file) (*words, error) {
	tag, err := language.Parse(code)
	if err != nil || tag.String() != code {
		return nil, fmt.Errorf("%s: a text file is named like its language: he.properties, pt-BR.properties", f.path)
	}
	texts, err := parseTexts(code+".properties", f.builtin)
	if err != nil {
		return nil, err
	}
	own, err := parseTexts(f.path, f.override)
	if err != nil {
		return nil, err
	}
	maps.Copy(texts, own)
	return &words{tag: tag, texts: texts}, checkTexts(tag, texts)
}

// order fixes the order of languages and prepares the choice among them.
func (s *Set) order() {
	s.languages = slices.Sorted(maps.Keys(s.words))
	slices.SortStableFunc(s.languages, func(a, b string) int {
		switch fallback {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	tags := make([]language.Tag, len(s.languages))
	for i, l := range s.languages {
		tags[i] = s.words[l].tag
	}
	s.matcher = language.NewMatcher(tags)
}

// parsePages parses all page files together: code.html and notice.html both use page.html.
func parsePages(files map[string]file) (*template.Template, error) {
	pages := template.New("").Option("missingkey=error")
	for name, f := range files {
		if filepath.Ext(name) != ".html" {
			continue
		}
		if _, err := pages.New(name).Parse(string(f.inForce())); err != nil {
			return nil, fmt.Errorf("page %s: %w", f.path, err)
		}
	}
	return pages, nil
}

// rehearse renders every page and message of every language once, so that an override that does not work is found at the start.
func (s *Set) rehearse() error {
	var problems []error
	for _, lang := range s.languages {
		problems = append(problems, s.Code(io.Discard, lang, CodePage{CanRemember: true, RememberDays: 30, Digits: 6,
			ResendsLeft: 1, Error: CodeWrong, User: "u", Routes: []RouteLine{{Channel: "sms", State: "sent"}}}))
		for _, k := range Kinds() {
			problems = append(problems, s.Notice(io.Discard, lang, Notice{Kind: k, RequestID: "1", LoginPath: "/", Return: "/"}))
		}
		for _, ask := range []bool{false, true} {
			problems = append(problems, s.Again(io.Discard, lang, Again{From: "example.com", Action: "/", User: "u", Ask: ask, Cookie: true, Fields: []Field{{"a", "b"}}}))
		}
		_, err := s.Message(lang, MessageData{Code: "000000", Host: "example.com", User: "u", When: "now", Address: "::1", Agent: "x"})
		problems = append(problems, err)
		for _, k := range WarningKinds() {
			_, err := s.Warning(lang, Warning{Kind: k, Host: "example.com", User: "u", Count: 5, When: "now", Address: "::1", Agent: "x"})
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// render writes a page whole or, when the page does not work, not at all: half a page must not look like an answer.
func (s *Set) render(w io.Writer, name string, data any) error {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// in returns the words of a language, or of the fallback.
func (s *Set) in(lang string) *words {
	if w, ok := s.words[lang]; ok {
		return w
	}
	return s.words[fallback]
}
