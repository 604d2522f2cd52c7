package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
)

// Edit is what is to change about one user of users.yaml. Nothing else of the file changes by a byte.
type Edit struct {
	User   string  // by name or alias, in any spelling that login.fold makes one; a user that is not there is added
	Values []Value // in the order in which a new user has them
	Remove bool    // instead: take the user out
}

// Value is one key of a user and what it is to be.
type Value struct {
	Key  string
	Text string
	Word bool     // Text is a word of the file's own (off, sms, true): not quoted
	Add  []string // instead of Text: entries that a list is to have as well
}

// Edited says what an edit did.
type Edited struct {
	Name     string // as the file writes it
	New      bool
	Removed  bool
	Changes  []Change
	Warnings Problems // that the file did not have before
}

// Change is one value that is another now. Old is "" where there was none. They are as written: destinations are for no log.
type Change struct{ Key, Old, New string }

// edit returns the text of users.yaml with e in it.
func (e Edit) edit(text string, fold challenge.Fold) (string, Edited, error) {
	if e.Remove {
		return e.remove(text, fold)
	}
	done := Edited{Name: e.User}
	if text == "" {
		text, done.New = "users:\n  - name: "+plainOrQuoted(e.User, false)+"\n", true
	}
	for _, v := range append([]Value{{}}, e.Values...) {
		f, err := parseUsers(text)
		if err != nil {
			return "", done, err
		}
		user := f.find(e.User, fold)
		if user == nil {
			done.New = true
			if text, err = f.add(e.User); err != nil {
				return "", done, err
			}
			if f, err = parseUsers(text); err != nil {
				return "", done, err
			}
			if user = f.find(e.User, fold); user == nil {
				return "", done, errors.New("this file is written in an unusual way: add the user by hand")
			}
		}
		done.Name = at(user, "name").Value
		if v.Key == "" {
			continue
		}
		next, c, err := f.set(user, v)
		if err != nil {
			return "", done, err
		}
		if next != text {
			done.Changes = append(done.Changes, c)
		}
		text = next
	}
	return text, done, nil
}

// usersFile is the text of users.yaml, parsed.
type usersFile struct {
	*source
	root  *yaml.Node
	users *yaml.Node // nil where there is no such key
}

func parseUsers(text string) (*usersFile, error) {
	r := &reader{}
	root := r.parse([]byte(text))
	if root == nil {
		return nil, errors.New("is no YAML") // and has been found so by whoever read it before
	}
	f := &usersFile{source: newSource(text), root: root}
	if root.Kind != yaml.MappingNode {
		return nil, errByHand{root.Line, "this is no list of keys"}
	}
	f.users = at(root, "users")
	return f, nil
}

