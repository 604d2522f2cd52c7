package config

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge/secret"
)

//go:embed presets.yaml
var presetsFile []byte

// preset is one entry of presets.yaml.
type preset struct {
	Source string            // where its facts are from
	Params map[string]string // what each is and where its owner finds it; sender is the key beside preset
	Ways   [][]string        // sets of params of which one is needed
	FillIn yaml.Node         `yaml:"fill_in"` // keys that the operator must write, and what
	Entry  yaml.Node         // as somebody would write it by hand
}

// presets are read once; the test of them sees to it that they can be.
var presets = sync.OnceValue(func() map[string]*preset {
	var all map[string]*preset
	d := yaml.NewDecoder(bytes.NewReader(presetsFile))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		panic("config/presets.yaml: " + err.Error())
	}
	return all
})

func presetName(t string) (string, *fault) {
	if presets()[t] == nil {
		want := suggest(t, slices.Sorted(maps.Keys(presets())))
		if !strings.HasSuffix(want, "?") {
			want += "; for another provider leave it out and write url, form, number and success"
		}
		return "", &fault{fmt.Sprintf("is %.40q", t), want}
	}
	return t, nil
}

// mark is what lines of a template begin with until somebody has completed them.
const mark = "FILL IN"

// unfilled names every line of an entry that is still as its template has it.
func (r *reader) unfilled(n *yaml.Node) bool {
	found := false
	if n.Kind == yaml.ScalarNode {
		if want, ok := strings.CutPrefix(n.Value, mark); ok {
			r.problem(n, "this line is still to be filled in", cmp.Or(strings.TrimLeft(want, ": "), "write what the provider's documentation says"))
			found = true
		}
	}
	for _, inner := range n.Content {
		found = r.unfilled(inner) || found
	}
	return found
}

// laying is one preset on its way under the keys that the file has in an entry: what comes out is read as if it had been written by hand.
type laying struct {
	*preset
	in    *section
	at    *yaml.Node // the word after preset:, where what the preset adds is said to stand
	given []string   // params that the file has, sender among them
}

func (r *reader) layPreset(in *section, name string) {
	p := presets()[name]
	if p == nil {
		return
	}
	l := laying{p, in, in.keys["preset"].value, givenParams(in)}
	l.fillIn()
	l.lay(l.choose())
}

// fillIn wants the keys that the preset cannot know.
func (l laying) fillIn() {
	for key, want := range entries(&l.FillIn) {
		if !l.has(key) {
			l.in.problem("preset", fmt.Sprintf("%s is missing, and nothing is public that %s could know it from", key, l.at.Value), "write "+want.Value)
		}
	}
}

// has reports whether the file says itself what a key of the preset says. A body of another kind, or the fields in the query, stand in
// the place of the preset's form.
func (l laying) has(key string) bool {
	return l.in.wrote(key) || key == "form" && (l.in.wrote("query") || l.in.wrote("json"))
}

// choose returns the way that most is given of, the first of equals, and says what it lacks and what it excludes.
func (l laying) choose() []string {
	if len(l.Ways) == 0 {
		return nil
	}
	way := slices.MaxFunc(l.Ways, func(a, b []string) int { return l.countGiven(a) - l.countGiven(b) })
	used := l.used()
	for _, name := range way {
		if !slices.Contains(l.given, name) && slices.Contains(used, name) {
			l.in.problem(l.paramsKey(name), l.say(name)+" is missing: "+l.Params[name], l.write(name)+l.otherwise(way, name))
		}
	}
	for _, name := range l.given {
		if _, known := l.Params[name]; known && !slices.Contains(way, name) && slices.Contains(used, name) {
			l.in.problem(l.paramsKey(name), l.say(name)+" is of another way to use this provider than "+strings.Join(way, ", "), "keep one of them")
		}
	}
	return way
}

func (l laying) countGiven(way []string) int {
	n := 0
	for _, name := range way {
		if slices.Contains(l.given, name) {
			n++
		}
	}
	return n
}

// used lists the params that the preset's own keys need: one that stands in a key which the file writes itself is not asked for.
func (l laying) used() []string {
	var names []string
	for key, value := range entries(&l.Entry) {
		if !l.has(key) {
			names = append(names, paramsIn(value)...)
		}
	}
	return names
}

// lay adds the preset's keys. A parameter of a way that was not chosen is not sent.
func (l laying) lay(way []string) {
	for key, value := range entries(&l.Entry) {
		if !l.has(key) {
			l.in.keys[key] = pair{l.placed(&yaml.Node{Kind: yaml.ScalarNode, Value: key}, way), l.placed(value, way)}
		}
	}
}

