package challenge

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"doorcode/challenge/secret"
)

const (
	minDigits = 6  // SP 800-63B-4 §3.1.3.2
	maxDigits = 10 // more are mistyped more often than guessed
)

// newID returns 256 random bits: the name of a challenge, session or browser is also the secret that finds it.
func newID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: the program ends instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// digits bounds the length of codes, whatever the configuration says.
func digits(wanted int) int { return min(max(wanted, minDigits), maxDigits) }

// newCode returns a code of so many digits, bounded to what is safe. Every number is as likely as any other: rand.Int draws again
// where a remainder would favour some. Leading zeros are digits like the others.
func newCode(wanted int) (secret.Text, error) {
	length := digits(wanted)
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(length)), nil)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return secret.Text{}, fmt.Errorf("draw a code: %w", err)
	}
	return secret.New(fmt.Sprintf("%0*d", length, n)), nil
}

// errSealed is returned for a code that no key of the ring opens. It says nothing of the bytes.
var errSealed = errors.New("a sealed code does not open: was it made under another key file?")

// sealCode seals a code to the id of its challenge, so that a record edited in a stolen state file opens nowhere else (E5).
// AES-256-GCM with random nonces: safe for 2^32 seals a key, which at a login a second is 136 years.
func (d *Door) sealCode(id string, code secret.Text) ([]byte, error) {
	pairs := d.keys.Pairs(codePurpose)
	if len(pairs) == 0 {
		return nil, errors.New("no key to seal a code with")
	}
	aead, err := gcm(pairs[0].Block)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(code.Reveal()), []byte(id)), nil
}

func (d *Door) openCode(id string, sealed []byte) (secret.Text, error) {
	for _, pair := range d.keys.Pairs(codePurpose) {
		aead, err := gcm(pair.Block)
		if err != nil {
			return secret.Text{}, err
		}
		if code, err := aead.Open(nil, nil, sealed, []byte(id)); err == nil {
			return secret.New(string(code)), nil
		}
	}
	return secret.Text{}, errSealed
}

// codePurpose names the keys that codes are sealed with.
const codePurpose = "code"

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of purpose %q: %w", codePurpose, err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// right compares in constant time. The length of a code is no secret, it stands on the page.
func (d *Door) right(id string, sealed []byte, entered string) bool {
	code, err := d.openCode(id, sealed)
	return err == nil && subtle.ConstantTimeCompare([]byte(code.Reveal()), []byte(entered)) == 1
}

// maxEntered bounds what is read of an entered code, in bytes: ten digits of three bytes with a few marks between them. Message
// apps put more invisible marks around a copied code than one would think.
const maxEntered = 128

// readCode reads a code as people type and paste it: ASCII, Arabic-Indic (U+0660) and Persian (U+06F0) digits, also mixed, with
// spaces, hyphens and invisible direction marks between them. entered is false when nothing but those was there: nobody has tried a
// code then. Anything else is a try, and code is "" for one that cannot be right: full-width and other digits are not what
// a code is made of, and a long text may hold every code there is.
func readCode(typed string) (code string, entered bool) {
	if len(typed) > maxEntered {
		return "", true
	}
	var digits strings.Builder
	wrong := false
	for _, r := range typed {
		switch {
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		case '\u0660' <= r && r <= '\u0669':
			digits.WriteRune(r - '\u0660' + '0')
		case '\u06F0' <= r && r <= '\u06F9':
			digits.WriteRune(r - '\u06F0' + '0')
		case skipped(r):
		default:
			wrong = true
		}
	}
	if wrong || digits.Len() > maxDigits {
		return "", true
	}
	return digits.String(), digits.Len() > 0
}

// skipped reports whether r may stand around and between the digits of a code: what keyboards, message apps and right-to-left text
// put there. It is a list and not a Unicode category, which would grow with Unicode.
func skipped(r rune) bool {
	switch {
	case r == ' ', r == '\t', r == '\n', r == '\r', r == '-':
		return true
	case r == '\u00A0', r == '\u202F', r == '\u2010', r == '\u2011': // no-break spaces and hyphens
		return true
	case '\u200B' <= r && r <= '\u200F': // zero width, LRM, RLM
		return true
	case '\u202A' <= r && r <= '\u202E', '\u2066' <= r && r <= '\u2069', r == '\u061C': // embeddings, isolates, ALM
		return true
	}
	return r == '\uFEFF'
}