// at is the value of a key, nil without it.
func at(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// find is the entry of a user, by name before alias.
func (f *usersFile) find(name string, fold challenge.Fold) *yaml.Node {
	wanted, err := fold.Username(name)
	if err != nil || f.users == nil || f.users.Kind != yaml.SequenceNode {
		return nil
	}
	is := func(n *yaml.Node) bool {
		if n == nil || n.Kind != yaml.ScalarNode {
			return false
		}
		folded, err := fold.Username(n.Value)
		return err == nil && folded == wanted
	}
	for _, user := range f.users.Content {
		if is(at(user, "name")) {
			return user
		}
	}
	for _, user := range f.users.Content {
		if aliases := at(user, "aliases"); at(user, "name") != nil && aliases != nil && (is(aliases) || slices.ContainsFunc(aliases.Content, is)) {
			return user
		}
	}
	return nil
}

// set changes one value of a user.
func (f *usersFile) set(user *yaml.Node, v Value) (string, Change, error) {
	now := at(user, v.Key)
	if len(v.Add) > 0 {
		return f.addTo(user, now, v)
	}
	c := Change{Key: v.Key, New: v.Text}
	switch {
	case now == nil:
		text, err := f.insert(user, v.Key+": "+v.written(flow(user), 0))
		return text, c, err
	case now.Kind != yaml.ScalarNode:
		return "", c, errByHand{now.Line, v.Key + " is not one value"}
	case isNull(now) && now.Value == "":
		return "", c, errByHand{now.Line, v.Key + " is empty"}
	}
	c.Old = now.Value
	if now.Value == v.Text {
		return f.text, c, nil
	}
	end, err := f.end(now)
	if err != nil {
		return "", c, err
	}
	return f.splice(f.offset(now), end, v.written(flow(user), now.Style)), c, nil
}

func flow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// addTo has a list hold further entries.
func (f *usersFile) addTo(user, list *yaml.Node, v Value) (string, Change, error) {
	c := Change{Key: v.Key}
	var had []string
	if list != nil {
		had = listEntries(list)
	}
	var fresh []string
	for _, entry := range v.Add {
		if !slices.Contains(had, entry) && !slices.Contains(fresh, entry) {
			fresh = append(fresh, entry)
		}
	}
	c.Old, c.New = strings.Join(had, ", "), strings.Join(slices.Concat(had, fresh), ", ")
	if len(fresh) == 0 {
		return f.text, c, nil
	}
	written := make([]string, len(fresh))
	for i, entry := range fresh {
		written[i] = plainOrQuoted(entry, list == nil || list.Kind != yaml.SequenceNode || flow(list))
	}
	text, err := f.extend(user, list, v.Key, written)
	return text, c, err
}

func listEntries(list *yaml.Node) (all []string) {
	if list.Kind == yaml.ScalarNode && !isNull(list) {
		return []string{list.Value}
	}
	for _, n := range list.Content {
		all = append(all, n.Value)
	}
	return all
}

// extend puts entries at the end of a list, however it is written.
func (f *usersFile) extend(user, list *yaml.Node, key string, written []string) (string, error) {
	more := strings.Join(written, ", ")
	switch {
	case list == nil:
		return f.insert(user, key+": ["+more+"]")
	case list.Kind == yaml.ScalarNode && isNull(list) && list.Value == "":
		return "", errByHand{list.Line, key + " is empty"}
	case list.Kind == yaml.ScalarNode:
		end, err := f.end(list)
		if err != nil {
			return "", err
		}
		from := f.offset(list)
		return f.splice(from, end, "["+f.text[from:end]+", "+more+"]"), nil
	case flow(list):
		return f.extendFlow(list, more)
	}
	lines := make([]string, len(written))
	for i, w := range written {
		lines[i] = strings.Repeat(" ", list.Column-1) + "- " + w
	}
	end, err := f.end(list)
	if err != nil {
		return "", err
	}
	return f.linesAfter(end, lines...), nil
}

// extendFlow puts more behind the last entry between brackets.
func (f *usersFile) extendFlow(n *yaml.Node, more string) (string, error) {
	at := f.offset(n) + 1
	if len(n.Content) > 0 {
		var err error
		if at, err = f.end(n.Content[len(n.Content)-1]); err != nil {
			return "", err
		}
		more = ", " + more
	}
	return f.splice(at, at, more), nil
}

// insert gives a user a key that it does not have yet, behind its others.
func (f *usersFile) insert(user *yaml.Node, pair string) (string, error) {
	if flow(user) {
		return f.extendFlow(user, pair)
	}
	end, err := f.end(user)
	if err != nil {
		return "", err
	}
	return f.linesAfter(end, strings.Repeat(" ", user.Column-1)+pair), nil
}

// add puts a user at the end of the list, in the way in which the last one is written.
func (f *usersFile) add(name string) (string, error) {
	entry := "name: " + plainOrQuoted(name, true)
	switch {
	case f.users == nil && flow(f.root):
		return f.extendFlow(f.root, "users: [{"+entry+"}]")
	case f.users == nil:
		end, err := f.end(f.root)
		if err != nil {
			return "", err
		}
		indent := strings.Repeat(" ", f.root.Column-1)
		return f.linesAfter(end, indent+"users:", indent+"  - "+entry), nil
	case isNull(f.users) && f.users.Value == "":
		return f.firstBlock(f.colon(), f.colon(), entry), nil
	case f.users.Kind != yaml.SequenceNode:
		return "", errByHand{f.users.Line, "users is no list"}
	case flow(f.users) && (len(f.users.Content) > 0 || flow(f.root)):
		return f.extendFlow(f.users, "{"+entry+"}")
	case flow(f.users):
		end, err := f.end(f.users)
		if err != nil {
			return "", err
		}
		return f.firstBlock(f.colon(), end, entry), nil
	}
	return f.appendBlock(entry)
}

// colon is the place behind the colon of users:.
func (f *usersFile) colon() int {
	for i := 0; i+1 < len(f.root.Content); i += 2 {
		if key := f.root.Content[i]; key.Value == "users" {
			end, err := f.end(key)
			if err != nil {
				return 0
			}
			return end + strings.IndexByte(f.text[end:], ':') + 1
		}
	}
	return 0
}

// firstBlock writes the first user of a list below users:, in place of what stands there: nothing or [].
func (f *usersFile) firstBlock(from, to int, entry string) string {
	without := newSource(f.splice(from, to, ""))
	return without.linesAfter(from, strings.Repeat(" ", f.root.Column+1)+"- "+entry)
}

func (f *usersFile) appendBlock(entry string) (string, error) {
	last := f.users.Content[len(f.users.Content)-1]
	if flow(last) {
		entry = "{" + entry + "}"
	}
	end, err := f.end(last)
	if err != nil {
		return "", err
	}
	return f.linesAfter(end, strings.Repeat(" ", f.users.Column-1)+"- "+entry), nil
}

// clean refuses what has no place in a value on one line.
func (e Edit) clean() error {
	for _, v := range append([]Value{{Key: "name", Text: e.User}}, e.Values...) {
		if !word.MatchString(v.Key) || v.Key == "name" && v.Text != e.User {
			return fmt.Errorf("%.40q is no key that is changed", v.Key)
		}
		for _, t := range append(slices.Clone(v.Add), v.Text) {
			if t == "" && len(v.Add) > 0 {
				continue
			}
			if _, f := text(t); f != nil {
				return fmt.Errorf("%s %w", v.Key, f)
			}
			if strings.ContainsAny(t, "\u0085\u2028\u2029\ufeff") {
				return fmt.Errorf("%s has a line break or another control character in it", v.Key)
			}
		}
	}
	return nil
}
