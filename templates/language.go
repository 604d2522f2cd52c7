package templates

import (
	"slices"

	"golang.org/x/text/language"
)

// longestHeader bounds what of an Accept-Language is read: browsers send less than 200 bytes, and parsing has been a way to keep
// servers busy (CVE-2022-32149).
const longestHeader = 500

// Languages lists the codes of the languages there are: "en" first, the others in alphabetical order.
func (s *Set) Languages() []string { return slices.Clone(s.languages) }

// Choose picks the language of a page: the explicitly chosen one if it is known, else the best match for the browser's
// Accept-Language, else "en". Both may be anything: they come from the client.
func (s *Set) Choose(chosen, acceptLanguage string) string {
	if l, ok := s.match(chosen); ok {
		return l
	}
	l, _ := s.match(acceptLanguage)
	return l
}

// match reads a list of languages as RFC 9110 §12.5.4 writes it; ok is false when none of them is near one of ours.
func (s *Set) match(list string) (lang string, ok bool) {
	if len(list) > longestHeader {
		return fallback, false
	}
	tags, _, err := language.ParseAcceptLanguage(list)
	if err != nil {
		return fallback, false
	}
	_, i, confidence := s.matcher.Match(tags...)
	if confidence == language.No {
		return fallback, false
	}
	return s.languages[i], true
}

// Links lists the language switch of a page: to is what the language's code is appended to, for example "?lang=".
func (s *Set) Links(to string) []LanguageLink {
	links := make([]LanguageLink, len(s.languages))
	for i, l := range s.languages {
		links[i] = LanguageLink{Language: l, Name: s.words[l].Name(), URL: to + l}
	}
	return links
}
