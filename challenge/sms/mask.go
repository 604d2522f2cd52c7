package sms

import (
	"encoding/base64"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	excerptBytes = 200  // of an answer, in errors
	maskedRunes  = 4096 // of an answer, that are looked at
	window       = 8    // runes in a row that an answer may not share with a secret
	codeDigits   = 6    // a code has at least as many, providers' own numbers of errors fewer
)

// masker hides what an answer repeats of the request. Providers cut, quote and re-encode what they echo, so it does not look
// for whole secrets but for any eight characters in a row of one; and it hides every run of six digits or more, whoever
// wrote them, because that is what a code looks like.
type masker struct {
	sizes [window + 1]bool // which lengths stand in seen
	seen  map[string]bool
}

func newMasker(secrets []string) *masker {
	m := &masker{seen: map[string]bool{}}
	for _, s := range secrets {
		for _, form := range []string{
			s, percent(s), strings.ReplaceAll(percent(s), "%20", "+"), html.EscapeString(s),
			strings.Trim(strconv.QuoteToASCII(s), `"`), base64.StdEncoding.EncodeToString([]byte(s)),
		} {
			m.add(folded(form))
		}
	}
	return m
}

func (m *masker) add(form []rune) {
	size := min(len(form), window)
	if size == 0 {
		return
	}
	m.sizes[size] = true
	for i := 0; i+size <= len(form); i++ {
		m.seen[string(form[i:i+size])] = true
	}
}

// excerpt returns the beginning of answer, masked, in one line.
func (m *masker) excerpt(answer []byte) string { return m.beginning(answer, excerptBytes) }

func (m *masker) beginning(answer []byte, limit int) string {
	runes := []rune(strings.ToValidUTF8(string(answer), "\ufffd"))
	if len(runes) > maskedRunes {
		// What stands at the cut may be the beginning of a secret that can no longer be told: it goes as well.
		runes = runes[:maskedRunes-64]
	}
	hidden := m.hidden(runes)
	var b strings.Builder
	for i, r := range runes {
		switch {
		case hidden[i] && i > 0 && hidden[i-1]:
			continue
		case hidden[i]:
			r = '…'
		case !unicode.IsPrint(r):
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// hidden tells which runes must not be shown.
func (m *masker) hidden(runes []rune) []bool {
	plain, hidden := folded(string(runes)), make([]bool, len(runes))
	for size, used := range m.sizes {
		for i := 0; used && i+size <= len(plain); i++ {
			if m.seen[string(plain[i:i+size])] {
				mark(hidden[i : i+size])
			}
		}
	}
	for i := 0; i < len(plain); i++ {
		if end, digits := digitRun(plain, i); digits > 0 {
			if digits >= codeDigits {
				mark(hidden[i:end])
			}
			i = end - 1
		}
	}
	return hidden
}

func mark(hidden []bool) {
	for i := range hidden {
		hidden[i] = true
	}
}

// digitRun returns the end of the run of digits that begins at i, over single spaces and hyphens, and how many they are.
func digitRun(s []rune, i int) (end, digits int) {
	isDigit := func(at int) bool { return at < len(s) && '0' <= s[at] && s[at] <= '9' }
	for end = i; isDigit(end); {
		digits++
		end++
		if end < len(s) && (s[end] == ' ' || s[end] == '\u00a0' || s[end] == '-') && isDigit(end+1) {
			end++
		}
	}
	return end, digits
}

// folded maps runes one to one so that case and kinds of digits do not matter.
func folded(s string) []rune {
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r >= '٠' && r <= '٩':
			r = '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			r = '0' + r - '۰'
		default:
			r = unicode.ToLower(r)
		}
		runes[i] = r
	}
	return runes
}

// constants returns what the config itself sends and must not come back. Fixed values count from eight bytes on: a key may
// stand in the config as it is, and a shorter word, such as "yes", would black out the answer without protecting anything.
func (c Config) constants() []string {
	list := []string{c.BasicUser.Reveal(), c.BasicPassword.Reveal(), c.Bearer.Reveal()}
	if !c.BasicUser.Empty() { // or every colon would be hidden
		list = append(list, c.BasicUser.Reveal()+":"+c.BasicPassword.Reveal())
	}
	for _, param := range c.Params {
		list = append(list, param.Reveal())
	}
	templates := []Template{}
	for _, params := range [][]Param{c.Query, c.Form, c.Headers} {
		for _, p := range params {
			list, templates = append(list, p.Secret.Reveal()), append(templates, p.Value)
		}
	}
	c.JSON.leaves(func(leaf any) {
		switch leaf := leaf.(type) {
		case Template:
			templates = append(templates, leaf)
		case interface{ Reveal() string }:
			list = append(list, leaf.Reveal())
		}
	})
	for _, text := range c.URL.texts() {
		if _, query, ok := strings.Cut(text, "?"); ok { // host and path are no secret, and an error may well name them
			list = append(list, query)
		}
	}
	for _, t := range templates {
		for _, text := range t.texts() {
			if len(text) >= window {
				list = append(list, text)
			}
		}
	}
	if c.Proxy != nil {
		if password, ok := c.Proxy.User.Password(); ok {
			list = append(list, password)
		}
	}
	return list
}
