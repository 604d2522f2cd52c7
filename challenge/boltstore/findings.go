package boltstore

import (
	"bytes"
	"context"

	"doorcode/challenge"
)

func findingKey(f challenge.Finding) string {
	return string(f.Kind) + nul + f.Name + nul + f.Detail
}

// AddFindings is challenge.Store's.
func (s *Store) AddFindings(ctx context.Context, found []challenge.Finding) error {
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		count := map[challenge.FindingKind]int{}
		for _, f := range found {
			if _, counted := count[f.Kind]; !counted {
				count[f.Kind] = t.countUnder(findingsBucket, string(f.Kind)+nul)
			}
			before, known, err := get[challenge.Finding](t, findingsBucket, findingKey(f))
			if err != nil {
				return none, nil, err
			}
			switch {
			case known:
				f = before.Merge(f)
			case count[f.Kind] >= challenge.MaxFindings:
				continue
			default:
				count[f.Kind]++
			}
			if err := put(t, findingsBucket, findingKey(f), f); err != nil {
				return none, nil, err
			}
		}
		return none, nil, nil
	})
	return err
}

func (t tx) countUnder(bucket, prefix string) (n int) {
	c := t.in(bucket).Cursor()
	for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
		n++
	}
	return n
}

// Findings is challenge.Store's.
func (s *Store) Findings(ctx context.Context) ([]challenge.Finding, error) {
	return read(ctx, s, func(t tx) ([]challenge.Finding, error) {
		var all []challenge.Finding
		c := t.in(findingsBucket).Cursor()
		for k, text := c.First(); k != nil; k, text = c.Next() {
			f, err := decode[challenge.Finding](findingsBucket, text)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
		return all, nil
	})
}
