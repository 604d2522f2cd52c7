package config

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
)

// remove returns the text without the user. Comments in lines of their own stay: whom they are about is not for a program to say.
func (e Edit) remove(text string, fold challenge.Fold) (string, Edited, error) {
	done := Edited{Name: e.User, Removed: true}
	if text == "" {
		return "", done, errNoUser
	}
	f, err := parseUsers(text)
	if err != nil {
		return "", done, err
	}
	user := f.find(e.User, fold)
	if user == nil {
		return "", done, errNoUser
	}
	done.Name = at(user, "name").Value
	if flow(f.users) {
		text, err = f.cutFlow(slices.Index(f.users.Content, user))
	} else {
		text, err = f.cutBlock(user)
	}
	return text, done, err
}

var errNoUser = errors.New("has no such user")

// cutFlow takes an entry out of a list in brackets, with the comma before it or, of the first one, behind it.
func (f *usersFile) cutFlow(i int) (string, error) {
	list := f.users.Content
	from := f.offset(list[i])
	to, err := f.end(list[i])
	switch {
	case err != nil:
	case i > 0:
		from, err = f.end(list[i-1])
	case len(list) > 1:
		to = f.offset(list[1])
	}
	if err != nil {
		return "", err
	}
	end, err := f.end(list[i])
	if err != nil {
		return "", err
	}
	// Between two entries a comma may stand, and comments: nothing else.
	if strings.Contains(f.text[from:f.offset(list[i])]+f.text[end:to], "#") {
		return "", errByHand{list[i].Line, "a comment stands between this user and the next or the one before"}
	}
	return f.splice(from, to, ""), nil
}

// cutBlock takes the lines of an entry out.
func (f *usersFile) cutBlock(user *yaml.Node) (string, error) {
	from := f.lines[user.Line-1]
	if strings.Trim(f.text[from:f.offset(user)], "\ufeff ") != "-" {
		return "", errByHand{user.Line, "this is written in an unusual way"}
	}
	to, err := f.end(user)
	if err != nil {
		return "", err
	}
	to = f.lineEnd(to)
	if n := breakAt(f.text[to:]); n > 0 {
		to += n
	} else { // the last line has no end, and so has none the one that becomes it
		from -= len(f.newline())
	}
	return f.splice(from, to, ""), nil
}
