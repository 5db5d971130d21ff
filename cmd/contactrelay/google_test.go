package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/tokensim"
)

// The addresses of Google's token endpoint and of IAM are constants in the program. A process under test reaches the
// simulator of both by what a company's network has: a proxy for HTTPS and a certificate authority of its own.

// behindProxy serves what answers as those hosts until the test ends, and returns the variables by which a process finds
// it. A process that asks for any other host fails the test.
func behindProxy(t *testing.T, answers http.Handler) (variables []string) {
	t.Helper()
	certificate, authority := certify(t, tokensim.TokenHost, tokensim.SignHost)
	hosts := httptest.NewUnstartedServer(answers)
	hosts.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	hosts.StartTLS()
	t.Cleanup(hosts.Close)
	tunnels := &tunnels{t: t, to: hosts.Listener.Addr().String()}
	proxy := httptest.NewServer(tunnels)
	t.Cleanup(func() { proxy.Close(); hosts.CloseClientConnections(); tunnels.open.Wait() })
	return []string{"HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + authority, "SSL_CERT_DIR=" + t.TempDir()}
}

// certify makes a certificate for hosts, which is its own authority, and returns the file of that.
func certify(t *testing.T, hosts ...string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: hosts, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	file := filepath.Join(t.TempDir(), "authority.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// tunnels is a proxy that connects to one address, whichever of the hosts it is asked for.
type tunnels struct {
	t    *testing.T
	to   string
	open sync.WaitGroup
}

func (p *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != tokensim.TokenHost+":443" && r.Host != tokensim.SignHost+":443" {
		p.t.Errorf("the process asks for %s %s", r.Method, r.Host)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	p.open.Add(1) // before it is hijacked: the proxy's Close waits until then
	defer p.open.Done()
	far, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		p.t.Error(err)
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		p.open.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			pair[0].Close()
			pair[1].Close()
		})
	}
}

// The worker's own account in the tests, as a machine on Google Cloud has one, and the delegate that it may sign for.
const (
	ownTestToken = "token-of-the-machine"
	testDelegate = "delegate@demo.iam.gserviceaccount.com"
)

// machine serves the token of the machine's account, and returns the variable by which a process finds it.
func machine(t *testing.T) (variable string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		if !strings.HasSuffix(r.URL.Path, "/token") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"access_token": %q, "expires_in": 3600, "token_type": "Bearer"}`, ownTestToken)
	}))
	t.Cleanup(server.Close)
	return "GCE_METADATA_HOST=" + server.Listener.Addr().String()
}

// cloud is the world of dev with accounts of all three ways, for processes.
type cloud struct {
	*world
	variables []string
	flags     map[string][]string // by the way of signing in
}

// newCloud makes such a world.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	w, err := newWorld(t.Context(), byTokens)
	must(t, err)
	t.Cleanup(w.close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	google := w.accounts.google
	google.AddDelegate(testDelegate, key)
	google.AllowSigning(ownTestToken, testDelegate)
	google.AddDomain("example.com")
	text, err := tokensim.KeyFile(testDelegate, key)
	must(t, err)
	file := filepath.Join(t.TempDir(), "key.json")
	must(t, os.WriteFile(file, text, 0o600))
	return &cloud{
		world: w,
		variables: append(behindProxy(t, google), machine(t),
			"PUBSUB_EMULATOR_HOST="+w.pubsubAddress, "GOOGLE_CLOUD_PROJECT="+devProject),
		flags: map[string][]string{
			byDelegation: {"--credentials=delegation", "--delegate=" + testDelegate, "--allow-users=example.com"},
			byKey:        {"--credentials=delegation-key", "--key-file=" + file, "--allow-users=example.com"},
			byTokens:     {"--credentials=tokens", "--tokens-dir=" + w.accounts.dir},
		},
	}
}

// command is a command line for a way of signing in.
func (c *cloud) command(way string, args ...string) []string {
	return append(append(args, "--people-endpoint="+c.peopleURL()), c.flags[way]...)
}

// run starts a worker.
func (c *cloud) run(t *testing.T, way string, flags ...string) (worker *process, health string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	health = free.Addr().String()
	must(t, free.Close())
	return start(t, c.variables, c.command(way, append([]string{"run", "--log-users", "--http=" + health}, flags...)...)...), health
}
