// Package config reads gateway.yaml and users.yaml into the structs of the packages that use them. Values are parsed here, where
// the line that wrote them is known: a bad pattern is reported with its place, and nobody downstream meets a string that has
// yet to be understood. Everything wrong is said at once, and a file with anything wrong in it is refused whole.
package config

import (
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"doorcode/challenge"
	"doorcode/challenge/email"
	"doorcode/challenge/sms"
	"doorcode/gateway"
	"doorcode/gateway/admin"
	"doorcode/templates"
)

// Settings is gateway.yaml, checked. File names in it are absolute or relative to the working directory: those that the file
// names relatively begin at its own folder. It is not changed after Load and may be shared.
type Settings struct {
	Name      string // what pages and messages call the application
	Observe   bool   // mode: observe
	Listen    Listen
	Gateway   gateway.Config
	Challenge challenge.Config
	Fold      challenge.Fold

	Outbox string        // folder that messages are written to instead of being sent; "" for none
	Email  *email.Config // nil: none configured
	SMS    []sms.Config  // in the order they are written; the first is the one that is used

	State     string // the database
	Keys      string // the key file
	Policy    string // users.yaml
	Templates string // folder of pages and texts that stand before the built-in ones; "" for none

	Country          string // two letters; how numbers without + are read; "" refuses such numbers
	AcceptTypedNames bool   // login.accept_typed_names: unlisted: off may hold for a name that nobody but the visitor said
	ConfirmReadsUser bool   // login.confirm.user is there

	Admin admin.Config // the socket for commands
	Log   Log

	// Files is every file whose change is to be taken up: gateway.yaml itself, the policy, the certificate, files of secrets.
	Files []string

	languages []string // that there are texts in
}

// Listen says where browsers come in.
type Listen struct {
	Address       string // host:port or :port
	Cert, Key     string // PEM files; "" when Insecure
	Insecure      bool   // plain HTTP: a LAN, or a proxy in front that ends TLS
	HeaderTimeout time.Duration
	IdleTimeout   time.Duration
}

// Log says how the log is written.
type Log struct {
	Level  string // trace, debug, info, warn or error
	Format string // auto, human or json; auto is human on a terminal
}

// Load reads gateway.yaml with its overrides. With a problem that is more than a warning (Problems.Err) Settings is nil.
func Load(path string, o Overrides) (*Settings, Problems) {
	s, found := load(path, o)
	if found.Err() != nil {
		return nil, found
	}
	return s, found
}

// LoadBoth reads gateway.yaml and the policy that it names, and says everything that is wrong with either: whoever mends them wants to
// mend them once. With a problem that is more than a warning both are nil.
func LoadBoth(path string, o Overrides) (*Settings, *challenge.Policy, Problems) {
	s, found := load(path, o)
	switch {
	case s == nil:
		return nil, nil, found
	case found.Err() != nil:
		_, more := LoadPolicy(s.Policy, s.asIfMended())
		return nil, nil, append(found, more...)
	}
	policy, more := LoadPolicy(s.Policy, s)
	if found = append(found, more...); policy == nil {
		return nil, nil, found
	}
	return s, policy, found
}

// asIfMended is what a policy is held against when gateway.yaml has faults: users are not to blame for what those may have left out.
func (s *Settings) asIfMended() *Settings {
	m := *s
	m.SMS, m.Email, m.ConfirmReadsUser = []sms.Config{{}}, new(email.Config), true
	if len(m.languages) == 0 {
		if texts, err := templates.New(""); err == nil {
			m.languages = texts.Languages()
		}
	}
	return &m
}

// load returns what could be read also where there are problems; nil: nothing.
func load(path string, o Overrides) (*Settings, Problems) {
	r := &reader{file: path, over: newLayer(o)}
	root := r.open()
	if root == nil || !r.is(root, yaml.MappingNode, "") {
		return nil, r.found.sorted()
	}
	s := r.settings(root)
	r.found = append(r.found, r.over.unknown()...)
	s.Files = append([]string{path, s.Policy}, r.files...)
	for _, file := range []string{s.Listen.Cert, s.Listen.Key} {
		if file != "" {
			s.Files = append(s.Files, file)
		}
	}
	return s, r.found.sorted()
}

// settings reads the root. Sections come in the order of gateway.example.yaml.
func (r *reader) settings(root *yaml.Node) *Settings {
	top := r.section(root, "")
	s := &Settings{}
	r.entrance(top, s)
	r.application(top, s)
	r.codes(top, s)
	r.delivery(top, s)
	r.house(top, s)
	top.done()
	r.across(top, s)
	return s
}

// house reads where things are kept and how the log is written.
func (r *reader) house(top *section, s *Settings) {
	s.State = top.file("state", "doorcode.db")
	s.Keys = top.file("keys", "doorcode.keys")
	s.Policy = top.file("policy", "users.yaml")
	s.Templates = top.file("templates", "")
	r.admin(top, s)
	log := top.sub("log")
	s.Log.Level = log.choice("level", "info", "trace", "debug", "info", "warn", "error")
	s.Log.Format = log.choice("format", "auto", "auto", "human", "json")
	log.done()
}

// admin reads where commands reach the running gateway. When nothing is written the socket is beside the state: that is the one folder
// which the gateway must be able to write to, while that of gateway.yaml is best left to root.
func (r *reader) admin(top *section, s *Settings) {
	in := top.sub("admin")
	s.Admin.Socket = filepath.Join(filepath.Dir(s.State), "doorcode.sock")
	if in.has("socket") {
		s.Admin.Socket = in.file("socket", "")
	}
	s.Admin.GID = get(in, "group", -1, func(t string) (int, *fault) {
		g, err := user.LookupGroup(t)
		if err != nil {
			return -1, &fault{fmt.Sprintf("is %.40q, which this machine has no group for", t), "write the name of a group whose members may give commands to the gateway"}
		}
		s.Admin.Group = t
		id, err := strconv.Atoi(g.Gid)
		if err != nil {
			return -1, &fault{"has no number", "groups of this system cannot be given a socket: take the key out"}
		}
		return id, nil
	})
	s.Admin.Shared = s.Admin.GID >= 0
	in.done()
}

// file reads the name of a file or folder, which begins at the folder of gateway.yaml.
func (s *section) file(key, otherwise string) string {
	name := s.text(key, otherwise)
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(s.r.file), name)
}
