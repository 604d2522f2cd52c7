package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"doorcode/challenge"
)

// HeldSession is a signed-in upstream session that no browser has seen, and where its login led.
type HeldSession struct {
	Jar      *Jar
	Location string // where the login's answer led, resolved; may carry a session id itself
	Status   int    // of the login's answer
	Language string // of the page the login came from
}

// Format shows nothing of it, whatever the verb.
func (HeldSession) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[held session]") }

// MarshalJSON shows nothing either.
func (HeldSession) MarshalJSON() ([]byte, error) { return []byte(`"[held session]"`), nil }

// heldRecord is what Hold seals. Cookies are bytes: encoding/json would replace what is no UTF-8, and they go up as they came.
type heldRecord struct {
	Cookies  []cookieRecord `json:"cookies"`
	Location []byte         `json:"location"`
	Status   int            `json:"status"`
	Language string         `json:"language"`
}

type cookieRecord struct {
	Name       []byte `json:"name"`
	Value      []byte `json:"value"`
	Path       []byte `json:"path"`
	Attributes []byte `json:"attributes"`
}

// Hold seals v to one challenge: the state file alone opens nothing (E5), and nothing opens behind another challenge.
func (b *Box) Hold(v HeldSession, challengeID string) (challenge.Held, error) {
	record := heldRecord{Location: []byte(v.Location), Status: v.Status, Language: v.Language}
	for _, c := range v.Jar.all() {
		record.Cookies = append(record.Cookies, cookieRecord{[]byte(c.name), []byte(c.value), []byte(c.path), []byte(c.attributes)})
	}
	text, err := json.Marshal(record)
	if err != nil {
		return nil, errors.New("hold the upstream session: it has no JSON") // the cause could quote a cookie
	}
	held, err := b.held.seal(challengeID, text)
	if err != nil {
		return nil, fmt.Errorf("hold the upstream session: %w", err)
	}
	return challenge.Held(held), nil
}

// Release opens what Hold sealed to the same challenge.
func (b *Box) Release(h challenge.Held, challengeID string) (HeldSession, error) {
	text, ok := b.held.open(challengeID, string(h))
	if !ok {
		return HeldSession{}, errors.New("release the upstream session: it was not held here for this challenge, or the keys changed")
	}
	var record heldRecord
	if err := json.Unmarshal(text, &record); err != nil {
		return HeldSession{}, errors.New("release the upstream session: written by another version")
	}
	jar := new(Jar)
	for _, c := range record.Cookies {
		jar.cookies = append(jar.cookies, Upstream{string(c.Name), string(c.Value), string(c.Path), string(c.Attributes)})
	}
	return HeldSession{Jar: jar, Location: string(record.Location), Status: record.Status, Language: record.Language}, nil
}
