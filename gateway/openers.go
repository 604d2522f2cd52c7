package gateway

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorcode/gateway/seal"
	"doorcode/templates"
)

// openerCheck remembers which names of plain and keep cookies were tested since this configuration was loaded, and what was found.
// Names and not "the first login": a cookie that opens the application may come with a later one, by whoever ticks "remember me" first.
type openerCheck struct {
	mu     sync.Mutex
	tested map[string]bool
	asking map[string]chan struct{} // by the names that are asked about; closed when there is an answer
	bad    error
}

// maxTested bounds what an application with ever new names can fill; names over it are asked about at each login.
const maxTested = 1000

// checkOpeners asks confirm with the plain and keep cookies of a login alone when it brings a name that was not tested yet. If they open
// the application, they are its session: the configuration would hand it to visitors, so nobody enters until that line is gone
// (invariant 2, threat A9).
func (g *Gateway) checkOpeners(v *visit, jar *seal.Jar) error {
	g.hints.login(jar.Names())
	loose := jar.Only(slices.Concat(g.config.Plain, g.config.Keep))
	for {
		untested, wait, err := g.opener.next(loose.Names())
		switch {
		case err != nil:
			return refuse(templates.Unclear, err)
		case wait != nil:
			// Another login asks about the same names. Its answer holds for this one; where it got none, this one asks.
			select {
			case <-wait:
			case <-v.r.Context().Done():
				return g.upstreamRefusal(v.r.Context().Err())
			}
		case untested == nil:
			return nil
		default:
			bad, err := g.openers(v, loose, untested)
			g.opener.answered(untested, bad, err)
			if err != nil {
				return g.upstreamRefusal(err)
			}
		}
	}
}

// next says what is to be done about these names: ask about untested and call answered, wait and come again, or nothing.
func (o *openerCheck) next(names []string) (untested []string, wait <-chan struct{}, bad error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bad != nil {
		return nil, nil, o.bad
	}
	for _, name := range names {
		if !o.tested[name] {
			untested = append(untested, name)
		}
	}
	if untested == nil {
		return nil, nil, nil
	}
	slices.Sort(untested)
	key := strings.Join(untested, ";")
	if other := o.asking[key]; other != nil {
		return nil, other, nil
	}
	if o.asking == nil {
		o.asking, o.tested = map[string]chan struct{}{}, map[string]bool{}
	}
	o.asking[key] = make(chan struct{})
	return untested, nil, nil
}

func (o *openerCheck) answered(names []string, bad, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := strings.Join(names, ";")
	close(o.asking[key])
	delete(o.asking, key)
	if bad != nil {
		o.bad = bad
	}
	for _, name := range names {
		if err == nil && len(o.tested) < maxTested {
			o.tested[name] = true
		}
	}
}

// openers asks confirm with the untested cookies alone, and with all loose ones where there are others: two may open together what
// neither does alone, and one may close what another opens.
func (g *Gateway) openers(v *visit, loose *seal.Jar, untested []string) (bad, err error) {
	defer func() {
		if bad != nil {
			g.log.Error().Err(bad).Msg("nobody enters until the configuration is mended")
		}
	}()
	if g.config.Login.Confirm == nil {
		return errors.New("cookies.plain or cookies.keep without login.confirm: nobody can tell whether they open the application"), nil
	}
	only := make([]*regexp.Regexp, len(untested))
	for i, name := range untested {
		only[i] = regexp.MustCompile("^" + regexp.QuoteMeta(name) + "$")
	}
	jars := []*seal.Jar{loose.Only(only)}
	if len(untested) < len(loose.Names()) {
		jars = append(jars, loose)
	}
	for _, jar := range jars {
		names := jar.Names() // before it is asked, which may add others
		opens, err := g.submitter.Opens(v.r.Context(), jar, g.loginBrowser(v))
		if err != nil {
			return nil, err
		}
		if opens {
			return fmt.Errorf("cookies.plain or cookies.keep lets through what opens the application: take %s out", strings.Join(names, ", ")), nil
		}
	}
	return nil, nil
}
