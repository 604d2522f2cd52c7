// Package templates makes every page and message that Doorcode shows or sends: the code page, the small pages (notices), the
// SMS and the e-mail, in each language. It takes plain data and knows nothing of the door, of HTTP or of stores.
//
// Words stand in one text file per language (files/en.properties, files/ar.properties), pages in html/template files, style and
// script in files of their own, because the pages' policy (CSP) allows nothing inline. All are embedded; a folder of ops may
// override single texts and single files. Everything is parsed, checked and rendered once by New, so that a forgotten
// translation or a broken page stops the start and not a user.
package templates

import "io"

// Set is a complete, checked set of texts and pages. It never changes after New and is safe for concurrent use.
type Set struct{}

// New loads the embedded files and lays those of the folder override over them ("" for none). A text file of a language that is
// embedded may hold only the texts that change; one of a new language must be complete.
// The error names every problem with file and line.
func New(override string) (*Set, error) { return &Set{}, nil }

// Languages lists the codes of the languages there are: "en" first, the others in alphabetical order.
func (s *Set) Languages() []string { return []string{"en", "ar"} }

// Choose picks the language of a page: the explicitly chosen one if it is known, else the best match for the browser's
// Accept-Language, else "en". Both may be anything: they come from the client.
func (s *Set) Choose(chosen, acceptLanguage string) string { return "en" }

// Code writes the page that asks for a code. Nothing is written when it returns an error of its own making.
func (s *Set) Code(w io.Writer, lang string, p CodePage) error { return nil }

// Notice writes a small page. Nothing is written when it returns an error of its own making.
func (s *Set) Notice(w io.Writer, lang string, n Notice) error { return nil }

// Text is what a notice says, in one line, for clients that take no HTML.
func (s *Set) Text(lang string, k Kind) string { return "" }

// Message words the message that carries a code.
func (s *Set) Message(lang string, d MessageData) (Message, error) { return Message{}, nil }

// Links lists the language switch of a page: to is what the language's code is appended to, for example "?lang=".
func (s *Set) Links(to string) []LanguageLink { return nil }

// Asset returns an embedded file that pages refer to.
func Asset(name string) (body []byte, contentType string, ok bool) { return nil, "", false }

// Asset returns a file that pages refer to (door.css, door.js, door.svg), with overrides.
func (s *Set) Asset(name string) (body []byte, contentType string, ok bool) { return nil, "", false }
