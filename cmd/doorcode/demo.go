package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"doorcode/cmd/doorcode/demo"
	"doorcode/config"
)

//go:embed demo/gateway.yaml
var demoGateway string

//go:embed demo/users.yaml
var demoUsers []byte

func demoCommand() *cobra.Command {
	var where demoPlace
	c := &cobra.Command{
		Use:   "demo",
		Short: "Try everything on this machine: an application, the gateway in front of it, and a mailbox",
		Example: `  doorcode demo
  doorcode demo --listen 127.0.0.1:9443 --data ./demo-data`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(checkAddress("--listen", where.listen), checkAddress("--mailbox", where.mailbox)); err != nil {
				return err
			}
			return runDemo(c.Context(), where, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&where.listen, "listen", "127.0.0.1:8443", "`address` of the gateway")
	c.Flags().StringVar(&where.mailbox, "mailbox", "127.0.0.1:0", "`address` of the mailbox page; port 0 takes a free one")
	c.Flags().StringVar(&where.data, "data", "", "`folder` for configuration and state, kept afterwards (default: a temporary one)")
	return c
}

// demoPlace is where the demo runs.
type demoPlace struct{ listen, mailbox, data string }

// runDemo starts the stand-in application, the mailbox (an SMS provider, a mail server and a page) and the gateway between them,
// from files like those of a real installation.
func runDemo(ctx context.Context, where demoPlace, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if where.data == "" {
		temporary, err := os.MkdirTemp("", "doorcode-demo-")
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		defer os.RemoveAll(temporary)
		where.data = temporary
	}
	listening, err := freeAddressAt(where.listen) // a busy port is said before anything starts
	if err != nil {
		return err
	}
	box := new(demo.Mailbox)
	peers, err := startPeers(ctx, box, where.mailbox)
	if err != nil {
		return err
	}
	defer peers.close()
	peers.Listen = listening
	if err := writeDemo(where.data, peers); err != nil {
		return err
	}
	if err := sayDemo(stdout, where.data, peers); err != nil {
		return err
	}
	return serve(ctx, filepath.Join(where.data, "gateway.yaml"), config.Overrides{FileOnly: true}, func(config.Log) zerolog.Logger {
		return newLog(stderr, config.Log{})
	})
}

// checkAddress refuses an address that cannot be listened on, as wrong usage.
func checkAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return usageError{hinted{fmt.Errorf("%s %s is not an address", flag, address), "write host:port, e.g. " + flag + " 127.0.0.1:9443"}}
	}
	return nil
}

// freeAddressAt returns the address that a listener at address has, with its port where that was 0.
func freeAddressAt(address string) (string, error) {
	l, err := listenOn(address, "--listen")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Public are the addresses by which browsers reach the gateway: other hosts are refused.
func (p *demoPeers) Public() ([]string, error) {
	at, err := netip.ParseAddrPort(p.Listen)
	if err != nil {
		return nil, err
	}
	host := at.Addr().Unmap()
	hosts := []string{host.String()}
	if host.IsUnspecified() {
		hosts = append([]string{"127.0.0.1"}, ownAddresses()...)
	}
	if host.IsUnspecified() || host.IsLoopback() {
		hosts = append(hosts, "localhost")
	}
	urls := make([]string, len(hosts))
	for i, h := range hosts {
		urls[i] = "http://" + net.JoinHostPort(h, strconv.Itoa(int(at.Port())))
	}
	return urls, nil
}

// ownAddresses are this machine's IPv4 addresses in its networks, for trying the demo from a phone.
func ownAddresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var own []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			own = append(own, n.IP.String())
		}
	}
	return own
}

// bareFile drops the path that package os puts into its errors: ours name it already.
func bareFile(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// demoPeers are what stands around the gateway; the fields fill gateway.yaml.
type demoPeers struct {
	Listen, Books, Mailbox, SMTP string
	closers                      []func() error
}

func (p *demoPeers) close() {
	for _, c := range p.closers {
		c()
	}
}

func startPeers(ctx context.Context, box *demo.Mailbox, mailbox string) (*demoPeers, error) {
	p := &demoPeers{}
	var errs [3]error
	p.Books, errs[0] = p.serveOn(ctx, "127.0.0.1:0", demo.NewBooks())
	p.Mailbox, errs[1] = p.serveOn(ctx, mailbox, box)
	var listener net.Listener
	if listener, errs[2] = net.Listen("tcp", "127.0.0.1:0"); errs[2] == nil {
		server := box.SMTP()
		p.SMTP = listener.Addr().String()
		p.closers = append(p.closers, server.Close)
		go server.Serve(listener)
	}
	if err := errors.Join(errs[:]...); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *demoPeers) serveOn(ctx context.Context, address string, h http.Handler) (string, error) {
	listener, err := listenOn(address, "--mailbox")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	p.closers = append(p.closers, server.Close)
	go server.Serve(listener)
	return listener.Addr().String(), nil
}

// writeDemo writes gateway.yaml anew (its ports change), and users.yaml unless it is there: edits to it are part of the fun.
func writeDemo(data string, p *demoPeers) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("use %s as the demo's folder: %w", data, bareFile(err))
	}
	var text strings.Builder
	if err := template.Must(template.New("gateway.yaml").Parse(demoGateway)).Execute(&text, p); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "gateway.yaml"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	users := filepath.Join(data, "users.yaml")
	if _, err := os.Stat(users); err == nil {
		return nil // edits are kept
	}
	return os.WriteFile(users, demoUsers, 0o600)
}

func sayDemo(w io.Writer, data string, p *demoPeers) error {
	public, err := p.Public()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `Doorcode demo

  application, through the gateway   %s/
  mailbox, where the codes arrive    http://%s/
  configuration and state            %s

`, strings.Join(public, "/\n"+strings.Repeat(" ", 37)), p.Mailbox, data)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "  company\tuser\tpassword\tlogin code")
	for _, a := range demo.Accounts {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", a.Company, a.Name, a.Password, demoCodes[a.Name])
	}
	table.Flush()
	fmt.Fprint(w, `
What to try
  1. Sign in as samira: the code arrives in the mailbox, as an SMS.
  2. Tick "Remember my device", sign out, sign in again: no code is asked.
  3. Enter a wrong code; ask for it to be sent again; cancel.
  4. Switch to العربية, on the application's page and on the code page.
  5. Change a user in users.yaml (in the folder above): it counts within a second.
Ctrl-C stops the demo.

`)
	return nil
}

var demoCodes = map[string]string{"omar": "off", "samira": "SMS", "emil": "e-mail", "basma": "SMS and e-mail"}
