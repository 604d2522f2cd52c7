package config

import (
	"path/filepath"
	"strings"

	"doorcode/challenge/secret"
)

// maxSecret is far above any password or token.
const maxSecret = 64 << 10

// secret reads a value that must not be seen: from the key itself, or from the file that KEY_file names. Problems about it
// never quote it.
func (s *section) secret(key string) secret.Text {
	inFile := key + "_file"
	direct, fromFile := s.has(key), s.has(inFile)
	switch {
	case direct && fromFile:
		s.at(key)
		s.at(inFile)
		s.problem(inFile, key+" and "+inFile+" stand side by side", "keep one")
		return secret.Text{}
	case fromFile:
		s.at(key)
		return s.secretFile(inFile)
	}
	s.at(inFile)
	v, ok := s.scalar(key)
	if !ok {
		return secret.Text{}
	}
	if v.text == "" {
		v.problem(key+" is empty", "write it, or take the key out")
	}
	if v.node != nil && s.r.openMode && !paramAlone.MatchString(v.text) {
		v.warn(key+" stands in a file that everybody on this machine may read", "run: chmod o-rwx "+s.r.file+", or use "+inFile)
	}
	return secret.New(v.text)
}

// secretFile reads the file that a key names. One line break at its end is the editor's and not the secret's.
func (s *section) secretFile(key string) secret.Text {
	path := s.file(key, "")
	if path == "" {
		return secret.Text{}
	}
	s.r.files = append(s.r.files, path)
	body, mode, err := readBounded(path, maxSecret)
	if err != nil {
		s.problem(key, key+" "+path+": "+cause(err), "name a file that this user may read, with the secret alone in it")
		return secret.Text{}
	}
	if mode.Perm()&0o007 != 0 {
		s.warn(key, filepath.Base(path)+" may be read by everybody on this machine", "run: chmod o-rwx "+path)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(body), "\n"), "\r")
	if text == "" {
		s.problem(key, key+" "+path+" is empty", "write the secret into it, on one line")
	}
	return secret.New(text)
}
