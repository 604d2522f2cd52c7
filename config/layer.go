package config

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Overrides lay flags and the environment over the scalars of gateway.yaml: a flag that was given before a variable
// DOORCODE_LISTEN_ADDRESS (for listen.address) before the file. Lists are the file's alone.
type Overrides struct {
	Flags    map[string]*pflag.Flag // by key: "listen.address"; only those that were given count
	FileOnly bool                   // the environment is not looked at
}

// layer answers for the scalars that stand outside the file. viper never sees the file: it folds the keys of maps, splits
// them at dots and reads 0599123456 as a float. It is asked for one scalar at a time by one goroutine, and thrown away after the load (it is not
// safe for more: its issues #268, #2123).
type layer struct {
	viper *viper.Viper
	flags map[string]*pflag.Flag
	env   bool
	known []string // variables that a key was asked for by
}

const envPrefix = "DOORCODE_"

func newLayer(o Overrides) *layer {
	v := viper.New()
	if !o.FileOnly {
		v.SetEnvPrefix(strings.TrimSuffix(envPrefix, "_"))
		v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
		v.AutomaticEnv()
	}
	for key, flag := range o.Flags {
		// It refuses a nil flag alone, and a nil flag is none.
		_ = v.BindPFlag(key, flag)
	}
	return &layer{viper: v, flags: o.Flags, env: !o.FileOnly}
}

// lookup returns what stands over a key, and the name of the flag or variable. An empty variable is none.
func (l *layer) lookup(key string) (text, source string, ok bool) {
	if l == nil || strings.Contains(key, "[]") {
		return "", "", false
	}
	name := variable(key)
	if !slices.Contains(l.known, name) {
		l.known = append(l.known, name)
	}
	if f := l.flags[key]; f != nil && f.Changed {
		return l.viper.GetString(key), "--" + f.Name, true
	}
	if !l.env || !l.viper.IsSet(key) {
		return "", "", false
	}
	return l.viper.GetString(key), name, true
}

func variable(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// unknown warns of variables that look meant for us and set nothing: a misspelt one would be passed over in silence. It is no
// error: Kubernetes sets DOORCODE_PORT and DOORCODE_SERVICE_… for a service named doorcode, tests set DOORCODE_TEST_….
func (l *layer) unknown() Problems {
	if l == nil || !l.env {
		return nil
	}
	var found Problems
	for _, one := range os.Environ() {
		name, text, _ := strings.Cut(one, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" || slices.Contains(l.known, name) || othersVariable(name) {
			continue
		}
		found = append(found, Problem{File: name, What: "this variable sets nothing", Want: suggestVariable(name, l.known), Warning: true})
	}
	return found
}

func othersVariable(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	for _, prefix := range []string{"TEST_", "PORT", "SERVICE_"} {
		if strings.HasPrefix(rest, prefix) {
			return true
		}
	}
	return false
}

func suggestVariable(name string, known []string) string {
	if s := suggest(name, known); strings.HasPrefix(s, "did you mean") {
		return s
	}
	return "a variable is named after a key with one value: listen.address is " + variable("listen.address")
}
