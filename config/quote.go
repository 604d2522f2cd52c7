package config

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// written is v's text as it stands in a file, quoted as the value before it was.
func (v Value) written(inFlow bool, before yaml.Style) string {
	switch {
	case before&yaml.DoubleQuotedStyle != 0:
		return doubleQuoted(v.Text)
	case before&yaml.SingleQuotedStyle != 0:
		return "'" + strings.ReplaceAll(v.Text, "'", "''") + "'"
	case v.Word && word.MatchString(v.Text):
		return v.Text
	}
	return plainOrQuoted(v.Text, inFlow)
}

// word is what may stand without quotes however YAML reads it: with nothing in it that would begin another key.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// plainOrQuoted quotes a text that readers of YAML, of this version or the one before, would take for something else than a text: a number
// (0599123456), a yes or no, nothing, a mark of YAML's own.
func plainOrQuoted(t string, inFlow bool) string {
	if !otherwise[strings.ToLower(t)] && staysText("k: "+t, t) && (!inFlow || staysText("{k: "+t+"}", t)) {
		return t
	}
	return doubleQuoted(t)
}

// otherwise are the words of YAML 1.1 that yaml.v3 takes for texts.
var otherwise = map[string]bool{"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true}

func staysText(document, t string) bool {
	var n yaml.Node
	if yaml.Unmarshal([]byte(document), &n) != nil || len(n.Content) != 1 || len(n.Content[0].Content) != 2 {
		return false
	}
	v := n.Content[0].Content[1]
	return v.Kind == yaml.ScalarNode && v.Value == t && v.ShortTag() == "!!str" && v.Style == 0 && v.LineComment == ""
}

func doubleQuoted(t string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(t) + `"`
}
