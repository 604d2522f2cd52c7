package templates

import "strings"

// page is what every page file is given; page.html draws it. The words are embedded, so that {{.Say "key"}} works.
type page struct {
	*words
	Title     string
	AppName   string
	Base      string
	Languages []LanguageLink
	assets    map[string]asset
}

func (s *Set) page(lang, app, base string, links []LanguageLink) page {
	if base == "" {
		base = DefaultBasePath
	}
	return page{words: s.in(lang), AppName: oneLine(app), Base: base, Languages: links, assets: s.assets}
}

// titled sets the page's title: what the page is first, then whose it is (WCAG 2.4.2).
func (p *page) titled(heading string) (err error) {
	p.Title = heading
	if p.AppName != "" {
		p.Title, err = p.Plain("page.title", "title", heading, "app", p.AppName)
	}
	return err
}

// Asset is the address of an asset.
func (p page) Asset(name string) string {
	return p.Base + "/assets/" + name + "?v=" + p.assets[name].hash
}

// local is a path on our own origin, or "". Callers check it before; a link out of a page of ours would be a phisher's best
// friend, so it is looked at again here (threat D5).
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return ""
	}
	return path
}

// Frame is the page itself, for the templates of its top and bottom.
func (p page) Frame() page { return p }
