package config

import (
	"slices"
	"testing"
	"time"

	"doorcode/challenge"
)

func TestClients(t *testing.T) {
	path := write(t, "gateway.yaml", good+`clients:
  - {name: shop, path: /api/orders/*, key: {header: x-shop-key, value: 5d1c0f9be2a84d76}}
  - name: till
    path: /pos.php
    methods: [POST]
    networks: [10.1.2.0/24, 10.1.3.4]
    key: [{header: X-Key, value: 5d1c0f9be2a84d76}, {header: X-Key, value: 6e2d1a0cf3b95e87, pass: true}]
    rate: 5/1s
    parallel: 1
    body: 100MiB
    timeout: 10m
    authorization: pass
`)
	s, found := Load(path, fileOnly)
	if s == nil || len(found) > 0 {
		t.Fatal(found)
	}
	shop, till := s.Gateway.Clients[0], s.Gateway.Clients[1]
	if shop.Rate != (challenge.Rate{Count: 60, Per: time.Minute}) || shop.Parallel != 4 || shop.Body != 10<<20 || shop.Timeout != time.Minute || shop.Authorization ||
		!slices.Equal(shop.Rule.Methods, []string{"GET", "HEAD"}) || shop.Keys[0].Header != "X-Shop-Key" || shop.Keys[0].Pass || shop.Certificate != nil {
		t.Errorf("the defaults are %+v", shop)
	}
	if till.Rate != (challenge.Rate{Count: 5, Per: time.Second}) || till.Parallel != 1 || till.Body != 100<<20 || till.Timeout != 10*time.Minute || !till.Authorization ||
		!slices.Equal(till.Rule.Methods, []string{"POST"}) || len(till.Networks) != 2 || len(till.Keys) != 2 || !till.Keys[1].Pass || till.Keys[1].Value.Reveal() != "6e2d1a0cf3b95e87" {
		t.Errorf("what is written is read as %+v", till)
	}
	if want := path + ":14"; till.Rule.Place != want {
		t.Errorf("the rule stands at %s, want %s", till.Rule.Place, want)
	}
}

func TestCommonNamePattern(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"till-1", "till-1", true}, {"till-1", "till-10", false}, {"till-1", "a till-1", false}, {"till.1", "till-1", false},
		{"till-*", "till-10", true}, {"till-*", "a till-1", false}, {"till-*", "kiosk\ntill-1", false},
		{"/till-[0-9]+|kiosk/", "till-7", true}, {"/till-[0-9]+|kiosk/", "kiosk", true}, {"/till-[0-9]+|kiosk/", "kiosks", false}, {"/till-[0-9]+/", "till-7\n", false},
	} {
		p, f := commonNamePattern(test.pattern)
		if f != nil {
			t.Fatal(f)
		}
		if got := p.MatchString(test.name); got != test.want {
			t.Errorf("%s takes %q: %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}
