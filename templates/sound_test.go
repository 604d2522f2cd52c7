package templates

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// checkPage holds a page against what is true of every one: whole HTML, language and direction, nothing inline, nothing from
// elsewhere, labels, and no markup that came in as data.
func checkPage(t *testing.T, w *words, page string) {
	t.Helper()
	checkBalanced(t, page)
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	ids := map[string]bool{}
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.ContainsAny(n.Data, "{}") {
			t.Errorf("an unfilled placeholder: %q", n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		seen[n.Data]++
		checkElement(t, n, ids)
	}
	for n := range root.Descendants() {
		checkReferences(t, n, ids)
	}
	for name, want := range map[string]int{"html": 1, "title": 1, "main": 1, "h1": 1, "img": 0, "style": 0, "iframe": 0, "base": 0} {
		if seen[name] != want {
			t.Errorf("%d <%s>, want %d", seen[name], name, want)
		}
	}
	if want := fmt.Sprintf(`<html lang="%s" dir="%s">`, w.Lang(), w.Dir()); !strings.Contains(page, want) {
		t.Errorf("no %s", want)
	}
	if strings.Contains(page, "http:") || strings.Contains(page, "https:") {
		t.Error("the page names an outside address")
	}
}

func checkElement(t *testing.T, n *html.Node, ids map[string]bool) {
	t.Helper()
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "srcdoc" {
			t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
		}
		if slices.Contains([]string{"href", "src", "action", "formaction"}, a.Key) && strings.Contains(a.Val, "script:") {
			t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
		}
		if strings.ContainsAny(a.Val, "{}") {
			t.Errorf("<%s> has an unfilled placeholder in %s=%q", n.Data, a.Key, a.Val)
		}
	}
	if id := attr(n, "id"); id != "" {
		if ids[id] {
			t.Errorf("id %q stands twice", id)
		}
		ids[id] = true
	}
	switch {
	case n.Data == "script" && (n.FirstChild != nil || !strings.HasPrefix(attr(n, "src"), DefaultBasePath+"/assets/door.js?v=") && !strings.HasPrefix(attr(n, "src"), DefaultBasePath+"/assets/again.js?v=")):
		t.Errorf("a script that is not ours: src %q", attr(n, "src"))
	case n.Data == "form" && attr(n, "method") != "post":
		t.Errorf("the form to %s is no POST", attr(n, "action"))
	case n.Data == "bdi" && n.FirstChild == nil && n.Parent.Data != "span":
		t.Error("an empty value in a sentence")
	}
}

// checkReferences sees that what an element names by id is there (WCAG 1.3.1).
func checkReferences(t *testing.T, n *html.Node, ids map[string]bool) {
	t.Helper()
	for _, key := range []string{"for", "aria-describedby", "aria-labelledby"} {
		for id := range strings.FieldsSeq(attr(n, key)) {
			if !ids[id] {
				t.Errorf("<%s> names the id %q, which is not there", n.Data, id)
			}
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// checkBalanced sees that every element that is opened is closed: html.Parse repairs what browsers of the day may not.
func checkBalanced(t *testing.T, page string) {
	t.Helper()
	void := []string{"meta", "link", "input", "br"}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("never closed: %q", open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> where %q are open", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}
