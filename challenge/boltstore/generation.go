package boltstore

import (
	"context"
	"fmt"
	"strconv"
)

// Generation is challenge.Generations'.
func (s *Store) Generation(ctx context.Context) (uint64, error) {
	return read(ctx, s, func(t tx) (uint64, error) {
		text := t.in(metaBucket).Get([]byte("generation"))
		if text == nil {
			return 0, nil
		}
		g, err := strconv.ParseUint(string(text), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("the generation is damaged: %w", err)
		}
		return g, nil
	})
}

// SetGeneration is challenge.Generations'.
func (s *Store) SetGeneration(ctx context.Context, g uint64) error {
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		return none, nil, t.in(metaBucket).Put([]byte("generation"), strconv.AppendUint(nil, g, 10))
	})
	return err
}

// VoidTrust is challenge.Generations'.
func (s *Store) VoidTrust(ctx context.Context) error {
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		for _, name := range []string{challengesBucket, browsersBucket, trustsBucket, sessionsBucket, entryBucket, indexBucket} {
			if err := t.DeleteBucket([]byte(name)); err != nil {
				return none, nil, err
			}
			if _, err := t.CreateBucket([]byte(name)); err != nil {
				return none, nil, err
			}
		}
		return none, nil, nil
	})
	return err
}