// placed copies a node of the preset to where problems with it lead.
func (l laying) placed(n *yaml.Node, way []string) *yaml.Node {
	c := *n
	c.Line, c.Column, c.Content = l.at.Line, l.at.Column, nil
	for _, inner := range n.Content {
		unused := func(name string) bool { return !slices.Contains(way, name) }
		if n.Kind == yaml.SequenceNode && slices.ContainsFunc(paramsIn(inner), unused) {
			continue
		}
		c.Content = append(c.Content, l.placed(inner, way))
	}
	return &c
}

// sender is a key of its own, and one of the params to those who read presets.yaml.
const sender = "sender"

func (l laying) say(name string) string {
	if name == sender {
		return sender
	}
	return "params." + name
}

func (l laying) paramsKey(name string) string {
	if name == sender && l.in.wrote(sender) {
		return sender
	}
	if l.in.wrote("params") && name != sender {
		return "params"
	}
	return "preset"
}

func (l laying) write(name string) string {
	if name == sender {
		return "write sender: beside preset:"
	}
	return fmt.Sprintf("write params: {%s: …}, or %s_file with the name of a file that holds it", name, name)
}

// otherwise names the ways that need no such param, by what they need that the chosen one does not.
func (l laying) otherwise(way []string, missing string) (say string) {
	for _, other := range l.Ways {
		instead := slices.DeleteFunc(slices.Clone(other), func(name string) bool { return slices.Contains(way, name) })
		if len(instead) > 0 && !slices.Contains(other, missing) {
			say += "; or go the other way, with " + strings.Join(instead, " and ")
		}
	}
	return say
}

// givenParams lists what the file has, whether it can be read or not.
func givenParams(in *section) []string {
	var names []string
	if in.wrote(sender) {
		names = append(names, sender)
	}
	if n := in.keys["params"].value; n != nil && n.Kind == yaml.MappingNode {
		for key := range entries(n) {
			names = append(names, strings.TrimSuffix(key, "_file"))
		}
	}
	return names
}

var paramField = regexp.MustCompile(`\{\{\.(?:Params\.(\w+)|Sender)\}\}`)

// paramsIn lists the params that stand anywhere in a node of a preset.
func paramsIn(n *yaml.Node) []string {
	var names []string
	for _, m := range paramField.FindAllStringSubmatch(n.Value, -1) {
		names = append(names, cmp.Or(m[1], sender))
	}
	for _, inner := range n.Content {
		names = append(names, paramsIn(inner)...)
	}
	return names
}

// entries are the keys of a mapping with their values, in order.
func entries(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// paramValues reads the values that templates know as {{.Params.name}}, each from the key itself or from the file that name_file names. p is
// the preset, which knows their names; without one any name may stand.
func (r *reader) paramValues(in *section, p *preset) map[string]secret.Text {
	values := in.sub("params")
	asked := r.asked
	r.asked = nil // their names are the operator's or the preset's, no keys of ours
	defer func() { r.asked = asked }()
	names := map[string]bool{}
	for key := range values.keys {
		names[strings.TrimSuffix(key, "_file")] = true
	}
	if p != nil && len(p.Params) > 0 {
		clear(names)
		for name := range p.Params {
			names[name] = name != sender
		}
	}
	all := map[string]secret.Text{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] && (values.has(name) || values.has(name+"_file")) {
			all[name] = values.secret(name)
		} else if names[name] {
			values.known = append(values.known, name, name+"_file")
		}
		if !paramName.MatchString(name) {
			values.problem(name, fmt.Sprintf("%.40q is no name that can stand in {{.Params.name}}", name), "write it with letters, digits and _")
		}
	}
	values.done()
	return all
}

var paramName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

var paramAlone = regexp.MustCompile(`^\{\{\.Params\.(\w+)\}\}$`)

// filled returns the param that the value of a key is, where it is {{.Params.name}} and nothing else; else the value. It is for secrets
// that are no templates, in which braces may stand as they are.
func (s *section) filled(key string, t secret.Text, params map[string]secret.Text) secret.Text {
	m := paramAlone.FindStringSubmatch(t.Reveal())
	if m == nil {
		if strings.Contains(t.Reveal(), "{{.Params.") {
			s.problem(key, key+" has {{.Params.…}} and something beside it", "here it is the whole value or none of it: put the rest into the param too")
		}
		return t
	}
	value, ok := params[m[1]]
	said := func(p Problem) bool { return strings.HasPrefix(p.What, "params."+m[1]+" is missing") } // by a preset
	if !ok && !slices.ContainsFunc(s.r.found, said) {
		s.problem(key, fmt.Sprintf("%s is {{.Params.%s}}, and there is no %s among params", key, m[1], m[1]), "write it there")
	}
	return value
}
