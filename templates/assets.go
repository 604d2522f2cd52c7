package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
)

// asset is a file that pages refer to, with a short hash of its content: the address changes with the content, so browsers may keep
// the file for a year.
type asset struct {
	body        []byte
	contentType string
	hash        string
}

func assetType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8" // RFC 9239
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

func assetsOf(files map[string]file) map[string]asset {
	assets := map[string]asset{}
	for name, f := range files {
		if t := assetType(name); t != "" {
			sum := sha256.Sum256(f.inForce())
			assets[name] = asset{f.inForce(), t, hex.EncodeToString(sum[:6])}
		}
	}
	return assets
}

// Asset returns a file that pages refer to, overrides included. Answers may be kept for ever by browsers that asked with the v of
// the page; the body must not be changed.
func (s *Set) Asset(name string) (body []byte, contentType string, ok bool) {
	a, ok := s.assets[name]
	return a.body, a.contentType, ok
}
