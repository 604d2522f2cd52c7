package config

import (
	"slices"

	"doorcode/templates"
)

// across holds sections against each other.
func (r *reader) across(top *section, s *Settings) {
	files := map[string]string{r.file: "gateway.yaml"}
	for _, one := range []struct{ key, path string }{{"state", s.State}, {"keys", s.Keys}, {"policy", s.Policy}} {
		if other, taken := files[one.path]; taken {
			top.problem(one.key, one.key+" is the file that is "+other+" too", "each needs a file of its own")
		}
		files[one.path] = one.key
	}
	texts, err := templates.New(s.Templates)
	if err != nil {
		top.problem("templates", "templates cannot be used: "+err.Error(), "")
		return
	}
	s.languages = slices.Clone(texts.Languages())
}
