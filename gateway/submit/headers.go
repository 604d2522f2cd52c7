package submit

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/http/httpguts"
)

// Header is a header that the application's script puts on the login. Of the last four one is set and says where the value comes from:
// never from the browser's own request, which has it from another session.
type Header struct {
	Name   string
	Value  string // as it stands here
	Cookie string // a cookie of the fresh session, such as XSRF-TOKEN; unescaped, as scripts do
	Meta   string // <meta name="…" content="…"> on the fresh page
	Field  string // a hidden field on the fresh page
}

// headers are those that this login goes up with, beside the usual ones. trouble says which could not be made: without it the
// application would refuse the login as a forged one, and the user would read that the password is wrong.
func (v *visit) headers(c Config, page *answer) (h http.Header, trouble string) {
	h = http.Header{}
	if v.browser.Script {
		h.Set("Accept", "application/json, text/plain, */*") // some answer scripts in JSON and pages in HTML, by this
		if v.browser.Header.Get("X-Requested-With") == xhr {
			h.Set("X-Requested-With", xhr)
		}
	}
	for _, want := range c.Headers {
		value, where := v.valueOf(want, page)
		switch {
		case value == "":
			return nil, fmt.Sprintf("login.headers: %s has no value: login.page %s gives no %s", want.Name, c.Page, where)
		case !httpguts.ValidHeaderFieldValue(value):
			return nil, fmt.Sprintf("login.headers: the value of %s cannot stand in a header", want.Name)
		}
		h.Set(want.Name, value)
	}
	return h, ""
}

// xhr is the one value that X-Requested-With has in the wild.
const xhr = "XMLHttpRequest"

func (v *visit) valueOf(h Header, page *answer) (value, where string) {
	switch {
	case h.Cookie != "":
		return v.cookie(h.Cookie, page.at.EscapedPath()), "cookie " + h.Cookie
	case h.Meta != "":
		return metaOf(page.text, h.Meta), "meta " + h.Meta
	case h.Field != "":
		for _, f := range forms(page.text) {
			for _, c := range f.hidden() {
				if c.name == h.Field {
					return c.value, ""
				}
			}
		}
		return "", "hidden field " + h.Field
	}
	return h.Value, "value"
}

// cookie is the value of the first cookie of a name that this session has for path, as a script would read it.
func (v *visit) cookie(name, path string) string {
	for pair := range strings.SplitSeq(v.jar.Header(path), "; ") {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return unescapeURL(strings.Trim(value, `"`))
		}
	}
	return ""
}

// metaOf reads <meta name="…" content="…">; of several the first counts, as for document.querySelector.
func metaOf(page, name string) string {
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			if t := z.Token(); t.Data == "meta" && strings.EqualFold(attribute(t, "name"), name) {
				return attribute(t, "content")
			}
		}
	}
}
